// See identity_files.h.
#include "tls/identity_files.h"

#include <array>
#include <cstdio>
#include <utility>

#include "tls/certificate_text.h"
#include "tls/files.h"
#include "tls/trust_store.h"

namespace tls {

namespace {

using base::Error;
using base::Fault;

Error config_error(const std::string& where, const std::string& what) {
  return {Fault::config, where + ": " + what};
}

#ifndef _WIN32
std::string octal(unsigned mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}
#endif

// Nothing when it is fit to be shown.
std::optional<Error> trouble_with(const OwnCertificate& own, const IdentityFiles& files,
                                  Purpose purpose, base::WallTime now) {
  const std::string& where = files.certificate;
  const std::string& key = files.key.empty() ? files.certificate : files.key;
  if (own.matches == 0) {
    return config_error(key, "is not the key of the certificate in " + where);
  }
  if (own.matches > 1) {
    return config_error(where,
                        "begins with another certificate than that of the key, which is "
                        "number " +
                            std::to_string(own.matches) +
                            ": our own comes first, then those of its issuers");
  }
  if (own.facts.not_after < now) {
    return config_error(where, "certificate expired on " + day_of(own.facts.not_after));
  }
  if (own.facts.not_before > now) {
    return config_error(where, "certificate is not valid before " + day_of(own.facts.not_before));
  }
  const std::string side = purpose == Purpose::server ? "server" : "client";
  if (!own.is_for_it) {
    return config_error(where, "certificate is not meant for a TLS " + side +
                                   " (its extended key usage lacks " + side + "Auth)");
  }
  if (!own.may_sign) {
    return config_error(where, "certificate is not meant for a TLS " + side +
                                   " (its key usage lacks digitalSignature)");
  }
  return std::nullopt;
}

}  // namespace

base::Result<Identity> load_identity(const IdentityFiles& files,
                                     std::optional<std::string_view> passphrase, Purpose purpose,
                                     base::WallTime now) {
  auto certificate = read_file(files.certificate);
  if (!certificate) return certificate.error();
  const std::string& key_path = files.key.empty() ? files.certificate : files.key;
  // Before anything is said about who can read it: a certificate alone is no secret.
  if (files.key.empty() && certificate->find("PRIVATE KEY-----") == std::string::npos) {
    return config_error(key_path, "holds no private key, and no other file is named for it");
  }
  const auto key_text = read_secret_file(key_path);
  if (!key_text) return key_text.error();
  auto key = decrypt_key(*key_text, passphrase);
  if (!key) return config_error(key_path, key.error().detail);
  const auto own = examine_own(*certificate, files.certificate, *key, purpose);
  if (!own) return own.error();
  if (auto trouble = trouble_with(*own, files, purpose, now)) return *std::move(trouble);
  return Identity{std::move(certificate).value(), std::move(key).value()};
}

base::Result<std::string> read_secret_file(const std::string& path) {
  // To open a pipe is to wait for whoever writes into it, with everything else.
  const FileFacts facts = facts_of_file(path);
  if (facts.kind == FileKind::other) return config_error(path, "is no regular file");
  auto content = read_file(path);
  if (!content) return content;
#ifndef _WIN32
  constexpr unsigned kOthersRead = 04, kOthersWrite = 02;
  const unsigned mode = facts_of_file(path).mode;
  const char* const done = (mode & kOthersRead) != 0    ? "read"
                           : (mode & kOthersWrite) != 0 ? "changed"
                                                        : nullptr;
  if (done != nullptr) {
    return config_error(path, std::string("can be ") + done +
                                  " by every user of this machine (mode " + octal(mode) +
                                  "): chmod o-rwx makes it a secret");
  }
#endif
  return content;
}

std::optional<std::string> first_line(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return std::nullopt;
  return std::string(line);
}

}  // namespace tls
