#include "tls/extensions.h"

#include <gtest/gtest.h>

#include "tls/der.h"

namespace tls {
namespace {

using namespace std::string_view_literals;

std::string extension(std::string_view oid, std::string_view value, bool is_critical = false) {
  return write_element(kDerSequence,
                       write_element(kDerObjectId, oid) +
                           (is_critical ? write_element(kDerBoolean, "\xff") : std::string()) +
                           write_element(kDerOctetString, value));
}

TEST(Extensions, AreFoundByTheirIdentifier) {
  const std::string all = write_element(kDerSequence, extension(kSubjectAltName, "names", true) +
                                                          extension(kNameConstraints, "limits"));
  EXPECT_EQ(find_extension(all, kNameConstraints), "limits"sv);
  EXPECT_EQ(find_extension(all, kSubjectAltName), "names"sv);
  EXPECT_FALSE(find_extension(all, kExtendedKeyUsage));
}

TEST(Extensions, AreNotFoundInWhatIsCutShort) {
  const std::string all = write_element(kDerSequence, extension(kNameConstraints, "limits"));
  for (std::size_t size = 0; size < all.size(); ++size) {
    EXPECT_FALSE(find_extension(std::string_view(all).substr(0, size), kNameConstraints));
  }
}

TEST(Extensions, WritesAlternativeNames) {
  PresentedNames names;
  names.dns = {"a.test"};
  names.ip = {{127, 0, 0, 1}};
  EXPECT_EQ(write_subject_alt_name(names),
            "\x30\x0e\x82\x06"
            "a.test"
            "\x87\x04\x7f\x00\x00\x01"sv);
}

TEST(Extensions, WritesPurposes) {
  EXPECT_EQ(write_extended_key_usage(kServerAuth),
            "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"sv);
}

}  // namespace
}  // namespace tls
