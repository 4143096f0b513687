#include "tls/der.h"

#include <string>

#include <gtest/gtest.h>

namespace tls {
namespace {

using namespace std::string_view_literals;

TEST(Der, TakesElementsOneByOne) {
  std::string_view der = "\x02\x01\x05\x04\x00"sv;
  const auto number = take_element(der);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->tag, kDerInteger);
  EXPECT_EQ(number->content, "\x05"sv);
  EXPECT_EQ(take_element(der, kDerOctetString), ""sv);
  EXPECT_TRUE(der.empty());
  EXPECT_FALSE(take_element(der));
}

TEST(Der, LeavesAnElementOfAnotherTag) {
  std::string_view der = "\x02\x01\x05"sv;
  EXPECT_FALSE(take_element(der, kDerBoolean));
  EXPECT_EQ(der.size(), 3U);
}

TEST(Der, RefusesWhatIsCutShortOrOdd) {
  for (const std::string_view odd : {
           ""sv, "\x30"sv, "\x30\x01"sv, "\x30\x82\x01"sv, "\x30\x81"sv,
           "\x30\x80\x00\x00"sv,               // indefinite length
           "\x30\x84\x00\x00\x00\x00"sv,       // lengths of four octets and more
           "\x30\xff"sv, "\x1f\x81\x01\x00"sv  // a tag of several octets
       }) {
    std::string_view der = odd;
    EXPECT_FALSE(take_element(der));
    EXPECT_EQ(der.size(), odd.size());
  }
}

TEST(Der, ReadsWhatItWrites) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const std::string content(size, 'x');
    const std::string written = write_element(kDerOctetString, content);
    std::string_view der = written;
    EXPECT_EQ(take_element(der, kDerOctetString), content) << size;
    EXPECT_TRUE(der.empty());
    for (std::size_t cut = 0; cut < std::min<std::size_t>(written.size(), 6); ++cut) {
      std::string_view part = std::string_view(written).substr(0, cut);
      EXPECT_FALSE(take_element(part)) << size << " cut to " << cut;
    }
  }
}

TEST(Der, WritesLengthsInAsFewOctetsAsItTakes) {
  EXPECT_EQ(write_element(0x04, std::string(127, 'x')).substr(0, 2), "\x04\x7f"sv);
  EXPECT_EQ(write_element(0x04, std::string(128, 'x')).substr(0, 3), "\x04\x81\x80"sv);
  EXPECT_EQ(write_element(0x04, std::string(256, 'x')).substr(0, 4), "\x04\x82\x01\x00"sv);
}

}  // namespace
}  // namespace tls
