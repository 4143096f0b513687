// RFC 7468.
#include "tls/pem.h"

#include <gtest/gtest.h>

namespace tls {
namespace {

TEST(Pem, ReadsWhatItWrites) {
  std::string octets;
  for (int i = 0; i < 300; ++i) octets.push_back(static_cast<char>(i));
  const auto blocks = split_pem(write_pem("CERTIFICATE", octets));
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].label, "CERTIFICATE");
  EXPECT_EQ(blocks[0].line, 1U);
  EXPECT_EQ(blocks[0].der, octets);
}

TEST(Pem, PassesOverWhatIsBetweenBlocks) {
  const auto blocks = split_pem(
      "# My Root CA\r\n-----BEGIN CERTIFICATE-----\r\nZm9v\r\n-----END CERTIFICATE-----\r\n\r\n"
      "subject=x\r\n-----BEGIN PRIVATE KEY-----\r\n Zm8= \r\n-----END PRIVATE KEY-----");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].der, "foo");
  EXPECT_EQ(blocks[0].line, 2U);
  EXPECT_EQ(blocks[1].label, "PRIVATE KEY");
  EXPECT_EQ(blocks[1].der, "fo");
}

TEST(Pem, TellsABrokenBlock) {
  const auto unended = split_pem("-----BEGIN CERTIFICATE-----\nZm9v\n");
  ASSERT_EQ(unended.size(), 1U);
  EXPECT_FALSE(unended[0].der);
  const auto mixed = split_pem("-----BEGIN CERTIFICATE-----\nZm9v\n-----END PRIVATE KEY-----\n");
  ASSERT_EQ(mixed.size(), 1U);
  EXPECT_FALSE(mixed[0].der);
  const auto cut = split_pem("-----BEGIN CERTIFICATE-----\nZm9v\nZm9\n-----END CERTIFICATE-----\n");
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_FALSE(cut[0].der);
}

TEST(Pem, StartsAnewAtTheNextBlock) {
  const auto blocks = split_pem(
      "-----BEGIN CERTIFICATE-----\nZm9v\n-----BEGIN CERTIFICATE-----\nZm8=\n"
      "-----END CERTIFICATE-----\n");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_FALSE(blocks[0].der);
  EXPECT_EQ(blocks[1].der, "fo");
}

TEST(Pem, HasNoBlockInOtherText) {
  for (const char* text :
       {"", "\n\n", "----BEGIN X----", "-----BEGIN -", "-----END CERTIFICATE-----"}) {
    EXPECT_TRUE(split_pem(text).empty()) << text;
  }
}

}  // namespace
}  // namespace tls
