// Certificates of our own and their keys, from files. What is wrong with them is said when they are
// loaded, with the file and the reason, and not by the first peer that does not like them. Knows no
// TLS library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/result.h"
#include "tls/own_certificate.h"
#include "tls/tls_engine.h"

namespace tls {

struct IdentityFiles {
  std::string certificate;  // PEM, the leaf first, then intermediates; empty: there is none
  std::string key;          // PEM or DER, perhaps encrypted; empty: it is in the certificate's file
  // Where the passphrase of an encrypted key comes from: a file's first line, or what a command
  // prints. At most one is set.
  std::string passphrase_file;
  std::string passphrase_command;

  [[nodiscard]] bool is_empty() const { return certificate.empty(); }
  friend bool operator==(const IdentityFiles&, const IdentityFiles&) = default;
};

// Both, ready to be used: the key is not encrypted any more. Fault::config with the file and what
// is wrong: missing, unreadable, a key that others can read, encrypted without a passphrase or with
// another one, not the certificate's; a certificate that has expired, is not valid yet or is not
// meant for the purpose.
[[nodiscard]] base::Result<Identity> load_identity(const IdentityFiles& files,
                                                   std::optional<std::string_view> passphrase,
                                                   Purpose purpose, base::WallTime now);

// A file that holds a secret: every user of the machine being able to read or change it is an
// error. Its group may (a key of root:ssl-cert with mode 0640 is how Debian shares keys among
// services). Windows is not asked: who can read a file there is no matter of a few bits.
[[nodiscard]] base::Result<std::string> read_secret_file(const std::string& path);

// Up to the first end of line; nothing when that is empty.
[[nodiscard]] std::optional<std::string> first_line(std::string_view text);

}  // namespace tls
