// smtp/trace: the Received line.
#include "smtp/trace.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "smtp/mail_data.h"

namespace smtp {
namespace {

using std::chrono::seconds;

class TraceTest : public testing::Test {
 protected:
  void SetUp() override {
    facts_.client_name = "ups.example";
    facts_.client_address = "127.0.0.1";
    facts_.hostname = "relay.example";
    facts_.is_extended = true;
    facts_.id = "00a3f1.1";
  }

  TraceFacts facts_;
  base::WallTime now_{seconds(1795529618)};  // 2026-11-24 14:13:38 UTC
};

TEST_F(TraceTest, HasTheFormOfRfc5321) {
  EXPECT_EQ(format_received(facts_, now_),
            "Received: from ups.example ([127.0.0.1])\r\n"
            "\tby relay.example (smtpseal) with ESMTP id 00a3f1.1;\r\n"
            "\tTue, 24 Nov 2026 14:13:38 +0000\r\n");
}

TEST_F(TraceTest, WritesIpv6AddressesWithTheirTag) {
  facts_.client_address = "::1";
  EXPECT_NE(format_received(facts_, now_).find("([IPv6:::1])"), std::string::npos);
}

TEST_F(TraceTest, SaysInACommentThatTheClientCameThroughAUnixSocket) {
  facts_.client_address.clear();
  facts_.client_note = "local socket, uid 1000";
  EXPECT_EQ(format_received(facts_, now_)
                .find("Received: from ups.example (local socket, uid 1000)\r\n\tby relay.example"),
            0U);
}

TEST_F(TraceTest, SaysUnknownForAClientWithoutAName) {
  facts_.client_name.clear();
  EXPECT_EQ(format_received(facts_, now_).find("Received: from unknown ("), 0U);
}

TEST_F(TraceTest, ShowsTheClientsTls) {
  facts_.client_tls = "TLSv1.3 TLS_AES_128_GCM_SHA256";
  EXPECT_NE(format_received(facts_, now_).find("\r\n\t(using TLSv1.3 TLS_AES_128_GCM_SHA256)\r\n"),
            std::string::npos);
}

TEST_F(TraceTest, NamesTheProtocolAsRfc3848Has) {
  const auto protocol = [this](bool is_extended, bool is_authenticated, const char* tls) {
    facts_.is_extended = is_extended;
    facts_.is_authenticated = is_authenticated;
    facts_.client_tls = tls;
    const std::string text = format_received(facts_, now_);
    const std::size_t begin = text.find(" with ") + 6;
    return text.substr(begin, text.find(" id ") - begin);
  };
  EXPECT_EQ(protocol(false, false, ""), "SMTP");
  EXPECT_EQ(protocol(true, false, ""), "ESMTP");
  EXPECT_EQ(protocol(true, true, ""), "ESMTPA");
  EXPECT_EQ(protocol(true, false, "TLSv1.3 X"), "ESMTPS");
  EXPECT_EQ(protocol(true, true, "TLSv1.3 X"), "ESMTPSA");
  EXPECT_EQ(protocol(false, false, "TLSv1.3 X"), "SMTP");
}

TEST_F(TraceTest, ShowsTheClientsVerifiedCertificate) {
  facts_.client_tls = "TLSv1.3 X";
  facts_.client_subject = "CN=printer 4, O=Example";
  EXPECT_NE(format_received(facts_, now_)
                .find("\r\n\t(using TLSv1.3 X)\r\n\t(client certificate CN=printer 4, "
                      "O=Example)\r\n\tby relay.example"),
            std::string::npos);
}

TEST_F(TraceTest, LetsNoSubjectLeaveItsComment) {
  facts_.client_subject =
      "CN=x) by relay.example (smtpseal\r\nBcc: \\ \xc3\xa4" + std::string(999, 'y');
  const std::string text = format_received(facts_, now_);
  EXPECT_NE(text.find("(client certificate CN=x\\) by relay.example \\(smtpseal??Bcc: \\\\ ??yyy"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("yyy...)\r\n\tby relay.example"), std::string::npos);
  HeaderScanner scanner(own_mark("relay.example"));
  scanner.receive(text + "\r\n");
  EXPECT_EQ(scanner.hops(), 1U);
  EXPECT_EQ(scanner.own_hops(), 1U);
}

TEST_F(TraceTest, KeepsEveryLineBelowTheLimit) {
  facts_.client_name = std::string(255, 'x');
  facts_.hostname = std::string(255, 'y');
  const std::string text = format_received(facts_, now_);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find("\r\n", begin);
    EXPECT_LE(end - begin, 998U);
    begin = end + 2;
  }
}

TEST_F(TraceTest, IsRecognisedAsOurs) {
  HeaderScanner scanner(own_mark("relay.example"));
  scanner.receive(format_received(facts_, now_) + "\r\n");
  EXPECT_EQ(scanner.hops(), 1U);
  EXPECT_EQ(scanner.own_hops(), 1U);
}

TEST(Date, IsWrittenInUtc) {
  EXPECT_EQ(format_date(base::WallTime(seconds(0))), "Thu, 1 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(format_date(base::WallTime(seconds(951825599))), "Tue, 29 Feb 2000 11:59:59 +0000");
}

}  // namespace
}  // namespace smtp
