// What the tests of tls share: a folder for files, authorities made once, and engines joined by
// nothing but two strings.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/authority.h"
#include "tls/tls_engine.h"

namespace tls {

inline constexpr const char* kHost = "mail.u.test";
constexpr auto kDay = std::chrono::hours(24);

// A folder of its own, gone in the end.
class TempFolder {
 public:
  TempFolder() {
    std::random_device random;
    const std::string name = "smtpseal-tls-" + std::to_string(random()) + std::to_string(random());
    path_ = std::filesystem::temp_directory_path() / name;
    if (!std::filesystem::create_directory(path_)) std::abort();
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }
  // Writes a file, perhaps in a folder below, and returns its path.
  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

inline base::WallTime now() { return std::chrono::system_clock::now(); }

template <typename T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().detail;
    std::abort();
  }
  return std::move(result).value();
}

// The authority that the clients of these tests trust, and one that they do not.
inline Authority& trusted_root() {
  static const std::unique_ptr<Authority> kRoot = must(Authority::make("Trusted Root", now()));
  return *kRoot;
}
inline Authority& foreign_root() {
  static const std::unique_ptr<Authority> kRoot = must(Authority::make("Foreign Root", now()));
  return *kRoot;
}

// For kHost, valid now.
inline CertificateRequest good_request() {
  CertificateRequest request;
  request.common_name = "the smarthost";
  request.dns_names = {kHost};
  request.not_before = now() - kDay;
  request.not_after = now() + 30 * kDay;
  return request;
}

inline const IssuedCertificate& good_certificate() {
  static const IssuedCertificate kIssued = must(trusted_root().issue(good_request()));
  return kIssued;
}
inline const IssuedCertificate& rsa_certificate() {
  static const IssuedCertificate kIssued = [] {
    CertificateRequest request = good_request();
    request.key = KeyKind::rsa_2048;
    return must(trusted_root().issue(request));
  }();
  return kIssued;
}

inline std::unique_ptr<ServerContext> make_server(const IssuedCertificate& identity,
                                                  Version min = Version::tls12,
                                                  std::optional<Version> max = std::nullopt) {
  ServerOptions options;
  options.certificate_pem = identity.certificate_pem;
  options.key_pem = identity.key_pem;
  options.min_version = min;
  options.max_version = max;
  return must(make_server_context(options));
}

// Takes everything an engine has to say.
inline std::string take_output(Engine& engine) {
  std::string output(engine.output());
  engine.consume_output(output.size());
  return output;
}
inline std::string take_plaintext(Engine& engine) {
  std::string plaintext(engine.plaintext());
  engine.consume_plaintext(plaintext.size());
  return plaintext;
}

// Passes ciphertext to and fro until both are silent; `piece` octets at a time (0: all at once).
inline void shuttle(Engine& a, Engine& b, std::size_t piece = 0) {
  const auto pass = [piece](Engine& from, Engine& to) {
    const std::string octets = take_output(from);
    const std::size_t step = piece == 0 ? octets.size() : piece;
    for (std::size_t at = 0; at < octets.size(); at += step) {
      to.receive(std::string_view(octets).substr(at, step));
    }
    return !octets.empty();
  };
  for (int round = 0; round < 100; ++round) {
    const bool has_asked = pass(a, b);
    const bool has_answered = pass(b, a);
    if (!has_asked && !has_answered) return;
  }
  ADD_FAILURE() << "the engines never fall silent";
}

// A client that trusts trusted_root() alone.
class TlsTest : public testing::Test {
 protected:
  [[nodiscard]] ClientOptions client_options() const {
    ClientOptions options;
    options.verify_name = kHost;
    options.ca_files = {ca_file_};
    return options;
  }

  // Makes both engines and lets them shake hands.
  void connect(const ClientOptions& options, std::unique_ptr<ServerContext> server) {
    client_context_ = must(make_client_context(options));
    server_context_ = std::move(server);
    reconnect();
  }
  void reconnect() {
    client_ = client_context_->make_engine();
    server_ = server_context_->make_engine();
    server_->start();
    client_->start();
    shuttle(*client_, *server_);
  }
  void connect_to(const IssuedCertificate& identity) {
    connect(client_options(), make_server(identity));
  }

  void expect_established() const {
    EXPECT_EQ(client_->state(), State::established) << client_->error().detail;
    EXPECT_EQ(server_->state(), State::established) << server_->error().detail;
  }
  // The client refused, with TLS to blame, and the server heard of it.
  void expect_refused(const testing::Matcher<const std::string&>& why) const {
    EXPECT_EQ(client_->state(), State::failed);
    EXPECT_EQ(client_->error().fault, base::Fault::tls);
    EXPECT_THAT(client_->error().detail, why);
    EXPECT_NE(server_->state(), State::established);
  }

  TempFolder folder_;
  std::string ca_file_ = folder_.write("trusted.pem", trusted_root().certificate_pem());
  std::unique_ptr<ClientContext> client_context_;
  std::unique_ptr<ServerContext> server_context_;
  std::unique_ptr<Engine> client_;
  std::unique_ptr<Engine> server_;
};

}  // namespace tls
