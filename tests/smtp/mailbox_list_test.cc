// smtp/mailbox_list: whom a field names without doubt, and whom it may have meant.
#include "smtp/mailbox_list.h"

#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace smtp {

void PrintTo(const Mailbox& mailbox, std::ostream* out) {
  *out << '{' << mailbox.name << " | " << mailbox.address << '}';
}

namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

struct Case {
  std::string_view value;
  std::vector<Mailbox> mailboxes;
};

TEST(MailboxList, BelievesWhatIsWellFormed) {
  const std::vector<Case> cases = {
      {" a@b.test", {{"", "a@b.test"}}},
      {"<a@b.test>", {{"", "a@b.test"}}},
      {"Jane Doe <a@b.test>\r\n", {{"Jane Doe", "a@b.test"}}},
      {"Jane Q. Doe <a@b.test>", {{"Jane Q. Doe", "a@b.test"}}},
      {"Jane\r\n\tDoe\r\n <a@b.test>", {{"Jane Doe", "a@b.test"}}},
      {"\"Doe, Jane\" <a@b.test>", {{"\"Doe, Jane\"", "a@b.test"}}},
      {"\"Doe \\\"J\\\" \\\\\" <a@b.test>", {{"\"Doe \\\"J\\\" \\\\\"", "a@b.test"}}},
      {"\"a@b.test\" <a@b.test>", {{"\"a@b.test\"", "a@b.test"}}},
      {"=?utf-8?Q?J=C3=B6rg?= =?utf-8?B?w7Y=?= <a@b.test>",
       {{"=?utf-8?Q?J=C3=B6rg?= =?utf-8?B?w7Y=?=", "a@b.test"}}},
      {"J\xc3\xb6rg <j\xc3\xb6@b.test>", {{"J\xc3\xb6rg", "j\xc3\xb6@b.test"}}},
      {"a@b.test (Jane Doe)", {{"Jane Doe", "a@b.test"}}},
      {"a@b.test (Jane (J) Doe)", {{"\"Jane (J) Doe\"", "a@b.test"}}},
      {"Jane (work) <a@b.test> (now)", {{"Jane", "a@b.test"}}},
      {"a @ b.test", {{"", "a@b.test"}}},
      {"\"x\\\"y\"@b.test", {{"", "\"x\\\"y\"@b.test"}}},
      {"a@[192.0.2.1]", {{"", "a@[192.0.2.1]"}}},
      {"a@b.test, Jane <c@d.test>", {{"", "a@b.test"}, {"Jane", "c@d.test"}}},
  };
  for (const Case& each : cases) {
    const MailboxList list = parse_mailboxes(each.value);
    EXPECT_TRUE(list.is_well_formed) << each.value;
    EXPECT_THAT(list.mailboxes, ElementsAreArray(each.mailboxes)) << each.value;
  }
}

TEST(MailboxList, PicksOutWhatItCanOfTheRest) {
  const std::vector<Case> cases = {
      {"", {}},
      {" \r\n \t\r\n", {}},
      {"<>", {{"", ""}}},
      {"root", {{"root", ""}}},
      {"Cron Daemon", {{"Cron Daemon", ""}}},
      {"root (Cron Daemon)", {{"root", ""}}},
      {"(Cron Daemon)", {{"Cron Daemon", ""}}},
      {"a@b.test <a@b.test>", {{"\"a@b.test\"", "a@b.test"}}},
      {"Doe, Jane <a@b.test>", {{"Doe", ""}, {"Jane", "a@b.test"}}},
      {"Jane [Lab] <a@b.test>", {{"\"Jane [Lab]\"", "a@b.test"}}},
      {"Jane <a@b.test", {{"Jane", "a@b.test"}}},
      {"\"Jane <a@b.test>", {{"\"\\\"Jane\"", "a@b.test"}}},
      {"(Jane <a@b.test>", {{"\"(Jane\"", "a@b.test"}}},
      {"Jane <@x.test,@y.test:a@b.test>", {{"Jane", "a@b.test"}}},
      {"<a@b.test> c@d.test", {{"", "a@b.test"}}},
      {"<a@b.test> <c@d.test>", {{"", "a@b.test"}}},
      {"a@b.test c@d.test", {{"", ""}}},
      {"a@b@c", {{"", ""}}},
      {"a@b.test,", {{"", "a@b.test"}}},
      {",a@b.test", {{"", "a@b.test"}}},
      {"a@b.test;c@d.test", {{"", "a@b.test"}, {"", "c@d.test"}}},
      {"Team: a@b.test, Jane <c@d.test>;", {{"Team", "a@b.test"}, {"Jane", "c@d.test"}}},
      {"Undisclosed:;", {{"Undisclosed", ""}}},
      {"Team: a@b.test", {{"Team", "a@b.test"}}},
      {"a@b.test (<c@d.test>)", {{"\"<c@d.test>\"", "a@b.test"}}},
      {"=?utf-8?Q?Doe,_Jane?= <a@b.test>", {{"=?utf-8?Q?Doe=2C_Jane?=", "a@b.test"}}},
      {"\"two words\"@b.test", {{"", ""}}},
      {"Jane\x01 Doe <a@b.test>", {{"\"Jane Doe\"", "a@b.test"}}},
      {"\"Ja\x01ne\" <a@b.test>", {{"\"Jane\"", "a@b.test"}}},
  };
  for (const Case& each : cases) {
    const MailboxList list = parse_mailboxes(each.value);
    EXPECT_FALSE(list.is_well_formed) << each.value;
    EXPECT_THAT(list.mailboxes, ElementsAreArray(each.mailboxes)) << each.value;
  }
}

// A name is only ever what can stand before "<" without being anything else.
TEST(MailboxList, NamesHoldNoMarksOutsideQuotes) {
  for (const std::string_view value :
       {"evil@x.test, <a@b.test>", "x:evil@x.test <a@b.test>", "<evil@x.test <a@b.test>",
        "\"\\\" <evil@x.test>\" <a@b.test>", "(\\) <evil@x.test>) <a@b.test>",
        "=?u?Q?<evil@x.test>,?= <a@b.test>", "=?u?B?<evil@x.test>?= <a@b.test>",
        "[evil@x.test] <a@b.test>", "a@b.test (\\\"evil@x.test)"}) {
    for (const Mailbox& mailbox : parse_mailboxes(value).mailboxes) {
      bool is_quoted = false;
      for (std::size_t i = 0; i < mailbox.name.size(); ++i) {
        const char c = mailbox.name[i];
        if (is_quoted && c == '\\') {
          ++i;
        } else if (c == '"') {
          is_quoted = !is_quoted;
        } else if (!is_quoted) {
          EXPECT_EQ(std::string_view("<>@,:;()[]\\").find(c), std::string_view::npos)
              << value << " gives " << mailbox.name;
        }
      }
      EXPECT_FALSE(is_quoted) << value << " gives " << mailbox.name;
    }
  }
}

// What has no end is looked for once.
TEST(MailboxList, TakesTimeInProportion) {
  const auto repeated = [](std::string_view piece) {
    std::string text;
    while (text.size() < std::size_t{1} << 17) text += piece;
    return text;
  };
  const auto began = std::chrono::steady_clock::now();
  for (const std::string_view piece :
       {"\\\"", "(", "((\\)", "[", "<", "=?u?q?", "=?", "a,", ":;"}) {
    const std::string text = "\"" + repeated(piece);
    EXPECT_FALSE(parse_mailboxes(text).is_well_formed);
    EXPECT_FALSE(parse_mailboxes(std::string_view(text).substr(1)).is_well_formed);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

}  // namespace
}  // namespace smtp
