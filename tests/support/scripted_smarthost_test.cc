// The scripted smarthost is tried with a client of its own kind, without smtpseal between them.
#include "support/scripted_smarthost.h"

#include <gtest/gtest.h>

#include "support/certificates.h"
#include "support/smtp_client.h"

namespace support {
namespace {

Behavior clear_behavior() {
  Behavior behavior;
  behavior.is_tls_wanted = false;
  behavior.clear_keywords = {"PIPELINING"};
  behavior.tls = good_server_context();
  return behavior;
}

TEST(ScriptedSmarthost, StoresMailByteForByte) {
  ScriptedSmarthost smarthost(clear_behavior());
  SmtpClient client(smarthost.port());
  client.hello();
  EXPECT_EQ(client.mail("a\r\n..b\r\n").code, 250);
  const auto mails = smarthost.mails();
  ASSERT_EQ(mails.size(), 1u);
  EXPECT_EQ(mails[0].data, "a\r\n.b\r\n");
  EXPECT_EQ(mails[0].mail, "MAIL FROM:<sender@client.test>");
  EXPECT_EQ(client.mail("").code, 250);
  EXPECT_EQ(smarthost.mails().at(1).data, "");
  client.quit();
}

TEST(ScriptedSmarthost, WantsTls) {
  Behavior behavior = clear_behavior();
  behavior.is_tls_wanted = true;
  ScriptedSmarthost smarthost(behavior);
  SmtpClient client(smarthost.port());
  client.hello();
  const Reply reply = client.command("MAIL FROM:<a@b>");
  EXPECT_EQ(reply.code, 530);
  EXPECT_EQ(reply.text(), "5.7.0 Must issue a STARTTLS command first");
}

TEST(ScriptedSmarthost, AsksHooks) {
  ScriptedSmarthost smarthost(clear_behavior());
  smarthost.on(Point::rcpt, once("450 4.2.0 later\r\n"));
  SmtpClient client(smarthost.port());
  client.hello();
  client.command("MAIL FROM:<a@b>");
  EXPECT_EQ(client.command("RCPT TO:<c@d>").code, 450);
  EXPECT_EQ(client.command("RCPT TO:<c@d>").code, 250);
}

TEST(ScriptedSmarthost, RunsScripts) {
  ScriptedSmarthost smarthost(clear_behavior());
  smarthost.script([](SmarthostConnection& wire) {
    wire.send("220 scripted\r\n");
    wire.expect("EHLO");
    wire.send({"421 go away\r\n", Then::close});
  });
  SmtpClient client(smarthost.port());
  EXPECT_EQ(client.read_reply().text(), "scripted");
  EXPECT_EQ(client.command("EHLO x").code, 421);
  EXPECT_EQ(client.read_until_closed(), "");
  SmtpClient next(smarthost.port());
  next.hello();
}

TEST(ScriptedSmarthost, GoesDownAndComesUpOnItsPort) {
  ScriptedSmarthost smarthost(clear_behavior());
  SmtpClient client(smarthost.port());
  client.hello();
  smarthost.go_down();
  EXPECT_THROW(SmtpClient refused(smarthost.port()), Failure);
  smarthost.come_up();
  SmtpClient again(smarthost.port());
  again.hello();
}

TEST(ScriptedSmarthost, ObeysOrdersWhileItWaits) {
  ScriptedSmarthost smarthost(clear_behavior());
  SmtpClient client(smarthost.port());
  client.hello();
  smarthost.tell_all({"421 4.4.2 idle\r\n", Then::close});
  EXPECT_EQ(client.read_reply().code, 421);
  EXPECT_EQ(client.read_until_closed(), "");
  smarthost.wait_until_idle();
}

TEST(ScriptedSmarthost, ComplainsOfAScriptThatWentAnotherWay) {
  ScriptedSmarthost smarthost(clear_behavior());
  smarthost.script([](SmarthostConnection& wire) { wire.expect("EHLO"); });
  SmtpClient client(smarthost.port());
  client.send("HELO x\r\n");
  EXPECT_EQ(client.read_until_closed(), "");
  smarthost.stop();
  ASSERT_EQ(smarthost.journal().complaints().size(), 1u);
}

TEST(SmtpSocket, RefusesRepliesThatAreNone) {
  for (const char* bad : {"250 ok\n", "25 ok\r\n", "250-a\r\n550 b\r\n", "250ok\r\n", "650 x\r\n",
                          "250 a\rb\r\n", "abc\r\n"}) {
    ScriptedSmarthost smarthost(clear_behavior());
    smarthost.script([bad](SmarthostConnection& wire) { wire.send({bad, Then::silence}); });
    SmtpSocket socket(smarthost.port());
    EXPECT_THROW(socket.read_reply(), Failure) << bad;
  }
}

}  // namespace
}  // namespace support
