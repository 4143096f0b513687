// Jakarta Mail and JavaMail on a JVM: tests/peers/clients/Send.java, compiled when it is first
// wanted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace support {

class JavaMail {
 public:
  // The two that there are: "jakarta" and "javax" (as the packages of the language are called).
  explicit JavaMail(const std::string& flavor) : flavor_(flavor) {}

  // Why it cannot run here, or nothing.
  [[nodiscard]] std::optional<std::string> why_not() const;
  // Arguments to java(1) that send what `what` says with these properties of a Session, a line
  // each.
  [[nodiscard]] std::vector<std::string> arguments(const TempDir& directory,
                                                   const std::string& properties,
                                                   const std::vector<std::string>& what) const;

 private:
  // The folder with the compiled class.
  [[nodiscard]] const std::string& classes() const;
  [[nodiscard]] std::vector<std::string> libraries() const;

  std::string flavor_;
};

}  // namespace support
