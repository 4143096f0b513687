// base/bytes: the queue between two layers.
#include "base/bytes.h"

#include <string>

#include <gtest/gtest.h>

namespace base {
namespace {

class ByteQueueTest : public testing::Test {
 protected:
  ByteQueue queue_;
};

TEST_F(ByteQueueTest, GivesBackWhatWasAppendedInOrder) {
  queue_.append("ab");
  queue_.append("cd");
  EXPECT_EQ(queue_.view(), "abcd");
  queue_.consume(3);
  EXPECT_EQ(queue_.view(), "d");
  queue_.append("e");
  EXPECT_EQ(queue_.view(), "de");
  EXPECT_EQ(queue_.size(), 2U);
}

TEST_F(ByteQueueTest, IsEmptyOnceAllIsConsumed) {
  queue_.append("abc");
  queue_.consume(3);
  EXPECT_TRUE(queue_.is_empty());
  queue_.append("x");
  EXPECT_EQ(queue_.view(), "x");
}

TEST_F(ByteQueueTest, KeepsContentsThroughCompaction) {
  std::string expected;
  std::size_t consumed = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string piece(97, static_cast<char>('a' + round % 26));
    queue_.append(piece);
    expected.append(piece);
    const std::size_t count = static_cast<std::size_t>(round * 37 % 150);
    const std::size_t take = count < queue_.size() ? count : queue_.size();
    ASSERT_EQ(queue_.view().substr(0, take), std::string_view(expected).substr(consumed, take));
    queue_.consume(take);
    consumed += take;
  }
  EXPECT_EQ(queue_.view(), std::string_view(expected).substr(consumed));
}

TEST_F(ByteQueueTest, GivesLargeStorageBackWhenEmpty) {
  queue_.append(std::string(1024 * 1024, 'x'));
  queue_.consume(queue_.size());
  EXPECT_LE(queue_.back().capacity(), ByteQueue::kKeptCapacity);
}

TEST_F(ByteQueueTest, AbortsWhenMoreIsConsumedThanThere) {
  queue_.append("a");
  EXPECT_DEATH(queue_.consume(2), "internal check failed");
}

}  // namespace
}  // namespace base
