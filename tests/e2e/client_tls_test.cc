// TLS toward clients: offered, demanded, from the first byte; and who would like to get round it.
#include "support/client_tls.h"

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kMustStartTls = "530 5.7.0 Must issue a STARTTLS command first\r\n";

// --- tls = may ---

class MayTls : public ClientTlsTest {
 protected:
  void SetUp() override { set_up("may"); }
};

TEST_F(MayTls, CarriesMailInsideTlsAndTracesIt) {
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "STARTTLS"));
  client.starttls(trusting_context());
  EXPECT_EQ(client.tls().version, "TLSv1.3");
  const Reply ehlo = client.command("EHLO inside.test");
  EXPECT_EQ(ehlo.code, 250);
  EXPECT_FALSE(offers(ehlo, "STARTTLS"));
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_TRUE(client.is_tls_ended()) << "close_notify";

  const std::string received = last_mail().data;
  EXPECT_THAT(received, HasSubstr("Received: from inside.test ([127.0.0.1])\r\n\t(using TLSv1.3 " +
                                  client.tls().cipher + ")\r\n"));
  EXPECT_THAT(received, HasSubstr(" with ESMTPS id "));
  const LogLine line = seal().wait_for("session-tls");
  EXPECT_EQ(line.field("tls"), "TLSv1.3");
  EXPECT_EQ(line.field("cipher"), client.tls().cipher);
  EXPECT_EQ(line.field("verify"), "none");
  EXPECT_EQ(line.field("name"), kSealName);
  EXPECT_THAT(line.field("client"), HasSubstr("127.0.0.1:"));
  EXPECT_EQ(seal().wait_for("session-close").field("tls"), "TLSv1.3");
}

TEST_F(MayTls, CarriesMailInPlaintextAsWell) {
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTP id "));
  EXPECT_THAT(last_mail().data, Not(HasSubstr("(using")));
  EXPECT_EQ(seal().wait_for("session-close").field("tls"), "none");
  EXPECT_EQ(seal().count("session-tls"), 0u);
}

TEST_F(MayTls, TakesAHandshakeOctetByOctet) {
  SmtpClient client = connect();
  client.hello();
  SmtpClient::require(client.command("STARTTLS"), 220);
  client.start_tls(trusting_context(), 1);
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

TEST_F(MayTls, IsThereForAClientThatSaysHelo) {
  SmtpClient client = connect();
  client.hello("HELO old.test");
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("HELO old.test").code, 250);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr("(using TLSv1.3 "));
  EXPECT_THAT(last_mail().data, HasSubstr(" with SMTP id "));
}

TEST_F(MayTls, BeginsOnceAndTakesNoParameter) {
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("STARTTLS now").raw, "501 5.5.4 STARTTLS takes no parameter\r\n");
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("STARTTLS").code, 503);
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  EXPECT_EQ(client.command("STARTTLS").code, 503);
  client.quit();
}

TEST_F(MayTls, ForgetsTheTransactionThatWasOpen) {
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("RCPT TO:<r@example.test>").code, 503);
  EXPECT_EQ(client.command("DATA").code, 503);
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

// CVE-2011-0411 and those after it: what comes in plaintext behind STARTTLS is never executed.
class PlaintextBehindStartTls : public MayTls, public testing::WithParamInterface<std::string> {};

TEST_P(PlaintextBehindStartTls, EndsTheSession) {
  SmtpClient client = connect();
  client.hello();
  client.send("STARTTLS\r\n" + GetParam());
  const Reply reply = client.read_reply();
  EXPECT_EQ(reply.code, 554) << reply.raw;
  EXPECT_EQ(client.read_until_closed(), "");
  const LogLine line = seal().wait_for("session-tls-fail");
  EXPECT_THAT(line.field("reason"), HasSubstr("plaintext behind STARTTLS"));
  EXPECT_THAT(line.field("client"), HasSubstr("127.0.0.1:"));
  EXPECT_THAT(seal().wait_for("session-close").field("why"), HasSubstr("behind STARTTLS"));
  EXPECT_TRUE(smarthost().mails().empty());
  EXPECT_TRUE(attempt().is_accepted());
}

INSTANTIATE_TEST_SUITE_P(
    InOneSegment, PlaintextBehindStartTls,
    testing::Values("MAIL FROM:<evil@c.test>\r\n", "NOOP\r\n", "\r\n", "R", "STARTTLS\r\n",
                    "EHLO e.test\r\nMAIL FROM:<e@c.test>\r\nRCPT TO:<v@u.test>\r\nDATA\r\n",
                    std::string("\x16\x03\x01\x02\x00\x01", 6)));

TEST_F(MayTls, EndsTheSessionOverPlaintextAfterItsReplyToo) {
  SmtpClient client = connect();
  client.hello();
  SmtpClient::require(client.command("STARTTLS"), 220);
  client.send("EHLO evil.test\r\nMAIL FROM:<evil@c.test>\r\nRCPT TO:<v@u.test>\r\nDATA\r\n");
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_THAT(seal().wait_for("session-tls-fail").field("reason"),
              HasSubstr("plaintext behind STARTTLS"));
  EXPECT_TRUE(smarthost().mails().empty());
}

TEST_F(MayTls, SaysWhyAHandshakeFailed) {
  SmtpClient client = connect();
  client.hello();
  SmtpClient::require(client.command("STARTTLS"), 220);
  client.send(std::string("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", 11));
  client.close();
  const LogLine line = seal().wait_for("session-tls-fail");
  EXPECT_EQ(line.field("reason"), "client closed the connection in the TLS handshake");
  EXPECT_THAT(line.field("client"), HasSubstr("127.0.0.1:"));
  EXPECT_EQ(seal().wait_for("session-close").field("tls"), "none");
}

TEST_F(MayTls, TellsAClientThatBeginsTlsTooEarlyWhatToDo) {
  SmtpClient client = connect();
  SmtpClient::require(client.read_reply(), 220);
  client.send(std::string("\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", 11));
  EXPECT_EQ(client.read_reply().code, 554);
  EXPECT_THAT(seal().wait_for("session-close").field("why"), HasSubstr("choose STARTTLS"));
}

TEST_F(MayTls, AnswersABatchInOneRecord) {
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  const int before = client.records();
  client.send("NOOP\r\nRSET\r\nVRFY x\r\nNOOP\r\n");
  for (const int code : {250, 250, 252, 250}) EXPECT_EQ(client.read_reply().code, code);
  EXPECT_EQ(client.records(), before + 1);
  client.quit();
}

TEST_F(MayTls, CarriesAnEnvelopeAndALargeMailAsTheyAre) {
  std::string body;
  for (int i = 0; i < 120000; ++i) body += "line " + std::to_string(i) + " of a large mail\r\n";
  const std::string mail = make_mail(body);
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  client.send("MAIL FROM:<s@c.test>\r\nRCPT TO:<a@u.test>\r\nRCPT TO:<b@u.test>\r\nDATA\r\n");
  for (const int code : {250, 250, 250, 354}) EXPECT_EQ(client.read_reply().code, code);
  EXPECT_EQ(client.finish(mail).code, 250);
  client.quit();
  ASSERT_TRUE(last_mail().data.size() > mail.size());
  EXPECT_TRUE(last_mail().data.ends_with(mail));
  EXPECT_EQ(last_mail().rcpts.size(), 2u);
}

TEST_F(MayTls, WaitsForASlowSmarthostAndLosesNothing) {
  smarthost().on(Point::body, [](const Situation& situation) -> std::optional<Answer> {
    if (situation.count % 8 == 0) std::this_thread::sleep_for(5ms);
    return std::nullopt;
  });
  const std::string line = std::string(998, 'x') + "\r\n";
  std::string body;
  for (int i = 0; i < 4 * 1024; ++i) body += line;
  const std::string mail = make_mail(body);
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  EXPECT_EQ(client.mail(mail).code, 250);
  client.quit();
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
}

// RFC 2920 3.1: more than 64 KiB of replies, which a client reads when it has sent everything.
TEST_F(MayTls, HoldsNobodyUpOverManyReplies) {
  smarthost().on(Point::rcpt, always("250 2.1.5 " + std::string(150, 'r') + "\r\n"));
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  std::string batch = "MAIL FROM:<a@b.test>\r\n";
  constexpr int kRecipients = 900;
  for (int i = 0; i < kRecipients; ++i) batch += "RCPT TO:<r" + std::to_string(i) + "@u.test>\r\n";
  client.send(batch + "DATA\r\n");
  EXPECT_EQ(client.read_reply().code, 250);
  for (int i = 0; i < kRecipients; ++i) ASSERT_EQ(client.read_reply().code, 250) << i;
  EXPECT_EQ(client.read_reply().code, 354);
  EXPECT_EQ(client.finish(make_mail()).code, 250);
  client.quit();
}

TEST_F(MayTls, IsServedByEveryWorker) {
  config_.set("smtpseal", "workers", "2");
  std::vector<SmtpClient> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(connect());
  for (SmtpClient& client : clients) {
    client.hello();
    client.starttls(trusting_context());
    EXPECT_EQ(client.command("EHLO c.test").code, 250);
    EXPECT_EQ(client.mail(make_mail()).code, 250);
  }
  for (SmtpClient& client : clients) client.quit();
  EXPECT_EQ(smarthost().mails().size(), clients.size());
}

TEST_F(MayTls, TakesACutForNoEndOfData) {
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  client.envelope();
  EXPECT_EQ(client.command("DATA").code, 354);
  client.send("Subject: half\r\n\r\nno end\r\n.\r");
  client.close();
  EXPECT_THAT(seal().wait_for("session-close").field("why"), HasSubstr("inside its mail data"));
  EXPECT_TRUE(smarthost().mails().empty());
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(MayTls, MindsNoCutBehindQuit) {
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("QUIT").code, 221);
  client.close();
  EXPECT_EQ(seal().wait_for("session-close").field("why"), "quit");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().count("session-tls-fail"), 0u);
}

TEST_F(MayTls, CutsAClientThatDamagesItsRecords) {
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  client.envelope();
  EXPECT_EQ(client.command("DATA").code, 354);
  client.send("Subject: half\r\n\r\n");
  client.send_raw("Subject: injected\r\n\r\n.\r\n");
  static_cast<void>(client.read_until_closed());
  EXPECT_THAT(seal().wait_for("session-close").field("why"), HasSubstr("TLS"));
  EXPECT_TRUE(smarthost().mails().empty());
}

TEST_F(MayTls, ResumesSessions) {
  for (int i = 0; i < 2; ++i) {
    SmtpClient client = connect();
    client.hello();
    client.starttls(trusting_context());
    EXPECT_EQ(client.command("EHLO c.test").code, 250);
    EXPECT_EQ(client.tls().is_resumed, i == 1);
    client.quit();
  }
}

TEST_F(MayTls, LetsAnIdleClientGoWhenItDrains) {
  SmtpClient idle = connect();
  idle.hello();
  idle.starttls(trusting_context());
  SmtpClient half = connect();
  half.hello();
  SmtpClient::require(half.command("STARTTLS"), 220);
  seal().wait_for("session-tls");
  seal().process().signal(SIGTERM);
  EXPECT_EQ(idle.read_reply().code, 421);
  EXPECT_EQ(idle.read_until_closed(), "");
  EXPECT_TRUE(idle.is_tls_ended());
  EXPECT_EQ(half.read_until_closed(), "") << "nothing can be said in the middle of a handshake";
  EXPECT_EQ(seal().process().wait(), 0);
}

// --- AUTH ---

class AuthAndTls : public MayTls {
 protected:
  void SetUp() override {
    MayTls::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.keywords = {"PIPELINING", "AUTH PLAIN LOGIN"};
    smarthost().set_behavior(behavior);
    smarthost().on(Point::auth, [](const Situation&) -> std::optional<Answer> {
      return Answer{"235 2.7.0 welcome\r\n"};
    });
    secrets_ = {"AHVzZXIAc2VjcmV0"};
  }
};

TEST_F(AuthAndTls, AuthIsForInsideTls) {
  SmtpClient client = connect();
  EXPECT_FALSE(client.hello().has_text("AUTH"));
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").raw,
            "538 5.7.11 Encryption required: issue a STARTTLS command first\r\n");
  client.starttls(trusting_context());
  EXPECT_TRUE(offers(client.command("EHLO c.test"), "AUTH PLAIN LOGIN"));
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 235);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTPSA id "));
}

TEST_F(AuthAndTls, AuthIsForPlaintextTooWhereThatIsWrittenDown) {
  config_.set("listener", "auth_requires_tls", "no");
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "AUTH PLAIN LOGIN"));
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 235);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTPA id "));
}

TEST_F(AuthAndTls, NobodyIsAuthenticatedInsideTlsWhoWasBeforeIt) {
  config_.set("listener", "auth_requires_tls", "no");
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0").code, 235);
  client.starttls(trusting_context());
  EXPECT_TRUE(offers(client.command("EHLO c.test"), "AUTH PLAIN LOGIN"));
  EXPECT_EQ(client.mail(make_mail()).code, 250) << "unauthenticated, on another connection";
  client.quit();
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTPS id "));
  for (const ConnectionRecord& record : smarthost().journal().records()) {
    const std::string said = record.received(true);
    const bool has_both =
        said.find("AUTH PLAIN") != std::string::npos && said.find("MAIL FROM") != std::string::npos;
    EXPECT_FALSE(has_both) << said;
  }
}

// --- tls = encrypt ---

class EncryptTls : public ClientTlsTest {
 protected:
  void SetUp() override { set_up("encrypt"); }
};

TEST_F(EncryptTls, TakesNothingBeforeStartTls) {
  SmtpClient client = connect();
  const Reply ehlo = client.hello();
  EXPECT_TRUE(offers(ehlo, "STARTTLS"));
  EXPECT_EQ(client.command("NOOP").code, 250);
  EXPECT_EQ(client.command("HELO c.test").code, 250);
  for (const char* line : {"MAIL FROM:<s@c.test>", "RCPT TO:<r@u.test>", "RSET", "VRFY x", "HELP",
                           "DATA", "EXPN x", "AUTH PLAIN AHVzZXIAc2VjcmV0", "XYZZY"}) {
    EXPECT_EQ(client.command(line).raw, kMustStartTls) << line;
  }
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
}

TEST_F(EncryptTls, RefusesAPipelinedBatchWhole) {
  SmtpClient client = connect();
  client.hello();
  client.send("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\nDATA\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read_reply().raw, kMustStartTls);
  client.quit();
  EXPECT_TRUE(smarthost().mails().empty());
}

TEST_F(EncryptTls, ShowsNothingButStartTlsBeforeIt) {
  SmtpClient client = connect();
  EXPECT_EQ(client.hello().lines,
            (std::vector<std::string>{kSealName, "PIPELINING", "ENHANCEDSTATUSCODES", "STARTTLS"}));
  client.starttls(trusting_context());
  EXPECT_TRUE(client.command("EHLO c.test").has_text("SIZE"));
  client.quit();
}

// --- tls = implicit ---

class ImplicitTls : public ClientTlsTest {
 protected:
  void SetUp() override { set_up("implicit"); }
};

TEST_F(ImplicitTls, SpeaksTlsFromTheFirstByte) {
  SmtpClient client = connect();
  client.start_tls(trusting_context());
  EXPECT_FALSE(offers(client.hello(), "STARTTLS"));
  EXPECT_EQ(client.command("STARTTLS").code, 503);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  EXPECT_TRUE(client.is_tls_ended());
  EXPECT_THAT(last_mail().data, HasSubstr(" with ESMTPS id "));
}

TEST_F(ImplicitTls, TellsInsideTlsThatTheSmarthostIsNotThere) {
  smarthost().go_down();
  SmtpClient client = connect();
  client.start_tls(trusting_context());
  EXPECT_EQ(client.read_reply().code, 421);
  EXPECT_EQ(client.read_until_closed(), "");
  EXPECT_TRUE(client.is_tls_ended());
}

TEST_F(ImplicitTls, CutsAClientThatSpeaksPlaintext) {
  SmtpClient client = connect();
  client.send("EHLO c.test\r\n");
  static_cast<void>(client.read_until_closed());
  EXPECT_THAT(seal().wait_for("session-tls-fail").field("reason"), HasSubstr("tls = implicit"));
  EXPECT_EQ(smarthost().connections(), 0u) << "nobody is let near the smarthost before TLS";
}

TEST_F(ImplicitTls, MindsNoProbeOfItsPort) {
  SmtpClient client = connect();
  client.close();
  EXPECT_THAT(seal().wait_for("session-close").field("why"), HasSubstr("before it began TLS"));
  EXPECT_EQ(seal().count("session-tls-fail"), 0u);
}

TEST_F(ImplicitTls, SaysNothingInPlaintextToWhomItRefuses) {
  config_.set("listener", "max_sessions", "1");
  SmtpClient first = connect();
  first.start_tls(trusting_context());
  first.hello();
  SmtpClient second = connect();
  EXPECT_EQ(second.read_until_closed(), "");
  first.quit();
}

// --- client_ca ---

class ClientCa : public ClientTlsTest {
 protected:
  void SetUp() override {
    set_up("encrypt");
    config_.set("listener", "client_ca",
                directory_.write("devices.pem", foreign_authority().certificate_pem()));
  }

  static tls::CertificateRequest device_request() {
    tls::CertificateRequest request = good_request();
    request.common_name = "printer (4)";
    request.dns_names = {"printer.test"};
    request.is_client_only = true;
    return request;
  }

  // A client that shows what `authority` issued.
  [[nodiscard]] std::unique_ptr<tls::ClientContext> device(
      const tls::CertificateRequest& request, tls::Authority& authority = foreign_authority()) {
    tls::ClientOptions options = trusting_options();
    auto issued = authority.issue(request);
    if (!issued) throw Failure("no certificate: " + issued.error().detail);
    options.identity = {issued->certificate_pem, issued->key_pem};
    return client_context(options);
  }

  // TLS is broken off, and the log says why.
  void expect_broken_off(tls::ClientContext& context, const std::string& reason) {
    SmtpClient client = connect();
    client.hello();
    SmtpClient::require(client.command("STARTTLS"), 220);
    const auto speak = [&] {
      client.start_tls(context);  // in TLS 1.3 the client is done before it is judged
      client.command("EHLO c.test");
    };
    EXPECT_THROW(speak(), Failure);
    EXPECT_THAT(seal().wait_for("session-tls-fail").field("reason"), HasSubstr(reason));
    EXPECT_EQ(seal().wait_for("session-close").field("tls"), "none");
    EXPECT_EQ(seal().count("session-tls"), 0u);
  }
};

TEST_F(ClientCa, LetsInAClientWhoseCertificateHoldsUp) {
  const auto context = device(device_request());
  for (int i = 0; i < 2; ++i) {
    SmtpClient client = connect();
    client.hello();
    client.starttls(*context);
    EXPECT_EQ(client.command("EHLO c.test").code, 250);
    EXPECT_EQ(client.mail(make_mail()).code, 250);
    client.quit();
    EXPECT_THAT(last_mail().data,
                HasSubstr(")\r\n\t(client certificate CN=printer \\(4\\))\r\n\tby "));
    const LogLine line = seal().wait_for("session-tls", static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(line.field("verify"), "verified");
    EXPECT_EQ(line.field("certificate"), "CN=printer (4)");
  }
}

TEST_F(ClientCa, BreaksOffWithoutACertificate) {
  expect_broken_off(trusting_context(), "client showed no certificate");
}

TEST_F(ClientCa, BreaksOffOverOneOfAnotherAuthority) {
  expect_broken_off(*device(device_request(), trusted_authority()), "client's certificate");
}

TEST_F(ClientCa, BreaksOffOverOneThatHasExpired) {
  tls::CertificateRequest request = device_request();
  request.not_before = std::chrono::system_clock::now() - std::chrono::hours(48);
  request.not_after = std::chrono::system_clock::now() - std::chrono::hours(24);
  expect_broken_off(*device(request), "expired");
}

TEST_F(ClientCa, BreaksOffOverOneThatIsForServersOnly) {
  tls::CertificateRequest request = device_request();
  request.is_client_only = false;
  expect_broken_off(*device(request), "client's certificate");
}

// --- check ---

class CheckOfTls : public ClientTlsTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { set_up(GetParam()); }
  // Of the configuration that runs.
  Finished check() {
    ConfigText same = config_;
    same.set("listener", "listen", "127.0.0.1:" + std::to_string(seal().port()));
    return run_smtpseal({"check", "-c", directory_.write("running.conf", same.text())});
  }
};

TEST_P(CheckOfTls, FindsTheListenerAsItIsConfigured) {
  start();
  const Finished checked = check();
  EXPECT_THAT(checked.output, HasSubstr("a running smtpseal answers there"));
  EXPECT_THAT(checked.output, Not(HasSubstr("another configuration"))) << checked.output;
}

TEST_P(CheckOfTls, FindsAListenerThatWantsToSeeCertificates) {
  config_.set("listener", "client_ca",
              directory_.write("devices.pem", foreign_authority().certificate_pem()));
  start();
  const Finished checked = check();
  EXPECT_THAT(checked.output, HasSubstr("a running smtpseal answers there"));
  EXPECT_EQ(checked.status, 0) << checked.output;
}

TEST_P(CheckOfTls, BlamesNobodyWhereThisMachineIsTurnedAway) {
  config_.set("listener", "allow", "192.0.2.1");
  start();
  const Finished checked = check();
  EXPECT_THAT(checked.output, Not(HasSubstr("another program"))) << checked.output;
  EXPECT_EQ(checked.status, 0);
}

TEST_P(CheckOfTls, BlamesNobodyWhereTheSmarthostIsDown) {
  start();
  smarthost().stop();
  const Finished checked = check();
  EXPECT_THAT(checked.output, HasSubstr("a running smtpseal answers there"));
  EXPECT_THAT(checked.output, Not(HasSubstr("another program"))) << checked.output;
}

TEST_P(CheckOfTls, FailsWithACertificateThatRunRefuses) {
  start();
  const auto issued = trusted_authority().issue(seal_request());
  ASSERT_TRUE(issued);
  config_.set("listener", "key", write_private("other.key", issued->key_pem))
      .set("listener", "listen", "127.0.0.1:0");
  const Finished checked =
      run_smtpseal({"check", "-c", directory_.write("refused.conf", config_.text())});
  EXPECT_THAT(checked.output, HasSubstr("refused.conf:"));
  EXPECT_THAT(checked.output, HasSubstr("is not the key of"));
  EXPECT_EQ(checked.status, 78) << checked.output;
}

INSTANTIATE_TEST_SUITE_P(Ways, CheckOfTls, testing::Values("may", "encrypt", "implicit"),
                         [](const auto& way) { return way.param; });

// --- reload ---

TEST_F(MayTls, TakesARenewedCertificateWithoutDroppingSessions) {
  SmtpClient old = connect();
  old.hello();
  old.starttls(trusting_context());
  EXPECT_EQ(old.command("EHLO c.test").code, 250);
  SmtpClient waiting = connect();
  waiting.hello();
  const std::string first_pin = old.tls().chain.at(0).pin;

  write_certificate(seal_request());
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_EQ(old.mail(make_mail()).code, 250);
  waiting.starttls(trusting_context());
  EXPECT_EQ(waiting.tls().chain.at(0).pin, first_pin) << "a session sees one configuration";
  waiting.quit();
  const auto context = client_context(trusting_options());
  SmtpClient fresh = connect();
  fresh.hello();
  fresh.starttls(*context);
  EXPECT_NE(fresh.tls().chain.at(0).pin, first_pin);
  fresh.quit();
  old.quit();
}

TEST_F(MayTls, KeepsItsCertificateWhenTheNewOneIsBroken) {
  start();
  write_private("listener.key", "no key\n");
  seal().reload(config_);
  const LogLine line = seal().wait_for("reload");
  EXPECT_EQ(line.field("result"), "failed");
  EXPECT_THAT(line.field("reason"), HasSubstr("key = " + key_file_ + ": "));
  SmtpClient client = connect();
  client.hello();
  client.starttls(trusting_context());
  EXPECT_EQ(client.command("EHLO c.test").code, 250);
  client.quit();
}

// --- bad input ---

class BadIdentity : public ClientTlsTest {
 protected:
  void SetUp() override { set_up("may"); }

  // `config` and `run` refuse it alike, at the line of the key, for this reason.
  void expect_refused(const std::string& key, const std::string& reason) {
    const std::string file = directory_.write("bad.conf", config_.text());
    for (const char* command : {"config", "run"}) {
      const Finished finished = run_smtpseal({command, "-c", file});
      EXPECT_EQ(finished.status, 78) << command << ": " << finished.errors;
      EXPECT_THAT(finished.errors, HasSubstr(file + ":")) << command;
      EXPECT_THAT(finished.errors, HasSubstr(": " + key)) << command;
      EXPECT_THAT(finished.errors, HasSubstr(reason)) << command;
    }
  }
};

TEST_F(BadIdentity, IsMissing) {
  config_.set("listener", "certificate", "/nowhere/c.pem");
  expect_refused("certificate = /nowhere/c.pem: ", "No such file");
  config_.set("listener", "certificate", certificate_file_).set("listener", "key", "/nowhere/k");
  expect_refused("key = /nowhere/k: ", "No such file");
}

TEST_F(BadIdentity, IsEmptyOrSomethingElse) {
  write_file(certificate_file_, "");
  expect_refused("certificate = " + certificate_file_, "certificate");
  write_certificate(seal_request());
  write_private("listener.key", "no key\n");
  expect_refused("key = " + key_file_, "private key");
}

TEST_F(BadIdentity, IsOfAnotherKey) {
  const std::string old_key = read_file(key_file_);
  write_certificate(seal_request());
  write_private("listener.key", old_key);
  expect_refused("key = " + key_file_ + ": ", "is not the key of the certificate in");
}

TEST_F(BadIdentity, HasExpired) {
  tls::CertificateRequest request = seal_request();
  request.not_before = std::chrono::system_clock::now() - std::chrono::hours(48);
  request.not_after = std::chrono::system_clock::now() - std::chrono::hours(24);
  write_certificate(request);
  expect_refused("certificate = " + certificate_file_ + ": ", "certificate expired on ");
}

TEST_F(BadIdentity, IsNotMeantForServers) {
  tls::CertificateRequest request = seal_request();
  request.is_client_only = true;
  write_certificate(request);
  expect_refused("certificate = " + certificate_file_ + ": ", "not meant for a TLS server");
}

TEST_F(BadIdentity, IsReadableByEveryone) {
  std::filesystem::permissions(key_file_, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  expect_refused("key = " + key_file_ + ": ", "can be read by every user");
}

TEST_F(BadIdentity, LacksItsPassphrase) {
  const Finished made = run({"openssl",
                             {"pkcs8", "-topk8", "-in", key_file_, "-out",
                              directory_.path("locked.key"), "-passout", "pass:open sesame"}});
  if (made.status != 0) GTEST_SKIP() << "openssl is not installed";
  config_.set("listener", "key", directory_.path("locked.key"));
  expect_refused("key = " + directory_.path("locked.key") + ": ", "encrypted");
  config_.set("listener", "key_passphrase_file", write_private("p", "close sesame\n"));
  expect_refused("key = " + directory_.path("locked.key") + ": ", "passphrase");
  config_.set("listener", "key_passphrase_file", "/nowhere/p");
  expect_refused("key_passphrase_file = /nowhere/p: ", "No such file");
  config_.unset("listener", "key_passphrase_file");
  config_.set("listener", "key_passphrase_command", "exit 3");
  expect_refused("key_passphrase_command", "3");

  secrets_ = {"sesame"};
  for (const auto& [key, value] :
       {std::pair{"key_passphrase_file", write_private("p", "open sesame\n")},
        std::pair{"key_passphrase_command", std::string("echo open sesame")}}) {
    config_.unset("listener", "key_passphrase_file").unset("listener", "key_passphrase_command");
    config_.set("listener", key, value);
    start();
    SmtpClient client = connect();
    client.hello();
    client.starttls(trusting_context());
    EXPECT_EQ(client.command("EHLO c.test").code, 250);
    client.quit();
    EXPECT_EQ(stop_seal(), 0);
  }
}

TEST_F(BadIdentity, HasNoAuthoritiesOfClients) {
  config_.set("listener", "client_ca", "/nowhere/ca.pem");
  expect_refused("client_ca = /nowhere/ca.pem: ", "No such file");
  config_.set("listener", "client_ca", directory_.write("empty.pem", ""));
  expect_refused("client_ca = " + directory_.path("empty.pem"), "is empty");
  const std::string good = trusted_authority().certificate_pem();
  config_.set("listener", "client_ca",
              directory_.write("mixed.pem", good +
                                                "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                                "-----END CERTIFICATE-----\n" +
                                                good));
  expect_refused("client_ca = " + directory_.path("mixed.pem"), "certificate");
}

TEST_F(BadIdentity, OfOneListenerOfManyIsToldWithTheOthers) {
  config_.set("listener", "key", "/nowhere/k")
      .set("listener two", "listen", "127.0.0.1:0")
      .set("listener two", "tls", "implicit")
      .set("listener two", "certificate", "/nowhere/c");
  const std::string file = directory_.write("bad.conf", config_.text());
  const Finished finished = run_smtpseal({"config", "-c", file});
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("key = /nowhere/k: "));
  EXPECT_THAT(finished.errors, HasSubstr("certificate = /nowhere/c: "));
}

}  // namespace
}  // namespace support
