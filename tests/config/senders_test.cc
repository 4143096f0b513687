// config: whose address mail bears.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using smtp::SenderMode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SendersTest : public ConfigTest {
 protected:
  // Its lines begin at line 2.
  static std::string listener(std::string_view lines) {
    return "[listener]\n" + std::string(lines) + '\n' + std::string(kSmarthost);
  }

  smtp::SenderOptions load_senders(std::string_view lines) {
    return load_right(listener(lines)).config.listeners.at(0).sender;
  }
};

TEST_F(SendersTest, LeavesMailAloneByDefault) {
  EXPECT_EQ(load_senders(""), smtp::SenderOptions{});
  EXPECT_EQ(load_senders("").address, "");
}

TEST_F(SendersTest, TakesEveryKey) {
  const smtp::SenderOptions forced = load_senders("sender = App+x@Example.EDU");
  EXPECT_EQ(forced.address, "App+x@Example.EDU");
  EXPECT_EQ(forced.envelope, SenderMode::force);
  EXPECT_EQ(forced.header_from, SenderMode::keep);
  const smtp::SenderOptions conditional = load_senders(
      "sender = app@example.edu\nsender_mode = if-unauthorized\n"
      "authorized_senders = boss@example.edu, @lab.example.edu");
  EXPECT_EQ(conditional.envelope, SenderMode::if_unauthorized);
  EXPECT_EQ(load_senders("sender = app@example.edu\nheader_from = force").header_from,
            SenderMode::force);
  EXPECT_EQ(load_senders("sender = app@example.edu\nheader_from = if-unauthorized\n"
                         "authorized_senders = @example.edu")
                .header_from,
            SenderMode::if_unauthorized);
  EXPECT_THAT(conditional.authorized, ElementsAre("boss@example.edu", "@lab.example.edu"));
}

TEST_F(SendersTest, ShowsWhatIsInForce) {
  const Loaded loaded =
      load_right(listener("sender = app@example.edu\nsender_mode = if-unauthorized\n"
                          "authorized_senders = @a.example.edu,@b.example.edu"));
  EXPECT_THAT(lines(loaded.unavailable), IsEmpty());
  EXPECT_EQ(value_of(loaded, "listener", "sender").value, "app@example.edu");
  EXPECT_EQ(value_of(loaded, "listener", "sender_mode").value, "if-unauthorized");
  EXPECT_EQ(value_of(loaded, "listener", "authorized_senders").value,
            "@a.example.edu, @b.example.edu");
}

TEST_F(SendersTest, LetsNobodyBelieveThatMailBearsAnAddress) {
  EXPECT_THAT(
      problems_of(listener("sender_mode = if-unauthorized\nauthorized_senders = @example.edu")),
      ElementsAre("2: sender_mode needs sender = ADDRESS, the address that mail is to bear",
                  HasSubstr("3: authorized_senders needs sender = ADDRESS")));
  EXPECT_THAT(problems_of(listener("header_from = force")),
              ElementsAre(HasSubstr("2: header_from needs sender = ADDRESS")));
  EXPECT_THAT(warnings_of(listener("sender_mode = force\nheader_from = keep")), IsEmpty());
}

TEST_F(SendersTest, LetsNobodyBelieveThatASenderMayStay) {
  EXPECT_THAT(
      problems_of(listener("sender = app@example.edu\nauthorized_senders = @example.edu")),
      ElementsAre(HasSubstr("3: authorized_senders has no effect: it needs sender_mode = if-una")));
}

TEST_F(SendersTest, SpeaksOfAMisspeltWordOnly) {
  EXPECT_THAT(problems_of(listener("sender = app@example.edu\nsender_mode = if-unauthorised\n"
                                   "authorized_senders = @example.edu")),
              ElementsAre(HasSubstr("did you mean if-unauthorized?")));
}

}  // namespace
}  // namespace config
