// net/dns: what the DNS says, and what is made of it.
#include "net/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/dns_server.h"

namespace net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kQuestion = std::string("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12) +
                              dns_name("_submission._tcp.example.edu") + two(33) + two(1);

base::Result<DnsAnswer> srv_of(const std::vector<std::string>& records, unsigned code = 0) {
  return parse_dns_answer(dns_message(kQuestion, records, code), DnsType::srv);
}

TEST(DnsAnswer, HasEveryRecordAsItCame) {
  const auto answer = srv_of({srv_record(10, 60, 587, "a.example.edu", 120),
                              srv_record(20, 0, 2587, "b.example.edu", 90)});
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_THAT(answer->records, ElementsAre(DnsRecord{10, 60, 587, "a.example.edu"},
                                           DnsRecord{20, 0, 2587, "b.example.edu"}));
  EXPECT_EQ(answer->ttl, std::chrono::seconds(90));
}

TEST(DnsAnswer, KnowsMxRecords) {
  const auto answer = parse_dns_answer(
      dns_message(kQuestion, {mx_record(10, "mx.example.edu"), mx_record(0, "")}), DnsType::mx);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->records, ElementsAre(DnsRecord{10, 0, 0, "mx.example.edu"}, DnsRecord{}));
}

TEST(DnsAnswer, PassesOverAliasesButForTheirTtl) {
  const auto answer = srv_of({dns_record(5, 40, dns_name("alias.example.edu")),
                              srv_record(10, 60, 587, "a.example.edu", 120)});
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->records, SizeIs(1));
  EXPECT_EQ(answer->ttl, std::chrono::seconds(40));
}

TEST(DnsAnswer, IsEmptyForANameThatIsNotThereOrHasNoSuchRecord) {
  EXPECT_THAT(srv_of({})->records, IsEmpty());
  EXPECT_THAT(srv_of({}, 3)->records, IsEmpty());
}

TEST(DnsAnswer, IsAnErrorWhereTheServerCouldNotAnswer) {
  for (const unsigned code : {1U, 2U, 4U, 5U}) {
    const auto answer = srv_of({}, code);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, base::Fault::unreachable);
    EXPECT_THAT(answer.error().detail, HasSubstr("code " + std::to_string(code)));
  }
}

TEST(DnsAnswer, FollowsPointersInTargets) {
  // "mail" and a pointer to "example.edu" in the question.
  const std::size_t place = kQuestion.find("\7example");
  const std::string data =
      two(1) + two(2) + two(25) + "\4mail" + two(0xc000U | static_cast<unsigned>(place));
  const auto answer = srv_of({dns_record(33, 60, data)});
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->records, ElementsAre(DnsRecord{1, 2, 25, "mail.example.edu"}));
}

TEST(DnsAnswer, EndsWhereverAPointerLeads) {
  for (unsigned place = 0; place < 0x100; ++place) {
    const std::string data = two(1) + two(2) + two(25) + "\1a" + two(0xc000U | place);
    static_cast<void>(srv_of({dns_record(33, 60, data)}));
  }
  // To itself, and to what comes later.
  const std::size_t itself = kQuestion.size() + 12 + 6;
  for (const std::size_t place : {itself, itself + 1, itself + 40}) {
    const std::string data =
        two(1) + two(2) + two(25) + two(0xc000U | static_cast<unsigned>(place));
    EXPECT_FALSE(srv_of({dns_record(33, 60, data)}));
  }
}

TEST(DnsAnswer, CutAnywhereIsAnError) {
  const std::string whole = dns_message(kQuestion, {srv_record(10, 60, 587, "a.example.edu")});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_dns_answer(std::string_view(whole).substr(0, size), DnsType::srv)) << size;
  }
}

TEST(DnsAnswer, WithAnyOctetChangedHarmsNobody) {
  const std::string whole = dns_message(
      kQuestion, {srv_record(10, 60, 587, "a.example.edu"), srv_record(1, 2, 3, "b.example.edu")});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      const auto answer = parse_dns_answer(changed, DnsType::srv);
      if (!answer) continue;
      for (const DnsRecord& record : answer->records) EXPECT_LE(record.target.size(), 255U);
    }
  }
}

TEST(DnsAnswer, LeavesOutTargetsThatNoHostCanHave) {
  const auto answer =
      srv_of({srv_record(1, 0, 25, "a b.example.edu"), srv_record(2, 0, 25, "192.0.2.1"),
              srv_record(3, 0, 25, "-x.example.edu"),
              srv_record(4, 0, 25, std::string("a\0b.example", 11)),
              srv_record(5, 0, 25, "my_host.example.edu")});
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->records, ElementsAre(DnsRecord{5, 0, 25, "my_host.example.edu"}));
  EXPECT_TRUE(answer->has_unusable);
}

TEST(DnsAnswer, HasNoMoreRecordsThanAreOfUse) {
  const std::vector<std::string> many(1000, srv_record(1, 0, 25, "a.example.edu"));
  EXPECT_THAT(srv_of(many)->records, SizeIs(kMaxDnsRecords));
}

TEST(DnsAnswer, TakesATtlThatCannotBeForNone) {
  EXPECT_EQ(srv_of({srv_record(1, 0, 25, "a.example.edu", 0x80000001)})->ttl.count(), 0);
}

TEST(DnsAnswer, MustBeOne) {
  std::string question_again = dns_message(kQuestion, {});
  question_again[2] = '\0';
  EXPECT_FALSE(parse_dns_answer(question_again, DnsType::srv));
  std::string truncated = dns_message(kQuestion, {srv_record(1, 0, 25, "a.example.edu")});
  truncated[2] |= 2;
  EXPECT_FALSE(parse_dns_answer(truncated, DnsType::srv));
  std::string longer = srv_record(1, 0, 25, "a.example.edu");
  longer[11] = static_cast<char>(longer[11] - 1);
  EXPECT_FALSE(srv_of({longer}));
}

TEST(LookUpDns, AsksTheResolverForExactlyTheName) {
  std::string asked;
  const DnsServer server([&](const std::string& question) {
    asked = question;
    return dns_message(question, {srv_record(10, 60, 587, "a.example.edu", 120)});
  });
  const auto answer = look_up_dns("_submission._tcp.example", DnsType::srv, server.address());
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_THAT(answer->records, ElementsAre(DnsRecord{10, 60, 587, "a.example.edu"}));
  EXPECT_EQ(answer->ttl, std::chrono::seconds(120));
  EXPECT_EQ(asked.substr(12, 26 + 4), dns_name("_submission._tcp.example") + two(33) + two(1));
}

TEST(LookUpDns, KnowsANameThatIsNotThereFromAServerThatFails) {
  const DnsServer nobody([](const std::string& question) { return dns_message(question, {}, 3); });
  const auto none = look_up_dns("example.edu", DnsType::mx, nobody.address());
  ASSERT_TRUE(none) << none.error().detail;
  EXPECT_THAT(none->records, IsEmpty());
  const DnsServer broken([](const std::string& question) { return dns_message(question, {}, 2); });
  const auto failed = look_up_dns("example.edu", DnsType::mx, broken.address());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, base::Fault::unreachable);
  EXPECT_THAT(failed.error().detail, HasSubstr("look-up of example.edu failed"));
}

TEST(LookUpDns, RefusesANameThatCannotBeAskedFor) {
  EXPECT_FALSE(look_up_dns(std::string(300, 'a'), DnsType::mx));
}

}  // namespace
}  // namespace net
