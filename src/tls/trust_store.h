// Where trust comes from: files and folders of certificate authorities, the configured ones or the
// system's. Reads files; knows no TLS library.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tls {

// Takes one certificate in DER; answers what is wrong with it, or nothing.
using AddCertificate = std::function<std::optional<std::string>(std::string_view der)>;

// Hands every certificate of these files and folders to `add`, each once; with neither, those of
// the system's trust store. Returns in words where trust comes from: "ca_file /etc/x.pem (1
// certificate)", "system trust store /etc/ssl/certs/ca-certificates.crt (144 certificates)".
//
// What is named in the configuration must be sound: a file that is missing, holds no certificate or
// a single bad one is Fault::config, saying which and why. The system's store may have bad
// certificates in it, which are counted ("..., 2 unreadable"); it is an error when it has no good
// one or does not exist, saying what to install or set.
[[nodiscard]] base::Result<std::string> load_trust(const std::vector<std::string>& ca_files,
                                                   const std::vector<std::string>& ca_dirs,
                                                   const AddCertificate& add);

// Hands every certificate of these files to `add`, which must all be sound. Returns in words where
// they come from: "client_ca /etc/x.pem (1 certificate)", where `label` is client_ca.
[[nodiscard]] base::Result<std::string> load_authorities(const std::vector<std::string>& files,
                                                         std::string_view label,
                                                         const AddCertificate& add);

// Hands every certificate of a PEM text (or the one of a DER file) to `add`, in order.
// Fault::config beginning with `where`, unless all are good and there is at least one.
[[nodiscard]] base::Result<void> add_certificates(std::string_view text, const std::string& where,
                                                  const AddCertificate& add);

struct TrustPlace {
  std::string path;
  bool is_directory = false;
};

// The first of: $SSL_CERT_FILE, the folders of $SSL_CERT_DIR, the usual bundle, the usual folder.
// Empty when there is none. What the environment names is taken unseen.
[[nodiscard]] std::vector<TrustPlace> find_system_trust();

// Regular files in `directory` that may hold certificates: *.pem, *.crt, *.cer and hashed names.
[[nodiscard]] base::Result<std::vector<std::string>> certificate_files(
    const std::string& directory);

// The whole file. Fault::config with the path and the reason.
[[nodiscard]] base::Result<std::string> read_file(const std::string& path);

}  // namespace tls
