#include "spool/envelope.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool/spool_mails.h"

namespace spool {
namespace {

using testing::HasSubstr;
using testing::Not;

Envelope full_envelope() {
  Envelope envelope = make_envelope("00065f2b9c1d4a00", {"<a@example.edu>", "<b@example.edu>"});
  envelope.since = base::WallTime(std::chrono::milliseconds(1'795'735'200'123));
  envelope.smarthost = "backup";
  envelope.client = "127.0.0.1 8f3a";
  envelope.recipients[0].outcome = Outcome::delivered;
  envelope.recipients[0].reply = "250 2.1.5 taken";
  envelope.recipients[1].reply = "450 4.2.1 busy";
  envelope.size = 1204;
  envelope.checksum = 0x1c291ca3;
  envelope.attempts = 3;
  envelope.last_error = "450 4.2.1 busy";
  envelope.is_held = true;
  envelope.is_in_doubt = true;
  envelope.is_sender_warned = true;
  envelope.is_notification = true;
  return envelope;
}

// format() says everything that an envelope has to say.
void expect_same(const Envelope& a, const Envelope& b) { EXPECT_EQ(format(a), format(b)); }

TEST(Envelope, IsReadAsItWasWritten) {
  const Envelope envelope = full_envelope();
  const auto read = parse_envelope(format(envelope));
  ASSERT_TRUE(read.is_ok()) << read.error().detail;
  expect_same(*read, envelope);
  EXPECT_EQ(read->since, envelope.since);
  EXPECT_EQ(read->recipients[0].outcome, Outcome::delivered);
  EXPECT_EQ(read->recipients[1].outcome, Outcome::pending);
  EXPECT_EQ(read->recipients[1].command.forward_path, "<b@example.edu>");
  EXPECT_EQ(read->pending(), 1U);
  EXPECT_TRUE(read->is_held && read->is_in_doubt && read->is_sender_warned &&
              read->is_notification);
}

TEST(Envelope, IsTextThatAPersonCanRead) {
  EXPECT_THAT(format(full_envelope()), testing::StartsWith("smtpseal-envelope: 1\n"
                                                           "id: 00065f2b9c1d4a00\n"
                                                           "since: 2026-11-26T23:20:00.123Z\n"
                                                           "smarthost: backup\n"
                                                           "client: 127.0.0.1 8f3a\n"
                                                           "size"));
}

TEST(Envelope, KeepsWhatMailAndRcptSaid) {
  Envelope envelope = full_envelope();
  const std::string mail =
      "MAIL FROM:<\"a \\\"b\"@example.edu> SIZE=1204 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By "
      "AUTH=<>";
  const std::string rcpt =
      "RCPT TO:<\xc3\xa4@example.edu> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@example.edu";
  std::string text = with_line(format(envelope), "end", "");
  text = with_line(text, "rcpt",
                   "RCPT TO:<\\xc3\\xa4@example.edu> NOTIFY=SUCCESS,FAILURE "
                   "ORCPT=rfc822;a+2Bb@example.edu");
  // Backslashes are written as \x5c.
  const auto read = parse_envelope(
      with_line(text, "mail",
                "MAIL FROM:<\"a \\x5c\"b\"@example.edu> SIZE=1204 BODY=8BITMIME SMTPUTF8 RET=HDRS "
                "ENVID=x+2By AUTH=<>"));
  ASSERT_TRUE(read.is_ok()) << read.error().detail;
  EXPECT_EQ(smtp::format(read->mail), mail);
  EXPECT_EQ(smtp::format(read->recipients[0].command), rcpt);
  EXPECT_TRUE(read->mail.is_utf8 && read->mail.is_eight_bit && read->mail.asks_dsn);
  const auto again = parse_envelope(format(*read));
  ASSERT_TRUE(again.is_ok()) << again.error().detail;
  expect_same(*again, *read);
}

TEST(Envelope, KeepsANullSender) {
  Envelope envelope = full_envelope();
  envelope.mail.reverse_path = "<>";
  const auto read = parse_envelope(format(envelope));
  ASSERT_TRUE(read.is_ok());
  EXPECT_EQ(read->mail.reverse_path, "<>");
}

TEST(Envelope, LetsNoReplyBeginALineOrReachATerminal) {
  Envelope envelope = full_envelope();
  std::string hostile = "550 no\r\nheld: no\nend:\n\x1b[2J\\x0a \x7f\x80\xff ";
  hostile.push_back('\0');
  envelope.recipients[0].reply = hostile;
  envelope.last_error = hostile;
  envelope.client = hostile;
  envelope.smarthost = hostile;
  const std::string text = format(envelope);
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f));
  EXPECT_THAT(text, Not(HasSubstr("\nheld: no")));
  const auto read = parse_envelope(text);
  ASSERT_TRUE(read.is_ok()) << read.error().detail;
  EXPECT_EQ(read->recipients[0].reply, hostile);
  EXPECT_EQ(read->last_error, hostile);
  EXPECT_EQ(read->client, hostile);
  EXPECT_EQ(read->smarthost, hostile);
  EXPECT_TRUE(read->is_held);
}

TEST(Envelope, CutsTextsThatAreTooLong) {
  Envelope envelope = full_envelope();
  envelope.last_error = std::string(10'000, '\x80');
  const auto read = parse_envelope(format(envelope));
  ASSERT_TRUE(read.is_ok());
  EXPECT_EQ(read->last_error, std::string(kMaxEnvelopeText, '\x80'));
}

TEST(Envelope, IsNeverReadAsSomethingElseWhenAnOctetIsAnother) {
  const Envelope envelope = full_envelope();
  const std::string text = format(envelope);
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const int flip : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x2a, 0x7f}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      if (const auto read = parse_envelope(damaged)) expect_same(*read, envelope);
    }
  }
}

TEST(Envelope, IsNeverReadAsSomethingElseWhenItIsCutShort) {
  const Envelope envelope = full_envelope();
  const std::string text = format(envelope);
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_envelope(text.substr(0, length)).is_ok()) << length;
  }
  EXPECT_FALSE(parse_envelope(text + std::string(16, '\0')).is_ok());
  EXPECT_FALSE(parse_envelope(text + text).is_ok());
  EXPECT_FALSE(parse_envelope(std::string(text.size(), '\0')).is_ok());
}

TEST(Envelope, IsBelievedWhenAPersonDeletedTheChecksum) {
  const std::string text = with_line(with_line(format(full_envelope()), "held", "no"), "end", "");
  const auto read = parse_envelope(text);
  ASSERT_TRUE(read.is_ok()) << read.error().detail;
  EXPECT_FALSE(read->is_held);
}

TEST(Envelope, IsDamagedWhenItWasEditedAndTheChecksumStayed) {
  const auto read = parse_envelope(with_line(format(full_envelope()), "held", "no"));
  ASSERT_FALSE(read.is_ok());
  EXPECT_THAT(read.error().detail, HasSubstr("deletes the number behind 'end:'"));
}

TEST(Envelope, NamesTheLineThatIsWrong) {
  const auto why = [](std::string_view name, std::string_view value) {
    const std::string text = with_line(format(full_envelope()), name, value);
    const auto read = parse_envelope(with_line(text, "end", ""));
    return read ? "nothing" : read.error().detail;
  };
  EXPECT_THAT(why("smtpseal-envelope", "2"), HasSubstr("line 1: "));
  EXPECT_THAT(why("id", "00065F2B9C1D4A00"), HasSubstr("line 2: "));
  EXPECT_THAT(why("since", "2026-02-29T00:00:00.000Z"), HasSubstr("line 3: "));
  EXPECT_THAT(why("since", "2026-11-26T24:00:00.000Z"), HasSubstr("line 3: "));
  EXPECT_THAT(why("since", "2262-01-01T00:00:00.000Z"), HasSubstr("line 3: "));
  EXPECT_THAT(why("client", "raw \x1b"), HasSubstr("line 5: "));
  EXPECT_THAT(why("client", "cut \\x1"), HasSubstr("line 5: "));
  EXPECT_THAT(why("size", "-1"), HasSubstr("line 6: "));
  EXPECT_THAT(why("size", "99999999999999999999"), HasSubstr("line 6: "));
  EXPECT_THAT(why("checksum", "1c291ca"), HasSubstr("line 7: "));
  EXPECT_THAT(why("attempts", "4294967296"), HasSubstr("line 8: "));
  EXPECT_THAT(why("held", "maybe"), HasSubstr("line 10: "));
  EXPECT_THAT(why("mail", "RCPT TO:<a@b>"), HasSubstr("line 14: "));
  EXPECT_THAT(why("mail", "MAIL FROM:<a@b\\x0d\\x0aRCPT TO:<c@d>>"), HasSubstr("line 14: "));
  EXPECT_THAT(why("rcpt", "RCPT TO:<>"), HasSubstr("line 15: "));
  EXPECT_THAT(why("outcome", "perhaps"), HasSubstr("line 16: "));
}

TEST(Envelope, HasARecipientAndNotTooMany) {
  Envelope envelope = full_envelope();
  envelope.recipients.resize(kMaxEnvelopeRecipients, envelope.recipients[0]);
  const std::string most = format(envelope);
  EXPECT_TRUE(parse_envelope(most).is_ok());
  EXPECT_LT(most.size(), kMaxEnvelopeFile);
  envelope.recipients.push_back(envelope.recipients[0]);
  EXPECT_FALSE(parse_envelope(format(envelope)).is_ok());
  envelope.recipients.clear();
  EXPECT_FALSE(parse_envelope(format(envelope)).is_ok());
}

TEST(Envelope, WritesAnyTime) {
  using namespace std::chrono;
  EXPECT_EQ(format_time(base::WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(base::WallTime{} - hours{1}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(base::WallTime{} + days{10957} + milliseconds{1}),
            "2000-01-01T00:00:00.001Z");
  EXPECT_EQ(format_time(base::WallTime::max()), "2261-12-31T00:00:00.000Z");
  EXPECT_EQ(format_time(base::WallTime::min()), "1970-01-01T00:00:00.000Z");
}

TEST(Envelope, HasAnIdOfSixteenDigits) {
  EXPECT_TRUE(is_id("00065f2b9c1d4a00"));
  for (const std::string_view text : {"", "00065f2b9c1d4a0", "00065f2b9c1d4a000",
                                      "00065F2B9C1D4A00", "../../etc/passwd", "00065f2b9c1d4a0g"}) {
    EXPECT_FALSE(is_id(text)) << text;
  }
}

}  // namespace
}  // namespace spool
