// `smtpseal send`: a test message, and what became of it.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

using testing::HasSubstr;

class Send : public SealTest {
 protected:
  Finished send(const std::string& from = "a@client.test",
                const std::string& to = "b@example.test") {
    if (!seal_) start();
    return run_smtpseal({"send", "--from", from, "--to", to, "--via",
                         "127.0.0.1:" + std::to_string(seal_->port())});
  }
};

TEST_F(Send, DeliversAMessageAndShowsTheConversation) {
  const Finished finished = send();
  EXPECT_EQ(finished.status, 0) << finished.output << finished.errors;
  EXPECT_THAT(finished.output, HasSubstr("C: MAIL FROM:<a@client.test>\nS: 250 "));
  EXPECT_THAT(finished.output, HasSubstr("C: RCPT TO:<b@example.test>\nS: 250 "));
  EXPECT_THAT(finished.output, HasSubstr("C: .\nS: 250 "));
  EXPECT_THAT(finished.output, HasSubstr("\nOK  the smarthost took the message: 250 "));
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(1);
  ASSERT_EQ(mails.size(), 1U);
  const std::string mail = mails[0].without_trace();
  for (const char* field : {"Date: ", "From: <a@client.test>\r\n", "To: <b@example.test>\r\n",
                            "Subject: smtpseal test message\r\n", "Message-ID: <"}) {
    EXPECT_THAT(mail, HasSubstr(field));
  }
}

TEST_F(Send, SendsFromTheNullPath) {
  EXPECT_EQ(send("<>").status, 0);
  EXPECT_THAT(smarthost().wait_for_mails(1).front().mail, HasSubstr("<>"));
}

TEST_F(Send, ExitsWithTemporaryWhenTheMessageIsPutOff) {
  smarthost().on(Point::rcpt, always("450 4.2.0 greylisted\r\n"));
  const Finished finished = send();
  EXPECT_EQ(finished.status, 75);
  EXPECT_THAT(finished.output, HasSubstr("put off, in answer to RCPT: 450 4.2.0 greylisted"));
}

TEST_F(Send, ExitsWithUnavailableWhenTheMessageIsRefused) {
  smarthost().on(Point::end_of_data, always("550 5.7.1 spam\r\n"));
  const Finished finished = send();
  EXPECT_EQ(finished.status, 69);
  EXPECT_THAT(finished.output, HasSubstr("refused, in answer to the message: 550 5.7.1 spam"));
}

TEST_F(Send, ExitsWithUnavailableWhereNothingListens) {
  smarthost().go_down();
  const std::string nowhere = "127.0.0.1:" + std::to_string(smarthost().port());
  const Finished finished =
      run_smtpseal({"send", "--from", "a@b.test", "--to", "c@d.test", "--via", nowhere});
  EXPECT_EQ(finished.status, 69);
  EXPECT_THAT(finished.errors, HasSubstr("Is smtpseal running?"));
}

TEST_F(Send, SaysThatNoGreetingCame) {
  ScriptedSmarthost mute{Behavior{}};
  mute.on(Point::greeting, always("", Then::close));
  const Finished finished = run_smtpseal({"send", "--from", "a@b.test", "--to", "c@d.test", "--via",
                                          "127.0.0.1:" + std::to_string(mute.port())});
  EXPECT_EQ(finished.status, 69);
  EXPECT_THAT(finished.output, HasSubstr("FAILED  before the greeting: the listener closed"));
  EXPECT_THAT(finished.output, HasSubstr("(tls = implicit): name another by --via"));
}

TEST_F(Send, SaysWhatCameInsteadOfAGreeting) {
  smarthost().go_down();
  const Finished finished = send();
  EXPECT_EQ(finished.status, 75);
  EXPECT_THAT(finished.output, HasSubstr("put off, instead of a greeting: 421 4.4.1"));
}

TEST_F(Send, NamesTheCheckThatWouldHelp) {
  smarthost().on(Point::rcpt, always("450 4.2.0 greylisted\r\n"));
  EXPECT_THAT(send().output, HasSubstr("To see what is wrong: smtpseal check HOST:PORT"));
  const std::string file = directory_.write("send.conf", "[smarthost]\nhost = smtp.example.test\n");
  const Finished finished =
      run_smtpseal({"send", "-c", file, "--from", "a@b.test", "--to", "c@d.test", "--via",
                    "127.0.0.1:" + std::to_string(seal_->port())});
  EXPECT_THAT(finished.output, HasSubstr("smtpseal check -c " + file));
}

TEST_F(Send, RefusesWhatIsNoAddress) {
  for (const char* bad : {"a b", "a>b", "", "x@y\r\nRCPT TO:<evil@z>"}) {
    const Finished finished =
        run_smtpseal({"send", "--from", "a@b.test", "--to", bad, "--via", "127.0.0.1:1"});
    EXPECT_EQ(finished.status, 64) << bad;
  }
}

TEST_F(Send, FindsTheListenerInTheConfiguration) {
  const std::string free_port = std::to_string(smarthost().port());
  smarthost().go_down();
  const std::string file =
      directory_.write("send.conf", "[listener]\nlisten = 127.0.0.1:" + free_port +
                                        "\n[smarthost]\nhost = smtp.example.test\n");
  const Finished finished =
      run_smtpseal({"send", "-c", file, "--from", "a@b.test", "--to", "c@d.test"});
  EXPECT_EQ(finished.status, 69);
  EXPECT_THAT(finished.errors, HasSubstr("127.0.0.1:" + free_port));
}

TEST_F(Send, SaysThatAListenerDemandsTls) {
  ScriptedSmarthost demanding{Behavior{}};
  demanding.on(Point::mail, always("530 5.7.0 Must issue a STARTTLS command first\r\n"));
  const Finished finished = run_smtpseal({"send", "--from", "a@b.test", "--to", "c@d.test", "--via",
                                          "127.0.0.1:" + std::to_string(demanding.port())});
  EXPECT_EQ(finished.status, 69);
  EXPECT_THAT(finished.output,
              HasSubstr("(tls = encrypt), which send lacks: name another by --via"));
}

TEST_F(Send, PrefersAListenerThatTakesPlaintext) {
  const std::string free_port = std::to_string(smarthost().port());
  smarthost().go_down();
  std::string text = "[smarthost]\nhost = smtp.example.test\n";
  const auto add = [&text](const std::string& name, const std::string& port,
                           const std::string& tls) {
    text += "[listener " + name + "]\nlisten = 127.0.0.1:" + port + "\ntls = " + tls + "\n";
    if (tls != "none") text += "certificate = /nowhere/c.pem\nkey = /nowhere/k.pem\n";
  };
  const auto send_by = [this](const std::string& config) {
    return run_smtpseal({"send", "-c", directory_.write("send.conf", config), "--from", "a@b.test",
                         "--to", "c@d.test"});
  };
  add("first", "1", "implicit");
  add("second", "2", "encrypt");
  const Finished refused = send_by(text);
  EXPECT_EQ(refused.status, 64);
  EXPECT_THAT(refused.errors, HasSubstr("every listener demands TLS"));
  add("third", free_port, "none");
  EXPECT_THAT(send_by(text).errors, HasSubstr("127.0.0.1:" + free_port));
}

}  // namespace
}  // namespace support
