// The books that the tests of smuggling keep: what they would find, if it were there.
#include "peers/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peers/hostile_bytes.h"

namespace support {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ClientMail kSent = {"a@client.test", {"b@example.test"}, "Subject: s\n\nbody\n"};

QueuedMail held() {
  return {
      "1",
      "a@client.test",
      {"b@example.test"},
      {"Received: from seal\n", "Received: from client\n\tby seal (smtpseal)\n", "Subject: s\n"},
      "body\n"};
}

TEST(Accounts, AreBalancedWhenWhatIsHeldWasSent) {
  EXPECT_THAT(differences({kSent}, {held()}), IsEmpty());
}

TEST(Accounts, FindASecondMail) {
  QueuedMail second = held();
  second.sender = "smuggled@evil.test";
  EXPECT_THAT(differences({kSent}, {held(), second}),
              ElementsAre(HasSubstr("nobody sent from <smuggled@evil.test>")));
  EXPECT_THAT(differences({kSent}, {held(), held()}), ElementsAre(HasSubstr("nobody sent")));
}

TEST(Accounts, FindAMailThatIsMissing) {
  EXPECT_THAT(differences({kSent}, {}), ElementsAre(HasSubstr("missing")));
}

TEST(Accounts, FindAFieldMoreAndARecipientMore) {
  QueuedMail other = held();
  other.fields.insert(other.fields.begin() + 2, "X-Smuggled: 1\n");
  EXPECT_THAT(differences({kSent}, {other}), ElementsAre(HasSubstr("another content")));
  other = held();
  other.fields.insert(other.fields.begin() + 1, "X-Smuggled: 1\n");
  EXPECT_THAT(differences({kSent}, {other}), ElementsAre(HasSubstr("other fields")));
  other = held();
  other.recipients.emplace_back("victim@evil.test");
  EXPECT_THAT(differences({kSent}, {other}), ElementsAre(HasSubstr("other recipients")));
}

TEST(Accounts, FindACommandThatNoClientGave) {
  EXPECT_THAT(
      strangers({"MAIL FROM:<a@client.test> BODY=8BITMIME", "RCPT TO:<v@evil.test>", "DATA"},
                {"a@client.test"}),
      ElementsAre("RCPT TO:<v@evil.test>"));
}

TEST(ClientReading, EndsMailDataAtCrLfDotCrLfAlone) {
  const std::string token = "t";
  const std::string begin = envelope_of(token) + "DATA\r\n";
  for (const std::string separator : {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"}) {
    const Meaning meaning = read_client(begin + smuggled(token, separator), false);
    EXPECT_EQ(meaning.mails.size(), 1U) << shown(separator);
    EXPECT_EQ(meaning.replies, "2232") << shown(separator);
  }
  const Meaning two = read_client(begin + smuggled(token, "\r\n.\r\n"), false);
  ASSERT_EQ(two.mails.size(), 2U);
  EXPECT_EQ(two.mails[1].sender, "smuggled-t@evil.test");
  EXPECT_EQ(two.replies, "22322232");
}

TEST(ClientReading, TakesDotsOffThatAreStuffing) {
  EXPECT_EQ(meaning_of_data("..a\r\n.b\r\n.\nc\n.d\r.e\r\n"), ".a\nb\n.\nc\n.d\n.e\n");
}

TEST(ClientReading, CountsChunks) {
  const Meaning meaning =
      read_client(envelope_of("t") + "BDAT 4\r\na\r\n.BDAT 3 LAST\r\n\r\nbQUIT\r\n", true);
  ASSERT_EQ(meaning.mails.size(), 1U);
  EXPECT_EQ(meaning.mails[0].text, "a\n.\nb");
  EXPECT_EQ(meaning.replies, "22222");
  EXPECT_TRUE(meaning.is_closed);
}

}  // namespace
}  // namespace support
