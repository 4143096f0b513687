// RFC 5280 4.2.1.10.
#include "tls/name_constraints.h"

#include <gtest/gtest.h>

#include "tls/der.h"
#include "tls/extensions.h"

namespace tls {
namespace {

using namespace std::string_view_literals;

constexpr unsigned char kPermitted = 0xa0;
constexpr unsigned char kExcluded = 0xa1;

std::string subtree(unsigned char tag, std::string_view base) {
  return write_element(kDerSequence, write_element(tag, base));
}

std::string constraints(unsigned char kind, const std::string& subtrees) {
  return write_element(kDerSequence, write_element(kind, subtrees));
}

bool permits(const NameConstraints& given, std::string name) {
  PresentedNames names;
  names.dns.push_back(std::move(name));
  return given.permit(names);
}

bool permits(const NameConstraints& given, std::vector<std::uint8_t> ip) {
  PresentedNames names;
  names.ip.push_back(std::move(ip));
  return given.permit(names);
}

TEST(NameConstraints, PermitEverythingWhenThereAreNone) {
  EXPECT_TRUE(NameConstraints().is_empty());
  EXPECT_TRUE(permits(NameConstraints(), "mail.u.test"));
}

TEST(NameConstraints, PermitOnlyWhatIsPermitted) {
  const auto given = parse_name_constraints(write_name_constraints({"example.com", "u.test"}));
  EXPECT_FALSE(given.is_empty());
  EXPECT_TRUE(permits(given, "mail.u.test"));
  EXPECT_TRUE(permits(given, "example.com"));
  EXPECT_TRUE(permits(given, "*.u.test"));
  EXPECT_FALSE(permits(given, "mail.other.test"));
  EXPECT_FALSE(permits(given, "badu.test"));
}

TEST(NameConstraints, ForbidWhatIsExcluded) {
  const auto given =
      parse_name_constraints(constraints(kExcluded, subtree(kDnsNameTag, "evil.test")));
  EXPECT_FALSE(permits(given, "mail.evil.test"));
  EXPECT_FALSE(permits(given, "evil.test"));
  EXPECT_TRUE(permits(given, "mail.u.test"));
}

TEST(NameConstraints, WantEveryNamePermitted) {
  const auto given = parse_name_constraints(write_name_constraints({"u.test"}));
  PresentedNames names;
  names.dns = {"mail.u.test", "mail.other.test"};
  EXPECT_FALSE(given.permit(names));
}

TEST(NameConstraints, LeaveNamesOfAnotherKindAlone) {
  const auto given = parse_name_constraints(write_name_constraints({"u.test"}));
  EXPECT_TRUE(permits(given, std::vector<std::uint8_t>{127, 0, 0, 1}));
}

TEST(NameConstraints, PermitAddressesOfANetwork) {
  const auto given = parse_name_constraints(
      constraints(kPermitted, subtree(kIpAddressTag, "\x0a\x00\x00\x00\xff\x00\x00\x00"sv)));
  EXPECT_TRUE(permits(given, std::vector<std::uint8_t>{10, 1, 2, 3}));
  EXPECT_FALSE(permits(given, std::vector<std::uint8_t>{11, 1, 2, 3}));
  EXPECT_FALSE(permits(given, std::vector<std::uint8_t>(16, 10)));
  EXPECT_TRUE(permits(given, "mail.u.test"));
}

TEST(NameConstraints, ForbidAddressesOfANetwork) {
  const std::string network =
      std::string("\xfd").append(15, '\0') + std::string("\xff").append(15, '\0');
  const auto given =
      parse_name_constraints(constraints(kExcluded, subtree(kIpAddressTag, network)));
  std::vector<std::uint8_t> address(16, 7);
  EXPECT_TRUE(permits(given, address));
  address[0] = 0xfd;
  EXPECT_FALSE(permits(given, address));
}

TEST(NameConstraints, HoldAlongTheWholeChain) {
  auto given = parse_name_constraints(write_name_constraints({"test"}));
  given.merge(parse_name_constraints(write_name_constraints({"u.test", "v.test"})));
  given.merge(parse_name_constraints(constraints(kExcluded, subtree(kDnsNameTag, "bad.u.test"))));
  EXPECT_TRUE(permits(given, "mail.u.test"));
  EXPECT_FALSE(permits(given, "mail.w.test"));
  EXPECT_FALSE(permits(given, "mail.bad.u.test"));
}

TEST(NameConstraints, MindNoDotAtTheEnd) {
  const auto excluding =
      parse_name_constraints(constraints(kExcluded, subtree(kDnsNameTag, "evil.test.")));
  EXPECT_FALSE(permits(excluding, "mail.evil.test"));
  EXPECT_FALSE(permits(excluding, "mail.evil.test."));
  EXPECT_TRUE(permits(excluding, "mail.u.test"));
  EXPECT_TRUE(permits(parse_name_constraints(write_name_constraints({"u.test."})), "mail.u.test"));
}

// RFC 5280 4.2.1.10: what is critical is compared, or what it constrains is refused.
TEST(NameConstraints, AllowNoNameOfAnotherKindThatIsConstrainedCritically) {
  for (const unsigned char kind : {kUriTag, kMailAddressTag, kDirectoryNameTag}) {
    for (const unsigned char part : {kPermitted, kExcluded}) {
      const std::string der = constraints(part, subtree(kind, "u.test"));
      PresentedNames names;
      names.dns = {"mail.other.test"};
      EXPECT_TRUE(parse_name_constraints(der).permit(names));
      EXPECT_TRUE(parse_name_constraints(der, true).permit(names)) << "it has none of that kind";
      names.others = {kind};
      EXPECT_TRUE(parse_name_constraints(der).permit(names));
      EXPECT_FALSE(parse_name_constraints(der, true).is_empty());
      EXPECT_FALSE(parse_name_constraints(der, true).permit(names));
      auto merged = parse_name_constraints(write_name_constraints({"test"}));
      merged.merge(parse_name_constraints(der, true));
      EXPECT_FALSE(merged.permit(names));
    }
  }
}

TEST(NameConstraints, HaveEachPartOnceAndInOrder) {
  const std::string permitted = write_element(kPermitted, subtree(kDnsNameTag, "test"));
  const std::string excluded = write_element(kExcluded, subtree(kDnsNameTag, "evil.test"));
  const auto is_malformed = [](const std::string& parts) {
    return parse_name_constraints(write_element(kDerSequence, parts)).is_malformed;
  };
  EXPECT_FALSE(is_malformed(permitted + excluded));
  EXPECT_TRUE(is_malformed(excluded + excluded));
  EXPECT_TRUE(is_malformed(permitted + permitted));
  EXPECT_TRUE(is_malformed(excluded + permitted));
}

TEST(NameConstraints, PermitNothingWhenMalformed) {
  const std::string good = write_name_constraints({"u.test"});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto given = parse_name_constraints(std::string_view(good).substr(0, size));
    EXPECT_TRUE(given.is_malformed) << size;
    EXPECT_FALSE(permits(given, "mail.u.test"));
  }
  EXPECT_TRUE(parse_name_constraints(good + "x").is_malformed);
  EXPECT_TRUE(parse_name_constraints(constraints(0xa2, "")).is_malformed);
  EXPECT_TRUE(parse_name_constraints(constraints(kPermitted, subtree(kIpAddressTag, "1234567")))
                  .is_malformed);
  auto merged = NameConstraints();
  merged.merge(parse_name_constraints("x"));
  EXPECT_FALSE(permits(merged, "mail.u.test"));
}

}  // namespace
}  // namespace tls
