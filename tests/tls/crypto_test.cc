// The vectors of the standards.
#include "tls/crypto.h"

#include <set>

#include <gtest/gtest.h>

namespace tls {
namespace {

using base::Hash;

std::string hex(const base::Result<std::string>& octets) {
  if (!octets) return octets.error().detail;
  std::string text;
  for (const char c : octets.value()) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto octet = static_cast<unsigned char>(c);
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 15U];
  }
  return text;
}

TEST(Crypto, DigestsAsTheStandardsSay) {
  // RFC 1321 A.5, RFC 3174 7.3, RFC 6234 8.5.
  EXPECT_EQ(hex(crypto().digest(Hash::md5, "")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex(crypto().digest(Hash::md5, "message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(hex(crypto().digest(Hash::sha1, "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(crypto().digest(Hash::sha256, "abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Crypto, AuthenticatesAsTheStandardsSay) {
  // RFC 2202 2 and 3, RFC 4231 4.3: the second case of each.
  constexpr std::string_view kText = "what do ya want for nothing?";
  EXPECT_EQ(hex(crypto().hmac(Hash::md5, "Jefe", kText)), "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(hex(crypto().hmac(Hash::sha1, "Jefe", kText)),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hex(crypto().hmac(Hash::sha256, "Jefe", kText)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Crypto, AuthenticatesWithKeysLongerThanABlock) {
  // RFC 2202 2 and 3 (case 6), RFC 4231 4.7.
  constexpr std::string_view kText = "Test Using Larger Than Block-Size Key - Hash Key First";
  const std::string key(80, '\xaa');
  EXPECT_EQ(hex(crypto().hmac(Hash::md5, key, kText)), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
  EXPECT_EQ(hex(crypto().hmac(Hash::sha1, key, kText)), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
  EXPECT_EQ(hex(crypto().hmac(Hash::sha256, std::string(131, '\xaa'), kText)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Crypto, AuthenticatesWithAnEmptyKeyAndNoText) {
  EXPECT_EQ(hex(crypto().hmac(Hash::md5, "", "")), "74e6f7298a9c2d168935f58c001bad88");
  EXPECT_EQ(hex(crypto().hmac(Hash::sha256, "", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Crypto, DerivesKeysAsTheStandardsSay) {
  // RFC 6070 2, RFC 7914 11.
  EXPECT_EQ(hex(crypto().pbkdf2(Hash::sha1, "password", "salt", 1, 20)),
            "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  EXPECT_EQ(hex(crypto().pbkdf2(Hash::sha1, "password", "salt", 4096, 20)),
            "4b007901b765489abead49d926f721d065a429c1");
  EXPECT_EQ(hex(crypto().pbkdf2(Hash::sha1, "passwordPASSWORDpassword",
                                "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25)),
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
  EXPECT_EQ(hex(crypto().pbkdf2(Hash::sha1, std::string("pass\0word", 9), std::string("sa\0lt", 5),
                                4096, 16)),
            "56fa6aa75548099dcc37d7f03425e0c3");
  EXPECT_EQ(hex(crypto().pbkdf2(Hash::sha256, "passwd", "salt", 1, 64)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

TEST(Crypto, MakesOtherRandomOctetsEachTime) {
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) {
    const base::Result<std::string> octets = crypto().random(18);
    ASSERT_TRUE(octets) << octets.error().detail;
    EXPECT_EQ(octets.value().size(), 18U);
    made.insert(octets.value());
  }
  EXPECT_EQ(made.size(), 100U);
}

}  // namespace
}  // namespace tls
