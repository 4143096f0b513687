// X25519 by way of PSA, as a TLS 1.3 key share is made: packagefiles/mbedtls/smtpseal_x25519.c.
#include <array>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <psa/crypto.h>

namespace tls {
namespace {

using testing::ElementsAreArray;

using Octets = std::array<std::uint8_t, 32>;

// RFC 7748 6.1
constexpr Octets kAlicePrivate = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                  0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                  0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
constexpr Octets kAlicePublic = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
                                 0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
                                 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
constexpr Octets kBobPrivate = {0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f,
                                0x8b, 0x83, 0x80, 0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18,
                                0xb6, 0xfd, 0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb};
constexpr Octets kBobPublic = {0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
                               0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
                               0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f};
constexpr Octets kShared = {0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
                            0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
                            0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42};

class X25519 : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(psa_crypto_init(), PSA_SUCCESS); }
  void TearDown() override { EXPECT_EQ(psa_destroy_key(key_), PSA_SUCCESS); }

  void import_key(const Octets& octets, psa_ecc_family_t family = PSA_ECC_FAMILY_MONTGOMERY) {
    psa_key_attributes_t attributes = psa_key_attributes_init();
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(family));
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    ASSERT_EQ(psa_import_key(&attributes, octets.data(), octets.size(), &key_), PSA_SUCCESS);
  }

  std::vector<std::uint8_t> public_key() {
    std::vector<std::uint8_t> octets(PSA_EXPORT_PUBLIC_KEY_MAX_SIZE);
    std::size_t length = 0;
    EXPECT_EQ(psa_export_public_key(key_, octets.data(), octets.size(), &length), PSA_SUCCESS);
    octets.resize(length);
    return octets;
  }

  mbedtls_svc_key_id_t key_ = MBEDTLS_SVC_KEY_ID_INIT;
};

TEST_F(X25519, MakesThePublicKeysOfTheStandard) {
  import_key(kAlicePrivate);
  EXPECT_THAT(public_key(), ElementsAreArray(kAlicePublic));
  ASSERT_EQ(psa_destroy_key(key_), PSA_SUCCESS);
  import_key(kBobPrivate);
  EXPECT_THAT(public_key(), ElementsAreArray(kBobPublic));
}

TEST_F(X25519, AgreesOnTheSecretOfTheStandard) {
  import_key(kAlicePrivate);
  Octets secret{};
  std::size_t length = 0;
  ASSERT_EQ(psa_raw_key_agreement(PSA_ALG_ECDH, key_, kBobPublic.data(), kBobPublic.size(),
                                  secret.data(), secret.size(), &length),
            PSA_SUCCESS);
  EXPECT_THAT(secret, ElementsAreArray(kShared));
}

// The generator is the public key of 1 (SEC 2, 2.4.2): other curves go the general way.
TEST_F(X25519, LeavesOtherCurvesAlone) {
  Octets one{};
  one.back() = 1;
  import_key(one, PSA_ECC_FAMILY_SECP_R1);
  constexpr std::array<std::uint8_t, 8> kBeginning = {0x04, 0x6b, 0x17, 0xd1,
                                                      0xf2, 0xe1, 0x2c, 0x42};
  const std::vector<std::uint8_t> point = public_key();
  ASSERT_EQ(point.size(), 65U);
  EXPECT_THAT(std::vector<std::uint8_t>(point.begin(), point.begin() + 8),
              ElementsAreArray(kBeginning));
}

}  // namespace
}  // namespace tls
