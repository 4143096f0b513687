// proxy_protocol = yes: clients that come through a load balancer.
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client_tls.h"
#include "support/seal_test.h"

namespace support {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kLine = "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n";
const std::string kOtherLine = "PROXY TCP4 198.51.100.7 192.0.2.1 40000 25\r\n";
// Version 2, for [2001:db8::7]:40000.
const std::string kVersion2 =
    "\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\x9c\x40\x00\x19"s;
const std::string kLocal = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"s;

class Proxied : public ClientTlsTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("listener", "proxy_protocol", "yes")
        .set("listener", "proxy_networks", "127.0.0.0/8")
        .set("listener", "allow", "192.0.2.0/24, 2001:db8::/32");
  }

  // A connection of the proxy that has said `header`.
  SmtpClient connect_with(const std::string& header) {
    SmtpClient client = connect();
    client.send(header);
    return client;
  }
  // Ended without a word, and the log says why.
  void expect_dropped(SmtpClient client, const std::string& reason) {
    EXPECT_EQ(client.read_until_closed(), "");
    const LogLine line = seal().wait_for("proxy-fail", ++dropped_);
    EXPECT_THAT(line.field("reason"), HasSubstr(reason));
    EXPECT_THAT(line.field("via"), StartsWith("127.0.0.1:"));
  }

  std::size_t dropped_ = 0;
};

TEST_F(Proxied, AreKnownByTheirOwnAddress) {
  SmtpClient client = connect_with(kLine);
  client.hello();
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  client.quit();
  const LogLine open = seal().wait_for("session-open");
  EXPECT_EQ(open.field("client"), "192.0.2.7:40000");
  EXPECT_THAT(open.field("via"), StartsWith("127.0.0.1:"));
  EXPECT_EQ(open.field("listener"), "127.0.0.1:" + std::to_string(seal().port()));
  EXPECT_THAT(last_mail().data, StartsWith("Received: from client.test ([192.0.2.7])\r\n\tby "));
}

TEST_F(Proxied, AreKnownByVersion2Too) {
  SmtpClient client = connect_with(kVersion2);
  client.hello();
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  EXPECT_EQ(seal().wait_for("session-open").field("client"), "[2001:db8::7]:40000");
  EXPECT_THAT(last_mail().data,
              StartsWith("Received: from client.test ([IPv6:2001:db8::7])\r\n\tby "));
}

TEST_F(Proxied, AreJudgedByTheAllowListThemselves) {
  SmtpClient client = connect_with(kOtherLine);
  const Reply reply = client.read_reply();
  EXPECT_EQ(reply.code, 554);
  EXPECT_THAT(reply.raw, HasSubstr("5.7.1 clients at 198.51.100.7 are not allowed here"));
  EXPECT_EQ(client.read_until_closed(), "");
  const LogLine line = seal().wait_for("session-open");
  EXPECT_EQ(line.field("client"), "198.51.100.7:40000");
  EXPECT_THAT(line.field("via"), StartsWith("127.0.0.1:"));
  EXPECT_THAT(line.field("refused"), HasSubstr("554"));
}

// LOCAL and UNKNOWN: the proxy speaks for itself, as health checks do.
TEST_F(Proxied, AreTheProxyItselfWhereItSaysSo) {
  EXPECT_EQ(connect_with(kLocal).read_reply().code, 554);
  EXPECT_EQ(connect_with("PROXY UNKNOWN\r\n").read_reply().code, 554);
  seal().reload(config_.set("listener", "allow", "127.0.0.1"));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_EQ(connect_with(kLocal).read_reply().code, 220);
  EXPECT_EQ(connect_with(kLine).read_reply().code, 554);
}

TEST_F(Proxied, MustComeFromAProxy) {
  config_.set("listener", "proxy_networks", "192.0.2.1").set("listener", "allow", "127.0.0.1");
  for (const std::string& said : {""s, kLine, "EHLO client.test\r\n"s}) {
    SmtpClient client = connect_with(said);
    const Reply reply = client.read_reply();
    EXPECT_EQ(reply.code, 554);
    EXPECT_THAT(reply.raw, HasSubstr("5.7.1 clients at 127.0.0.1 must come through a proxy"));
    EXPECT_EQ(client.read_until_closed(), "");
  }
}

TEST_F(Proxied, AreDroppedWithoutAHeader) {
  expect_dropped(connect_with("EHLO client.test\r\n"), "begins with none");
  expect_dropped(connect_with("PROXY TCP4 here there 1 2\r\n"), "expected addresses");
  expect_dropped(connect_with("PROXY " + std::string(102, 'x')), "longer than 107 octets");
  expect_dropped(connect_with("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"s), "65535 octets");
  SmtpClient flood = connect();
  static_cast<void>(flood.try_send("PROXY " + std::string(200 * 1024, 'x')));
  EXPECT_THAT(seal().wait_for("proxy-fail", 5).field("reason"), HasSubstr("longer than 107"));
  EXPECT_TRUE(smarthost().journal().records().empty());
  EXPECT_EQ(connect_with(kLine).read_reply().code, 220);
}

TEST_F(Proxied, AreDroppedWhereTheHeaderDoesNotCome) {
  expect_dropped(connect_with("PROXY TCP4 192."), "no PROXY header came in 5 s");
}

TEST_F(Proxied, MayGoBeforeTheHeaderIsThere) {
  SmtpClient half = connect_with("PROXY TCP4 ");
  half.shut_down_writing();
  expect_dropped(std::move(half), "ended before its PROXY header");
  connect().reset();
  connect_with(kLine.substr(0, 20)).reset();
  EXPECT_EQ(connect_with(kLine).read_reply().code, 220);
}

TEST_F(Proxied, MayTalkInTheSameSegmentAsTheHeader) {
  for (const std::string& header : {kLine, kVersion2}) {
    SmtpClient client = connect_with(header + "EHLO early.test\r\nMAIL FROM:<a@client.test>\r\n");
    EXPECT_EQ(client.read_reply().code, 220);
    EXPECT_EQ(client.read_reply().code, 250);
    EXPECT_EQ(client.read_reply().code, 250);
    client.quit();
  }
}

TEST_F(Proxied, MayHaveTheirHeaderInPieces) {
  for (const std::string& header : {kLine, kVersion2}) {
    SmtpClient client = connect();
    client.send_in_pieces(header + "EHLO slow.test\r\n", 1);
    EXPECT_EQ(client.read_reply().code, 220);
    EXPECT_EQ(client.read_reply().code, 250);
  }
}

TEST_F(Proxied, CannotSayWhoTheyAreASecondTime) {
  SmtpClient client = connect_with(kLine + kOtherLine);
  EXPECT_EQ(client.read_reply().code, 220);
  EXPECT_EQ(client.read_reply().code, 500);
  EXPECT_EQ(seal().wait_for("session-open").field("client"), "192.0.2.7:40000");
}

TEST_F(Proxied, AreCountedEachForItself) {
  config_.set("listener", "max_sessions_per_client", "1");
  SmtpClient first = connect_with(kLine);
  EXPECT_EQ(first.read_reply().code, 220);
  EXPECT_EQ(connect_with(kLine).read_reply().code, 421);
  EXPECT_EQ(connect_with(kVersion2).read_reply().code, 220);
  // Those whose header is awaited are nobody's yet.
  SmtpClient waiting = connect();
  SmtpClient another = connect();
  another.send("PROXY TCP4 192.0.2.9 192.0.2.1 40000 25\r\n");
  EXPECT_EQ(another.read_reply().code, 220);
}

TEST_F(Proxied, CountAmongTheSessionsWhileTheirHeaderIsAwaited) {
  config_.set("listener", "max_sessions", "2");
  SmtpClient waiting = connect();
  SmtpClient client = connect_with(kLine);
  EXPECT_EQ(client.read_reply().code, 220);
  EXPECT_EQ(connect().read_reply().code, 421);
  waiting.send(kLine);
  EXPECT_EQ(waiting.read_reply().code, 220);
}

TEST_F(Proxied, BeginTlsBehindTheHeader) {
  set_up("may");
  SmtpClient client = connect_with(kLine);
  client.hello();
  client.starttls(trusting_context());
  client.command("EHLO inside.test");
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  EXPECT_THAT(last_mail().data,
              StartsWith("Received: from inside.test ([192.0.2.7])\r\n\t(using TLSv1.3 "));
}

TEST_F(Proxied, BeginWithTlsBehindTheHeader) {
  set_up("implicit");
  for (const std::string& header : {kLine, kVersion2}) {
    SmtpClient client = connect_with(header);
    client.start_tls(trusting_context());
    client.hello();
    EXPECT_EQ(client.mail(make_mail()).code, 250);
    client.quit();
  }
}

TEST_F(Proxied, AreNotWaitedForAtTheEnd) {
  SmtpClient waiting = connect_with("PROXY TCP4 ");
  SmtpClient client = connect_with(kLine);
  EXPECT_EQ(client.read_reply().code, 220);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_EQ(waiting.read_until_closed(), "");
}

TEST_F(Proxied, MayComeThroughAUnixSocket) {
  const std::string path = directory_.path("smtp");
  config_.set("listener", "listen", "unix:" + path).unset("listener", "proxy_networks");
  start();
  SmtpClient client(path);
  client.send(kLine + "EHLO client.test\r\n");
  EXPECT_EQ(client.read_reply().code, 220);
  EXPECT_EQ(client.read_reply().code, 250);
  const LogLine open = seal().wait_for("session-open");
  EXPECT_EQ(open.field("client"), "192.0.2.7:40000");
  EXPECT_EQ(open.field("via"), "unix:" + path);
  SmtpClient other(path);
  other.send(kOtherLine);
  EXPECT_EQ(other.read_reply().code, 554);
}

TEST_F(Proxied, SurviveReloadsWhileTheirHeaderIsAwaited) {
  SmtpClient waiting = connect();
  EXPECT_EQ(connect_with(kLine).read_reply().code, 220);  // the first one was accepted before
  seal().reload(config_.unset("listener", "proxy_protocol").unset("listener", "proxy_networks"));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  waiting.send(kLine);
  EXPECT_EQ(waiting.read_reply().code, 220);
  EXPECT_EQ(connect_with("").read_reply().code, 554);
}

}  // namespace
}  // namespace support
