// app/log_sink: how a fact looks as a line.
#include "app/log_sink.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace app {
namespace {

std::string text(base::LogFields fields) {
  return format_log_line(LogStyle::text, "2026-11-24T14:13:38.123Z", base::LogLevel::info, "00a3f1",
                         "transaction", fields);
}

TEST(LogLine, HasTimeLevelIdEventAndFields) {
  EXPECT_EQ(text({{"from", "<a@b>"}, {"recipients", 2}, {"reused", true}}),
            "2026-11-24T14:13:38.123Z info  00a3f1 transaction from=<a@b> recipients=2 reused=yes");
}

TEST(LogLine, QuotesWhatWouldNotReadBack) {
  EXPECT_EQ(text({{"reply", "250 \"ok\""}}).substr(50), "reply=\"250 \\\"ok\\\"\"");
  EXPECT_EQ(text({{"a", ""}}).substr(50), "a=\"\"");
  EXPECT_EQ(text({{"a", "x=y"}}).substr(50), "a=\"x=y\"");
}

TEST(LogLine, StaysOneLineWhateverAPeerSays) {
  const std::string line = text({{"reply", "550 x\r\n2026 fake line\x1b[2J"}});
  EXPECT_EQ(line.find_first_of("\r\n\x1b"), std::string::npos);
}

TEST(LogLine, LeavesFieldsWithoutAKeyOut) {
  const auto line_of = [](LogStyle style) {
    return format_log_line(style, "", base::LogLevel::warn, "-", "x", {{"a", 1}, {"", "b"}});
  };
  EXPECT_EQ(line_of(LogStyle::journald), "<4>- x a=1");
  EXPECT_EQ(nlohmann::json::parse(line_of(LogStyle::json)).size(), 5U);
}

TEST(LogLine, HasAPriorityAndNoTimeForTheJournal) {
  EXPECT_EQ(format_log_line(LogStyle::journald, "", base::LogLevel::warn, "-", "drain", {}),
            "<4>- drain");
}

TEST(LogLine, IsOneObjectInJson) {
  const std::string line = format_log_line(
      LogStyle::json, "2026-11-24T14:13:38.123Z", base::LogLevel::error, "-", "reload",
      {{"in-force", "old"}, {"ms", 12}, {"reused", true}, {"text", "a\r\n\"b\""}});
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["level"], "error");
  EXPECT_EQ(object["in_force"], "old");
  EXPECT_EQ(object["ms"], 12);
  EXPECT_EQ(object["reused"], true);
  EXPECT_EQ(object["text"], "a??\"b\"");
}

class LogFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("smtpseal-log-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    general_.log_target = config::LogTargetKind::file;
    general_.log_file = path_.string();
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  [[nodiscard]] std::string content() const {
    std::ostringstream all;
    all << std::ifstream(path_).rdbuf();
    return all.str();
  }

  std::filesystem::path path_;
  config::General general_;
};

TEST_F(LogFileTest, WritesLinesUpToItsLevel) {
  auto log = make_log(general_);
  ASSERT_TRUE(log);
  (*log)->info("-", "seen");
  (*log)->debug("-", "unseen");
  (*log)->set_level(base::LogLevel::debug);
  (*log)->debug("-", "seen-now");
  EXPECT_NE(content().find("- seen\n"), std::string::npos);
  EXPECT_NE(content().find("- seen-now\n"), std::string::npos);
  EXPECT_EQ(content().find("unseen"), std::string::npos);
}

TEST_F(LogFileTest, BreaksNoLineOfOneThreadWithOneOfAnother) {
  auto log = make_log(general_);
  ASSERT_TRUE(log);
  const std::string value(200, 'x');
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 250; ++j) (*log)->info("-", "line", {{"value", value}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::istringstream lines(content());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_EQ(line.substr(std::string("2026-11-24T14:13:38.123Z ").size()),
              "info  - line value=" + value);
  }
  EXPECT_EQ(count, 1000u);
}

TEST_F(LogFileTest, GathersLinesOfAThreadUntilTheyAreFlushed) {
  auto log = make_log(general_);
  ASSERT_TRUE(log);
  (*log)->gather(true);
  (*log)->info("-", "first");
  (*log)->info("-", "second");
  EXPECT_EQ(content(), "");
  std::thread([&] { (*log)->info("-", "of-another-thread"); }).join();
  EXPECT_NE(content().find("of-another-thread"), std::string::npos);
  (*log)->flush();
  EXPECT_LT(content().find("- first\n"), content().find("- second\n"));
  (*log)->info("-", "third");
  (*log)->error("-", "wrong");
  EXPECT_LT(content().find("- third\n"), content().find("- wrong\n")) << "errors do not wait";
  (*log)->warn("-", "odd");
  EXPECT_NE(content().find("- odd\n"), std::string::npos) << "nor do warnings";
  (*log)->info("-", "fourth");
  (*log)->gather(false);
  EXPECT_NE(content().find("- fourth\n"), std::string::npos);
  (*log)->info("-", "fifth");
  EXPECT_NE(content().find("- fifth\n"), std::string::npos);
}

TEST_F(LogFileTest, SaysWhichFileCannotBeOpened) {
  std::ofstream(path_) << "a file, not a folder";
  general_.log_file = (path_ / "smtpseal.log").string();
  const auto log = make_log(general_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().fault, base::Fault::storage);
  EXPECT_NE(log.error().detail.find(general_.log_file), std::string::npos);
}

}  // namespace
}  // namespace app
