// AES-GCM as the record layer calls it, which on x86-64 is packagefiles/mbedtls/smtpseal_gcm.c:
// against published vectors, against AES itself, and against mbedTLS's functions for messages in
// pieces, which are its own everywhere.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>

#include "tls/aes_gcm_vectors.h"
#include "tls/cpu.h"

namespace tls {
namespace {

using testing::Each;
using testing::ElementsAreArray;

using Octets = std::vector<unsigned char>;

constexpr std::size_t kBlock = 16;
constexpr std::size_t kBatch = 8 * kBlock;  // what smtpseal_gcm.c does at once

Octets noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed + static_cast<unsigned>(size));
  Octets octets(size);
  std::generate(octets.begin(), octets.end(), [&] { return static_cast<unsigned char>(random()); });
  return octets;
}

Octets unhex(std::string_view text) {
  Octets octets;
  for (; text.size() >= 2; text.remove_prefix(2)) {
    octets.push_back(
        static_cast<unsigned char>(std::stoi(std::string(text.substr(0, 2)), nullptr, 16)));
  }
  return octets;
}

struct Message {
  Octets nonce;
  Octets beside;  // authenticated, not encrypted
  Octets plaintext;
  std::size_t tag_size = kBlock;
};

struct Sealed {
  Octets ciphertext;
  Octets tag;
  bool operator==(const Sealed&) const = default;
};

class Gcm {
 public:
  explicit Gcm(const Octets& key) {
    mbedtls_gcm_init(&context_);
    EXPECT_EQ(mbedtls_gcm_setkey(&context_, MBEDTLS_CIPHER_ID_AES, key.data(),
                                 static_cast<unsigned>(key.size() * 8)),
              0);
  }
  ~Gcm() { mbedtls_gcm_free(&context_); }
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;

  [[nodiscard]] mbedtls_gcm_context& raw() { return context_; }

  // From `input` to `output`, which may be the same.
  int crypt(int mode, const Message& message, std::size_t length, const unsigned char* input,
            unsigned char* output, Octets& tag) {
    tag.assign(message.tag_size, 0xee);
    return mbedtls_gcm_crypt_and_tag(&context_, mode, length, message.nonce.data(),
                                     message.nonce.size(), message.beside.data(),
                                     message.beside.size(), input, output, tag.size(), tag.data());
  }
  int open(const Message& message, const Octets& tag, std::size_t length,
           const unsigned char* input, unsigned char* output) {
    return mbedtls_gcm_auth_decrypt(&context_, length, message.nonce.data(), message.nonce.size(),
                                    message.beside.data(), message.beside.size(), tag.data(),
                                    tag.size(), input, output);
  }

  Sealed seal(const Message& message) {
    Sealed sealed{Octets(message.plaintext.size()), {}};
    EXPECT_EQ(crypt(MBEDTLS_GCM_ENCRYPT, message, message.plaintext.size(),
                    message.plaintext.data(), sealed.ciphertext.data(), sealed.tag),
              0);
    return sealed;
  }

  // The same by mbedTLS's own code.
  Sealed seal_in_pieces(const Message& message) {
    Sealed sealed{Octets(message.plaintext.size()), Octets(message.tag_size)};
    std::size_t length = 0;
    EXPECT_EQ(mbedtls_gcm_starts(&context_, MBEDTLS_GCM_ENCRYPT, message.nonce.data(),
                                 message.nonce.size()),
              0);
    EXPECT_EQ(mbedtls_gcm_update_ad(&context_, message.beside.data(), message.beside.size()), 0);
    EXPECT_EQ(mbedtls_gcm_update(&context_, message.plaintext.data(), message.plaintext.size(),
                                 sealed.ciphertext.data(), sealed.ciphertext.size(), &length),
              0);
    EXPECT_EQ(
        mbedtls_gcm_finish(&context_, nullptr, 0, &length, sealed.tag.data(), sealed.tag.size()),
        0);
    return sealed;
  }

 private:
  mbedtls_gcm_context context_;
};

TEST(AesGcm, AgreesWithThePublishedVectors) {
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.number);
    const bool is_zero = vector.number % 6 == 1 || vector.number % 6 == 2;
    Octets key = unhex(is_zero ? kZeroKey : kOtherKey);
    key.resize(vector.key_size);
    Message message{unhex(vector.nonce), unhex(vector.beside),
                    unhex(is_zero ? kZeroKey : kPlaintext)};
    message.plaintext.resize(vector.size);
    const Sealed expected{unhex(vector.ciphertext), unhex(vector.tag)};
    ASSERT_EQ(expected.ciphertext.size(), vector.size);

    Gcm gcm(key);
    EXPECT_EQ(gcm.seal(message), expected);
    Octets opened(vector.size);
    EXPECT_EQ(
        gcm.open(message, expected.tag, vector.size, expected.ciphertext.data(), opened.data()), 0);
    EXPECT_EQ(opened, message.plaintext);
  }
}

// --- the same as mbedTLS, whatever the shape of the message ---

class EveryKeySize : public testing::TestWithParam<std::size_t> {
 protected:
  static Message message_of(std::size_t size, std::size_t beside, std::size_t tag_size = kBlock) {
    return {noise(12, 1), noise(beside, 2), noise(size, 3), tag_size};
  }

  // Sealed as mbedTLS does it, opened again, a forgery refused: at an odd address and in place.
  void expect_same(const Message& message, std::size_t shift = 0) {
    SCOPED_TRACE(testing::Message()
                 << message.plaintext.size() << " octets, " << message.beside.size()
                 << " beside, tag of " << message.tag_size << ", shifted by " << shift);
    const std::size_t size = message.plaintext.size();
    const Sealed expected = gcm_.seal_in_pieces(message);
    EXPECT_EQ(gcm_.seal(message), expected);

    // One octet more, which nobody may touch.
    Octets buffer(shift + size + 1, 0xaa);
    unsigned char* const data = buffer.data() + shift;
    std::copy(message.plaintext.begin(), message.plaintext.end(), data);
    Octets tag;
    EXPECT_EQ(gcm_.crypt(MBEDTLS_GCM_ENCRYPT, message, size, data, data, tag), 0);
    EXPECT_TRUE(std::equal(data, data + size, expected.ciphertext.begin()));
    EXPECT_EQ(tag, expected.tag);
    EXPECT_EQ(gcm_.crypt(MBEDTLS_GCM_DECRYPT, message, size, data, data, tag), 0);
    EXPECT_TRUE(std::equal(data, data + size, message.plaintext.begin()));
    EXPECT_EQ(tag, expected.tag);
    EXPECT_EQ(gcm_.open(message, expected.tag, size, expected.ciphertext.data(), data), 0);
    EXPECT_TRUE(std::equal(data, data + size, message.plaintext.begin()));
    std::copy(expected.ciphertext.begin(), expected.ciphertext.end(), data);
    EXPECT_EQ(gcm_.open(message, expected.tag, size, data, data), 0);
    EXPECT_TRUE(std::equal(data, data + size, message.plaintext.begin()));
    EXPECT_EQ(buffer.back(), 0xaa);
    EXPECT_TRUE(std::all_of(buffer.data(), data, [](unsigned char c) { return c == 0xaa; }));
  }

  // Of what was sealed, with something changed, nothing is to be had.
  void expect_refused(const Message& message, const Sealed& forged) {
    const std::size_t size = forged.ciphertext.size();
    Octets output(size, 0xaa);
    EXPECT_EQ(gcm_.open(message, forged.tag, size, forged.ciphertext.data(), output.data()),
              MBEDTLS_ERR_GCM_AUTH_FAILED);
    EXPECT_THAT(output, Each(0));
    output = forged.ciphertext;
    EXPECT_EQ(gcm_.open(message, forged.tag, size, output.data(), output.data()),
              MBEDTLS_ERR_GCM_AUTH_FAILED);
    EXPECT_THAT(output, Each(0));
  }

  Octets key_ = noise(GetParam(), 0);
  Gcm gcm_{key_};
};

// The functions for pieces, and those that smtpseal_gcm.c replaces, leave their traces in the
// context; its own do not.
TEST_P(EveryKeySize, IsDoneByOurCodeWhereTheProcessorCan) {
  constexpr std::uint64_t kUntouched = 12345;
  gcm_.raw().MBEDTLS_PRIVATE(len) = kUntouched;
  const Sealed sealed = gcm_.seal(message_of(1000, 13));
  Octets output(1000);
  EXPECT_EQ(gcm_.open(message_of(1000, 13), sealed.tag, output.size(), sealed.ciphertext.data(),
                      output.data()),
            0);
#ifdef SMTPSEAL_HAS_FAST_GCM
  const bool is_ours = has_aes_instructions();
#else
  const bool is_ours = false;
#endif
  EXPECT_EQ(gcm_.raw().MBEDTLS_PRIVATE(len), is_ours ? kUntouched : 1000);
}

TEST_P(EveryKeySize, SealsAndOpensEveryLength) {
  for (std::size_t size = 0; size <= 300; ++size) {
    expect_same(message_of(size, size * 7 % 101, 4 + size % 13), size % kBlock);
  }
}

TEST_P(EveryKeySize, SealsAndOpensFullRecordsAndMore) {
  std::mt19937 random(7);
  for (const std::size_t size : {16383U, 16384U, 16385U, 16401U}) expect_same(message_of(size, 13));
  for (int i = 0; i < 30; ++i) {
    expect_same(message_of(random() % 70001, random() % 101), random() % kBlock);
  }
}

TEST_P(EveryKeySize, TakesEveryLengthOfTagAndOfOctetsBeside) {
  for (std::size_t tag = 4; tag <= kBlock; ++tag) {
    for (const std::size_t size : {0U, 1U, 40U, 200U}) expect_same(message_of(size, 5, tag));
  }
  for (std::size_t beside = 0; beside <= 100; ++beside) {
    for (const std::size_t size : {0U, 40U, 200U}) expect_same(message_of(size, beside));
  }
  for (const std::size_t beside : {127U, 128U, 129U, 1000U}) expect_same(message_of(77, beside));
}

TEST_P(EveryKeySize, TakesEveryAddress) {
  for (std::size_t shift = 0; shift < kBlock; ++shift) {
    for (const std::size_t size : {1U, 127U, 128U, 500U}) expect_same(message_of(size, 13), shift);
  }
}

// Output may lag behind input in one buffer, by however little; it may not be ahead.
TEST_P(EveryKeySize, WritesBehindWhatItReadsButNeverAhead) {
  const Message message = message_of(1000, 13);
  const std::size_t size = message.plaintext.size();
  const Sealed expected = gcm_.seal_in_pieces(message);
  for (const std::size_t lag : {std::size_t{1}, kBlock, kBatch - 1, kBatch, kBatch + 1, size}) {
    SCOPED_TRACE(lag);
    Octets buffer(lag + size);
    Octets tag;
    std::copy(message.plaintext.begin(), message.plaintext.end(), buffer.data() + lag);
    EXPECT_EQ(
        gcm_.crypt(MBEDTLS_GCM_ENCRYPT, message, size, buffer.data() + lag, buffer.data(), tag), 0);
    EXPECT_EQ(tag, expected.tag);
    EXPECT_TRUE(std::equal(buffer.data(), buffer.data() + size, expected.ciphertext.begin()));
    std::copy(expected.ciphertext.begin(), expected.ciphertext.end(), buffer.data() + lag);
    EXPECT_EQ(gcm_.open(message, tag, size, buffer.data() + lag, buffer.data()), 0);
    EXPECT_TRUE(std::equal(buffer.data(), buffer.data() + size, message.plaintext.begin()));
    if (lag < size) {
      EXPECT_EQ(
          gcm_.crypt(MBEDTLS_GCM_ENCRYPT, message, size, buffer.data(), buffer.data() + lag, tag),
          MBEDTLS_ERR_GCM_BAD_INPUT);
      EXPECT_EQ(gcm_.open(message, expected.tag, size, buffer.data(), buffer.data() + lag),
                MBEDTLS_ERR_GCM_BAD_INPUT);
    }
  }
}

TEST_P(EveryKeySize, RefusesWhateverBitIsOther) {
  for (const std::size_t size : {0U, 1U, 16U, 100U, 128U, 150U, 300U}) {
    SCOPED_TRACE(size);
    const Message message = message_of(size, 13);
    const Sealed sealed = gcm_.seal(message);
    const auto flip = [](Octets& octets, std::size_t bit) {
      octets[bit / 8] ^= static_cast<unsigned char>(1U << bit % 8);
    };
    for (std::size_t bit = 0; bit < size * 8; bit += 5) {
      Sealed forged = sealed;
      flip(forged.ciphertext, bit);
      expect_refused(message, forged);
    }
    for (std::size_t bit = 0; bit < kBlock * 8; ++bit) {
      Sealed forged = sealed;
      flip(forged.tag, bit);
      expect_refused(message, forged);
    }
    for (std::size_t bit = 0; bit < message.beside.size() * 8; ++bit) {
      Message other = message;
      flip(other.beside, bit);
      expect_refused(other, sealed);
    }
    for (std::size_t bit = 0; bit < message.nonce.size() * 8; ++bit) {
      Message other = message;
      flip(other.nonce, bit);
      expect_refused(other, sealed);
    }
  }
}

TEST_P(EveryKeySize, RefusesWhatIsShorterOrLonger) {
  const Message message = message_of(200, 13);
  const Sealed sealed = gcm_.seal(message);
  for (const int change : {-1, 1}) {
    Sealed forged = sealed;
    forged.ciphertext.resize(sealed.ciphertext.size() + static_cast<std::size_t>(change));
    expect_refused(message, forged);
    Message other = message;
    other.beside.resize(message.beside.size() + static_cast<std::size_t>(change));
    expect_refused(other, sealed);
  }
}

// Zeros encrypted are the key stream: AES of the nonce and a counter, high octets first, from 2 on.
TEST_P(EveryKeySize, CountsInAllOctetsOfTheCounter) {
  constexpr std::size_t kBlocks = 65536 + 40;
  Message message = message_of(0, 0);
  message.plaintext.assign(kBlocks * kBlock, 0);
  const Sealed sealed = gcm_.seal(message);

  mbedtls_aes_context aes;
  mbedtls_aes_init(&aes);
  ASSERT_EQ(mbedtls_aes_setkey_enc(&aes, key_.data(), static_cast<unsigned>(key_.size() * 8)), 0);
  for (const std::size_t first : {std::size_t{0}, std::size_t{230}, std::size_t{65510}}) {
    for (std::size_t i = first; i < first + 60; ++i) {
      const std::size_t count = i + 2;
      Octets block = message.nonce;
      for (const int shift : {24, 16, 8, 0})
        block.push_back(static_cast<unsigned char>(count >> shift));
      ASSERT_EQ(mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, block.data(), block.data()), 0);
      const auto begin = sealed.ciphertext.begin() + static_cast<std::ptrdiff_t>(i * kBlock);
      EXPECT_THAT(Octets(begin, begin + kBlock), ElementsAreArray(block)) << i;
    }
  }
  mbedtls_aes_free(&aes);
}

// What mbedTLS refuses is still refused, with its codes.
TEST_P(EveryKeySize, KeepsTheLimitsOfMbedTls) {
  Message message = message_of(20, 13);
  Octets buffer(20);
  Octets tag;
  for (const std::size_t tag_size : {std::size_t{0}, std::size_t{3}, std::size_t{17}}) {
    message.tag_size = tag_size;
    EXPECT_EQ(
        gcm_.crypt(MBEDTLS_GCM_ENCRYPT, message, buffer.size(), buffer.data(), buffer.data(), tag),
        MBEDTLS_ERR_GCM_BAD_INPUT);
    EXPECT_EQ(gcm_.open(message, Octets(tag_size), buffer.size(), buffer.data(), buffer.data()),
              MBEDTLS_ERR_GCM_BAD_INPUT);
  }
  message.tag_size = kBlock;
  // 2^39 - 256 bits (NIST SP 800-38D 5.2.1.1), found out before anything is read.
  constexpr std::uint64_t kMostOctets = (std::uint64_t{1} << 36) - 32;
  constexpr auto kTooLong = static_cast<std::size_t>(kMostOctets + 1);
  if (kTooLong > kMostOctets) {  // not where sizes have 32 bits
    EXPECT_EQ(gcm_.crypt(MBEDTLS_GCM_ENCRYPT, message, kTooLong, buffer.data(), buffer.data(), tag),
              MBEDTLS_ERR_GCM_BAD_INPUT);
    EXPECT_EQ(gcm_.open(message, Octets(kBlock), kTooLong, buffer.data(), buffer.data()),
              MBEDTLS_ERR_GCM_BAD_INPUT);
  }
  message.nonce.clear();
  EXPECT_EQ(
      gcm_.crypt(MBEDTLS_GCM_ENCRYPT, message, buffer.size(), buffer.data(), buffer.data(), tag),
      MBEDTLS_ERR_GCM_BAD_INPUT);
}

TEST_P(EveryKeySize, LeavesOtherNoncesToMbedTls) {
  for (const std::size_t size : {1U, 11U, 13U, 16U, 40U}) {
    Message message = message_of(300, 13);
    message.nonce = noise(size, 9);
    expect_same(message);
  }
}

INSTANTIATE_TEST_SUITE_P(AesGcm, EveryKeySize, testing::Values(16, 24, 32),
                         [](const auto& tested) { return std::to_string(tested.param * 8); });

}  // namespace
}  // namespace tls
