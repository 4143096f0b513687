// See seal_test.h.
#include "support/seal_test.h"

#include "support/strict_judge.h"

namespace support {

void SealTest::SetUp() {
  Behavior behavior;
  behavior.tls = good_server_context();
  smarthost_ = std::make_unique<ScriptedSmarthost>(std::move(behavior));
  const std::string ca = directory_.write("ca.pem", trusted_authority().certificate_pem());
  config_.set("smtpseal", "hostname", kSealName)
      .set("smtpseal", "log_format", "text")
      .set("smtpseal", "drain_timeout", "10s")
      .set("listener", "listen", "127.0.0.1:0")
      .set("smarthost", "host", "127.0.0.1")
      .set("smarthost", "port", std::to_string(smarthost_->port()))
      .set("smarthost", "verify_name", kSmarthostName)
      .set("smarthost", "ca_file", ca);
}

void SealTest::start() { seal_ = std::make_unique<Smtpseal>(directory_, config_); }

SmtpClient SealTest::connect(std::size_t listener) {
  if (!seal_) start();
  return SmtpClient(seal_->port(listener));
}

int SealTest::stop_seal() {
  const int status = seal_->stop();
  EXPECT_EQ(seal_->sanitizer_report(), "");
  return status;
}

Attempt SealTest::attempt(std::string_view data) {
  SmtpClient client = connect();
  return client.attempt(data);
}

void SealTest::expect_fail_closed(const Attempt& attempt, std::string_view reason) {
  EXPECT_TRUE(attempt.is_deferred()) << ::testing::PrintToString(attempt);
  EXPECT_LE(attempt.step, Attempt::Step::rcpt) << ::testing::PrintToString(attempt);
  EXPECT_TRUE(attempt.reply.has_text(reason))
      << ::testing::PrintToString(attempt) << " does not say " << reason;
  EXPECT_TRUE(smarthost().mails().empty());
  for (const ConnectionRecord& each : smarthost().journal().records()) {
    const std::string all = each.received(false) + each.received(true);
    EXPECT_EQ(all.find("MAIL FROM"), std::string::npos) << all;
    EXPECT_EQ(all.find("AUTH"), std::string::npos) << all;
  }
}

void SealTest::expect_service_when_healthy() {
  smarthost().be_healthy();
  const std::size_t before = smarthost().mails().size();
  const Attempt after = attempt();
  EXPECT_TRUE(after.is_accepted()) << ::testing::PrintToString(after);
  EXPECT_EQ(smarthost().mails().size(), before + 1);
}

void SealTest::TearDown() {
  if (seal_) {
    if (seal_->process().is_running()) {
      try {
        EXPECT_EQ(seal_->stop(), 0) << "exit status after SIGTERM";
      } catch (const Failure& failure) {
        ADD_FAILURE() << failure.what();
      }
    }
    EXPECT_EQ(seal_->sanitizer_report(), "");
    for (const std::string& secret : secrets_) {
      EXPECT_EQ(seal_->log().find(secret), std::string::npos) << "a secret in the log: " << secret;
    }
  }
  if (!smarthost_) return;
  smarthost_->stop();
  for (const std::string& each : smarthost_->journal().complaints()) ADD_FAILURE() << each;
  for (const ConnectionRecord& record : smarthost_->journal().records()) {
    for (const std::string& finding :
         judge(record, {ehlo_name_, is_clear_allowed_, client_names_})) {
      ADD_FAILURE() << finding;
    }
  }
  if (HasFailure() && seal_) std::cerr << "the log of smtpseal:\n" << seal_->log();
}

}  // namespace support
