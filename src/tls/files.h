// What there is under a path. <filesystem> would add a fiftieth to the size of the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tls {

enum class FileKind {
  none,  // there is nothing of that name
  regular,
  folder,
  other,    // a device, a pipe, a socket
  unknown,  // it cannot be looked at
};

struct FileFacts {
  FileKind kind = FileKind::none;
  std::uint64_t size = 0;  // octets, of a regular file
  unsigned mode = 0;       // the twelve bits of Unix; 0 where a system has no such thing
};

// Of what a symbolic link leads to.
[[nodiscard]] FileFacts facts_of_file(const std::string& path);

// Whether there is something that this user can look at.
[[nodiscard]] inline bool is_there(const std::string& path) {
  const FileKind kind = facts_of_file(path).kind;
  return kind != FileKind::none && kind != FileKind::unknown;
}

// What a folder holds, without "." and "..", in no order. Fault::config, in the system's words,
// when it cannot be read.
[[nodiscard]] base::Result<std::vector<std::string>> names_in_folder(const std::string& path);

}  // namespace tls
