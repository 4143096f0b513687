// app/mail_rates: one count for a smarthost, whoever asks.
#include "app/mail_rates.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace app {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant kNow{24h};

TEST(MailRates, AreNoneWithoutALimit) {
  MailRates rates;
  EXPECT_EQ(rates.of("", {}), nullptr);
}

TEST(MailRates, AreOneForASectionAsLongAsTheRateIsTheSame) {
  MailRates rates;
  const auto first = rates.of("a", {1, 1min});
  EXPECT_EQ(rates.of("a", {1, 1min}), first);
  EXPECT_NE(rates.of("b", {1, 1min}), first);
  ASSERT_TRUE(first->take(kNow));
  EXPECT_FALSE(rates.of("a", {1, 1min})->take(kNow));
  EXPECT_TRUE(rates.of("b", {1, 1min})->take(kNow));
  // Another rate begins anew, and going back to the old one does, too.
  EXPECT_TRUE(rates.of("a", {2, 1min})->take(kNow));
  EXPECT_TRUE(rates.of("a", {1, 1min})->take(kNow));
}

TEST(MailRates, CountOnceForAllThreads) {
  constexpr unsigned kPlaces = 1000;
  MailRates rates;
  std::atomic<unsigned> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto rate = rates.of("a", {kPlaces, 1min});
      for (unsigned tries = 0; tries < kPlaces; ++tries) {
        if (rate->take(kNow)) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, kPlaces);
}

}  // namespace
}  // namespace app
