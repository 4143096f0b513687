// The name in EHLO: ours, or the client's with ehlo_name = client.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

using testing::HasSubstr;
using testing::Not;

class ClientName : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smarthost", "ehlo_name", "client");
    client_names_ = {"app.client.test", "printer.client.test", "[192.0.2.7]"};
  }

  void send_as(const std::string& hello) {
    SmtpClient client = connect();
    client.hello(hello);
    EXPECT_EQ(client.mail(make_mail()).code, 250);
    client.quit();
  }

  // What the smarthost heard, inside TLS or in the clear, over all connections.
  std::string heard(bool is_sealed) {
    std::string all;
    for (const ConnectionRecord& each : smarthost().journal().records()) {
      all += each.received(is_sealed);
    }
    return all;
  }
};

TEST_F(ClientName, IsRepeatedToTheSmarthostInsideTlsAlone) {
  send_as("EHLO app.client.test");
  EXPECT_THAT(heard(true), HasSubstr("EHLO app.client.test\r\nMAIL FROM"));
  EXPECT_THAT(heard(false), HasSubstr(std::string("EHLO ") + kSealName));
  EXPECT_THAT(heard(false), Not(HasSubstr("app.client.test")));
}

TEST_F(ClientName, IsSaidAnewWhereAConnectionHadAnother) {
  send_as("EHLO app.client.test");
  send_as("EHLO app.client.test");
  send_as("HELO printer.client.test");
  send_as("EHLO [192.0.2.7]");
  send_as("EHLO app.client.test");
  EXPECT_EQ(smarthost().connections(), 1u);
  EXPECT_EQ(smarthost().mails().size(), 5u);
  std::string names;
  const std::string said = heard(true);
  for (std::size_t at = said.find("EHLO "); at != std::string::npos;
       at = said.find("EHLO ", at + 1)) {
    names += said.substr(at + 5, said.find('\r', at) - at - 5) + " ";
  }
  EXPECT_EQ(names, std::string(kSealName) +
                       " app.client.test printer.client.test [192.0.2.7] app.client.test ");
}

TEST_F(ClientName, IsOursWhereServersWouldRefuseTheClients) {
  for (const char* hello : {"EHLO localhost", "EHLO pc7", "HELO my_pc.client.test",
                            "EHLO pc7.local", "EHLO 192.0.2.7"}) {
    send_as(hello);
  }
  EXPECT_EQ(smarthost().mails().size(), 5u);
  send_as("EHLO app.client.test");
  send_as("EHLO localhost");
  EXPECT_THAT(heard(true), HasSubstr(std::string("EHLO ") + kSealName + "\r\nMAIL FROM"));
}

TEST_F(ClientName, ResetsWhatTheClientBeforeLeftOpen) {
  {
    SmtpClient leaving = connect();
    leaving.hello("EHLO printer.client.test");
    leaving.envelope();
  }
  send_as("EHLO app.client.test");
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).rcpts.size(), 1u);
}

TEST_F(ClientName, ThatTheSmarthostRefusesPutsOffThatClientAlone) {
  smarthost().on(Point::sealed_ehlo, [](const Situation& at) -> std::optional<Answer> {
    if (at.line != "EHLO printer.client.test") return std::nullopt;
    return Answer{"450 4.7.1 not you\r\n"};
  });
  SmtpClient client = connect();
  client.hello("EHLO printer.client.test");
  EXPECT_EQ(client.command("MAIL FROM:<a@client.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<b@example.test>").code, 451);
  client.quit();
  send_as("EHLO app.client.test");
}

TEST_F(ClientName, GoesToAFreshConnectionWhenTheWarmOneDies) {
  send_as("EHLO app.client.test");
  smarthost().on(Point::sealed_ehlo, [](const Situation& at) -> std::optional<Answer> {
    if (at.wire.number() > 0 || at.count < 3) return std::nullopt;
    return Answer{"", Then::close};
  });
  send_as("EHLO printer.client.test");
  EXPECT_EQ(smarthost().mails().size(), 2u);
  EXPECT_EQ(smarthost().connections(), 2u);
}

class OwnName : public SealTest {};

TEST_F(OwnName, IsTheAddressWeSpeakFromWhereTheHostNameIsNone) {
  config_.set("smtpseal", "hostname", "box.localdomain");
  ehlo_name_ = "[127.0.0.1]";
  EXPECT_TRUE(attempt().is_accepted());
}

}  // namespace
}  // namespace support
