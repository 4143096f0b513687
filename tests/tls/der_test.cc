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

// X.690 8.19.
TEST(ObjectId, IsWrittenInDots) {
  EXPECT_EQ(format_object_id("\x55\x1d\x1e"), "2.5.29.30");
  EXPECT_EQ(format_object_id("\x2b\x06\x01\x05\x05\x07\x03\x01"), "1.3.6.1.5.5.7.3.1");
  EXPECT_EQ(format_object_id("\x60\x86\x48\x01\x86\xf8\x42\x01\x01"), "2.16.840.1.113730.1.1");
  EXPECT_EQ(format_object_id(std::string(1, '\0')), "0.0");
  EXPECT_EQ(format_object_id("\x88\x37\x03"), "2.999.3");
  EXPECT_EQ(format_object_id("\x2a\x8f\xff\xff\xff\x7f"), "1.2.4294967295");
}

TEST(ObjectId, IsNotWrittenWhenItIsNone) {
  for (const std::string& bad :
       {std::string(), std::string("\x2a\x83"), std::string("\x2a\x80\x01"),
        std::string("\x2a\x90\x80\x80\x80\x00", 6), std::string("\x2a\xff\xff\xff\xff\xff\x7f"),
        std::string(33, '\x01')}) {
    EXPECT_EQ(format_object_id(bad), "an unreadable identifier") << bad.size();
  }
}

}  // namespace
}  // namespace tls
