// RFC 9525: which certificate is whose.
#include "tls/identity.h"

#include <string>

#include <gtest/gtest.h>

namespace tls {
namespace {

PresentedNames dns(std::vector<std::string> names) {
  PresentedNames presented;
  presented.dns = std::move(names);
  return presented;
}

PresentedNames ip(std::vector<std::vector<std::uint8_t>> addresses) {
  PresentedNames presented;
  presented.ip = std::move(addresses);
  return presented;
}

bool is_for(std::string_view reference, const PresentedNames& presented) {
  return matches(parse_reference_name(reference), presented);
}

const std::vector<std::uint8_t> kLoopback = {127, 0, 0, 1};
const std::vector<std::uint8_t> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

TEST(ReferenceName, IsLowerCaseWithoutTrailingDot) {
  EXPECT_EQ(parse_reference_name("MAIL.U.Test.").dns, "mail.u.test");
  EXPECT_FALSE(parse_reference_name("MAIL.U.Test.").is_ip());
}

TEST(ReferenceName, RecognisesAddresses) {
  EXPECT_EQ(parse_reference_name("127.0.0.1").ip, kLoopback);
  EXPECT_EQ(parse_reference_name("::1").ip, kLoopback6);
  EXPECT_TRUE(parse_reference_name("127.0.0.1").dns.empty());
}

TEST(ReferenceName, TakesWhatOnlyLooksLikeAnAddressForAName) {
  EXPECT_FALSE(parse_reference_name("127.1").is_ip());
  EXPECT_FALSE(parse_reference_name("1.2.3.4.example").is_ip());
  EXPECT_FALSE(parse_reference_name("dead.beef").is_ip());
}

TEST(Identity, TakesTheExactName) {
  EXPECT_TRUE(is_for("mail.u.test", dns({"mail.u.test"})));
  EXPECT_TRUE(is_for("mail.u.test", dns({"other.u.test", "mail.u.test"})));
}

TEST(Identity, IgnoresCaseAndTheTrailingDotOfTheReference) {
  EXPECT_TRUE(is_for("MAIL.U.TEST", dns({"mail.u.test"})));
  EXPECT_TRUE(is_for("mail.u.test.", dns({"mail.u.test"})));
  EXPECT_TRUE(is_for("mail.u.test", dns({"Mail.U.Test"})));
}

TEST(Identity, RefusesAnotherName) {
  EXPECT_FALSE(is_for("mail.u.test", dns({"other.u.test"})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"u.test"})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"mail.u.test.evil.test"})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"xmail.u.test"})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"mail.u.test."})));
}

TEST(Identity, RefusesEveryoneWhenNobodyIsNamed) {
  EXPECT_FALSE(is_for("mail.u.test", {}));
  EXPECT_FALSE(is_for("", dns({""})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"", "."})));
  EXPECT_FALSE(is_for("127.0.0.1", {}));
}

// CERT-10, CERT-11.
TEST(Identity, LetsAWildcardStandForOneLabel) {
  EXPECT_TRUE(is_for("mail.u.test", dns({"*.u.test"})));
  EXPECT_TRUE(is_for("MAIL.u.test", dns({"*.U.test"})));
  EXPECT_FALSE(is_for("a.mail.u.test", dns({"*.u.test"})));
  EXPECT_FALSE(is_for("u.test", dns({"*.u.test"})));
  EXPECT_FALSE(is_for(".u.test", dns({"*.u.test"})));
}

// CERT-12, CERT-13, D-5.
TEST(Identity, RefusesWildcardsThatAreNotAWholeLeftMostLabel) {
  for (const char* pattern : {"m*.u.test", "*ail.u.test", "m*l.u.test", "mail.*.test", "mail.u.*",
                              "*", "*.", "*.*.test", "**.u.test", "*.*"}) {
    EXPECT_FALSE(is_for("mail.u.test", dns({pattern}))) << pattern;
  }
}

TEST(Identity, RefusesAWildcardForAWholeTopLevelDomain) {
  EXPECT_FALSE(is_for("localdomain.test", dns({"*.test"})));
  EXPECT_FALSE(is_for("mail.localdomain", dns({"*.localdomain"})));
}

TEST(Identity, NeedsAnAddressForAnAddress) {
  EXPECT_TRUE(is_for("127.0.0.1", ip({kLoopback})));
  EXPECT_TRUE(is_for("::1", ip({kLoopback6})));
  EXPECT_TRUE(is_for("0:0:0:0:0:0:0:1", ip({kLoopback, kLoopback6})));
  EXPECT_FALSE(is_for("127.0.0.2", ip({kLoopback})));
  EXPECT_FALSE(is_for("127.0.0.1", ip({kLoopback6})));
  EXPECT_FALSE(is_for("127.0.0.1", ip({{127, 0, 0}, {127, 0, 0, 1, 0}, {}})));
}

// CERT-18, CERT-19: what mbedTLS itself lets pass.
TEST(Identity, NeverTakesANameForAnAddress) {
  EXPECT_FALSE(is_for("127.0.0.1", dns({"127.0.0.1"})));
  EXPECT_FALSE(is_for("127.0.0.1", dns({"*.0.0.1"})));
  EXPECT_FALSE(is_for("mail.u.test", ip({kLoopback})));
}

TEST(Identity, NoticesAnAddressWrittenAsAName) {
  const auto is_misplaced = [](std::string_view reference, const PresentedNames& presented) {
    return is_misplaced_address(parse_reference_name(reference), presented);
  };
  EXPECT_TRUE(is_misplaced("127.0.0.1", dns({"mail.u.test", "127.0.0.1"})));
  EXPECT_TRUE(is_misplaced("0:0:0:0:0:0:0:1", dns({"::1"})));
  EXPECT_FALSE(is_misplaced("127.0.0.1", dns({"127.0.0.2"})));
  EXPECT_FALSE(is_misplaced("127.0.0.1", ip({kLoopback})));
  EXPECT_FALSE(is_misplaced("127.0.0.1", {}));
  EXPECT_FALSE(is_misplaced("mail.u.test", dns({"127.0.0.1"})));
  PresentedNames both = ip({kLoopback});
  both.dns = {"127.0.0.1"};
  EXPECT_FALSE(is_misplaced("127.0.0.1", both));
}

TEST(Identity, TakesNoNumberForATopLevelDomain) {
  EXPECT_FALSE(is_for("127.1", dns({"127.1"})));
  EXPECT_FALSE(is_for("127.0.1", dns({"*.0.1"})));
  EXPECT_FALSE(is_for("2130706433", dns({"2130706433"})));
  EXPECT_TRUE(is_for("1.mail4", dns({"1.mail4"})));
}

// CERT-21.
TEST(Identity, RefusesNamesWithOctetsThatNoHostHas) {
  EXPECT_FALSE(is_for("mail.u.test", dns({std::string("mail.u.test\0.evil.test", 22)})));
  EXPECT_FALSE(is_for("mail.u.test", dns({std::string("mail.u.test\0", 12)})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"mail.u.test "})));
  EXPECT_FALSE(is_for("mail.u.test", dns({"mail.u.test\r\n"})));
  EXPECT_FALSE(is_for("m\xc3\xa4il.u.test", dns({"m\xc3\xa4il.u.test"})));
}

TEST(Identity, ComparesInternationalNamesInTheirAsciiForm) {
  EXPECT_TRUE(is_for("xn--mil-ula.u.test", dns({"xn--mil-ula.u.test"})));
  EXPECT_TRUE(is_for("xn--mil-ula.u.test", dns({"*.u.test"})));
}

TEST(DnsSubtree, HoldsItselfAndEverythingBelow) {
  EXPECT_TRUE(is_within_dns_subtree("example.com", "example.com"));
  EXPECT_TRUE(is_within_dns_subtree("a.b.Example.com", "eXample.com"));
  EXPECT_TRUE(is_within_dns_subtree("a.example.com", ".example.com"));
  EXPECT_TRUE(is_within_dns_subtree("anything", ""));
}

TEST(DnsSubtree, HoldsNothingElse) {
  EXPECT_FALSE(is_within_dns_subtree("badexample.com", "example.com"));
  EXPECT_FALSE(is_within_dns_subtree("com", "example.com"));
  EXPECT_FALSE(is_within_dns_subtree("example.com.evil", "example.com"));
  EXPECT_FALSE(is_within_dns_subtree("", "example.com"));
}

}  // namespace
}  // namespace tls
