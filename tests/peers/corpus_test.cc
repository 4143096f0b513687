// The judges of what clients sent and what arrived, and the corpus itself.
#include "peers/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peers/wire_tap.h"

namespace support {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kMail = "From: a@b\nSubject: x\n y\n\nbody\n.dot\n";

TEST(Difference, IsNoneWithTraceFieldsInFront) {
  EXPECT_EQ(difference(kMail, kMail), "");
  EXPECT_EQ(difference(kMail, "Return-Path: <a@b>\nReceived: by x;\n\tsome day\n" + kMail), "");
}

TEST(Difference, IsAnyOctetElse) {
  EXPECT_THAT(difference(kMail, "X-Spam: no\n" + kMail), HasSubstr("added: X-Spam"));
  EXPECT_THAT(difference(kMail, "Received: x\n\n" + kMail), HasSubstr("empty line"));
  EXPECT_THAT(difference(kMail, kMail + "\n"), HasSubstr("after: {\n}"));
  EXPECT_THAT(difference(kMail, kMail.substr(0, kMail.size() - 1)), HasSubstr("(the end)"));
  EXPECT_THAT(difference(kMail, "From: a@b\nSubject: x\n\ty\n\nbody\n.dot\n"),
              HasSubstr("octet 21"));
  EXPECT_THAT(difference(kMail, "From: a@b\nSubject: x\n y\n\nbody\n..dot\n"), HasSubstr("differ"));
  EXPECT_THAT(difference(kMail, "Subject: x\n y\nFrom: a@b\n\nbody\n.dot\n"), HasSubstr("differ"));
}

TEST(Difference, UnfoldedIsOfWordsAndBody) {
  EXPECT_EQ(difference_unfolded(kMail, "Received: z\nfrom: a@b\nSubject:\tx y\n\nbody\n.dot\n"),
            "");
  EXPECT_THAT(difference_unfolded(kMail, "From: a@b\nSubject: x y\n\nbody\n..dot\n"),
              HasSubstr("differ"));
  EXPECT_THAT(difference_unfolded(kMail, "From: a@b\nSubject: xy\n\nbody\n.dot\n"),
              HasSubstr("instead of \"subject: x y\""));
  EXPECT_THAT(difference_unfolded(kMail, "From: a@b\n\nbody\n.dot\n"), HasSubstr("(nothing)"));
  EXPECT_THAT(difference_unfolded(kMail, "X-New: 1\n" + kMail), HasSubstr("x-new"));
}

TEST(MailsIn, AreReadFromDataAndFromChunks) {
  const std::vector<SentMail> mails = mails_in(
      "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nrcpt to:<e@f>\r\nDATA\r\n..x\r\n.\r\n"
      "mail from:<>\r\nRCPT TO:<g@h>\r\nBDAT 4\r\nab\r\nBDAT 5 LAST\r\n.cd\r\nQUIT\r\n");
  ASSERT_EQ(mails.size(), 2U);
  EXPECT_EQ(mails[0].mail, "MAIL FROM:<a@b>");
  EXPECT_THAT(mails[0].rcpts, ElementsAre("RCPT TO:<c@d>", "rcpt to:<e@f>"));
  EXPECT_EQ(mails[0].data, ".x\n");
  EXPECT_FALSE(mails[0].is_chunked);
  EXPECT_THAT(mails[1].rcpts, ElementsAre("RCPT TO:<g@h>"));
  EXPECT_EQ(mails[1].data, "ab\n.cd\n");
  EXPECT_TRUE(mails[1].is_chunked);
}

TEST(MailsIn, AreThoseWithAnEnd) {
  EXPECT_THAT(mails_in("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n"), IsEmpty());
  EXPECT_THAT(mails_in("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 9 LAST\r\nx\r\n"), IsEmpty());
  EXPECT_EQ(mails_in("MAIL FROM:<a@b>\r\nDATA\r\n.\r\n").at(0).data, "");
}

TEST(Corpus, HasWhatMailsAreMadeOf) {
  std::vector<std::string> names;
  for (const CorpusMail& mail : corpus()) {
    names.push_back(mail.name);
    EXPECT_THAT(mail.text, HasSubstr("\nMessage-ID: <" + mail.name + "@corpus.client.test>\n"));
    EXPECT_TRUE(mail.text.ends_with("\n")) << mail.name;
    EXPECT_EQ(mail.recipients.size(), mail.name == "many-recipients" ? 40U : 1U) << mail.name;
  }
  EXPECT_THAT(names, ElementsAre("attachment", "blanks", "dots", "eight-bit", "empty-body",
                                 "folded-headers", "long-lines", "many-recipients", "plain",
                                 "quoted-printable", "trailing-blank-lines"));
}

}  // namespace
}  // namespace support
