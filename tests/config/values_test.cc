// Durations, sizes, names and lists: what is read, what is refused with which words.
#include "config/values.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(ParseBool, ReadsTheWordsInAnyCase) {
  for (const std::string_view text : {"yes", "true", "on", "1", "YES", "True"}) {
    EXPECT_TRUE(*parse_bool(text)) << text;
  }
  for (const std::string_view text : {"no", "false", "off", "0", "No"}) {
    EXPECT_FALSE(*parse_bool(text)) << text;
  }
  for (const std::string_view text : {"", "y", "2", "yes ", "enabled"}) {
    ASSERT_FALSE(parse_bool(text)) << text;
    EXPECT_EQ(parse_bool(text).error().detail, "expected yes or no");
  }
}

TEST(ParseNumber, HoldsToItsBounds) {
  EXPECT_EQ(*parse_number_in("1", 1, 1000), 1u);
  EXPECT_EQ(*parse_number_in("1000", 1, 1000), 1000u);
  for (const std::string_view text :
       {"0", "1001", "many", "", "-1", "+5", "1.5", "1e3", "0x10", " 7", "99999999999999999999"}) {
    ASSERT_FALSE(parse_number_in(text, 1, 1000)) << text;
    EXPECT_EQ(parse_number_in(text, 1, 1000).error(),
              (base::Error{base::Fault::config, "expected a number from 1 to 1000"}));
  }
}

TEST(ParseWorkers, WantsPortsThatCanBeSharedForMoreThanOne) {
  EXPECT_EQ(*parse_workers("1", false), 1u);
  EXPECT_EQ(*parse_workers("1", true), 1u);
  EXPECT_EQ(*parse_workers("256", true), 256u);
  EXPECT_NE(parse_workers("2", false).error().detail.find("needs Linux"), std::string::npos);
  for (const bool can_share_ports : {false, true}) {
    for (const std::string_view text : {"0", "257", "two", ""}) {
      ASSERT_FALSE(parse_workers(text, can_share_ports)) << text;
      EXPECT_EQ(parse_workers(text, can_share_ports).error().detail,
                "expected a number from 1 to 256");
    }
  }
}

TEST(ParseDuration, ReadsEveryUnit) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration("5m"), 5min);
  EXPECT_EQ(*parse_duration("2h"), 2h);
  EXPECT_EQ(*parse_duration("5d"), 120h);
  EXPECT_EQ(*parse_duration("0"), 0s);
  EXPECT_EQ(*parse_duration("0s"), 0s);
}

TEST(ParseDuration, AsksForTheUnit) {
  EXPECT_EQ(parse_duration("30").error().detail, "a duration needs a unit (ms, s, m, h, d): 30s?");
}

TEST(ParseDuration, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "s", "soon", "-5s", "1.5s", "5 s", "5s ", "5S", "5min", "5sec", "1h30m", "5w",
        "99999999999999999999s", "18446744073709551615s", "18446744073709551615ms", "4000d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_THAT(parse_duration("5min").error().detail, HasSubstr("unknown unit \"min\""));
}

TEST(FormatDuration, UsesTheLargestWholeUnit) {
  const std::vector<std::pair<base::Duration, std::string_view>> cases = {
      {0s, "0s"},   {1ms, "1ms"}, {1500ms, "1500ms"}, {1s, "1s"},
      {90s, "90s"}, {5min, "5m"}, {60min, "1h"},      {24h, "1d"}};
  for (const auto& [duration, text] : cases) {
    EXPECT_EQ(format_duration(duration), text);
    EXPECT_EQ(*parse_duration(text), duration);
  }
}

TEST(ParseSize, ReadsPowersOf1024) {
  EXPECT_EQ(*parse_size("1K"), 1024u);
  EXPECT_EQ(*parse_size("25M"), 25u * 1024 * 1024);
  EXPECT_EQ(*parse_size("25m"), 25u * 1024 * 1024);
  EXPECT_EQ(*parse_size("1G"), 1u << 30);
  EXPECT_EQ(*parse_size("0"), 0u);
}

TEST(ParseSize, AsksForTheUnit) {
  EXPECT_EQ(parse_size("25").error().detail, "a size needs a unit (K, M, G): 25M?");
}

TEST(ParseSize, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "M", "big", "-1M", "1.5G", "25 M", "25MB", "25MiB", "1T",
                                      "18446744073709551615G", "99999999999999999999M"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(FormatSize, UsesTheLargestWholeUnit) {
  for (const std::string_view text : {"0", "1K", "1025K", "25M", "1G", "3000G"}) {
    EXPECT_EQ(format_size(*parse_size(text)), text);
  }
}

TEST(ParseList, TrimsItsItems) {
  EXPECT_THAT(*parse_list("a"), ElementsAre("a"));
  EXPECT_THAT(*parse_list(" a ,\tb,c d "), ElementsAre("a", "b", "c d"));
  EXPECT_EQ(format_list({"a", "b"}), "a, b");
}

TEST(ParseList, RefusesEmptyItems) {
  for (const std::string_view text : {"", "a,", ",a", "a,,b", " , "}) {
    EXPECT_FALSE(parse_list(text)) << text;
  }
}

TEST(ParseHost, TakesNamesAndAddresses) {
  for (const std::string_view text :
       {"smtp.example.edu", "smtp", "smtp.example.edu.", "mail_gw.corp", "xn--mller-kva.example",
        "3com.com", "192.0.2.1", "::1", "2001:db8::1", "a-b.c-d"}) {
    ASSERT_TRUE(parse_host(text)) << text;
    EXPECT_EQ(*parse_host(text), text);
  }
}

TEST(ParseHost, RefusesWithAdvice) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"", "host name"},
      {".", "empty label"},
      {"a..b", "empty label"},
      {".a", "empty label"},
      {"a.b..", "empty label"},
      {"-a.b", "begins or ends with"},
      {"a-.b", "begins or ends with"},
      {"a b", "host name"},
      {"a/b", "host name"},
      {"m\xC3\xBCller.example", "xn--"},
      {"smtp://example.edu", "not a URL"},
      {"me@example.edu", "not a mail address"},
      {"smtp.example.edu:587", "port = 587"},
      {"[2001:db8::1]", "without brackets"},
      {"[192.0.2.1]:25", "port = 25"},
      {"192.0.2.256", "neither a host name nor an IP address"},
      {"10.1", "neither"},
      {"25", "neither"},
  };
  for (const auto& [text, advice] : cases) {
    ASSERT_FALSE(parse_host(text)) << text;
    EXPECT_THAT(parse_host(text).error().detail, HasSubstr(std::string(advice))) << text;
  }
}

// CERT-38, RFC 1035 2.3.4.
TEST(ParseHost, HoldsToTheLengthsOfTheDns) {
  const std::string label(63, 'a');
  EXPECT_TRUE(parse_host(label + ".edu"));
  EXPECT_THAT(parse_host(label + "a.edu").error().detail, HasSubstr("label of 64 characters"));

  const std::string name_253 = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  EXPECT_TRUE(parse_host(name_253));
  EXPECT_TRUE(parse_host(name_253 + '.'));
  EXPECT_THAT(parse_host(name_253 + 'a').error().detail, HasSubstr("254 characters"));
}

TEST(ParseHostPort, SplitsThePort) {
  struct Case {
    std::string_view text, host;
    std::optional<std::uint16_t> port;
  };
  for (const auto& [text, host, port] :
       {Case{"smtp.example.edu", "smtp.example.edu", {}},
        Case{"smtp.example.edu:587", "smtp.example.edu", 587},
        Case{"192.0.2.1:25", "192.0.2.1", 25}, Case{"[2001:db8::1]:465", "2001:db8::1", 465},
        Case{"[2001:db8::1]", "2001:db8::1", {}}, Case{"2001:db8::1", "2001:db8::1", {}},
        Case{"::1", "::1", {}}, Case{"h:65535", "h", 65535}}) {
    const auto parsed = parse_host_port(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().detail;
    EXPECT_EQ(parsed->host, host) << text;
    EXPECT_EQ(parsed->port, port) << text;
  }
}

TEST(ParseHostPort, RefusesBrokenOnes) {
  for (const std::string_view text :
       {"", ":25", "host:", "host:0", "host:65536", "host:smtp", "host:-1", "host: 25", "[::1",
        "[::1]25", "[::1]:", "[host]:25", "[]:25", "[192.0.2.1]:25", "a:b:c", "::1:25:xyz",
        "smtp://h:25", "a b:25"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
  const auto url = parse_host_port("https://smtp.example.edu");
  ASSERT_FALSE(url);
  EXPECT_NE(url.error().detail.find("not a URL"), std::string::npos) << url.error().detail;
}

TEST(ParseOwnName, TakesDomainsAndLiterals) {
  for (const std::string_view text :
       {"app.example.edu", "app", "[192.0.2.1]", "[IPv6:2001:db8::1]"}) {
    ASSERT_TRUE(parse_own_name(text)) << text;
    EXPECT_EQ(*parse_own_name(text), text);
  }
  EXPECT_EQ(*parse_own_name("app.example.edu."), "app.example.edu");
}

TEST(ParseOwnName, RefusesWhatServersRefuse) {
  for (const std::string_view text : {"localhost",
                                      "LOCALHOST",
                                      "localhost.",
                                      "localhost.localdomain",
                                      "localhost6.localdomain6",
                                      "app.localhost",
                                      "ip6-localhost",
                                      "192.0.2.1",
                                      "::1",
                                      "[2001:db8::1]",
                                      "[192.0.2]",
                                      "[IPv6:192.0.2.1]",
                                      "[192.0.2.1",
                                      "[",
                                      "[]",
                                      "my_app.example.edu",
                                      "a b",
                                      "",
                                      "a..b",
                                      "[IPv6:fe80::1%1]"}) {
    EXPECT_FALSE(parse_own_name(text)) << text;
  }
}

TEST(ParseCertificateName, TakesTheTrailingDotOff) {
  EXPECT_EQ(*parse_certificate_name("smtp.example.edu."), "smtp.example.edu");
  EXPECT_EQ(*parse_certificate_name("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(*parse_certificate_name("2001:db8::1"), "2001:db8::1");
  for (const std::string_view text : {"*.example.edu", "fe80::1%1", "a:25", ""}) {
    EXPECT_FALSE(parse_certificate_name(text)) << text;
  }
}

TEST(ParsePin, WantsTheDigestOfSha256) {
  const std::string digest(43, 'A');
  EXPECT_TRUE(parse_pin("sha256//" + digest + "="));
  for (const std::string& text :
       {std::string(), std::string("sha256//"), digest + "=", "sha1//" + digest + "=",
        "sha256//" + digest, "sha256//" + digest + "A", "sha256//" + digest + "==",
        "sha256//" + std::string(42, 'A') + " =", "SHA256//" + digest + "="}) {
    EXPECT_FALSE(parse_pin(text)) << text;
  }
}

TEST(ParsePin, TellsHowLongItIs) {
  EXPECT_THAT(parse_pin("sha256//AAAA").error().detail,
              testing::HasSubstr("3 octets instead of 32"));
  EXPECT_THAT(parse_pin("sha256//A!").error().detail, testing::HasSubstr("not base64"));
  // The last two bits of the text stand for nothing.
  const std::string zeros = "sha256//" + std::string(43, 'A') + "=";
  EXPECT_EQ(*parse_pin(zeros), zeros);
}

TEST(UsableHostname, KeepsAFullName) {
  EXPECT_EQ(usable_hostname("App.Example.EDU."), "app.example.edu");
}

TEST(UsableHostname, MakesANameThatServersTake) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"mailer", "mailer.localdomain"},
      {"3f2a9c", "3f2a9c.localdomain"},
      {"12345", "12345.localdomain"},
      {"MY_PC", "my-pc.localdomain"},
      {"my_pc.example.edu", "my-pc.example.edu"},
      {"-x-", "x.localdomain"},
      {"", "smtpseal.localdomain"},
      {"localhost", "smtpseal.localdomain"},
      {"localhost.localdomain", "smtpseal.localdomain"},
      {"ip6-localhost", "smtpseal.localdomain"},
      {"...", "smtpseal.localdomain"},
      {"192.0.2.1", "smtpseal.localdomain"},
      {"a..b", "smtpseal.localdomain"},
  };
  for (const auto& [machine, expected] : cases) {
    EXPECT_EQ(usable_hostname(machine), expected) << machine;
    EXPECT_TRUE(parse_own_name(usable_hostname(machine))) << machine;
  }
  EXPECT_TRUE(parse_own_name(usable_hostname(std::string(64, 'a'))));
  EXPECT_TRUE(parse_own_name(usable_hostname("m\xC3\xBCller")));
}

}  // namespace
}  // namespace config
