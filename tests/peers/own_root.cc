// See own_root.h.
#include "peers/own_root.h"

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "support/patience.h"

namespace support {

namespace fs = std::filesystem;

namespace {

// Far above what systems give away, below what 16 bits hold.
constexpr unsigned kFirstUser = 64001;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw Failure(std::string(name) + " is not set");
  return value;
}

std::string folder_of(const std::string& name) {
  return from_environment("SEAL_PEERS") + "/" + name;
}

Process::Start start_of(const std::string& packages, const std::string& work,
                        const std::vector<std::string>& command) {
  std::vector<std::string> arguments = {"--mount",
                                        "--pid",
                                        "--uts",
                                        "--fork",
                                        "--kill-child",
                                        "--propagation",
                                        "private",
                                        "sh",
                                        from_environment("SEAL_OWN_ROOT"),
                                        packages,
                                        work};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return {"unshare", arguments, {}, "/dev/null"};
}

// Asked once: whether a process may have a file system of its own here.
const std::optional<std::string>& why_no_own_root() {
  static const std::optional<std::string> kWhy = []() -> std::optional<std::string> {
    if (geteuid() != 0) return "it can only be started by root";
    if (!find_program("unshare")) return "unshare is not installed";
    const TempDir work;
    const TempDir packages;
    const Finished tried = run(start_of(packages.path(), work.path(), {"true"}));
    if (tried.status == 0) return std::nullopt;
    return "it cannot have a file system of its own here: " + tried.errors;
  }();
  return kWhy;
}

}  // namespace

std::optional<std::string> why_not_unpacked(const std::string& name, const std::string& title) {
  if (std::getenv("SEAL_PEERS") == nullptr || !fs::exists(folder_of(name))) {
    return title + " was not brought by contrib/fetch-peers";
  }
  return why_no_own_root();
}

std::string unpacked_version(const std::string& name) {
  const std::string text = read_file(folder_of(name) + ".version");
  return text.substr(0, text.find('\n'));
}

void write_below(const TempDir& work, const std::string& path, const std::string& content) {
  const std::string root = work.path("root");
  fs::create_directories(fs::path(root + path).parent_path());
  write_file(root + path, content);
}

void write_system_files(const TempDir& work, const std::vector<std::string>& users,
                        const std::string& home) {
  std::string accounts = "root:x:0:0::/root:/bin/sh\n";
  std::string groups = "root:x:0:\nmail:x:8:\n";
  unsigned id = kFirstUser;
  for (const std::string& name : users) {
    const std::string ids = std::to_string(id++);
    accounts += name + ":x:" + ids + ":" + ids + "::" + home + ":/bin/sh\n";
    groups += name + ":x:" + ids + ":\n";
  }
  write_below(work, "/etc/passwd", accounts);
  write_below(work, "/etc/group", groups);
  write_below(work, "/etc/hosts", "127.0.0.1 peer.test localhost\n");
  write_below(work, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
}

Process::Start in_own_root(const std::string& name, const TempDir& work,
                           const std::vector<std::string>& command) {
  return start_of(folder_of(name), work.path(), command);
}

}  // namespace support
