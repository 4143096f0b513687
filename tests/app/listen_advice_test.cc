// app/listen_advice: what a person is told of an address that cannot be listened on.
#include "app/listen_advice.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace app {
namespace {

using testing::HasSubstr;
using testing::Not;

base::Error cannot_listen(const std::string& address, const std::string& why) {
  return {base::Fault::local, "cannot listen on " + address + ": " + why};
}

base::Error hinted(const std::string& address, const std::string& why, std::string_view place) {
  return with_hint(cannot_listen(address, why), *base::parse_socket_address(address), place);
}

TEST(ListenAdvice, SaysWhoMayListenOnATakenPort) {
  const std::string advice =
      advise_on_listening(cannot_listen("[::1]:25", "address already in use"));
  EXPECT_THAT(advice, HasSubstr("mail server"));
  EXPECT_THAT(advice, HasSubstr(":25"));
  EXPECT_THAT(advice, HasSubstr("--listen 127.0.0.1:2525\n"));
  const std::string other =
      advise_on_listening(cannot_listen("127.0.0.1:2525", "address already in use"));
  EXPECT_THAT(other, Not(HasSubstr("mail server")));
  EXPECT_THAT(other, HasSubstr("--listen 127.0.0.1:2526\n"));
}

TEST(ListenAdvice, SaysHowToGetALowPort) {
  EXPECT_THAT(advise_on_listening(cannot_listen("127.0.0.1:25", "permission denied")),
              HasSubstr("setcap"));
}

TEST(ListenAdvice, SaysWhereAMissingAddressStands) {
  EXPECT_EQ(hinted("[::1]:25", "address not available", "a.conf:2").detail,
            "cannot listen on [::1]:25: address not available (this machine has no IPv6: take "
            "[::1]:25 out of listen, a.conf:2)");
  EXPECT_EQ(hinted("[::1]:25", "address family not supported", "").detail,
            "cannot listen on [::1]:25: address family not supported (this machine has no IPv6)");
  EXPECT_THAT(hinted("192.0.2.1:25", "address not available", "--listen").detail,
              HasSubstr("(this machine does not have it: take 192.0.2.1:25 out of listen, "));
}

TEST(ListenAdvice, IsSilentOnTheRest) {
  const std::string why = "too many open files";
  EXPECT_EQ(hinted("127.0.0.1:25", why, "a.conf:2"), cannot_listen("127.0.0.1:25", why));
  EXPECT_EQ(advise_on_listening(cannot_listen("127.0.0.1:25", why)), "");
}

}  // namespace
}  // namespace app
