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

}  // namespace
}  // namespace config
