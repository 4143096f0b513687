// base/endpoint: where a listener may listen, read and printed.
#include "base/endpoint.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace base {
namespace {

using ::testing::HasSubstr;

Endpoint endpoint(std::string_view text) {
  auto parsed = parse_endpoint(text, true);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().detail);
  return parsed ? *parsed : Endpoint{};
}

TEST(Endpoint, PrintsWhatItReads) {
  for (const std::string_view text : {"127.0.0.1:25", "[::1]:25", "unix:/run/smtpseal/smtp",
                                      "systemd:smtp", "systemd:a.socket"}) {
    EXPECT_EQ(endpoint(text).to_string(), text);
  }
  EXPECT_EQ(endpoint("UNIX:/Run/X").to_string(), "unix:/Run/X");
}

TEST(Endpoint, IsOneOfThree) {
  EXPECT_TRUE(endpoint("127.0.0.1:25").is_ip());
  EXPECT_FALSE(endpoint("127.0.0.1:25").is_unix());
  EXPECT_TRUE(endpoint("unix:/run/x").is_unix());
  EXPECT_FALSE(endpoint("unix:/run/x").is_ip());
  EXPECT_TRUE(endpoint("systemd:smtp").is_inherited());
  EXPECT_FALSE(endpoint("systemd:smtp").is_ip());
}

TEST(Endpoint, KnowsWhatOtherMachinesReach) {
  EXPECT_TRUE(endpoint("0.0.0.0:25").is_reachable());
  EXPECT_TRUE(endpoint("192.0.2.1:25").is_reachable());
  for (const std::string_view text : {"127.0.0.1:25", "[::1]:25", "unix:/run/x", "systemd:smtp"}) {
    EXPECT_FALSE(endpoint(text).is_reachable()) << text;
  }
}

TEST(Endpoint, TellsUnixSocketsApart) {
  EXPECT_EQ(endpoint("unix:/run/x"), endpoint("unix:/run/x"));
  EXPECT_NE(endpoint("unix:/run/x"), endpoint("unix:/run/y"));
  EXPECT_FALSE(endpoint("unix:/run/x").address.is_abstract());
  EXPECT_FALSE(endpoint("unix:/run/x").address.is_unspecified());
  EXPECT_FALSE(endpoint("unix:/run/x").address.is_loopback());
  EXPECT_EQ(endpoint("unix:/run/x").address.host(), "unix:/run/x");
}

#ifdef __linux__
TEST(Endpoint, ReadsNamesWithoutAFile) {
  EXPECT_TRUE(endpoint("unix:@smtpseal").address.is_abstract());
  EXPECT_EQ(endpoint("unix:@smtpseal").to_string(), "unix:@smtpseal");
}
#endif

TEST(Endpoint, HasAsLongAPathAsTheSystemTakes) {
  const std::string longest = "unix:/" + std::string(kMaxUnixPath - 1, 'x');
  EXPECT_EQ(endpoint(longest).to_string(), longest);
  const auto beyond = parse_endpoint(longest + "x", true);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().detail, "a Unix socket's path of " + std::to_string(kMaxUnixPath + 1) +
                                       " octets: at most " + std::to_string(kMaxUnixPath) +
                                       " are possible");
}

TEST(Endpoint, RefusesWithAdvice) {
  const std::vector<std::pair<std::string, std::string_view>> cases = {
      {"unix:", "whole path"},
      {"unix:run/x", "whole path"},
      {"unix:/", "whole path"},
      {"unix:/run/", "whole path"},
      {"unix:@", "@"},
      {std::string("unix:/run/a\0b", 13), "NUL"},
      {"systemd:", "FileDescriptorName="},
      {"systemd:a:b", "FileDescriptorName="},
      {"systemd:a b", "FileDescriptorName="},
      {"systemd:" + std::string(256, 'x'), "FileDescriptorName="},
      {"*:25", "0.0.0.0"},
      {"/run/x", "ADDRESS:PORT"},
  };
  for (const auto& [text, advice] : cases) {
    const auto parsed = parse_endpoint(text, true);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().fault, Fault::config);
    EXPECT_THAT(parsed.error().detail, HasSubstr(std::string(advice))) << text;
  }
}

TEST(Endpoint, IsAnAddressWhereThereAreNoUnixSockets) {
  for (const std::string_view text : {"unix:/run/x", "unix:@x", "systemd:smtp"}) {
    const auto parsed = parse_endpoint(text, false);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().detail, HasSubstr("Windows")) << text;
  }
  EXPECT_TRUE(parse_endpoint("127.0.0.1:25", false));
}

}  // namespace
}  // namespace base
