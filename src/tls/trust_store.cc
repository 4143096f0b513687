#include "tls/trust_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/text.h"

namespace tls {

namespace fs = std::filesystem;

namespace {

// Debian, Fedora, openSUSE, RHEL, Alpine and the BSDs, in no order of preference: one exists.
constexpr std::array<const char*, 8> kBundles = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/openssl/certs/ca-certificates.crt",
};
constexpr std::array<const char*, 3> kDirectories = {"/etc/ssl/certs", "/etc/pki/tls/certs",
                                                     "/etc/openssl/certs"};

// No list of authorities comes near this.
constexpr std::uintmax_t kMaxFile = 64 * 1024 * 1024;

bool is_certificate_name(const fs::path& path) {
  const std::string extension = base::lowered(path.extension().string());
  if (extension == ".pem" || extension == ".crt" || extension == ".cer") return true;
  // "5f15c80c.0": a subject's hash, as c_rehash names them.
  return path.stem().string().size() == 8 && extension.size() == 2 && extension[1] >= '0' &&
         extension[1] <= '9';
}

}  // namespace

base::Result<TrustPlace> find_system_trust() {
#if defined(_WIN32) || defined(__APPLE__)
  return base::Error{base::Fault::config,
                     "this system's trust store cannot be used in this version: name the "
                     "authorities with ca_file"};
#else
  if (const char* file = std::getenv("SSL_CERT_FILE")) return TrustPlace{file, false};
  if (const char* directory = std::getenv("SSL_CERT_DIR")) return TrustPlace{directory, true};
  std::error_code ignored;
  for (const char* path : kBundles) {
    if (fs::is_regular_file(path, ignored)) return TrustPlace{path, false};
  }
  for (const char* path : kDirectories) {
    if (fs::is_directory(path, ignored)) return TrustPlace{path, true};
  }
  return base::Error{base::Fault::config,
                     "this system has no list of trusted certificate authorities: install the "
                     "package ca-certificates, or name them with ca_file"};
#endif
}

base::Result<std::vector<std::string>> certificate_files(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored) && is_certificate_name(it->path())) {
      files.push_back(it->path().string());
    }
  }
  if (error) return base::Error{base::Fault::config, directory + ": " + error.message()};
  std::sort(files.begin(), files.end());
  return files;
}

base::Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return base::Error{base::Fault::config, path + ": is a directory, not a file"};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::Error{base::Fault::config, path + ": " + std::strerror(errno)};
  const std::uintmax_t size = fs::file_size(path, error);
  if (!error && size > kMaxFile) return base::Error{base::Fault::config, path + ": is too big"};
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return base::Error{base::Fault::config, path + ": cannot be read"};
  return content;
}

}  // namespace tls
