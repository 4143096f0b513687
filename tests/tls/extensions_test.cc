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
  EXPECT_EQ(find_extension(all, kNameConstraints)->value, "limits"sv);
  EXPECT_EQ(find_extension(all, kSubjectAltName)->value, "names"sv);
  EXPECT_FALSE(find_extension(all, kExtendedKeyUsage));
}

TEST(Extensions, AreNotFoundInWhatIsCutShort) {
  const std::string all = write_element(kDerSequence, extension(kNameConstraints, "limits"));
  for (std::size_t size = 0; size < all.size(); ++size) {
    EXPECT_FALSE(find_extension(std::string_view(all).substr(0, size), kNameConstraints));
  }
}

TEST(Extensions, AreFineWhenUnderstoodOrNotCritical) {
  EXPECT_EQ(extension_fault(""), "");
  EXPECT_EQ(extension_fault(write_element(kDerSequence, "")), "");
  EXPECT_EQ(extension_fault(write_element(
                kDerSequence, extension(kNameConstraints, "a", true) +
                                  extension(kExtendedKeyUsage, "b", true) +
                                  extension("\x55\x1d\x24", "c") + extension("\x2a\x03", "d"))),
            "");
}

TEST(Extensions, AreAFaultWhenCriticalAndNotUnderstood) {
  const std::string all = write_element(
      kDerSequence, extension(kSubjectAltName, "a", true) + extension("\x55\x1d\x24", "b", true));
  EXPECT_EQ(extension_fault(all), "has a critical extension that is not understood: 2.5.29.36");
}

// RFC 5280 4.2: at most one of each, or which of them holds?
TEST(Extensions, AreAFaultWhenTheyAreThereTwice) {
  const std::string all = write_element(kDerSequence, extension(kNameConstraints, "a") +
                                                          extension(kSubjectAltName, "b") +
                                                          extension(kNameConstraints, "c"));
  EXPECT_EQ(extension_fault(all), "has an extension twice: 2.5.29.30");
}

TEST(Extensions, AreAFaultWhenTheyCannotBeRead) {
  const std::string good = extension(kNameConstraints, "limits", true);
  const std::string all = write_element(kDerSequence, good);
  for (std::size_t size = 1; size < all.size(); ++size) {
    EXPECT_NE(extension_fault(std::string_view(all).substr(0, size)), "") << size;
  }
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_NE(extension_fault(write_element(kDerSequence, good.substr(0, size))), "") << size;
  }
  EXPECT_NE(extension_fault(all + "x"), "");
  // An extension with more in it than RFC 5280 4.1 knows of.
  EXPECT_NE(extension_fault(write_element(
                kDerSequence, write_element(kDerSequence, write_element(kDerObjectId, "\x55") +
                                                              write_element(kDerOctetString, "") +
                                                              write_element(kDerInteger, "1")))),
            "");
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
