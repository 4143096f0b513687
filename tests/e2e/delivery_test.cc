// delivery = relay, fallback and queue with the real program: what 250 promises in each, and that
// mail arrives once whatever the smarthost did meanwhile.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

class Delivery : public SealTest {
 protected:
  void deliver(const std::string& how) {
    config_.set("listener", "delivery", how).set("smtpseal", "spool_dir", folder_);
  }

  static bool is_queued(const Attempt& attempt) {
    return attempt.is_accepted() && attempt.reply.has_text("Queued as ");
  }

  // Of all mails in the spool, to be delivered or not.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const char* part : {"queue", "failed"}) {
      const std::filesystem::path path = std::filesystem::path(folder_) / part;
      if (!std::filesystem::exists(path)) continue;
      for (const auto& each : std::filesystem::directory_iterator(path)) {
        names.push_back(std::string(part) + "/" + each.path().filename().string());
      }
    }
    return names;
  }

  // A mail and its envelope; perhaps the mark of an attempt.
  [[nodiscard]] bool has_one_mail() const {
    int mails = 0;
    int envelopes = 0;
    for (const std::string& name : files()) {
      mails += name.starts_with("queue/") && name.ends_with(".mail") ? 1 : 0;
      envelopes += name.starts_with("queue/") && name.ends_with(".envelope") ? 1 : 0;
    }
    return mails == 1 && envelopes == 1;
  }

  // No warning, no end of anything: what it promised must not depend on that.
  void kill() {
    seal().process().signal(SIGKILL);
    EXPECT_EQ(seal().process().wait(), 128 + SIGKILL);
    seal_.reset();
  }

  // The spool has tried in vain; now it need not wait for its next turn.
  void retry() {
    seal().wait_for("deferred");
    write_file(folder_ + "/requests/retry-all", "");
  }

  // Whatever was promised has come, and only once.
  void expect_each_once(std::size_t count) {
    const std::vector<StoredMail> mails = smarthost().wait_for_mails(count);
    EXPECT_EQ(stop_seal(), 0);
    EXPECT_EQ(smarthost().mails().size(), count);
    EXPECT_EQ(files(), std::vector<std::string>());
  }

  const std::string folder_ = directory_.path("spool");
};

// --- what 250 promises: the README names these ---

class Promise : public Delivery {};

TEST_F(Promise, RelaySays250OnceTheSmarthostDid) {
  deliver("relay");
  SmtpClient client = connect();
  client.hello();
  smarthost().on(Point::end_of_data, once("250 2.0.0 taken as 42\r\n"));
  const Reply taken = client.mail(make_mail());
  EXPECT_EQ(taken.raw, "250 2.0.0 taken as 42\r\n");
  EXPECT_EQ(smarthost().mails().size(), 1u);
  smarthost().on(Point::end_of_data, once("451 4.3.0 later\r\n"));
  EXPECT_EQ(client.mail(make_mail()).raw, "451 4.3.0 later\r\n");
  client.quit();
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_EQ(smarthost().mails().size(), 1u);
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Promise, FallbackSays250OnceTheSmarthostOrTheDiskHasIt) {
  deliver("fallback");
  smarthost().on(Point::end_of_data, once("250 2.0.0 taken as 42\r\n"));
  const Attempt relayed = attempt();
  EXPECT_EQ(relayed.reply.raw, "250 2.0.0 taken as 42\r\n");
  EXPECT_EQ(files(), std::vector<std::string>());
  smarthost().go_down();
  const Attempt spooled = attempt();
  EXPECT_TRUE(is_queued(spooled)) << ::testing::PrintToString(spooled);
  // The moment that 250 is heard it is there, and stays there without the program.
  EXPECT_TRUE(has_one_mail()) << ::testing::PrintToString(files());
  kill();
  EXPECT_TRUE(has_one_mail()) << ::testing::PrintToString(files());
  smarthost().come_up();
  start();
  expect_each_once(2);
}

TEST_F(Promise, QueueSays250OnceTheDiskHasIt) {
  deliver("queue");
  smarthost().go_down();
  const Attempt spooled = attempt();
  EXPECT_TRUE(is_queued(spooled)) << ::testing::PrintToString(spooled);
  EXPECT_EQ(smarthost().connections(), 0u);
  kill();
  EXPECT_TRUE(has_one_mail()) << ::testing::PrintToString(files());
  smarthost().come_up();
  start();
  expect_each_once(1);
}

// --- fallback: the smarthost fails at each of its steps, and comes back ---

struct Trouble {
  std::string name;
  Point point;
  std::string said;
  Then then = Then::go_on;
  std::optional<bool> is_in_doubt = false;  // nothing: who was faster decides
};

class Fallback : public Delivery, public testing::WithParamInterface<Trouble> {};

TEST_P(Fallback, TakesTheMailOverAndDeliversItOnce) {
  const Trouble& one = GetParam();
  deliver("fallback");
  config_.set("smarthost", "command_timeout", "2s").set("smarthost", "data_timeout", "2s");
  smarthost().on(one.point, always(one.said, one.then));
  const Attempt decided = attempt();
  EXPECT_TRUE(is_queued(decided)) << ::testing::PrintToString(decided);
  const LogLine line = seal().wait_for("spooled");
  if (one.is_in_doubt) {
    EXPECT_EQ(line.field("in-doubt"), *one.is_in_doubt ? "yes" : "no") << line.text;
  }
  EXPECT_EQ(line.field("from"), "<sender@client.test>");
  EXPECT_NE(line.field("why"), "-");
  seal().wait_for("deferred");
  smarthost().be_healthy();
  retry();
  expect_each_once(1);
}

INSTANTIATE_TEST_SUITE_P(
    Troubles, Fallback,
    testing::Values(Trouble{"Greeting421", Point::greeting, "421 4.3.2 no\r\n", Then::close},
                    Trouble{"Greeting554", Point::greeting, "554 5.3.2 no\r\n", Then::close},
                    Trouble{"GreetingClose", Point::greeting, "", Then::close},
                    Trouble{"StartTlsRefused", Point::starttls, "454 4.7.0 no\r\n"},
                    Trouble{"SealedEhloClose", Point::sealed_ehlo, "", Then::close},
                    Trouble{"MailPutOff", Point::mail, "451 4.3.0 later\r\n"},
                    Trouble{"Mail421", Point::mail, "421 4.3.2 bye\r\n", Then::close},
                    Trouble{"MailClose", Point::mail, "", Then::close},
                    Trouble{"Rcpt421", Point::rcpt, "421 4.3.2 bye\r\n", Then::close},
                    Trouble{"RcptReset", Point::rcpt, "", Then::reset},
                    Trouble{"RcptSilence", Point::rcpt, "", Then::silence},
                    Trouble{"DataPutOff", Point::data, "452 4.3.1 full\r\n"},
                    Trouble{"DataClose", Point::data, "", Then::close},
                    // All of it may have left us by then.
                    Trouble{"BodyClose", Point::body, "", Then::close, std::nullopt},
                    Trouble{"BodyPutOff", Point::body, "452 4.3.1 full\r\n", Then::silence},
                    Trouble{"EndPutOff", Point::end_of_data, "451 4.7.1 greylisted\r\n"},
                    Trouble{"End421", Point::end_of_data, "421 4.3.2 bye\r\n", Then::close, true},
                    Trouble{"EndClose", Point::end_of_data, "", Then::close, true},
                    Trouble{"EndReset", Point::end_of_data, "", Then::reset, true},
                    Trouble{"EndSilence", Point::end_of_data, "", Then::silence, true}),
    [](const auto& one) { return one.param.name; });

class FallbackTls : public Delivery {};

TEST_F(FallbackTls, SmarthostWithoutStartTls) {
  deliver("fallback");
  Behavior clear = smarthost().behavior();
  const Behavior good = clear;
  clear.clear_keywords = {"PIPELINING"};
  smarthost().set_behavior(clear);
  EXPECT_TRUE(is_queued(attempt()));
  seal().wait_for("deferred");
  EXPECT_TRUE(smarthost().mails().empty());
  smarthost().set_behavior(good);
  retry();
  expect_each_once(1);
}

TEST_F(FallbackTls, ExpiredCertificate) {
  deliver("fallback");
  const Behavior good = smarthost().behavior();
  Behavior expired = good;
  tls::CertificateRequest request = good_request();
  request.not_after = std::chrono::system_clock::now() - std::chrono::hours(24);
  request.not_before = request.not_after - std::chrono::hours(240);
  expired.tls = server_context(request);
  smarthost().set_behavior(expired);
  EXPECT_TRUE(is_queued(attempt()));
  EXPECT_NE(seal().wait_for("spooled").field("why").find("expired"), std::string::npos);
  seal().wait_for("deferred");
  smarthost().set_behavior(good);
  retry();
  expect_each_once(1);
}

class FallbackSays : public Delivery {
 protected:
  void SetUp() override {
    Delivery::SetUp();
    deliver("fallback");
  }
};

TEST_F(FallbackSays, WhatTheSmarthostRefusesForGoodIsRefused) {
  smarthost().on(Point::end_of_data, once("554 5.6.0 spam\r\n"));
  EXPECT_EQ(attempt().reply.raw, "554 5.6.0 spam\r\n");
  smarthost().on(Point::mail, once("550 5.7.1 not you\r\n"));
  EXPECT_EQ(attempt().reply.raw, "550 5.7.1 not you\r\n");
  EXPECT_EQ(files(), std::vector<std::string>());
  expect_service_when_healthy();
}

TEST_F(FallbackSays, RefusedRecipientIsNotInTheSpool) {
  smarthost().on(Point::rcpt, [](const Situation& now) -> std::optional<Answer> {
    if (now.line.find("bad@") == std::string::npos) return std::nullopt;
    return Answer{"450 4.2.0 not now\r\n"};
  });
  smarthost().on(Point::end_of_data, once("451 4.3.0 later\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<sender@client.test>").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<bad@example.test>").raw, "450 4.2.0 not now\r\n");
  EXPECT_EQ(client.command("RCPT TO:<rcpt@example.test>").code, 250);
  EXPECT_EQ(client.command("DATA").code, 354);
  EXPECT_TRUE(client.finish(make_mail()).has_text("Queued as "));
  client.quit();
  smarthost().be_healthy();
  const auto mails = smarthost().wait_for_mails(1);
  EXPECT_EQ(mails[0].rcpts, std::vector<std::string>{"RCPT TO:<rcpt@example.test>"});
  expect_each_once(1);
}

TEST_F(FallbackSays, CopyIsWhatTheSmarthostWouldHaveGot) {
  smarthost().go_down();
  const std::string mail = make_mail("..two dots\r\nend\r\n");
  EXPECT_TRUE(is_queued(attempt(mail)));
  seal().wait_for("deferred");
  smarthost().come_up();
  retry();
  const auto mails = smarthost().wait_for_mails(1);
  std::string unstuffed = mail;
  unstuffed.erase(unstuffed.find("..two"), 1);
  EXPECT_EQ(mails[0].without_trace(), unstuffed);
  EXPECT_EQ(mails[0].mail.find("MAIL FROM:<sender@client.test>"), 0u);
  expect_each_once(1);
}

TEST_F(FallbackSays, BigMailGoesOnIntoTheSpoolInTheMiddle) {
  std::string body;
  for (int i = 0; i < 40000; ++i) body += std::to_string(i) + " of a mail that is big\r\n";
  const std::string mail = make_mail(body);
  smarthost().on(Point::body, [](const Situation& now) -> std::optional<Answer> {
    if (now.size < 400000) return std::nullopt;
    return Answer{"", Then::reset};
  });
  EXPECT_TRUE(is_queued(attempt(mail)));
  seal().wait_for("deferred");
  smarthost().be_healthy();
  retry();
  EXPECT_EQ(smarthost().wait_for_mails(1)[0].without_trace(), mail);
  expect_each_once(1);
}

TEST_F(FallbackSays, LateRepliesAreTheSmarthostsAsLongAsItGivesAny) {
  config_.set("listener", "early_replies", "no");
  smarthost().on(Point::mail, once("250 2.1.0 its own words\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<a@client.test>").raw, "250 2.1.0 its own words\r\n");
  EXPECT_EQ(client.command("RSET").code, 250);
  smarthost().go_down();
  EXPECT_TRUE(is_queued(attempt()));
  seal().wait_for("deferred");
  smarthost().come_up();
  retry();
  client.quit();
  expect_each_once(1);
}

// --- queue ---

class Queue : public Delivery {
 protected:
  void SetUp() override {
    Delivery::SetUp();
    deliver("queue");
  }
};

TEST_F(Queue, DeliversAtOnceWhatItTook) {
  const std::string mail = make_mail();
  EXPECT_TRUE(is_queued(attempt(mail)));
  const auto mails = smarthost().wait_for_mails(1);
  EXPECT_EQ(mails[0].without_trace(), mail);
  EXPECT_EQ(seal().wait_for("spooled").field("why"), "-");
  expect_each_once(1);
}

TEST_F(Queue, GreetsAndTakesMailWhileTheSmarthostSaysNothing) {
  smarthost().script_always([](SmarthostConnection& wire) { wire.read_until_closed(); });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_queued(attempt()));
  EXPECT_TRUE(smarthost().mails().empty());
  kill();
  smarthost().be_healthy();
  start();
  expect_each_once(3);
}

TEST_F(Queue, OffersNoMoreThanTheSpoolHolds) {
  config_.set("smtpseal", "spool_max_size", "1M");
  SmtpClient client = connect();
  EXPECT_TRUE(offers(client.hello(), "SIZE 1048576"));
  EXPECT_EQ(client.command("MAIL FROM:<a@client.test> SIZE=1048577").code, 552);
  client.quit();
}

}  // namespace
}  // namespace support
