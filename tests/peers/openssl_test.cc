// What OpenSSL can be told to do and no honest server does, or few do: old versions, weak suites,
// odd certificates, tickets by the dozen, new keys in the middle of a conversation.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "peers/tls_servers.h"
#include "support/certificates.h"
#include "support/smtp_client.h"
#include "support/smtpseal_process.h"

namespace support {
namespace {

using Strings = std::vector<std::string>;

// An authority of OpenSSL's making, and what it issues.
class Zoo {
 public:
  Zoo() {
    make({"req", "-x509", "-newkey", "rsa:2048", "-keyout", path("ca.key"), "-out", path("ca.pem"),
          "-subj", "/CN=Zoo CA", "-days", "30"});
  }
  [[nodiscard]] std::string ca_file() const { return path("ca.pem"); }

  // For kSmarthostName, unless `names` says otherwise; returns the arguments that show it.
  Strings issue(const Strings& key, const Strings& more = {}, const std::string& names = "",
                bool is_self_signed = false) {
    Strings arguments = {"req",     "-x509",
                         "-keyout", path("key.pem"),
                         "-out",    path("cert.pem"),
                         "-subj",   "/CN=zoo",
                         "-days",   "10",
                         "-addext", "subjectAltName=DNS:" + std::string(kSmarthostName) + names,
                         "-addext", "basicConstraints=critical,CA:FALSE",
                         "-addext", "extendedKeyUsage=serverAuth"};
    if (!is_self_signed) {
      arguments.insert(arguments.end(), {"-CA", path("ca.pem"), "-CAkey", path("ca.key")});
    }
    arguments.insert(arguments.end(), key.begin(), key.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    make(arguments);
    return {"-cert", path("cert.pem"), "-key", path("key.pem")};
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  static void make(Strings arguments) {
    arguments.emplace_back("-nodes");
    const Finished made = run({"openssl", arguments});
    if (made.status != 0) throw Failure("openssl: " + made.errors);
  }

  TempDir directory_;
};

const Strings kRsa = {"-newkey", "rsa:2048"};
const Strings kEc = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};

class OpensslTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("openssl")) GTEST_SKIP() << "openssl is not installed";
    zoo_.emplace();
  }
  void TearDown() override {
    if (server_) {
      for (const std::string& each : server_->journal().complaints()) ADD_FAILURE() << each;
    }
    if (!seal_) return;
    EXPECT_EQ(seal_->stop(), 0);
    EXPECT_EQ(seal_->sanitizer_report(), "");
  }

  void start(const Strings& certificate, const Strings& more, Script script = nullptr) {
    Strings arguments = certificate;
    arguments.insert(arguments.end(), more.begin(), more.end());
    server_.emplace(arguments, std::move(script));
    ConfigText config;
    config.set("smtpseal", "hostname", "seal.client.test")
        .set("smtpseal", "log_level", "debug")
        .set("listener", "listen", "127.0.0.1:0")
        .set("smarthost", "host", "127.0.0.1")
        .set("smarthost", "port", std::to_string(server_->port()))
        .set("smarthost", "mode", "implicit")
        .set("smarthost", "verify_name", kSmarthostName)
        .set("smarthost", "ca_file", zoo_->ca_file());
    seal_.emplace(directory_, config);
  }

  Attempt attempt() {
    SmtpClient client(seal_->port());
    return client.attempt(make_mail());
  }
  void expect_served(const Strings& certificate, const Strings& more) {
    start(certificate, more);
    const Attempt first = attempt();
    EXPECT_TRUE(first.is_accepted()) << testing::PrintToString(first) << seal_->log();
    EXPECT_TRUE(attempt().is_accepted());
    EXPECT_EQ(server_->wait_for_mails(2).size(), 2U);
  }
  void expect_refused(const Strings& certificate, const Strings& more) {
    start(certificate, more);
    const Attempt refused = attempt();
    EXPECT_TRUE(refused.is_deferred()) << testing::PrintToString(refused);
    EXPECT_EQ(refused.step, Attempt::Step::greeting);
    EXPECT_TRUE(refused.reply.has_text("4.7.5")) << testing::PrintToString(refused);
    EXPECT_TRUE(server_->journal().mails().empty());
  }

  TempDir directory_;
  std::optional<Zoo> zoo_;
  std::optional<SServer> server_;
  std::optional<Smtpseal> seal_;
};

struct Setting {
  std::string name;
  Strings key;
  Strings issuing;
  Strings serving;
};

class GoodOpenssl : public OpensslTest, public testing::WithParamInterface<Setting> {};
class BadOpenssl : public OpensslTest, public testing::WithParamInterface<Setting> {};

TEST_P(GoodOpenssl, IsServedTwice) {
  const Setting& setting = GetParam();
  Strings serving = setting.serving;
  serving.emplace_back("-quiet");
  expect_served(zoo_->issue(setting.key, setting.issuing), serving);
}

TEST_P(BadOpenssl, IsRefusedForNow) {
  const Setting& setting = GetParam();
  Strings serving = setting.serving;
  serving.emplace_back("-quiet");
  expect_refused(zoo_->issue(setting.key, setting.issuing), serving);
}

const std::string kAnyLevel = "DEFAULT:@SECLEVEL=0";

INSTANTIATE_TEST_SUITE_P(
    Settings, GoodOpenssl,
    testing::Values(
        // TLS 1.2, RSA and a server that insists on its own preferences: RSA-PSS.
        Setting{"RsaServerPreference", kRsa, {}, {"-tls1_2", "-serverpref"}},
        Setting{"P384", {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"}, {}, {}},
        Setting{"Rsa4096", {"-newkey", "rsa:4096"}, {}, {"-tls1_2"}},
        Setting{"TenTickets", kEc, {}, {"-tls1_3", "-num_tickets", "10"}},
        Setting{"NoTicket12", kEc, {}, {"-tls1_2", "-no_ticket"}},
        Setting{"NoMiddlebox", kEc, {}, {"-tls1_3", "-no_middlebox"}},
        Setting{"SmallRecords12", kRsa, {}, {"-tls1_2", "-max_send_frag", "512"}},
        Setting{"SmallRecords13", kRsa, {}, {"-tls1_3", "-max_send_frag", "512"}},
        Setting{"GroupP384", kEc, {}, {"-groups", "P-384"}},
        Setting{"GroupP521", kEc, {}, {"-groups", "P-521"}},
        // HelloRetryRequest: the group that is offered with a key is not the one that is wanted.
        Setting{"GroupP256", kEc, {}, {"-tls1_3", "-groups", "P-256"}},
        Setting{"AsksForACertificate", kEc, {}, {"-verify", "1"}}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Settings, BadOpenssl,
    testing::Values(
        Setting{"Tls11", kRsa, {}, {"-tls1_1", "-cipher", kAnyLevel}},
        Setting{"Tls10", kRsa, {}, {"-tls1", "-cipher", kAnyLevel}},
        Setting{"NoForwardSecrecy", kRsa, {}, {"-tls1_2", "-cipher", "AES128-GCM-SHA256"}},
        Setting{"NoForwardSecrecyCbc", kRsa, {}, {"-tls1_2", "-cipher", "AES256-SHA"}},
        Setting{"Cbc", kRsa, {}, {"-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"}},
        Setting{"FiniteField", kRsa, {}, {"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"}},
        Setting{"NoEncryption", kRsa, {}, {"-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"}},
        Setting{
            "NoAuthentication", kRsa, {}, {"-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"}},
        Setting{"Rsa1024", {"-newkey", "rsa:1024"}, {}, {"-cipher", kAnyLevel}},
        Setting{"Sha1", kRsa, {"-sha1"}, {"-cipher", kAnyLevel}},
        Setting{"Md5", kRsa, {"-md5"}, {"-cipher", kAnyLevel}},
        Setting{"Ed25519", {"-newkey", "ed25519"}, {}, {}},
        Setting{"DemandsACertificate", kEc, {}, {"-Verify", "1", "-tls1_2"}}),
    [](const auto& one) { return one.param.name; });

TEST_F(OpensslTest, SelfSignedCertificateIsRefused) {
  expect_refused(zoo_->issue(kEc, {}, "", true), {"-quiet"});
}

std::string more_names(int count) {
  std::string names;
  for (int i = 0; i < count; ++i) names += ",DNS:host" + std::to_string(i) + ".some.domain.test";
  return names;
}

TEST_F(OpensslTest, CertificateOfManyNamesIsTaken) {
  expect_served(zoo_->issue(kEc, {}, more_names(300)), {"-quiet"});
}

TEST_F(OpensslTest, CertificateThatIsTooBigIsRefused) {
  expect_refused(zoo_->issue(kEc, {}, more_names(1500)), {"-quiet"});
}

// Letters at the beginning of a line make s_server do things, unless it is quiet; then it says a
// lot of its own between what it decrypts.
void wait_for_line(SmarthostConnection& wire, const std::string& prefix) {
  while (!wire.read_line().starts_with(prefix)) {
  }
}

void take_envelope(SmarthostConnection& wire) {
  wait_for_line(wire, "MAIL");
  wait_for_line(wire, "RCPT");
  wire.send("250 ok\r\n250 ok\r\n");
}

void take_data(SmarthostConnection& wire) {
  wait_for_line(wire, "DATA");
  wire.send("354 go\r\n");
  wait_for_line(wire, ".");
}

void greet(SmarthostConnection& wire) {
  wire.send("220 u\r\n");
  wait_for_line(wire, "EHLO");
  wire.send("250-u\r\n250 PIPELINING\r\n");
}

void take_mail(SmarthostConnection& wire) {
  take_envelope(wire);
  take_data(wire);
  wire.send("250 2.0.0 taken\r\n");
}

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

struct Trick {
  std::string name;
  std::string letter;  // to s_server
  std::string version;
};

void PrintTo(const Trick& trick, std::ostream* out) { *out << trick.name; }

class OpensslTrick : public OpensslTest, public testing::WithParamInterface<Trick> {};

// mbedTLS knows neither new keys (RFC 8446 4.6.3) nor renegotiation: the connection is lost, and
// nobody may notice who has not sent anything over it.
TEST_P(OpensslTrick, OnAnIdleConnectionIsNotNoticed) {
  const Trick& trick = GetParam();
  start(zoo_->issue(kEc), {trick.version}, [](SmarthostConnection& wire) {
    greet(wire);
    take_mail(wire);
    wait_for_line(wire, "CONNECTION CLOSED");
    greet(wire);
    take_mail(wire);
    wire.read_until_closed();
  });
  EXPECT_TRUE(attempt().is_accepted());
  // Not before: s_server looks for its letters at the beginning of what it reads at a time.
  server_->order({trick.letter + "\n"});
  seal_->wait_for("smarthost-close");
  const Attempt second = attempt();
  EXPECT_TRUE(second.is_accepted()) << testing::PrintToString(second) << seal_->log();
}

TEST_P(OpensslTrick, BeforeTheVerdictLeavesTheMailInDoubt) {
  const Trick& trick = GetParam();
  start(zoo_->issue(kEc), {trick.version}, [&trick](SmarthostConnection& wire) {
    greet(wire);
    take_envelope(wire);
    take_data(wire);
    wire.send(trick.letter + "\n");
    wait_for_line(wire, "CONNECTION CLOSED");
    greet(wire);
    take_mail(wire);
    wire.read_until_closed();
  });
  const Attempt first = attempt();
  EXPECT_EQ(first.step, Attempt::Step::end_of_data);
  EXPECT_EQ(first.reply.code, 451) << testing::PrintToString(first);
  // Not sent again by itself: the next mail is the client's next.
  EXPECT_TRUE(attempt().is_accepted());
  seal_->wait_for("transaction", 2);
}

INSTANTIATE_TEST_SUITE_P(Tricks, OpensslTrick,
                         testing::Values(Trick{"KeyUpdate", "K", "-tls1_3"},
                                         Trick{"HelloRequest", "r", "-tls1_2"}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace support
