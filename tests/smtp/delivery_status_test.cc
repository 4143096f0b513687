// smtp/delivery_status: notifications, read back by a reader that forgives nothing.
#include "smtp/delivery_status.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "smtp/delivery_samples.h"
#include "smtp/quoted_printable.h"

namespace smtp {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Fields = std::vector<std::pair<std::string, std::string>>;

// Fields up to an empty line or the end, unfolded; what is no field is a failure.
Fields read_fields(std::string_view& text) {
  Fields fields;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    EXPECT_NE(end, std::string_view::npos) << "a line does not end: " << text;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end, text.size() - 2) + 2);
    if (line.empty()) break;
    if (line.front() == ' ') {
      EXPECT_FALSE(fields.empty());
      EXPECT_NE(line.find_first_not_of(' '), std::string_view::npos) << "an empty fold";
      if (!fields.empty()) fields.back().second.append(line);
      continue;
    }
    const std::size_t colon = line.find(": ");
    EXPECT_NE(colon, std::string_view::npos) << "no field: " << line;
    fields.emplace_back(line.substr(0, colon),
                        colon == std::string_view::npos ? "" : line.substr(colon + 2));
  }
  return fields;
}

std::string value_of(const Fields& fields, std::string_view name) {
  std::string found;
  int count = 0;
  for (const auto& [key, value] : fields) {
    if (key != name) continue;
    found = value;
    ++count;
  }
  EXPECT_LE(count, 1) << name << " stands there twice";
  return found;
}

std::vector<std::string> names_of(const Fields& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field.first);
  return names;
}

std::string decoded(std::string_view text) {
  std::string out;
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out.push_back(text[i]);
    } else if (text.substr(i, 3) == "=\r\n") {
      i += 2;
    } else {
      out.push_back(static_cast<char>(value(text[i + 1]) * 16 + value(text[i + 2])));
      i += 2;
    }
  }
  return out;
}

struct ReadPart {
  Fields header;
  std::string content;  // decoded
};

struct ReadMail {
  Fields header;
  std::vector<ReadPart> parts;
};

// RFC 2046 5.1.1.
ReadMail read(std::string_view text) {
  ReadMail mail;
  mail.header = read_fields(text);
  const std::string type = value_of(mail.header, "Content-Type");
  const std::size_t at = type.find("boundary=\"");
  if (at == std::string::npos) {
    ADD_FAILURE() << type;
    return mail;
  }
  const std::string delimiter = "\r\n--" + type.substr(at + 10, type.size() - at - 11);
  const std::string body = "\r\n" + std::string(text);
  std::size_t from = body.find(delimiter);
  bool is_closed = false;
  while (from != std::string::npos) {
    from += delimiter.size();
    if (body.compare(from, std::string::npos, "--\r\n") == 0) {
      is_closed = true;
      break;
    }
    EXPECT_EQ(body.compare(from, 2, "\r\n"), 0);
    const std::size_t end = body.find(delimiter, from);
    std::string_view part = std::string_view(body).substr(from + 2, end - from - 2);
    ReadPart read_part;
    read_part.header = read_fields(part);
    const bool is_encoded =
        value_of(read_part.header, "Content-Transfer-Encoding") == "quoted-printable";
    read_part.content = is_encoded ? decoded(part) : std::string(part);
    mail.parts.push_back(std::move(read_part));
    from = end;
  }
  EXPECT_TRUE(is_closed) << "the last part does not end";
  return mail;
}

// Groups of fields, divided by empty lines (RFC 3464 2.1).
std::vector<Fields> read_groups(std::string_view text) {
  std::vector<Fields> groups;
  while (!text.empty()) groups.push_back(read_fields(text));
  return groups;
}

// What must be true of any notification, whatever was said by whom.
void expect_sound(const DeliveryNotification& made, std::size_t recipients) {
  const std::string& text = made.text;
  EXPECT_TRUE(made.mail.is_utf8 || base::is_ascii(text));
  EXPECT_TRUE(base::is_utf8(text));
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      ASSERT_EQ(text[i + 1], '\n');
      ASSERT_LE(length, 998U);
      length = 0;
      ++i;
      continue;
    }
    const auto octet = static_cast<unsigned char>(text[i]);
    ASSERT_TRUE((octet >= 0x20 && octet != 0x7f) || octet == '\t') << "octet " << unsigned{octet};
    ++length;
  }
  EXPECT_EQ(length, 0U) << "the last line does not end";
  const ReadMail mail = read(text);
  EXPECT_THAT(names_of(mail.header),
              testing::IsSupersetOf({"Date", "From", "To", "Subject", "Message-ID",
                                     "Auto-Submitted", "MIME-Version", "Content-Type"}));
  EXPECT_LE(mail.header.size(), 10U);
  ASSERT_EQ(mail.parts.size(), 3U);
  const std::vector<Fields> groups = read_groups(mail.parts[1].content);
  EXPECT_EQ(groups.size(), recipients + 1);
  const std::vector<std::string> known = {
      "Original-Envelope-Id", "Reporting-MTA",   "Arrival-Date", "Original-Recipient",
      "Final-Recipient",      "Action",          "Status",       "Remote-MTA",
      "Diagnostic-Code",      "Will-Retry-Until"};
  for (const Fields& group : groups) {
    for (const auto& field : group) EXPECT_THAT(known, testing::Contains(field.first));
  }
}

class DeliveryStatusTest : public testing::Test {
 protected:
  // Of which everything that is always true has been seen to be.
  [[nodiscard]] ReadMail make() {
    made_ = make_delivery_notification(report_);
    expect_sound(made_, report_.recipients.size());
    ReadMail mail = read(made_.text);
    mail.parts.resize(3);
    return mail;
  }

  DeliveryReport report_ = sample_report(kPlainMail);
  DeliveryNotification made_;
};

TEST_F(DeliveryStatusTest, IsAReportInThreeParts) {
  report_.recipients = {refused_recipient()};
  const ReadMail mail = make();
  EXPECT_EQ(made_.mail.reverse_path, "<>");
  EXPECT_EQ(made_.rcpt.forward_path, "<ups@example.edu>");
  EXPECT_EQ(value_of(mail.header, "Date"), "Tue, 24 Nov 2026 18:13:38 +0000");
  EXPECT_EQ(value_of(mail.header, "From"), "smtpseal <MAILER-DAEMON@relay.example.edu>");
  EXPECT_EQ(value_of(mail.header, "To"), "<ups@example.edu>");
  EXPECT_EQ(value_of(mail.header, "Subject"), "Your mail could not be delivered");
  EXPECT_EQ(value_of(mail.header, "Message-ID"), "<00000000000000b2.status@relay.example.edu>");
  EXPECT_EQ(value_of(mail.header, "In-Reply-To"), "<1@ups.example.edu>");
  EXPECT_EQ(value_of(mail.header, "Auto-Submitted"), "auto-replied");
  EXPECT_THAT(value_of(mail.header, "Content-Type"),
              StartsWith("multipart/report; report-type=delivery-status; boundary="));
  EXPECT_EQ(value_of(mail.parts[0].header, "Content-Type"), "text/plain; charset=us-ascii");
  EXPECT_EQ(value_of(mail.parts[1].header, "Content-Type"), "message/delivery-status");
  EXPECT_EQ(value_of(mail.parts[2].header, "Content-Type"), "text/rfc822-headers");
  EXPECT_EQ(mail.parts[2].content, kPlainMail.substr(0, kPlainMail.find("\r\n\r\n") + 2));
}

TEST_F(DeliveryStatusTest, SaysInWordsWhatHappenedToWhomAndWhatToDo) {
  report_.recipients = {refused_recipient()};
  const std::string words = make().parts[0].content;
  EXPECT_THAT(words, HasSubstr("<nobody@example.edu>"));
  EXPECT_THAT(words, HasSubstr("smtp.example.edu said: 550 5.1.1 no such user here"));
  EXPECT_THAT(words, HasSubstr("will not be tried again"));
  EXPECT_THAT(words, HasSubstr("Is the address right?"));
  EXPECT_THAT(words, HasSubstr("00000000000000a1"));
  for (const std::string_view line : base::split(words, '\n')) EXPECT_LE(line.size(), 79U) << line;
}

TEST_F(DeliveryStatusTest, SaysItToMachinesAsRfc3464HasIt) {
  report_.mail.parameters = {{"RET", "HDRS"}, {"ENVID", "QQ+2B314159"}};
  RecipientReport refused = refused_recipient();
  refused.command.parameters = {{"NOTIFY", "FAILURE,DELAY"},
                                {"ORCPT", "rfc822;No+2Bbody@example.edu"}};
  report_.recipients = {refused, delayed_recipient()};
  const std::vector<Fields> groups = read_groups(make().parts[1].content);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0], (Fields{{"Original-Envelope-Id", "QQ+314159"},
                               {"Reporting-MTA", "dns; relay.example.edu"},
                               {"Arrival-Date", "Tue, 24 Nov 2026 14:13:38 +0000"}}));
  EXPECT_EQ(groups[1], (Fields{{"Original-Recipient", "rfc822; No+body@example.edu"},
                               {"Final-Recipient", "rfc822; nobody@example.edu"},
                               {"Action", "failed"},
                               {"Status", "5.1.1"},
                               {"Remote-MTA", "dns; smtp.example.edu"},
                               {"Diagnostic-Code", "smtp; 550 5.1.1 no such user here"}}));
  EXPECT_EQ(
      groups[2],
      (Fields{{"Final-Recipient", "rfc822; operator@example.edu"},
              {"Action", "delayed"},
              {"Status", "4.4.1"},
              {"Diagnostic-Code",
               "X-smtpseal; 451 4.4.1 smtp.example.edu cannot be reached: connection refused"},
              {"Will-Retry-Until", "Sun, 29 Nov 2026 14:13:38 +0000"}}));
}

TEST_F(DeliveryStatusTest, TellsOfADelayThatNothingNeedBeDone) {
  report_.recipients = {delayed_recipient()};
  const ReadMail mail = make();
  EXPECT_EQ(value_of(mail.header, "Subject"), "Your mail is delayed, and still being tried");
  EXPECT_THAT(mail.parts[0].content, HasSubstr("until Sun, 29 Nov 2026 14:13:38 +0000"));
  EXPECT_THAT(mail.parts[0].content, HasSubstr("do not send the mail again"));
}

TEST_F(DeliveryStatusTest, SaysThatOthersGotTheMail) {
  report_.recipients = {refused_recipient()};
  report_.has_other_recipients = true;
  const ReadMail mail = make();
  EXPECT_EQ(value_of(mail.header, "Subject"), "Your mail could not be delivered to everybody");
  EXPECT_THAT(mail.parts[0].content, HasSubstr("nothing of the mail's other recipients"));
}

TEST_F(DeliveryStatusTest, TellsThatAServerWhichSendsNoneTookTheMail) {
  RecipientReport relayed = refused_recipient();
  relayed.action = DeliveryAction::relayed;
  relayed.reply = "250 2.0.0 Ok: queued as 4F2A";
  report_.recipients = {relayed};
  const ReadMail mail = make();
  EXPECT_EQ(value_of(mail.header, "Subject"), "Your mail was passed on");
  const Fields group = read_groups(mail.parts[1].content).back();
  EXPECT_EQ(value_of(group, "Action"), "relayed");
  EXPECT_EQ(value_of(group, "Status"), "2.0.0");
}

TEST_F(DeliveryStatusTest, GivesTheStatusThatFitsTheAction) {
  struct Case {
    DeliveryAction action;
    bool has_expired;
    std::string reply, status;
  };
  const std::vector<Case> cases = {
      {DeliveryAction::failed, false, "550 5.7.60 SendAsDenied", "5.7.60"},
      {DeliveryAction::failed, false, "550 no", "5.0.0"},
      {DeliveryAction::failed, false, "", "5.0.0"},
      {DeliveryAction::failed, false, "550", "5.0.0"},
      {DeliveryAction::failed, false, "words", "5.0.0"},
      {DeliveryAction::failed, false, "250 2.0.0 Ok", "5.0.0"},
      {DeliveryAction::failed, false, "452 4.2.2 full", "4.2.2"},
      {DeliveryAction::failed, true, "451 4.4.1 down", "4.4.7"},
      {DeliveryAction::delayed, false, "452 4.2.2 full", "4.2.2"},
      {DeliveryAction::delayed, false, "550 5.1.1 gone", "4.0.0"},
      {DeliveryAction::delayed, false, "550 4.1.1 not the code's class", "4.0.0"},
  };
  for (const Case& one : cases) {
    RecipientReport recipient = refused_recipient();
    recipient.action = one.action;
    recipient.has_expired = one.has_expired;
    recipient.reply = one.reply;
    report_.recipients = {recipient};
    const Fields group = read_groups(make().parts[1].content).back();
    EXPECT_EQ(value_of(group, "Status"), one.status) << one.reply;
  }
}

TEST_F(DeliveryStatusTest, ReturnsTheWholeMailWhereThatIsAskedForAndCanBe) {
  report_.mail.parameters = {{"RET", "full"}};
  report_.recipients = {refused_recipient()};
  ReadMail mail = make();
  EXPECT_EQ(value_of(mail.parts[2].header, "Content-Type"), "message/rfc822");
  EXPECT_EQ(mail.parts[2].content, kPlainMail);

  report_.recipients = {delayed_recipient()};  // RFC 3461 4.3: RET is for failures
  EXPECT_EQ(value_of(make().parts[2].header, "Content-Type"), "text/rfc822-headers");

  report_.recipients = {refused_recipient()};
  report_.original_size = kPlainMail.size() + 1;  // there is more of it
  EXPECT_EQ(value_of(make().parts[2].header, "Content-Type"), "text/rfc822-headers");

  const std::string eight_bit = std::string(kPlainMail) + "gr\xc3\xbc\xc3\x9f\r\n";
  report_.original = eight_bit;
  report_.original_size = eight_bit.size();
  EXPECT_EQ(value_of(make().parts[2].header, "Content-Type"), "text/rfc822-headers");
}

TEST_F(DeliveryStatusTest, CutsALongHeaderAtALine) {
  std::string original;
  while (original.size() < 3 * kMaxReturnedHeader) original.append("X-Long: 0123456789\r\n");
  report_.original = original;
  report_.recipients = {refused_recipient()};
  const std::string content = make().parts[2].content;
  EXPECT_LE(content.size(), kMaxReturnedHeader);
  EXPECT_TRUE(content.ends_with("X-Long: 0123456789\r\n"));
}

TEST_F(DeliveryStatusTest, ReturnsAHeaderThatIsNoTextEncoded) {
  for (const std::string_view original :
       {std::string_view("Subject: gr\xfc\xdf\r\n\r\n"), std::string_view("A: \0\r\n\r\n", 9),
        std::string_view("A: b\nC: d\rE: f\r\n\r\n"), std::string_view("no header at all"),
        std::string_view("\r\nbody"), std::string_view()}) {
    report_.original = original;
    report_.original_size = original.size();
    report_.recipients = {refused_recipient()};
    const ReadMail mail = make();
    EXPECT_EQ(value_of(mail.parts[2].header, "Content-Type"), "text/rfc822-headers");
    const std::string_view header = original.starts_with("\r\n") ? std::string_view() : original;
    EXPECT_THAT(mail.parts[2].content,
                StartsWith(std::string(header.substr(0, header.find("\r\n\r\n")))));
  }
}

TEST_F(DeliveryStatusTest, ReportsAddressesOfUtf8WithoutNeedingMoreThanTheSenderDoes) {
  RecipientReport refused = refused_recipient();
  refused.command.forward_path = "<gr\xc3\xbc\xc3\x9f@example.edu>";
  report_.recipients = {refused};
  ReadMail mail = make();
  EXPECT_FALSE(made_.mail.is_utf8);
  EXPECT_EQ(value_of(mail.parts[1].header, "Content-Type"), "message/global-delivery-status");
  EXPECT_THAT(mail.parts[1].content,
              HasSubstr("Final-Recipient: utf-8; gr\xc3\xbc\xc3\x9f@example.edu"));
  EXPECT_EQ(value_of(mail.parts[0].header, "Content-Type"), "text/plain; charset=utf-8");

  report_.mail.reverse_path = "<\xc3\xbc@example.edu>";
  report_.original = "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\n";
  mail = make();
  EXPECT_TRUE(made_.mail.is_utf8);
  EXPECT_EQ(format(made_.mail), "MAIL FROM:<> SMTPUTF8");
  EXPECT_EQ(value_of(mail.header, "To"), "<\xc3\xbc@example.edu>");
  EXPECT_EQ(value_of(mail.parts[2].header, "Content-Type"), "message/global-headers");
}

TEST_F(DeliveryStatusTest, SendsToTheAddressBehindARoute) {
  report_.mail.reverse_path = "<@a.example,@b.example:ups@example.edu>";
  report_.recipients = {refused_recipient()};
  EXPECT_EQ(value_of(make().header, "To"), "<ups@example.edu>");
  EXPECT_EQ(made_.rcpt.forward_path, "<ups@example.edu>");
  report_.mail.reverse_path = "<@a.example:>";
  static_cast<void>(make());
  EXPECT_EQ(made_.rcpt.forward_path, "<@a.example:>");
}

TEST_F(DeliveryStatusTest, TakesNoMessageIdThatIsNone) {
  for (const std::string_view original :
       {"Message-ID: <a b@c>\r\n\r\n", "Message-ID: <a@b> <c@d>\r\n\r\n", "Message-ID: x@y\r\n\r\n",
        "Message-ID:\r\n <a@b>\r\n\r\n", "Message-ID: <ab>\r\n\r\n",
        "X: y\r\n\r\nMessage-ID: <a@b>\r\n", "Message-ID: <\x01@b>\r\n\r\n"}) {
    report_.original = original;
    report_.recipients = {refused_recipient()};
    EXPECT_EQ(value_of(make().header, "In-Reply-To"), "") << original;
  }
}

// Hostile words in every place that a peer can put some into.
TEST_F(DeliveryStatusTest, LetsNobodyBeginAFieldOrAPart) {
  for (const std::string_view words : kHostileWords) {
    const std::string said(words);
    for (int place = 0; place < 8; ++place) {
      SCOPED_TRACE(base::printable(words) + " in place " + std::to_string(place));
      report_ = sample_report(kPlainMail);
      const std::string original = "Subject: " + said + "\r\n\r\n" + said;
      RecipientReport recipient = refused_recipient();
      switch (place) {
        case 0: recipient.reply = said; break;
        case 1: recipient.smarthost = said; break;
        case 2: recipient.command.forward_path = '<' + said + '>'; break;
        case 3: recipient.command.parameters = {{"ORCPT", "rfc822;" + said}}; break;
        case 4: recipient.command.parameters = {{"ORCPT", said + ";a@b"}}; break;
        case 5: report_.mail.parameters = {{"ENVID", said}}; break;
        case 6: report_.mail.reverse_path = '<' + said + '>'; break;
        default:
          report_.mail.parameters = {{"RET", "FULL"}};
          report_.original = original;
          report_.original_size = original.size();
      }
      report_.recipients = {recipient, delayed_recipient()};
      const ReadMail mail = make();
      EXPECT_EQ(mail.parts[0].content.find("\r\nX-Injected"), std::string::npos);
    }
  }
}

TEST_F(DeliveryStatusTest, StaysSmallForAThousandRecipients) {
  RecipientReport recipient = refused_recipient();
  recipient.reply = "550 5.7.1 " + std::string(4000, 'x');
  recipient.command.forward_path = '<' + std::string(2000, 'y') + '>';
  report_.recipients.assign(kMaxRecipients, recipient);
  const ReadMail mail = make();
  EXPECT_LT(made_.text.size(), kMaxRecipients * 2048);
  EXPECT_THAT(mail.parts[0].content, HasSubstr("and 950 more"));
}

TEST_F(DeliveryStatusTest, NeedsNoOneToBeNamedInAFieldWhoseAddressIsTooLong) {
  report_.mail.reverse_path = '<' + std::string(1900, 'a') + "@b>";
  report_.recipients = {refused_recipient()};
  EXPECT_EQ(value_of(make().header, "To"), "undisclosed-recipients:;");
}

TEST(IsSenderTold, GoesByNotify) {
  MailCommand mail;
  mail.reverse_path = "<a@b>";
  RcptCommand rcpt;
  const auto told = [&](const char* notify) {
    rcpt.parameters.clear();
    if (*notify != '\0') rcpt.parameters.push_back({"NOTIFY", notify});
    std::string out;
    if (is_sender_told(mail, rcpt, DeliveryAction::failed)) out.push_back('f');
    if (is_sender_told(mail, rcpt, DeliveryAction::delayed)) out.push_back('d');
    if (is_sender_told(mail, rcpt, DeliveryAction::relayed)) out.push_back('r');
    return out;
  };
  EXPECT_EQ(told(""), "fd");
  EXPECT_EQ(told("NEVER"), "");
  EXPECT_EQ(told("never"), "");
  EXPECT_EQ(told("FAILURE"), "f");
  EXPECT_EQ(told("SUCCESS"), "r");
  EXPECT_EQ(told("success,Delay,failure"), "fdr");
  mail.reverse_path = "<>";
  EXPECT_EQ(told("SUCCESS,DELAY,FAILURE"), "");
  EXPECT_EQ(told(""), "");
}

TEST(QuotedPrintable, EncodesWhatRfc2045Has) {
  const auto encoded = [](std::string_view text) {
    std::string out;
    append_quoted_printable(out, text);
    return out;
  };
  EXPECT_EQ(encoded(""), "\r\n");
  EXPECT_EQ(encoded("a=b"), "a=3Db\r\n");
  EXPECT_EQ(encoded("a \r\nb\t"), "a=20\r\nb=09\r\n");
  EXPECT_EQ(encoded("a b\tc\r\n"), "a b\tc\r\n");
  EXPECT_EQ(encoded("a\nb\rc"), "a=0Ab=0Dc\r\n");
  EXPECT_EQ(encoded("\xc3\xbc"), "=C3=BC\r\n");
  for (std::size_t size = 70; size < 240; ++size) {
    const std::string text(size, size % 2 == 0 ? 'x' : '\xfc');
    const std::string out = encoded(text);
    for (const std::string_view line : base::split(out, '\n')) EXPECT_LE(line.size(), 77U);
    EXPECT_EQ(decoded(out), text + "\r\n");
  }
}

}  // namespace
}  // namespace smtp
