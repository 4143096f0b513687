// app/demo_mails: when the demo may say that all went well.
#include "app/demo_mails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using testing::HasSubstr;

// An outcome in which all is as it should be; each test spoils one thing.
class DemoMailsTest : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = demo_scenes().back();
    ASSERT_EQ(scene_.refused, 1U);
    outcome_.rcpt_replies = {smtp::Reply::make(550, "5.1.1", "no such user"),
                             smtp::Reply::make(250, "2.1.5", "Ok")};
    outcome_.verdict = smtp::Reply::make(250, "2.0.0", "Ok: queued as DEMO0003");
    message_.queue_id = "DEMO0003";
    message_.reverse_path = scene_.mail.reverse_path;
    message_.recipients = {scene_.mail.forward_paths.back()};
    message_.content = "Received: from x\r\n\tby y;\r\n\tz\r\n" + scene_.mail.content;
  }

  [[nodiscard]] std::string fault() const { return fault_of(scene_, outcome_, {message_}); }

  DemoScene scene_;
  DemoOutcome outcome_;
  DemoMessage message_;
};

TEST_F(DemoMailsTest, FindsNoFaultWhenAllIsWell) { EXPECT_EQ(fault(), ""); }

TEST_F(DemoMailsTest, NoticesAChangedOctet) {
  message_.content.back() = ' ';
  EXPECT_THAT(fault(), HasSubstr("something else"));
}

TEST_F(DemoMailsTest, NoticesAMissingTraceLine) {
  message_.content = scene_.mail.content;
  EXPECT_THAT(fault(), HasSubstr("Received"));
}

TEST_F(DemoMailsTest, NoticesASecondTraceLine) {
  message_.content = "Received: again\r\n" + message_.content;
  EXPECT_THAT(fault(), HasSubstr("something else"));
}

TEST_F(DemoMailsTest, NoticesAMailThatNeverArrived) {
  message_.queue_id = "DEMO0002";
  EXPECT_THAT(fault(), HasSubstr("no such message"));
}

TEST_F(DemoMailsTest, NoticesAnotherEnvelope) {
  message_.recipients.push_back("<stranger@demo.test>");
  EXPECT_THAT(fault(), HasSubstr("envelope"));
}

TEST_F(DemoMailsTest, NoticesARecipientThatWasNotRefused) {
  outcome_.rcpt_replies.front() = smtp::Reply::make(250, "2.1.5", "Ok");
  EXPECT_THAT(fault(), HasSubstr("refused"));
}

TEST_F(DemoMailsTest, NoticesAVerdictThatDidNotComeThrough) {
  outcome_.rcpt_replies.front() = smtp::Reply::make(451, "4.4.1", "later");
  EXPECT_THAT(fault(), HasSubstr("451"));
}

TEST_F(DemoMailsTest, NoticesARefusedMail) {
  outcome_.verdict = smtp::Reply::make(451, "4.4.2", "lost");
  EXPECT_THAT(fault(), HasSubstr("451 4.4.2 lost"));
  outcome_.verdict.reset();
  EXPECT_THAT(fault(), HasSubstr("not accepted"));
  outcome_.refusal = smtp::Reply::make(421, "4.4.1", "unreachable");
  EXPECT_THAT(fault(), HasSubstr("421"));
}

TEST_F(DemoMailsTest, NoticesALostConnection) {
  outcome_.error = base::Error{base::Fault::connection, "connection lost"};
  EXPECT_EQ(fault(), "connection lost");
}

TEST_F(DemoMailsTest, HasTheScenesItPromises) {
  const std::vector<DemoScene> scenes = demo_scenes();
  ASSERT_EQ(scenes.size(), 3U);
  EXPECT_TRUE(scenes[0].mail.is_extended);
  EXPECT_FALSE(scenes[1].mail.is_extended);
  EXPECT_THAT(scenes[1].mail.content, HasSubstr("\r\n."));
  EXPECT_EQ(scenes[2].mail.forward_paths.size(), 2U);
}

}  // namespace
}  // namespace app
