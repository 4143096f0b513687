// smtp/header_rewriter: what becomes of a header, however it is cut.
#include "smtp/header_rewriter.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "smtp/header_field.h"
#include "smtp/limits.h"

namespace smtp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kApp = "app@example.edu";

SenderOptions options(SenderMode mode) {
  SenderOptions made;
  made.address = kApp;
  made.header_from = mode;
  made.authorized = {"boss@example.edu", "@lab.example.edu"};
  return made;
}

// The message as it leaves when it comes in these pieces; "REFUSED ..." when it does not.
std::string rewrite(const SenderOptions& rule, const std::vector<std::string_view>& pieces) {
  HeaderRewriter rewriter(rule);
  std::string out;
  for (const std::string_view piece : pieces) {
    const std::size_t taken = rewriter.receive(piece, out);
    if (rewriter.refusal()) return "REFUSED " + rewriter.refusal()->summary();
    EXPECT_TRUE(taken == piece.size() || rewriter.is_header_over());
    out += piece.substr(taken);
  }
  rewriter.end(out);
  return out;
}

std::vector<std::string_view> octets_of(std::string_view message) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < message.size(); ++i) pieces.push_back(message.substr(i, 1));
  return pieces;
}

// Whole; and the same octet by octet, and cut in two anywhere.
std::string rewritten(std::string_view message, SenderMode mode = SenderMode::force) {
  const SenderOptions rule = options(mode);
  std::string whole = rewrite(rule, {message});
  EXPECT_EQ(rewrite(rule, octets_of(message)), whole) << message;
  const std::size_t step = message.size() > 2000 ? 97 : 1;
  for (std::size_t i = 0; i <= message.size(); i += step) {
    EXPECT_EQ(rewrite(rule, {message.substr(0, i), message.substr(i)}), whole) << message;
  }
  return whole;
}

struct Case {
  std::string_view name;
  std::string_view header;   // without the empty line
  std::string_view becomes;  // likewise
};

void expect_all(const std::vector<Case>& cases, SenderMode mode) {
  constexpr std::string_view kBody = "\r\nFrom: body@x.test\r\n\r\n.\r\nno end";
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(rewritten(std::string(each.header) + std::string(kBody), mode),
              std::string(each.becomes) + std::string(kBody));
    EXPECT_EQ(rewritten(each.header, mode), each.becomes);  // without a body
  }
}

TEST(HeaderRewriter, ForcesTheAddressAndKeepsTheName) {
  expect_all(
      {
          {"bare address", "Subject: x\r\nFrom: ups@device.test\r\nTo: a@b.test\r\n",
           "Subject: x\r\nFrom: app@example.edu\r\nX-Original-From: ups@device.test\r\n"
           "To: a@b.test\r\nReply-To: ups@device.test\r\n"},
          {"name", "From: Jane Doe <jane@device.test>\r\n",
           "From: Jane Doe <app@example.edu>\r\nX-Original-From: Jane Doe <jane@device.test>\r\n"
           "Reply-To: Jane Doe <jane@device.test>\r\n"},
          {"quoted name", "From: \"Doe, \\\"J\\\"\" <jane@device.test>\r\n",
           "From: \"Doe, \\\"J\\\"\" <app@example.edu>\r\n"
           "X-Original-From: \"Doe, \\\"J\\\"\" <jane@device.test>\r\n"
           "Reply-To: \"Doe, \\\"J\\\"\" <jane@device.test>\r\n"},
          {"encoded words", "From: =?utf-8?Q?J=C3=B6rg?= =?iso-8859-1?B?9g==?= <j@device.test>\r\n",
           "From: =?utf-8?Q?J=C3=B6rg?= =?iso-8859-1?B?9g==?= <app@example.edu>\r\n"
           "X-Original-From: =?utf-8?Q?J=C3=B6rg?= =?iso-8859-1?B?9g==?= <j@device.test>\r\n"
           "Reply-To: =?utf-8?Q?J=C3=B6rg?= =?iso-8859-1?B?9g==?= <j@device.test>\r\n"},
          {"raw octets", "From: J\xf6rg <j@device.test>\r\n",
           "From: J\xf6rg <app@example.edu>\r\nX-Original-From: J\xf6rg <j@device.test>\r\n"
           "Reply-To: J\xf6rg <j@device.test>\r\n"},
          {"UTF-8 address", "From: J <j\xc3\xb6@device.test>\r\n",
           "From: J <app@example.edu>\r\nX-Original-From: J <j\xc3\xb6@device.test>\r\n"
           "Reply-To: J <j\xc3\xb6@device.test>\r\n"},
          {"comment as name", "From: ups@device.test (The UPS)\r\n",
           "From: The UPS <app@example.edu>\r\nX-Original-From: ups@device.test (The UPS)\r\n"
           "Reply-To: The UPS <ups@device.test>\r\n"},
          {"folded", "From:\r\n Jane\r\n\tDoe\r\n <jane@device.test>\r\nTo: a@b.test\r\n",
           "From: Jane Doe <app@example.edu>\r\nX-Original-From: Jane Doe <jane@device.test>\r\n"
           "To: a@b.test\r\nReply-To: Jane Doe <jane@device.test>\r\n"},
          {"folded with a line of white space", "From: Jane\r\n \r\n <jane@device.test>\r\n",
           "From: Jane <app@example.edu>\r\nX-Original-From: Jane <jane@device.test>\r\n"
           "Reply-To: Jane <jane@device.test>\r\n"},
          {"obsolete space", "fROM \t : jane@device.test\r\n",
           "From: app@example.edu\r\nX-Original-From: jane@device.test\r\n"
           "Reply-To: jane@device.test\r\n"},
          {"no space", "From:jane@device.test\r\n",
           "From: app@example.edu\r\nX-Original-From: jane@device.test\r\n"
           "Reply-To: jane@device.test\r\n"},
          {"several mailboxes", "From: Jane <jane@device.test>, joe@device.test\r\n",
           "From: Jane <app@example.edu>\r\n"
           "X-Original-From: Jane <jane@device.test>, joe@device.test\r\n"
           "Reply-To: Jane <jane@device.test>, joe@device.test\r\n"},
          {"the address among others", "From: app@example.edu, joe@device.test\r\n",
           "From: app@example.edu\r\nX-Original-From: app@example.edu, joe@device.test\r\n"
           "Reply-To: app@example.edu, joe@device.test\r\n"},
          {"group", "From: Team: a@b.test, c@d.test;\r\n",
           "From: Team <app@example.edu>\r\nX-Original-From: Team: a@b.test, c@d.test;\r\n"
           "Reply-To: Team <a@b.test>, c@d.test\r\n"},
          {"empty group", "From: Nobody:;\r\n",
           "From: Nobody <app@example.edu>\r\nX-Original-From: Nobody:;\r\n"},
          {"no address", "From: root (Cron Daemon)\r\n",
           "From: root <app@example.edu>\r\nX-Original-From: root (Cron Daemon)\r\n"},
          {"address as name", "From: ups@device.test <ups@device.test>\r\n",
           "From: \"ups@device.test\" <app@example.edu>\r\n"
           "X-Original-From: ups@device.test <ups@device.test>\r\n"
           "Reply-To: \"ups@device.test\" <ups@device.test>\r\n"},
          {"another behind the address", "From: <app@example.edu> evil@x.test\r\n",
           "From: app@example.edu\r\nX-Original-From: <app@example.edu> evil@x.test\r\n"},
          {"another in a comment", "From: app@example.edu (<evil@x.test>)\r\n",
           "From: \"<evil@x.test>\" <app@example.edu>\r\n"
           "X-Original-From: app@example.edu (<evil@x.test>)\r\n"},
          {"empty", "From:\r\nTo: a@b.test\r\n", "From: app@example.edu\r\nTo: a@b.test\r\n"},
          {"white space alone", "From: \r\n \t\r\nTo: a@b.test\r\n",
           "From: app@example.edu\r\nTo: a@b.test\r\n"},
          {"null address", "From: <>\r\n", "From: app@example.edu\r\nX-Original-From: <>\r\n"},
          {"missing", "To: a@b.test\r\nSubject: x\r\n y\r\n",
           "To: a@b.test\r\nSubject: x\r\n y\r\nFrom: app@example.edu\r\n"},
          {"its own already", "From: The App <App@Example.edu>\r\nTo: a@b.test\r\n",
           "From: The App <App@Example.edu>\r\nTo: a@b.test\r\n"},
          {"names that only look alike", "From-X: a@b.test\r\nXFrom: a@b.test\r\nFrom(x): a\r\n",
           "From-X: a@b.test\r\nXFrom: a@b.test\r\nFrom(x): a\r\nFrom: app@example.edu\r\n"},
          {"an authorised one", "From: boss@example.edu\r\n",
           "From: app@example.edu\r\nX-Original-From: boss@example.edu\r\n"
           "Reply-To: boss@example.edu\r\n"},
      },
      SenderMode::force);
}

TEST(HeaderRewriter, KeepsTheReplyToOfTheClient) {
  expect_all(
      {
          {"before", "Reply-To: desk@b.test\r\nFrom: ups@device.test\r\n",
           "Reply-To: desk@b.test\r\nFrom: app@example.edu\r\n"
           "X-Original-From: ups@device.test\r\n"},
          {"behind, odd", "From: ups@device.test\r\nreply-to :\r\n desk@b.test\r\n",
           "From: app@example.edu\r\nX-Original-From: ups@device.test\r\n"
           "reply-to :\r\n desk@b.test\r\n"},
      },
      SenderMode::force);
}

TEST(HeaderRewriter, LeavesOneOfSeveralFroms) {
  expect_all(
      {
          {"both others", "From: a@b.test\r\nSubject: x\r\nFrom: c@d.test\r\n",
           "From: app@example.edu\r\nX-Original-From: a@b.test\r\nSubject: x\r\n"
           "X-Original-From: c@d.test\r\nReply-To: a@b.test\r\n"},
          {"the first is right", "From: app@example.edu\r\nFROM : c@d.test\r\n",
           "From: app@example.edu\r\nX-Original-From: c@d.test\r\n"},
          {"the second is right", "From: c@d.test\r\nFrom: app@example.edu\r\n",
           "From: app@example.edu\r\nX-Original-From: c@d.test\r\n"
           "X-Original-From: app@example.edu\r\nReply-To: c@d.test\r\n"},
          {"both right", "From: app@example.edu\r\nFrom: app@example.edu\r\n",
           "From: app@example.edu\r\nX-Original-From: app@example.edu\r\n"},
      },
      SenderMode::force);
}

TEST(HeaderRewriter, LetsNoOtherFieldNameTheSender) {
  expect_all(
      {
          {"sender", "Sender: daemon@device.test\r\nFrom: app@example.edu\r\n",
           "X-Original-Sender: daemon@device.test\r\nFrom: app@example.edu\r\n"},
          {"its own as sender", "Sender: <app@example.edu>\r\nFrom: app@example.edu\r\n",
           "Sender: <app@example.edu>\r\nFrom: app@example.edu\r\n"},
          {"two senders",
           "Sender: app@example.edu\r\nSender: app@example.edu\r\nFrom: app@example.edu"
           "\r\n",
           "Sender: app@example.edu\r\nX-Original-Sender: app@example.edu\r\n"
           "From: app@example.edu\r\n"},
          {"two mailboxes", "Sender: app@example.edu, x@y.test\r\nFrom: app@example.edu\r\n",
           "X-Original-Sender: app@example.edu, x@y.test\r\nFrom: app@example.edu\r\n"},
          {"resent",
           "Resent-From: Jane <jane@device.test>\r\nResent-Sender: joe@device.test\r\n"
           "Resent-To: a@b.test\r\nFrom: app@example.edu\r\n",
           "Resent-From: Jane <app@example.edu>\r\n"
           "X-Original-Resent-From: Jane <jane@device.test>\r\n"
           "X-Original-Resent-Sender: joe@device.test\r\nResent-To: a@b.test\r\n"
           "From: app@example.edu\r\n"},
          {"resent twice",
           "Resent-From: app@example.edu\r\nResent-Sender: app@example.edu\r\n"
           "Resent-From: app@example.edu\r\nResent-Sender: app@example.edu\r\n"
           "From: app@example.edu\r\n",
           "Resent-From: app@example.edu\r\nResent-Sender: app@example.edu\r\n"
           "Resent-From: app@example.edu\r\nResent-Sender: app@example.edu\r\n"
           "From: app@example.edu\r\n"},
      },
      SenderMode::force);
}

TEST(HeaderRewriter, LetsAuthorisedOnesStayAsTheyAreWritten) {
  expect_all(
      {
          {"address", "From:\r\n  The   Boss\r\n <Boss@example.edu>\r\n",
           "From:\r\n  The   Boss\r\n <Boss@example.edu>\r\n"},
          {"domain", "From: ilo.@lab.example.edu\r\n", "From: ilo.@lab.example.edu\r\n"},
          {"several", "From: boss@example.edu, a@lab.example.edu\r\nSender: boss@example.edu\r\n",
           "From: boss@example.edu, a@lab.example.edu\r\nSender: boss@example.edu\r\n"},
          {"several, sent by another",
           "Sender: x@y.test\r\nFrom: boss@example.edu, a@lab.example.edu\r\n",
           "X-Original-Sender: x@y.test\r\nFrom: boss@example.edu, a@lab.example.edu\r\n"
           "Sender: app@example.edu\r\n"},
          {"one of two", "From: boss@example.edu, x@y.test\r\n",
           "From: app@example.edu\r\nX-Original-From: boss@example.edu, x@y.test\r\n"
           "Reply-To: boss@example.edu, x@y.test\r\n"},
          {"another", "From: x@y.test\r\n",
           "From: app@example.edu\r\nX-Original-From: x@y.test\r\nReply-To: x@y.test\r\n"},
          {"subdomain", "From: x@sub.lab.example.edu\r\n",
           "From: app@example.edu\r\nX-Original-From: x@sub.lab.example.edu\r\n"
           "Reply-To: x@sub.lab.example.edu\r\n"},
          {"missing", "Subject: x\r\n", "Subject: x\r\nFrom: app@example.edu\r\n"},
          {"second", "From: boss@example.edu\r\nFrom: x@y.test\r\n",
           "From: boss@example.edu\r\nX-Original-From: x@y.test\r\n"},
          {"resent by several",
           "Resent-From: boss@example.edu, a@lab.example.edu\r\n"
           "From: boss@example.edu\r\n",
           "Resent-From: app@example.edu\r\n"
           "X-Original-Resent-From: boss@example.edu, a@lab.example.edu\r\n"
           "From: boss@example.edu\r\n"},
      },
      SenderMode::if_unauthorized);
}

// A body never becomes header, whatever it begins with.
TEST(HeaderRewriter, GivesMailWithoutAHeaderOne) {
  const std::string added = "From: app@example.edu\r\n\r\n";
  for (const std::string_view body :
       {"Hello world\r\nFrom: x@y.test\r\n", "Hello", "\r\n",
        "\r\nFrom: x@y.test\r\n\r\nBcc: x\r\n", " From: x@y.test\r\n", "\tx\r\n", ": x@y.test\r\n",
        "Fr\xc3\xb6m: x@y.test\r\n", "From\x0b: x@y.test\r\n", "From x@y.test\r\n", "From \r\n",
        "From here on, nothing\r\nA: b\r\n", "Fro", "From ", "Sub ject: x\r\n", ".\r\n",
        "\x7f: x\r\n"}) {
    const bool has_empty_line = body.starts_with("\r\n");
    EXPECT_EQ(rewritten(body), added + std::string(body.substr(has_empty_line ? 2 : 0)));
  }
  EXPECT_EQ(rewritten(""), "From: app@example.edu\r\n");
}

TEST(HeaderRewriter, EndsTheHeaderWhereSomethingElseBegins) {
  EXPECT_EQ(rewritten("Subject: x\r\nno field\r\nFrom: x@y.test\r\n\r\nbody"),
            "Subject: x\r\nFrom: app@example.edu\r\n\r\nno field\r\nFrom: x@y.test\r\n\r\nbody");
  EXPECT_EQ(rewritten("From: x@y.test\r\n>From x@y.test\r\nTo: z\r\n"),
            "From: app@example.edu\r\nX-Original-From: x@y.test\r\nReply-To: x@y.test\r\n\r\n"
            ">From x@y.test\r\nTo: z\r\n");
  EXPECT_EQ(rewritten("Subject: x\r\nFrom x@y.test Tue Nov 24 14:13:38 2026\r\nTo: z\r\n"),
            "Subject: x\r\nFrom: app@example.edu\r\n\r\n"
            "From x@y.test Tue Nov 24 14:13:38 2026\r\nTo: z\r\n");
}

TEST(HeaderRewriter, LeavesTheLineOfAnMboxFileOut) {
  const std::string mbox = "From x@y.test Tue Nov 24 14:13:38 2026\r\n";
  EXPECT_EQ(rewritten(mbox + "Subject: x\r\n\r\nFrom me\r\n"),
            "Subject: x\r\nFrom: app@example.edu\r\n\r\nFrom me\r\n");
  EXPECT_EQ(rewritten(mbox + "no field\r\n"), "From: app@example.edu\r\n\r\nno field\r\n");
  EXPECT_EQ(rewritten(mbox + mbox), "From: app@example.edu\r\n\r\n" + mbox);
  for (const std::string_view no_mbox :
       {"From x@y.test\r\nA: b\r\n", "From next Tue on it is closed\r\nA: b\r\n",
        "From Tue Nov\r\n", "From x Tue Nob 24\r\n", "From x ue  Nov 24\r\n"}) {
    EXPECT_EQ(rewritten(no_mbox), "From: app@example.edu\r\n\r\n" + std::string(no_mbox));
  }
  EXPECT_EQ(rewritten(mbox + " x: y\r\n"), "From: app@example.edu\r\n\r\n x: y\r\n");
}

TEST(HeaderRewriter, PassesThroughWhatIsNotItsBusiness) {
  const std::string rest =
      "DKIM-Signature: v=1; h=from:to;\r\n\tb=abc\r\nReturn-Path: <x@y.test>\r\nBcc: x@y.test\r\n"
      "X-Original-From: x@y.test\r\nSubject:" +
      std::string(5000, 'x') + "\r\n" + std::string(300, 'n') + ": v\r\n";
  EXPECT_EQ(rewritten(rest + "From: app@example.edu\r\n\r\nbody\r\n"),
            rest + "From: app@example.edu\r\n\r\nbody\r\n");
}

TEST(HeaderRewriter, TakesNoEndlessLineForAField) {
  const std::string line(3000, 'n');
  EXPECT_EQ(rewritten(line + ": x\r\n"), "From: app@example.edu\r\n\r\n" + line + ": x\r\n");
  const std::string spaces = "From" + std::string(3000, ' ');
  EXPECT_EQ(rewritten(spaces + ": x\r\n"), "From: app@example.edu\r\n\r\n" + spaces + ": x\r\n");
  const std::string mbox = "From " + std::string(3000, 'x') + " Tue \r\nA: b\r\n";
  EXPECT_EQ(rewritten(mbox), "From: app@example.edu\r\n\r\n" + mbox);
}

TEST(HeaderRewriter, RefusesAFieldTooLongToBeHeld) {
  std::string list = "From: a@b.test";
  while (list.size() < kMaxOriginField) list += ",\r\n a@b.test";
  for (const std::string_view before : {"", "Resent-", "From: app@example.edu\r\n"}) {
    EXPECT_THAT(rewritten(std::string(before) + list + "\r\n\r\nbody"),
                StartsWith("REFUSED 554 5.6.0 the header field that names the sender is longer"));
  }
  // At its very end it is not too late to say so, nor to carry it.
  const std::string most = "From:" + std::string(kMaxOriginField - 1, ' ') + "x";
  EXPECT_THAT(rewritten(most), StartsWith("From: x <app@example.edu>\r\n"));
  EXPECT_THAT(rewritten(most + "y"), StartsWith("REFUSED"));
  // One that is just short of it leaves in lines that are not too long.
  list.resize(list.rfind(',', kMaxOriginField));
  const std::string text = rewritten(list + "\r\n\r\n");
  EXPECT_THAT(text, StartsWith("From: app@example.edu\r\nX-Original-From: a@b.test, a@b.test,"));
  EXPECT_THAT(text, HasSubstr("\r\nReply-To: a@b.test, a@b.test,"));
}

TEST(HeaderRewriter, FoldsWhatWouldBeTooLong) {
  const std::string word(960, 'x');
  const std::string quoted = "\"" + word + "\"";
  EXPECT_EQ(rewritten("From: " + quoted + " <a@b.test>\r\n"),
            "From: " + quoted + "\r\n <app@example.edu>\r\nX-Original-From: " + quoted +
                "\r\n <a@b.test>\r\nReply-To: " + quoted + "\r\n <a@b.test>\r\n");
  // A name that could not be folded is given up.
  const std::string endless(2000, 'x');
  const std::string text = rewritten("From: " + endless + " <a@b.test>\r\n");
  EXPECT_THAT(text, StartsWith("From: app@example.edu\r\nX-Original-From:\r\n xxx"));
  EXPECT_THAT(text, HasSubstr("\r\nReply-To: a@b.test\r\n"));
}

// Which BINARYMIME alone can bring here: different readers would see different headers.
TEST(HeaderRewriter, RefusesLineEndsThatAreNone) {
  for (const std::string_view header :
       {"Subject: x\nFrom: evil@x.test\r\n", "Subject: x\rFrom: evil@x.test\r\n", "\n", "\rx",
        "\r\r\n", "From: app@example.edu\r\r\n", "From: app@example.edu\n\r\n",
        "Sub\nject: x\r\n"}) {
    EXPECT_THAT(rewritten(header), StartsWith("REFUSED 554 5.6.0 the header holds NUL")) << header;
  }
  EXPECT_THAT(rewritten(std::string_view("From: app@example.edu\0\r\n", 24)),
              StartsWith("REFUSED"));
  EXPECT_EQ(rewritten("A: b\r\n\r\n\r\n\n\r"), "A: b\r\nFrom: app@example.edu\r\n\r\n\r\n\n\r");
}

TEST(HeaderRewriter, CompletesALineThatChunksEndIn) {
  EXPECT_EQ(rewritten("From: a@b.test"),
            "From: app@example.edu\r\nX-Original-From: a@b.test\r\nReply-To: a@b.test\r\n");
  EXPECT_EQ(rewritten("Subject: x"), "Subject: x\r\nFrom: app@example.edu\r\n");
  EXPECT_EQ(rewritten("Subject: x\r"), "Subject: x\r\nFrom: app@example.edu\r\n");
  EXPECT_EQ(rewritten("Subject: x\r\n\r"), "Subject: x\r\nFrom: app@example.edu\r\n\r\n");
}

// --- what holds of every message ---

struct Field {
  std::string name;  // in small letters
  std::string raw;
};

// The header's fields, split by rules of the test's own.
std::vector<Field> fields_of(std::string_view header) {
  std::vector<Field> fields;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find("\r\n"), header.size() - 2) + 2;
    const std::string line(header.substr(0, end));
    header.remove_prefix(end);
    if (line[0] == ' ' || line[0] == '\t') {
      if (fields.empty()) ADD_FAILURE() << "the header begins inside a field";
      if (!fields.empty()) fields.back().raw += line;
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    EXPECT_LT(colon, line.size()) << line;
    fields.push_back({base::lowered(base::trimmed(std::string_view(line).substr(0, colon))), line});
  }
  return fields;
}

// A field's value without quoted strings, comments and white space: what is left is the address,
// perhaps in brackets behind words.
std::string bare_value(const std::string& raw) {
  std::string bare;
  bool is_quoted = false;
  int depth = 0;
  for (std::size_t i = raw.find(':') + 1; i < raw.size(); ++i) {
    const char c = raw[i];
    if ((is_quoted || depth > 0) && c == '\\') {
      ++i;
    } else if (c == '"' && depth == 0) {
      is_quoted = !is_quoted;
    } else if (!is_quoted && c == '(') {
      ++depth;
    } else if (!is_quoted && c == ')') {
      --depth;
    } else if (!is_quoted && depth == 0 &&
               std::string_view(" \t\r\n").find(c) == std::string::npos) {
      bare.push_back(c);
    }
  }
  EXPECT_FALSE(is_quoted) << raw;
  EXPECT_EQ(depth, 0) << raw;
  return base::lowered(bare);
}

bool names_the_app_alone(const std::string& raw) {
  const std::string bare = bare_value(raw);
  const std::string address(kApp);
  if (bare == address) return true;
  const std::string bracketed = "<" + address + ">";
  return bare.ends_with(bracketed) &&
         std::string_view(bare)
                 .substr(0, bare.size() - bracketed.size())
                 .find_first_of("@<>,:;[]\\") == std::string_view::npos;
}

bool is_about_senders(const std::string& name) {
  return name == "from" || name == "sender" || name == "resent-from" || name == "resent-sender";
}

class Scribe {
 public:
  std::string header() {
    std::string text;
    for (std::uint32_t left = upto(8); left > 0; --left) {
      text += pick(kNames) + pick(kColons);
      for (std::uint32_t words = upto(10); words > 0; --words) text += pick(kWords);
      text += "\r\n";
    }
    return text;
  }
  std::string body() {
    std::string text;
    for (std::uint32_t words = upto(12); words > 0; --words) text += pick(kBodies);
    return text;
  }
  std::string junk() { return pick(kJunk); }
  std::uint32_t upto(std::uint32_t most) { return random_() % (most + 1); }

 private:
  using List = std::vector<std::string>;
  std::string pick(const List& list) { return list[random_() % list.size()]; }

  const List kNames = {"From",          "from",     "FROM",          "Sender", "Resent-From",
                       "Resent-Sender", "Reply-To", "Subject",       "To",     "X-From",
                       "From",          "Received", "DKIM-Signature"};
  const List kColons = {":", ": ", " :", "\t : ", ":\r\n ", ": \r\n\t"};
  const List kWords = {"a@b.test",
                       "<a@b.test>",
                       "<",
                       ">",
                       "app@example.edu",
                       "<app@example.edu>",
                       "\"",
                       "\"x y\"",
                       "(",
                       ")",
                       "(z)",
                       ",",
                       ";",
                       ":",
                       " ",
                       "\r\n ",
                       "\r\n\t",
                       "\\",
                       "\\\"",
                       "Jane ",
                       "=?utf-8?Q?x?=",
                       "=?utf-8?Q?a,b?=",
                       "=?",
                       "\xc3\xb6",
                       "\xff",
                       "boss@example.edu",
                       std::string(120, 'w'),
                       std::string(300, 'v') + " ",
                       "[",
                       "]",
                       "[192.0.2.1]",
                       "@",
                       ".",
                       "\x01",
                       "\t",
                       "From: c@d.test"};
  const List kBodies = {"\r\n", "From: a@b.test\r\n",          ".", "\r\n\r\n", "x", " ",
                        "\xff", "From a@b.test Tue Nov 24\r\n"};
  const List kJunk = {"no field\r\n", "From x@y.test\r\n", ":\r\n",
                      "x\r\n",        "\xc3\xb6: x\r\n",   "\x01"};
  std::mt19937 random_{20261126};
};

void expect_holds(const std::string& header, const std::string& rest, const std::string& out) {
  // The body is what it was, and where the header ends.
  ASSERT_TRUE(out.ends_with(rest));
  const std::size_t end = out.size() - rest.size();
  ASSERT_GE(end, 4U);
  ASSERT_EQ(out.find("\r\n\r\n"), end - 4);
  const std::vector<Field> before = fields_of(header);
  const std::vector<Field> after = fields_of(std::string_view(out).substr(0, end - 2));
  const auto count = [](const std::vector<Field>& fields, std::string_view name) {
    return std::count_if(fields.begin(), fields.end(),
                         [&](const Field& field) { return field.name == name; });
  };
  EXPECT_EQ(count(after, "from"), 1);
  EXPECT_LE(count(after, "sender"), 1);
  EXPECT_LE(count(after, "reply-to"), std::max<std::ptrdiff_t>(count(before, "reply-to"), 1));
  std::string others_before;
  std::string others_after;
  const bool has_reply_to = count(before, "reply-to") > 0;
  for (const Field& field : before) {
    if (!is_about_senders(field.name)) others_before += field.raw;
  }
  for (const Field& field : after) {
    const bool is_ours =
        field.name.starts_with("x-original-") || (field.name == "reply-to" && !has_reply_to);
    if (is_about_senders(field.name)) {
      EXPECT_TRUE(names_the_app_alone(field.raw)) << field.raw;
    } else if (!is_ours) {
      others_after += field.raw;
    }
    std::size_t at = 0;
    for (std::size_t cr = field.raw.find("\r\n"); cr != std::string::npos;
         cr = field.raw.find("\r\n", at)) {
      if (is_ours) {
        EXPECT_LE(cr - at, kMaxLine);
        EXPECT_NE(field.raw.find_first_not_of(" \t", at), cr) << field.raw;
      }
      at = cr + 2;
    }
  }
  EXPECT_EQ(others_after, others_before);
}

TEST(HeaderRewriter, LetsNobodyElseThroughWhateverIsWritten) {
  Scribe scribe;
  const SenderOptions rule = options(SenderMode::force);
  for (int i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) {
    const std::string header = scribe.header();
    const bool is_clean = scribe.upto(3) > 0;
    const std::string rest = (is_clean ? "" : scribe.junk()) + scribe.body();
    const std::string message = header + (is_clean ? "\r\n" : "") + rest;
    SCOPED_TRACE(message);
    const std::string out = rewrite(rule, {message});
    expect_holds(header, rest, out);
    EXPECT_EQ(rewrite(rule, octets_of(message)), out);
    const std::size_t cut = scribe.upto(static_cast<std::uint32_t>(message.size()));
    const std::string_view text = message;
    EXPECT_EQ(rewrite(rule, {text.substr(0, cut), text.substr(cut)}), out);
  }
}

// What was rewritten once stays: mail that passes twice gets nothing added.
TEST(HeaderRewriter, HasNothingToDoTheSecondTime) {
  Scribe scribe;
  for (const SenderMode mode : {SenderMode::force, SenderMode::if_unauthorized}) {
    const SenderOptions rule = options(mode);
    for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
      const std::string once = rewrite(rule, {scribe.header() + "\r\n" + scribe.body()});
      EXPECT_EQ(rewrite(rule, {once}), once);
    }
  }
}

}  // namespace
}  // namespace smtp
