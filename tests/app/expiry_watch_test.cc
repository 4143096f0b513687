// Warnings of certificates that will soon expire.
#include "app/expiry_watch.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

constexpr auto kDay = hours(24);
const base::WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 26);

tls::SessionInfo session_that_ends_in(std::chrono::hours left) {
  tls::SessionInfo info;
  info.is_bound_by_dates = true;
  tls::CertificateFacts leaf;
  leaf.pin = "sha256//A";
  leaf.not_after = kNow + left;
  info.chain = {leaf};
  return info;
}

TEST(ExpiryWatch, WarnsBelowThreeWeeks) {
  ExpiryWatch watch;
  EXPECT_FALSE(watch.is_to_be_told("a", session_that_ends_in(21 * kDay), kNow));
  EXPECT_TRUE(watch.is_to_be_told("a", session_that_ends_in(21 * kDay - hours(1)), kNow));
}

TEST(ExpiryWatch, WarnsOnceADayOfEachSmarthostAndCertificate) {
  ExpiryWatch watch;
  const tls::SessionInfo info = session_that_ends_in(10 * kDay);
  EXPECT_TRUE(watch.is_to_be_told("a", info, kNow));
  EXPECT_FALSE(watch.is_to_be_told("a", info, kNow));
  EXPECT_FALSE(watch.is_to_be_told("a", info, kNow + hours(23)));
  EXPECT_TRUE(watch.is_to_be_told("b", info, kNow + hours(23)));
  EXPECT_TRUE(watch.is_to_be_told("a", info, kNow + hours(24)));
  EXPECT_FALSE(watch.is_to_be_told("a", info, kNow + hours(25)));
  // Another certificate, on another machine of the same name.
  EXPECT_TRUE(watch.is_to_be_told("a", session_that_ends_in(11 * kDay), kNow + hours(25)));
  tls::SessionInfo other = info;
  other.chain.front().pin = "sha256//B";
  EXPECT_TRUE(watch.is_to_be_told("a", other, kNow + hours(25)));
}

TEST(ExpiryWatch, IsSilentWhereDatesDoNotMatter) {
  ExpiryWatch watch;
  tls::SessionInfo info = session_that_ends_in(kDay);
  info.is_bound_by_dates = false;
  EXPECT_FALSE(watch.is_to_be_told("a", info, kNow));
  EXPECT_FALSE(watch.is_to_be_told("a", tls::SessionInfo(), kNow));
}

TEST(ExpiryWarning, IsWordedForAPerson) {
  const auto warning = [](std::chrono::hours left) {
    return expiry_warning(session_that_ends_in(left).chain.front(), kNow);
  };
  EXPECT_EQ(warning(12 * kDay),
            "the smarthost's certificate expires in 12 days, on 2026-12-08: whoever runs it must "
            "renew it, or from then on no mail will be taken");
  EXPECT_THAT(warning(kDay), HasSubstr("in 1 day, on 2026-11-27"));
  EXPECT_THAT(warning(hours(5)), HasSubstr("in less than a day, on 2026-11-26"));
}

}  // namespace
}  // namespace app
