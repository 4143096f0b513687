// Where listeners listen and to whom: what one key of it demands of another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/endpoint.h"
#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ListeningTest : public ConfigTest {
 protected:
  static std::string with(const std::string& lines) {
    return std::string(kSmarthost) + "[listener]\n" + lines + "\n";
  }
};

TEST_F(ListeningTest, TakesUnixSockets) {
  if (!base::kHasUnixSockets) GTEST_SKIP() << "not on this system";
  const Loaded loaded = load_right(with("listen = unix:/run/smtpseal/smtp, 127.0.0.1:25"));
  const Listener& listener = loaded.config.listeners.front();
  ASSERT_EQ(listener.listen.size(), 2u);
  EXPECT_TRUE(listener.listen[0].is_unix());
  EXPECT_EQ(listener.socket_mode, 0660u);
  EXPECT_EQ(value_of(loaded, "listener", "listen").value, "unix:/run/smtpseal/smtp, 127.0.0.1:25");
  EXPECT_EQ(value_of(loaded, "listener", "socket_mode").value, "0660");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_THAT(loaded.unavailable, IsEmpty());
}

TEST_F(ListeningTest, AsksForNoAllowListOfUnixSockets) {
  if (!base::kHasUnixSockets) GTEST_SKIP() << "not on this system";
  EXPECT_THAT(problems_of(with("listen = unix:/run/x")), IsEmpty());
  EXPECT_THAT(problems_of(with("listen = unix:/run/x, 0.0.0.0:25")),
              ElementsAre(HasSubstr("listen = 0.0.0.0:25: other machines can reach")));
}

TEST_F(ListeningTest, TakesSocketsOfTheServiceManager) {
  if (!base::kHasUnixSockets) GTEST_SKIP() << "not on this system";
  const Loaded loaded = load_right(with("listen = systemd:smtp, unix:/run/x"));
  EXPECT_TRUE(loaded.config.listeners.front().listen[0].is_inherited());
  EXPECT_EQ(value_of(loaded, "listener", "listen").value, "systemd:smtp, unix:/run/x");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_THAT(problems_of(with("listen = systemd:a, systemd:a")),
              ElementsAre(HasSubstr("systemd:a: the same address twice")));
  EXPECT_THAT(warnings_of(with("listen = systemd:smtp\nallow = 0.0.0.0/0")),
              ElementsAre(HasSubstr("whoever can reach systemd:smtp may send mail")));
}

TEST_F(ListeningTest, RefusesTheSamePathTwice) {
  if (!base::kHasUnixSockets) GTEST_SKIP() << "not on this system";
  EXPECT_THAT(problems_of(with("listen = unix:/run/x, unix:/run/x")),
              ElementsAre(HasSubstr("unix:/run/x: the same address twice")));
}

TEST_F(ListeningTest, ReadsModesInOctal) {
  if (!base::kHasUnixSockets) GTEST_SKIP() << "not on this system";
  for (const auto& [text, mode] : {std::pair("0600", 0600U), std::pair("660", 0660U),
                                   std::pair("0666", 0666U), std::pair("0622", 0622U)}) {
    const Loaded loaded =
        load_right(with("listen = unix:/run/x\nsocket_mode = " + std::string(text)));
    EXPECT_EQ(loaded.config.listeners.front().socket_mode, mode) << text;
  }
  for (const char* text : {"0777", "0060", "0400", "1666", "rw", "0o660", "00660", "668"}) {
    EXPECT_THAT(problems_of(with("listen = unix:/run/x\nsocket_mode = " + std::string(text))),
                ElementsAre(HasSubstr("expected a")))
        << text;
  }
}

TEST_F(ListeningTest, WarnsOfAModeWithoutAFile) {
  EXPECT_THAT(warnings_of(with("socket_mode = 0666")),
              ElementsAre(HasSubstr("socket_mode = 0666 has no effect without listen = unix:")));
}

TEST_F(ListeningTest, BelievesOnlyProxiesThatAreWrittenDown) {
  const Loaded loaded =
      load_right(with("proxy_protocol = yes\nproxy_networks = 10.0.0.0/8, 127.0.0.1"));
  const Listener& listener = loaded.config.listeners.front();
  EXPECT_TRUE(listener.proxy_protocol);
  EXPECT_EQ(listener.proxy_networks.size(), 2u);
  EXPECT_EQ(value_of(loaded, "listener", "proxy_networks").value, "10.0.0.0/8, 127.0.0.1");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_THAT(problems_of(with("proxy_protocol = yes")),
              ElementsAre(HasSubstr("proxy_protocol = yes needs proxy_networks = ")));
  EXPECT_THAT(warnings_of(with("proxy_protocol = yes\nproxy_networks = 0.0.0.0/0")),
              ElementsAre(HasSubstr("may claim to be any client")));
  EXPECT_THAT(warnings_of(with("proxy_networks = 10.0.0.0/8")),
              ElementsAre(HasSubstr("has no effect without proxy_protocol = yes")));
}

TEST_F(ListeningTest, AsksForNoNetworksOfProxiesThatComeThroughAFile) {
  if (!base::kHasUnixSockets) GTEST_SKIP() << "not on this system";
  EXPECT_THAT(problems_of(with("listen = unix:/run/x\nproxy_protocol = yes")), IsEmpty());
  EXPECT_THAT(problems_of(with("listen = unix:/run/x, systemd:y\nproxy_protocol = yes")),
              ElementsAre(HasSubstr("needs proxy_networks")));
}

}  // namespace
}  // namespace config
