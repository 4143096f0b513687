// smtpseal and the TLS of others: every make of server, with certificates of every kind, TLS 1.2
// alone and TLS 1.3 alone, STARTTLS and implicit TLS. Two mails go over one verified connection and
// are the same at the far end.
//
// A row of a table is printed for each that worked: grep for "interop |".
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "peers/postfix.h"
#include "peers/tls_servers.h"
#include "peers/unpacked_server.h"
#include "support/certificates.h"
#include "support/smtp_client.h"
#include "support/smtpseal_process.h"

namespace support {
namespace {

using nlohmann::json;

// Dots, empty lines, long lines, octets above 127: what a mail must survive.
std::string make_body() {
  return ".\r\n..\r\n.dot\r\n\r\n\r\nGr\xc3\xbc\xc3\x9f"
         "e\r\nFrom here\r\n" +
         std::string(990, 'x') + "\r\n  indented \r\nthe end\r\n";
}

std::string stuffed(const std::string& text) {
  std::string out;
  bool is_line_start = true;
  for (const char c : text) {
    if (is_line_start && c == '.') out += '.';
    out += c;
    is_line_start = c == '\n';
  }
  return out;
}

std::string with_lf(std::string text) {
  std::erase(text, '\r');
  return text;
}

std::string subject(int number) { return "Subject: interop " + std::to_string(number); }

class Interop : public testing::TestWithParam<PeerOptions> {
 protected:
  // Two clients, one after the other, over one connection to the smarthost.
  void send_two(std::uint16_t port, const std::string& ca_file) {
    ConfigText config;
    config.set("smtpseal", "hostname", "seal.client.test")
        .set("listener", "listen", "127.0.0.1:0")
        .set("smarthost", "host", "127.0.0.1")
        .set("smarthost", "port", std::to_string(port))
        .set("smarthost", "mode", GetParam().is_implicit_tls ? "implicit" : "starttls")
        .set("smarthost", "tls", "verify")
        .set("smarthost", "verify_name", kSmarthostName)
        .set("smarthost", "ca_file", ca_file);
    Smtpseal seal(directory_, config);
    for (int number = 1; number <= 2; ++number) {
      SmtpClient client(seal.port());
      client.hello();
      ASSERT_EQ(client.command("MAIL FROM:<a@client.test> BODY=8BITMIME").code, 250);
      const Reply rcpt = client.command("RCPT TO:<b@example.test>");
      ASSERT_EQ(rcpt.code, 250) << testing::PrintToString(rcpt) << seal.log();
      ASSERT_EQ(client.command("DATA").code, 354);
      const Reply reply = client.finish("From: a@client.test\r\n" + subject(number) + "\r\n\r\n" +
                                        stuffed(make_body()));
      ASSERT_EQ(reply.code, 250) << testing::PrintToString(reply) << seal.log();
      client.quit();
    }
    const LogLine open = seal.wait_for("smarthost-open");
    EXPECT_EQ(open.field("verify"), "verified");
    EXPECT_EQ(open.field("tls"), to_string(GetParam().version));
    EXPECT_EQ(seal.stop(), 0);
    // A log is whole once its writer has ended.
    EXPECT_EQ(seal.count("smarthost-open"), 1U) << "the second mail was not warm";
    EXPECT_EQ(seal.sanitizer_report(), "");
  }

  // The mails as a mail server keeps them, header fields of its own among ours.
  static void expect_kept(const std::vector<KeptMail>& mails) {
    ASSERT_EQ(mails.size(), 2U);
    for (const KeptMail& mail : mails) {
      EXPECT_EQ(mail.body, with_lf(make_body()));
      EXPECT_NE(mail.header.find("seal.client.test (smtpseal)"), std::string::npos) << mail.header;
    }
    const std::string headers = mails[0].header + mails[1].header;
    EXPECT_NE(headers.find(subject(1)), std::string::npos);
    EXPECT_NE(headers.find(subject(2)), std::string::npos);
  }
  // The mails octet by octet.
  static void expect_stored(const std::vector<StoredMail>& mails) {
    ASSERT_EQ(mails.size(), 2U);
    for (int number = 1; number <= 2; ++number) {
      EXPECT_EQ(mails[static_cast<std::size_t>(number - 1)].without_trace(),
                "From: a@client.test\r\n" + subject(number) + "\r\n\r\n" + make_body());
    }
  }

  static void report(const std::string& peer, const std::string& result) {
    if (HasFailure()) return;
    const PeerOptions& options = GetParam();
    std::cout << "interop | " << peer << " | " << to_string(options.certificate) << " | "
              << to_string(options.version) << " | "
              << (options.is_implicit_tls ? "implicit" : "STARTTLS") << " | " << result << " |\n";
  }

  void exchange_with(const ServerRecipe& recipe) {
    if (const auto why = UnpackedServer::why_not(recipe)) GTEST_SKIP() << *why;
    UnpackedServer server(recipe, GetParam());
    send_two(server.port(), server.ca_file());
    if (HasFatalFailure()) FAIL() << server.log();
    expect_kept(server.wait_for_mails(2));
    report(recipe.title + " " + UnpackedServer::version(recipe), "two mails, second warm, intact");
  }

  TempDir directory_;
};

TEST_P(Interop, WithExim) { exchange_with(exim()); }
TEST_P(Interop, WithOpenSmtpd) { exchange_with(opensmtpd()); }
TEST_P(Interop, WithSendmail) { exchange_with(sendmail()); }

TEST_P(Interop, WithPostfix) {
  if (const auto why = Postfix::why_not()) GTEST_SKIP() << *why;
  PostfixOptions options;
  options.certificate = GetParam().certificate;
  options.is_implicit_tls = GetParam().is_implicit_tls;
  options.protocols = to_string(GetParam().version);
  Postfix postfix(options);
  send_two(postfix.port(), postfix.ca_file());
  if (HasFatalFailure()) FAIL() << postfix.log();
  std::vector<KeptMail> mails;
  for (const std::string& text : postfix.wait_for_mails(2)) {
    const std::size_t empty_line = text.find("\n\n");
    mails.push_back({text.substr(0, empty_line + 1), text.substr(empty_line + 2)});
  }
  expect_kept(mails);
  report("Postfix " + Postfix::version(), "two mails, second warm, intact");
}

TEST_P(Interop, WithStunnel) {
  if (!find_program("stunnel")) GTEST_SKIP() << "stunnel is not installed";
  Stunnel server(GetParam());
  send_two(server.port(), server.ca_file());
  expect_stored(server.wait_for_mails(2));
  report("stunnel " + version_of("stunnel", "-version"), "two mails, second warm, intact");
}

// Of those that have no STARTTLS.
class ImplicitInterop : public Interop {};

TEST_P(ImplicitInterop, WithOpensslSServer) {
  if (!find_program("openssl")) GTEST_SKIP() << "openssl is not installed";
  const Identity identity = write_identity(directory_, GetParam().certificate);
  SServer server(s_server_arguments(GetParam(), identity));
  send_two(server.port(), identity.ca);
  expect_stored(server.wait_for_mails(2));
  report("OpenSSL s_server " + version_of("openssl", "version"), "two mails, second warm, intact");
}

TEST_P(ImplicitInterop, WithGnutlsServ) {
  if (const auto why = GnutlsServ::why_not()) GTEST_SKIP() << *why;
  GnutlsServ server(GetParam());
  ConfigText config;
  config.set("smtpseal", "hostname", "seal.client.test")
      .set("listener", "listen", "127.0.0.1:0")
      .set("smarthost", "host", "127.0.0.1")
      .set("smarthost", "port", std::to_string(server.port()))
      .set("smarthost", "mode", "implicit")
      .set("smarthost", "verify_name", kSmarthostName)
      .set("smarthost", "command_timeout", "1s")
      .set("smarthost", "ca_file", server.ca_file());
  const std::string file = directory_.write("smtpseal.conf", config.text());
  const Finished check = server.run_smtpseal({"check", "-c", file, "--json"});
  // It echoes and says nothing of itself, so there is no greeting to be had.
  EXPECT_NE(check.status, 0);
  const json steps = json::parse(check.output)["steps"];
  for (const json& step : steps) {
    if (step["step"] != "tls") continue;
    EXPECT_EQ(step["status"], "PASS") << check.output;
    EXPECT_EQ(step.value("version", ""), to_string(GetParam().version)) << check.output;
    report("gnutls-serv " + version_of("gnutls-serv", "--version"), "verified (speaks no SMTP)");
    return;
  }
  FAIL() << "there was no handshake: " << check.output;
}

using Kind = CertificateKind;
using tls::Version;

std::string name_of(const testing::TestParamInfo<PeerOptions>& one) {
  const PeerOptions& options = one.param;
  return std::string(to_string(options.certificate)) +
         (options.version == Version::tls12 ? "12" : "13") +
         (options.is_implicit_tls ? "Implicit" : "StartTls");
}

// Each certificate with each version; each mode with each of both.
INSTANTIATE_TEST_SUITE_P(Kinds, Interop,
                         testing::Values(PeerOptions{Kind::rsa, Version::tls12, false},
                                         PeerOptions{Kind::rsa, Version::tls13, true},
                                         PeerOptions{Kind::ecdsa, Version::tls12, true},
                                         PeerOptions{Kind::ecdsa, Version::tls13, false},
                                         PeerOptions{Kind::chain, Version::tls12, false},
                                         PeerOptions{Kind::chain, Version::tls13, true}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Kinds, ImplicitInterop,
                         testing::Values(PeerOptions{Kind::rsa, Version::tls12, true},
                                         PeerOptions{Kind::rsa, Version::tls13, true},
                                         PeerOptions{Kind::ecdsa, Version::tls12, true},
                                         PeerOptions{Kind::ecdsa, Version::tls13, true},
                                         PeerOptions{Kind::chain, Version::tls12, true},
                                         PeerOptions{Kind::chain, Version::tls13, true}),
                         name_of);

}  // namespace
}  // namespace support
