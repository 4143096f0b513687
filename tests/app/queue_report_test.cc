#include "app/queue_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/queue_fixture.h"

namespace app {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(QueueReport, SaysWhenTheQueueIsEmpty) {
  EXPECT_EQ(format_queue({}, kQueueNow), "The queue is empty.\n");
}

TEST(QueueReport, IsATableForPeople) {
  spool::Seen failed = seen_mail("00065f2b9c1d4a02");
  failed.is_failed = true;
  failed.envelope.size = 5'300'000;
  failed.envelope.since = kQueueNow - std::chrono::hours(24 * 6);
  failed.envelope.recipients.resize(1);
  failed.envelope.recipients[0].outcome = spool::Outcome::failed;
  failed.envelope.last_error.clear();
  EXPECT_EQ(format_queue({seen_mail("00065f2b9c1d4a00"), failed}, kQueueNow),
            "ID                 AGE   SIZE  STATE    TRIES  FROM, TO; LAST REPLY\n"
            "00065f2b9c1d4a00    3h   1.1K  waiting      4  ups@example.edu to c@example.edu and 2 "
            "more\n"
            "                  450 4.2.1 busy\n"
            "00065f2b9c1d4a02    6d   5.0M  failed       4  ups@example.edu to a@example.edu\n"
            "2 mails, 5.0M; 1 failed: smtpseal queue retry ID tries one again\n");
}

TEST(QueueReport, NamesTheStateThatMattersMost) {
  spool::Seen mail = seen_mail("00065f2b9c1d4a00");
  EXPECT_EQ(state_of(mail), "waiting");
  mail.envelope.is_held = true;
  EXPECT_EQ(state_of(mail), "held");
  mail.is_sending = true;
  EXPECT_EQ(state_of(mail), "sending");
  mail.is_failed = true;
  EXPECT_EQ(state_of(mail), "failed");
  mail.damage = "its mail is missing";
  EXPECT_EQ(state_of(mail), "damaged");
}

TEST(QueueReport, ListsWhatCannotBeRead) {
  spool::Seen mail;
  mail.envelope.id = "00065f2b9c1d4a00";
  mail.damage = "its envelope: line 3: a time is expected here";
  EXPECT_THAT(format_queue({mail}, kQueueNow), HasSubstr("damaged"));
  EXPECT_THAT(format_queue({mail}, kQueueNow), HasSubstr("line 3"));
  EXPECT_THAT(format_mail(mail, "/spool", "", kQueueNow),
              HasSubstr("Mail 00065f2b9c1d4a00: damaged\n"));
}

TEST(QueueReport, ShowsOneInWordsWithItsHeader) {
  spool::Seen mail = seen_mail("00065f2b9c1d4a00");
  mail.envelope.is_in_doubt = true;
  const std::string text =
      format_mail(mail, "/spool", "From: UPS\r\nSubject: a\r\n\tb\r\n\r\nbody\r\n", kQueueNow);
  EXPECT_EQ(text,
            "Mail 00065f2b9c1d4a00: waiting\n"
            "  accepted    2026-11-26T23:20:00.000Z (3h ago), from 127.0.0.1 8f3a\n"
            "  size        1204 octets\n"
            "  smarthost   [smarthost]\n"
            "  attempts    4\n"
            "  last error  450 4.2.1 busy\n"
            "  in doubt    the smarthost may have taken it already\n"
            "  from        MAIL FROM:<ups@example.edu>\n"
            "  to          RCPT TO:<a@example.edu> (delivered: 250 2.1.5 taken)\n"
            "  to          RCPT TO:<b@example.edu> (failed: 550 5.1.1 unknown)\n"
            "  to          RCPT TO:<c@example.edu> (pending: 450 4.2.1 busy)\n"
            "  files       /spool/queue/00065f2b9c1d4a00.*\n"
            "\n"
            "  From: UPS\n"
            "  Subject: a\n"
            "   b\n");
}

TEST(QueueReport, LetsNothingOfAPeerReachTheTerminal) {
  spool::Seen mail = seen_mail("00065f2b9c1d4a00");
  mail.envelope.last_error = "550 \x1b[2Jno\r\nID";
  mail.envelope.client = "\x1b]0;title\x07";
  mail.envelope.recipients[2].reply = "\x9b\x07\r";
  for (const std::string& text :
       {format_queue({mail}, kQueueNow),
        format_mail(mail, "/spool", "Subject: \x1b[2J\r\n \x9b\r\n\r\n", kQueueNow)}) {
    for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << text;
  }
  EXPECT_THAT(format_mail_json(mail, "Subject: \x1b\xff\r\n\r\n"), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace app
