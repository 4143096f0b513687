// Where a system keeps the certificate authorities it trusts, and files read whole. Knows no TLS
// library.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace tls {

struct TrustPlace {
  std::string path;
  bool is_directory = false;
};

// The first that exists: $SSL_CERT_FILE, $SSL_CERT_DIR, the usual bundles, the usual folders.
// Fault::config saying what to do when there is none.
[[nodiscard]] base::Result<TrustPlace> find_system_trust();

// Regular files in `directory` that may hold certificates: *.pem, *.crt, *.cer and hashed names.
[[nodiscard]] base::Result<std::vector<std::string>> certificate_files(const std::string& directory);

// The whole file. Fault::config with the path and the reason.
[[nodiscard]] base::Result<std::string> read_file(const std::string& path);

}  // namespace tls
