#include "tls/trust_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "base/text.h"
#include "tls/files.h"
#include "tls/pem.h"

namespace tls {

namespace {

using base::Error;
using base::Fault;

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
constexpr std::uint64_t kMaxFile = 64UL * 1024 * 1024;
constexpr std::size_t kAtOnce = 4096;

bool is_certificate_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return false;
  const std::string extension = base::lowered(name.substr(dot));
  if (extension == ".pem" || extension == ".crt" || extension == ".cer") return true;
  // "5f15c80c.0": a subject's hash, as c_rehash names them.
  const std::string stem = name.substr(0, dot);
  return stem.size() == 8 && extension.size() == 2 && extension[1] >= '0' && extension[1] <= '9' &&
         stem.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

struct CloseFile {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

bool is_certificate(const PemBlock& block) {
  return block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE";
}

Error config_error(const std::string& where, const std::string& what) {
  return {Fault::config, where + ": " + what};
}

// Certificates in DER, from PEM or as they are. An empty block is one that cannot be decoded.
struct Block {
  std::size_t line = 0;  // 0: not PEM
  std::optional<std::string> der;
};
constexpr char kDerFirstOctet = 0x30;

std::vector<Block> certificates_in(std::string_view text) {
  std::vector<Block> certificates;
  if (text.starts_with(kDerFirstOctet)) return {{0, std::string(text)}};
  for (PemBlock& block : split_pem(text)) {
    if (is_certificate(block)) certificates.push_back({block.line, std::move(block.der)});
  }
  return certificates;
}

std::string why_nothing_in(std::string_view text) {
  const std::vector<PemBlock> blocks = split_pem(text);
  if (text.empty()) return "is empty";
  if (blocks.empty()) return "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)";
  return "holds no certificate (but a block \"" + base::printable(blocks.front().label, 40) + "\")";
}

// What is wrong with a certificate that `add` was to take, or nothing.
std::optional<std::string> trouble_with(const Block& block, const AddCertificate& add) {
  if (!block.der) return "is not base64, or has no END line";
  const std::optional<std::string> why = add(*block.der);
  return why ? "cannot be read: " + *why : why;
}

// Gathers trust from files and folders, each certificate once: a system's folder holds most of them
// twice, under their names and under their hashes.
class Gatherer {
 public:
  explicit Gatherer(const AddCertificate& add)
      : add_([this, &add](std::string_view der) { return add_once(der, add); }) {}

  base::Result<void> add_file(const std::string& path, bool is_strict) {
    const auto content = read_file(path);
    if (!content) return content.error();
    if (is_strict) return add_certificates(*content, path, add_);
    for (const Block& block : certificates_in(*content)) {
      if (trouble_with(block, add_)) ++unreadable_;
    }
    return {};
  }

  base::Result<void> add_directory(const std::string& path, bool is_strict) {
    const auto files = certificate_files(path);
    if (!files) return files.error();
    if (is_strict && files->empty()) {
      return config_error(path, "holds no certificate file (*.pem, *.crt, *.cer)");
    }
    for (const std::string& file : *files) {
      const auto added = add_file(file, is_strict);
      // A link to nowhere in the system's folder is the system's affair.
      if (!added && is_strict) return added;
    }
    return {};
  }

  [[nodiscard]] std::size_t count() const { return seen_.size(); }
  // "(144 certificates, 2 unreadable)"
  [[nodiscard]] std::string summary() const {
    std::string text = " (" + std::to_string(count());
    text += count() == 1 ? " certificate" : " certificates";
    if (unreadable_ > 0) text += ", " + std::to_string(unreadable_) + " unreadable";
    return text + ")";
  }

 private:
  std::optional<std::string> add_once(std::string_view der, const AddCertificate& add) {
    std::string key(der);
    if (seen_.contains(key)) return std::nullopt;
    std::optional<std::string> why = add(der);
    if (!why) seen_.insert(std::move(key));
    return why;
  }

  std::set<std::string> seen_;
  std::size_t unreadable_ = 0;
  AddCertificate add_;
};

base::Result<std::string> load_system_trust(Gatherer& gatherer) {
#if defined(_WIN32) || defined(__APPLE__)
  static_cast<void>(gatherer);
  return Error{Fault::config,
               "this system's trust store is no list that can be read: name the authorities with "
               "ca_file"};
#else
  const std::vector<TrustPlace> places = find_system_trust();
  if (places.empty()) {
    return Error{Fault::config,
                 "this system has no list of trusted certificate authorities: install the package "
                 "ca-certificates, or name them with ca_file"};
  }
  std::string source;
  for (const TrustPlace& place : places) {
    const auto added = place.is_directory ? gatherer.add_directory(place.path, false)
                                          : gatherer.add_file(place.path, false);
    if (!added) return added.error();
    source.append(source.empty() ? "system trust store " : ", ").append(place.path);
  }
  if (gatherer.count() == 0) {
    return Error{Fault::config, source + " holds no certificate of an authority" +
                                    gatherer.summary() + ": name the authorities with ca_file"};
  }
  return source + gatherer.summary();
#endif
}

}  // namespace

base::Result<std::string> load_trust(const std::vector<std::string>& ca_files,
                                     const std::vector<std::string>& ca_dirs,
                                     const AddCertificate& add) {
  Gatherer gatherer(add);
  if (ca_files.empty() && ca_dirs.empty()) return load_system_trust(gatherer);
  std::string source;
  for (const std::string& path : ca_files) {
    if (const auto added = gatherer.add_file(path, true); !added) return added.error();
    source.append(source.empty() ? "ca_file " : ", ca_file ").append(path);
  }
  for (const std::string& path : ca_dirs) {
    if (const auto added = gatherer.add_directory(path, true); !added) return added.error();
    source.append(source.empty() ? "ca_dir " : ", ca_dir ").append(path);
  }
  return source + gatherer.summary();
}

base::Result<std::string> load_authorities(const std::vector<std::string>& files,
                                           std::string_view label, const AddCertificate& add) {
  Gatherer gatherer(add);
  std::string source;
  for (const std::string& path : files) {
    if (const auto added = gatherer.add_file(path, true); !added) return added.error();
    source.append(source.empty() ? "" : ", ").append(label).append(" ").append(path);
  }
  return source + gatherer.summary();
}

base::Result<void> add_certificates(std::string_view text, const std::string& where,
                                    const AddCertificate& add) {
  const std::vector<Block> blocks = certificates_in(text);
  if (blocks.empty()) return config_error(where, why_nothing_in(text));
  std::size_t number = 0;
  for (const Block& block : blocks) {
    ++number;
    const std::optional<std::string> trouble = trouble_with(block, add);
    if (!trouble) continue;
    const std::string which = blocks.size() == 1 ? "its certificate"
                                                 : "certificate " + std::to_string(number) +
                                                       " of " + std::to_string(blocks.size());
    const std::string line = block.line == 0 ? "" : ":" + std::to_string(block.line);
    return config_error(where + line, which + " " + *trouble);
  }
  return {};
}

std::vector<TrustPlace> find_system_trust() {
  const auto set_in_environment = [](const char* name) -> std::string_view {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
  };
  if (const auto file = set_in_environment("SSL_CERT_FILE"); !file.empty()) {
    return {{std::string(file), false}};
  }
  std::vector<TrustPlace> places;
  for (const std::string_view directory : base::split(set_in_environment("SSL_CERT_DIR"), ':')) {
    if (!directory.empty()) places.push_back({std::string(directory), true});
  }
  if (!places.empty()) return places;
  for (const char* path : kBundles) {
    if (facts_of_file(path).kind == FileKind::regular) return {{path, false}};
  }
  for (const char* path : kDirectories) {
    if (facts_of_file(path).kind == FileKind::folder) return {{path, true}};
  }
  return {};
}

base::Result<std::vector<std::string>> certificate_files(const std::string& directory) {
  const auto names = names_in_folder(directory);
  if (!names) return config_error(directory, names.error().detail);
  std::vector<std::string> files;
  for (const std::string& name : *names) {
    std::string path = directory + (directory.ends_with('/') ? "" : "/") + name;
    if (is_certificate_name(name) && facts_of_file(path).kind == FileKind::regular) {
      files.push_back(std::move(path));
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

base::Result<std::string> read_file(const std::string& path) {
  const FileFacts facts = facts_of_file(path);
  if (facts.kind == FileKind::folder) return config_error(path, "is a folder, not a file");
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return config_error(path, std::strerror(errno));
  if (facts.size > kMaxFile) return config_error(path, "is too big");
  // It may hold a secret: stdio would leave a copy in its buffer.
  static_cast<void>(std::setvbuf(file.get(), nullptr, _IONBF, 0));
  std::string content;
  std::size_t length = 0;
  // One octet more than there should be: in one go, and nothing is copied. Others grow.
  std::size_t wanted = static_cast<std::size_t>(facts.size) + 1;
  while (true) {
    content.resize(length + wanted);
    const std::size_t count = std::fread(content.data() + length, 1, wanted, file.get());
    length += count;
    if (count < wanted) break;
    if (length > kMaxFile) return config_error(path, "is too big");
    wanted = kAtOnce;
  }
  content.resize(length);
  if (std::ferror(file.get()) != 0) return config_error(path, "cannot be read");
  return content;
}

}  // namespace tls
