// app/sessions: ids and counts of the whole process.
#include "app/sessions.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace app {
namespace {

TEST(Sessions, CountsThoseOfAPlaceAndOfAHostThere) {
  Sessions sessions;
  EXPECT_EQ(sessions.enter({1, 0}, "a").at_place, 1u);
  EXPECT_EQ(sessions.enter({1, 0}, "b").from_host, 1u);
  const Sessions::Counts third = sessions.enter({1, 0}, "a");
  EXPECT_EQ(third.at_place, 3u);
  EXPECT_EQ(third.from_host, 2u);
  sessions.leave({1, 0}, "a");
  sessions.leave({1, 0}, "b");
  const Sessions::Counts next = sessions.enter({1, 0}, "b");
  EXPECT_EQ(next.at_place, 2u);
  EXPECT_EQ(next.from_host, 1u);
}

TEST(Sessions, KeepsListenersAndConfigurationsApart) {
  Sessions sessions;
  EXPECT_EQ(sessions.enter({1, 0}, "a").at_place, 1u);
  EXPECT_EQ(sessions.enter({1, 1}, "a").at_place, 1u);
  EXPECT_EQ(sessions.enter({2, 0}, "a").at_place, 1u);
}

TEST(Sessions, GivesEachThreadOtherIds) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 5000;
  Sessions sessions;
  std::vector<std::vector<std::uint64_t>> ids(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&sessions, &mine = ids[i]] {
      for (std::size_t j = 0; j < kEach; ++j) {
        mine.push_back(sessions.next_id());
        static_cast<void>(sessions.enter({0, 0}, "a"));
        if (j > 0) sessions.leave({0, 0}, "a");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& mine : ids) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(sessions.enter({0, 0}, "b").at_place, kThreads + 1);
}

}  // namespace
}  // namespace app
