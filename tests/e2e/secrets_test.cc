// What is left of a password in memory once nobody needs it.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/base64.h"
#include "support/seal_test.h"

namespace support {
namespace {

constexpr const char* kPassword = "unmistakable-Horse-Battery-7431";

std::size_t count_in(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

// What base64 makes of `secret` wherever it stands in a message: there are three ways to cut it
// into groups of three octets. Without the groups that it shares with its neighbours.
std::vector<std::string> encodings_of(const std::string& secret) {
  std::vector<std::string> all;
  for (std::size_t before = 0; before < 3; ++before) {
    const std::size_t skipped = (3 - before) % 3;
    const std::size_t whole = (secret.size() - skipped) / 3 * 3;
    all.push_back(base::encode_base64(secret.substr(skipped, whole)));
  }
  return all;
}

class Secrets : public SealTest {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers keep memory that was given back as it was";
#endif
    if (geteuid() != 0) GTEST_SKIP() << "only root can look into the memory of smtpseal";
    SealTest::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.keywords = {"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"};
    behavior.account = Account{"joe", kPassword};
    smarthost().set_behavior(behavior);
  }
  void TearDown() override {
    if (smarthost_) SealTest::TearDown();
  }

  // How often it stands in what smtpseal can write to.
  [[nodiscard]] std::size_t count(std::string_view what) {
    const std::string folder = "/proc/" + std::to_string(seal().process().pid());
    const Fd memory(open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(memory.is_open());
    std::size_t found = 0;
    std::ifstream maps(folder + "/maps");
    for (std::string line; std::getline(maps, line);) {
      std::uint64_t begin = 0, end = 0;
      char dash = 0;
      std::string rights;
      std::istringstream(line) >> std::hex >> begin >> dash >> end >> rights;
      if (!rights.starts_with("rw")) continue;
      std::string content(end - begin, '\0');
      const ssize_t length =
          pread(memory.get(), content.data(), content.size(), static_cast<off_t>(begin));
      content.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
      found += count_in(content, what);
    }
    return found;
  }
  void expect_at_most(std::size_t most) {
    ASSERT_GT(count(kSealName), 0u) << "memory is not looked at";
    EXPECT_LE(count(kPassword), most) << "raw";
    for (const std::string& encoding : encodings_of(kPassword)) {
      EXPECT_EQ(count(encoding), 0u) << "base64";
    }
  }
  [[nodiscard]] std::string write_private(std::string_view name, std::string_view content) const {
    const std::string path = directory_.write(name, content);
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path;
  }
  // A client that authenticates, and leaves.
  void log_in(const std::string& mechanism) {
    SmtpClient client = connect();
    client.hello();
    if (mechanism == "PLAIN") {
      const std::string message = std::string("\0joe\0", 5) + kPassword;
      EXPECT_EQ(client.command("AUTH PLAIN " + base::encode_base64(message)).code, 235);
    } else {
      EXPECT_EQ(client.command("AUTH LOGIN").code, 334);
      EXPECT_EQ(client.command(base::encode_base64("joe")).code, 334);
      EXPECT_EQ(client.command(base::encode_base64(kPassword)).code, 235);
    }
    client.quit();
  }
};

TEST_F(Secrets, OfClientsLeaveNoTraceOnTheirWayToTheSmarthost) {
  for (int round = 0; round < 500; ++round) {
    log_in("PLAIN");
    log_in("LOGIN");
  }
  smarthost().wait_until_idle();
  expect_at_most(0);
}

TEST_F(Secrets, OfOurUsersLeaveNoTraceOnceTheyAreChecked) {
  Process::Start start{smtpseal_program(), {"password", "--user", "joe"}, {}};
  start.input_file = write_private("input", kPassword);
  const Finished made = run(std::move(start));
  ASSERT_EQ(made.status, 0) << made.errors;
  config_.set("listener", "auth", "file:" + write_private("users", made.output));
  for (int round = 0; round < 50; ++round) {
    log_in("PLAIN");
    log_in("LOGIN");
  }
  expect_at_most(0);
}

TEST_F(Secrets, OfOurOwnAreKeptOnceAndInOneForm) {
  config_.set("smarthost", "username", "joe")
      .set("smarthost", "password_file", write_private("password", kPassword))
      .set("smarthost", "max_transactions", "1");
  for (int round = 0; round < 50; ++round) EXPECT_TRUE(attempt().is_accepted());
  expect_at_most(1);
}

}  // namespace
}  // namespace support
