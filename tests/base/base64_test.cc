// RFC 4648.
#include "base/base64.h"

#include <utility>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Base64, KnowsTheVectorsOfTheStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(encode_base64(octets), text);
    EXPECT_EQ(decode_base64(text), octets);
  }
}

TEST(Base64, RefusesWhatIsNotOfIt) {
  for (const char* text : {"Z", "Zg", "Zg=", "Z===", "====", "Zm9v!", "Zm 9", "Zg==Zg==", "=Zg="}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
}

}  // namespace
}  // namespace base
