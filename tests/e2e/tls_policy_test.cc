// Pins, certificates of our own, and what is wrong with either, in the real program.
#include <chrono>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process.h"
#include "support/seal_test.h"
#include "tls/encrypted_keys.h"

namespace support {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using testing::AllOf;
using testing::HasSubstr;

const char* const kOtherPin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

class TlsPolicy : public SealTest {
 protected:
  void present(std::shared_ptr<tls::ServerContext> context) {
    Behavior behavior = smarthost().behavior();
    behavior.tls = std::move(context);
    smarthost().set_behavior(behavior);
  }
  // A certificate that nobody issued for anybody, and the pin of its key as a refusal tells it.
  std::string present_self_made() {
    tls::CertificateRequest request = good_request();
    request.dns_names.clear();
    request.not_after = std::chrono::system_clock::now() - hours(24);
    present(server_context(request, foreign_authority()));
    config_.set("smarthost", "tls", "pin").set("smarthost", "pin", kOtherPin);
    config_.unset("smarthost", "ca_file");
    const Attempt refused = attempt();
    EXPECT_TRUE(refused.is_deferred());
    const std::string text = refused.reply.text();
    const std::size_t at = text.find("sha256//");
    EXPECT_NE(at, std::string::npos) << text;
    stop_seal();
    seal_.reset();
    return at == std::string::npos ? "" : text.substr(at, std::string_view(kOtherPin).size());
  }
  std::string secret(const std::string& name, std::string_view content) {
    const std::string path = directory_.write(name, content);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path;
  }
  // A smarthost that takes mail from those alone who show a certificate.
  void demand_certificates(const std::string& client_ca) {
    auto issued = trusted_authority().issue(good_request());
    ASSERT_TRUE(issued);
    tls::ServerOptions options;
    options.certificate_pem = issued->certificate_pem;
    options.key_pem = issued->key_pem;
    options.client_ca_files = {client_ca};
    options.is_client_certificate_demanded = true;
    auto made = tls::make_server_context(options);
    ASSERT_TRUE(made) << made.error().detail;
    present(std::move(made).value());
  }
  void show_certificate() {
    tls::CertificateRequest request = good_request();
    request.is_client_only = true;
    const auto issued = trusted_authority().issue(request);
    ASSERT_TRUE(issued);
    config_.set("smarthost", "client_certificate",
                directory_.write("client.pem", issued->certificate_pem));
    config_.set("smarthost", "client_key", secret("client.key", issued->key_pem));
  }
  // `smtpseal config` and the start say it, at the line.
  void expect_refused(const testing::Matcher<const std::string&>& why) {
    const std::string file = directory_.write("refused.conf", config_.text());
    for (const char* command : {"config", "run"}) {
      const Finished finished = run({smtpseal_program(), {command, "-c", file}, {}});
      EXPECT_EQ(finished.status, 78) << command << finished.errors;
      EXPECT_THAT(finished.errors, AllOf(HasSubstr(file + ":"), why)) << command;
    }
  }
};

TEST_F(TlsPolicy, APinIsAWayToASelfMadeCertificate) {
  const std::string pin = present_self_made();
  config_.set("smarthost", "pin", std::string(kOtherPin) + ", " + pin);
  EXPECT_TRUE(attempt().is_accepted());
  const LogLine open = seal().wait_for("smarthost-open");
  EXPECT_EQ(open.field("verify"), "pinned");
  EXPECT_EQ(open.field("by"), "pin " + pin);
}

TEST_F(TlsPolicy, AnotherPinStopsMailAndTellsTheRightOne) {
  config_.set("smarthost", "pin", kOtherPin);  // beside tls = verify
  expect_fail_closed(attempt(), "another key than those that are pinned: its own is sha256//");
}

TEST_F(TlsPolicy, ShowsACertificateToASmarthostThatDemandsOne) {
  demand_certificates(directory_.write("ca.pem", trusted_authority().certificate_pem()));
  show_certificate();
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(TlsPolicy, OpensItsKeyByAFileOrACommand) {
  const std::string own = directory_.write("own.pem", tls::kRsaCertificate);
  demand_certificates(own);
  config_.set("smarthost", "client_certificate", own)
      .set("smarthost", "client_key", secret("own.key", tls::kRsaKeyPkcs8))
      .set("smarthost", "client_key_passphrase_file",
           secret("passphrase", std::string(tls::kPassphrase) + "\n"));
  secrets_.push_back(tls::kPassphrase);
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(stop_seal(), 0);
  seal_.reset();
  config_.unset("smarthost", "client_key_passphrase_file")
      .set("smarthost", "client_key_passphrase_command",
           "echo " + std::string(tls::kPassphrase) + "; echo the second line");
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(TlsPolicy, WithoutACertificateASmarthostThatDemandsOneIsToldOf) {
  demand_certificates(directory_.write("ca.pem", trusted_authority().certificate_pem()));
  const Attempt refused = attempt();
  EXPECT_TRUE(refused.is_deferred()) << testing::PrintToString(refused);
  EXPECT_TRUE(smarthost().mails().empty());
}

TEST_F(TlsPolicy, WarnsOfACertificateThatSoonExpires) {
  tls::CertificateRequest request = good_request();
  request.not_after = std::chrono::system_clock::now() + hours(24 * 5 + 1);
  present(server_context(request));
  EXPECT_TRUE(attempt().is_accepted());
  const LogLine warning = seal().wait_for("certificate-expiry");
  EXPECT_EQ(warning.field("days"), "5");
  EXPECT_THAT(warning.field("warning"), HasSubstr("expires in 5 days"));
}

TEST_F(TlsPolicy, RefusesACertificateOrKeyThatCannotBeUsed) {
  show_certificate();
  const std::string key = secret("other.key", trusted_authority().issue(good_request())->key_pem);
  config_.set("smarthost", "client_key", key);
  expect_refused(HasSubstr("client_key = " + key + ": is not the key of the certificate in "));
  fs::permissions(key, fs::perms::others_read, fs::perm_options::add);
  expect_refused(HasSubstr("client_key = " + key + ": can be read by every user"));
  config_.set("smarthost", "client_key", key + "x");
  expect_refused(HasSubstr("client_key = " + key + "x: No such file"));
  config_.set(
      "smarthost", "client_certificate",
      directory_.write("server.pem", trusted_authority().issue(good_request())->certificate_pem));
  expect_refused(HasSubstr("No such file"));
}

TEST_F(TlsPolicy, RefusesAPassphraseThatCannotBeHad) {
  show_certificate();
  config_.set("smarthost", "client_key_passphrase_command",
              "echo the keyring is locked >&2; exit 2");
  expect_refused(
      HasSubstr("client_key_passphrase_command: exited with status 2: the keyring is locked"));
  config_.set("smarthost", "client_key_passphrase_command", "true");
  expect_refused(HasSubstr("client_key_passphrase_command: printed nothing in its first line"));
  config_.unset("smarthost", "client_key_passphrase_command");
  const std::string file = secret("passphrase", "\n");
  config_.set("smarthost", "client_key_passphrase_file", file);
  expect_refused(HasSubstr("client_key_passphrase_file = " + file + ": its first line is empty"));
}

TEST_F(TlsPolicy, RefusesPinsOfTheWrongLength) {
  config_.set("smarthost", "pin", "sha256//AAAA");
  expect_refused(HasSubstr("3 octets instead of 32"));
}

}  // namespace
}  // namespace support
