// What the running program can do no more: be root, gain privileges, touch files it has no use for.
#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// No machine has users of these numbers, and none is needed.
constexpr unsigned kUser = 54321, kGroup = 54322;
constexpr const char* kSomebody = "54321:54322";

// The words of /proc/PID/.../status behind each name.
using Status = std::map<std::string, std::vector<std::string>>;

Status read_status(const std::string& path) {
  Status status;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    std::istringstream words(line.substr(colon + 1));
    for (std::string word; words >> word;) status[line.substr(0, colon)].push_back(word);
  }
  return status;
}

// Of every thread.
std::vector<Status> statuses_of(pid_t pid) {
  std::vector<Status> statuses;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    statuses.push_back(read_status(task.path().string() + "/status"));
  }
  return statuses;
}

// As `run` is started by somebody who says nothing of users to the environment.
Finished run_without_user(const std::string& file, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"run", "-c", file});
  return run_smtpseal(std::move(more), {{"SMTPSEAL_SMTPSEAL_USER", ""}});
}

// --- becoming a user

class Privilege : public SealTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    SealTest::SetUp();
    let_everybody_in();
    config_.set("smtpseal", "log_level", "debug");
  }
  void TearDown() override {
    if (smarthost_) SealTest::TearDown();
  }

  // The user must find what the test writes.
  void let_everybody_in() const { ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0); }
  void start_as(const std::string& user) {
    config_.set("smtpseal", "user", user);
    seal_ =
        std::make_unique<Smtpseal>(directory_, config_, std::vector<std::string>{"--user", user});
  }
  [[nodiscard]] std::string written() const {
    return directory_.write("smtpseal.conf", config_.text());
  }
};

TEST_F(Privilege, RefusesToRunAsRootUntilAUserIsNamed) {
  const Finished finished = run_without_user(written());
  EXPECT_EQ(finished.status, 77);
  EXPECT_THAT(finished.errors, AllOf(HasSubstr("not as root"), HasSubstr("--user nobody"),
                                     HasSubstr("user = smtpseal"), HasSubstr("systemctl"),
                                     HasSubstr("docker run --user"), HasSubstr("user = root")));
}

TEST_F(Privilege, OtherCommandsDoNotMindRoot) {
  const std::vector<std::pair<std::string, std::string>> nothing = {{"SMTPSEAL_SMTPSEAL_USER", ""}};
  EXPECT_EQ(run_smtpseal({"config", "-c", written()}, nothing).status, 0);
  EXPECT_EQ(run_smtpseal({"check", "-c", written()}, nothing).status, 0);
}

TEST_F(Privilege, IsTheUserInEveryThreadAndNothingMore) {
  config_.set("smtpseal", "workers", "3");
  start_as(kSomebody);
  const std::vector<Status> statuses = statuses_of(seal().process().pid());
  EXPECT_GE(statuses.size(), 4u);
  const std::string user = std::to_string(kUser), group = std::to_string(kGroup);
  for (Status status : statuses) {
    EXPECT_THAT(status["Uid"], ElementsAre(user, user, user, user));
    EXPECT_THAT(status["Gid"], ElementsAre(group, group, group, group));
    EXPECT_THAT(status["Groups"], ElementsAre(group)) << "no group of root's is left";
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      EXPECT_THAT(status[set], ElementsAre("0000000000000000")) << set;
    }
    EXPECT_THAT(status["NoNewPrivs"], ElementsAre("1"));
  }
  EXPECT_EQ(seal().wait_for("user").field("user"), "(" + std::string(kSomebody) + ")");
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Privilege, ANamedUserHasItsOwnGroups) {
  start_as("nobody");
  const std::vector<Status> statuses = statuses_of(seal().process().pid());
  for (Status status : statuses) EXPECT_THAT(status["Uid"].front(), Not("0"));
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Privilege, StaysRootWhenThatIsWrittenDownAndSaysSo) {
  start_as("root");
  EXPECT_THAT(seal().wait_for("config-warning").text, HasSubstr("user = root"));
  EXPECT_EQ(read_status("/proc/" + std::to_string(seal().process().pid()) + "/status")["Uid"][1],
            "0");
}

TEST_F(Privilege, RefusesUsersAndGroupsThatDoNotExistWhereTheyAreWritten) {
  for (const auto& [user, said] :
       {std::pair{"no-such-user", "there is no user \"no-such-user\""},
        std::pair{"root:no-such-group", "there is no group \"no-such-group\""},
        std::pair{"54321", "write 54321:GROUP"}, std::pair{"4294967295:0", "there is no user"},
        std::pair{":", "there is no user"}, std::pair{"nobody:", "there is no group"}}) {
    config_.set("smtpseal", "user", user);
    const std::string file = written();
    const Finished finished = run_without_user(file);
    EXPECT_EQ(finished.status, 78) << user;
    EXPECT_THAT(finished.errors, AllOf(StartsWith(file + ":"), HasSubstr(said)));
  }
}

TEST_F(Privilege, ReloadsAsTheUser) {
  start_as(kSomebody);
  ScriptedSmarthost other(smarthost().behavior());
  config_.set("smarthost", "port", std::to_string(other.port()));
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(other.mails().size(), 1u);
}

TEST_F(Privilege, RefusesFilesThatTheUserCouldNotReadAgain) {
  const std::string ca = directory_.write("closed.pem", trusted_authority().certificate_pem());
  ASSERT_EQ(chmod(ca.c_str(), 0600), 0);
  config_.set("smarthost", "ca_file", ca).set("smtpseal", "user", kSomebody);
  const std::string file = written();
  const Finished finished = run_without_user(file);
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, AllOf(HasSubstr(file + ":"), HasSubstr("ca_file: " + ca),
                                     HasSubstr("cannot read it"), HasSubstr("54321:54322")));
}

// Stands where the service manager waits for word.
class NotifySocket {
 public:
  explicit NotifySocket(std::string path) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const timeval patience{std::chrono::duration_cast<std::chrono::seconds>(kPatience).count(), 0};
    if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        chmod(path_.c_str(), 0666) != 0 ||
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
      throw Failure("cannot wait for word at " + path_);
    }
  }
  // What came next; empty when nothing came in time.
  [[nodiscard]] std::string read() const {
    std::array<char, 256> buffer{};
    const ssize_t count = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  Fd socket_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(Privilege, LogsOnIntoTheFileThatRootOpened) {
  const std::string log = directory_.path("seal.log");
  config_.set("smtpseal", "log_target", "file:" + log);
  const NotifySocket notified(directory_.path("notify"));
  Process process({smtpseal_program(),
                   {"-c", written(), "--user", kSomebody},
                   {{"NOTIFY_SOCKET", notified.path()}}});
  EXPECT_EQ(notified.read(), "READY=1");
  struct stat status {};
  ASSERT_EQ(stat(log.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "who sends mail to whom is nobody's business";
  process.signal(SIGHUP);
  EXPECT_EQ(notified.read(), "READY=1");
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
  EXPECT_THAT(read_file(log), AllOf(HasSubstr(" ready "), HasSubstr("result=done")));
}

TEST_F(Privilege, UnixSocketsAreTheUsersAndGoWithIt) {
  const std::string folder = directory_.path("run");
  ASSERT_EQ(mkdir(folder.c_str(), 0755), 0);
  ASSERT_EQ(chown(folder.c_str(), kUser, kGroup), 0);
  const std::string path = folder + "/s";
  config_.set("listener", "listen", "unix:" + path).set("listener", "socket_mode", "0660");
  start_as(kSomebody);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kUser);
  EXPECT_EQ(status.st_gid, kGroup);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
  EXPECT_EQ(stop_seal(), 0);
  seal_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

// The folder above it is there or not, and root's alone: the user could make neither.
TEST_F(Privilege, KeepsMailInASpoolThatIsTheUsers) {
  const std::string folder = directory_.path("lib/spool");
  config_.set("smtpseal", "spool_dir", folder).set("listener", "delivery", "queue");
  smarthost().go_down();
  start_as(kSomebody);
  const Attempt kept = attempt();
  EXPECT_TRUE(kept.is_accepted()) << ::testing::PrintToString(kept);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat status {};
    ASSERT_EQ(lstat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, kUser) << entry.path();
    EXPECT_EQ(status.st_mode & 077U, 0u) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 2u);
  // A start later finds it there, and may do with it what it must.
  EXPECT_EQ(stop_seal(), 0);
  smarthost().come_up();
  start_as(kSomebody);
  EXPECT_EQ(smarthost().wait_for_mails(1).size(), 1u);
}

TEST_F(Privilege, WhoIsNotRootStaysWhoItIsAndSaysSo) {
  if (!std::filesystem::exists("/usr/bin/setpriv")) GTEST_SKIP() << "there is no setpriv";
  // A copy that every user may run.
  const std::string program = directory_.path("smtpseal");
  std::filesystem::copy_file(smtpseal_program(), program);
  ASSERT_EQ(chmod(program.c_str(), 0755), 0);
  config_.set("smtpseal", "user", "54323:54323");
  Process process(
      {"setpriv",
       {"--reuid", "54321", "--regid", "54322", "--clear-groups", program, "run", "-c", written()},
       {{"SMTPSEAL_SMTPSEAL_USER", ""}}});
  process.wait_for_error_line([](const std::string& line) {
    return parse_log_line(line, "config-warning") &&
           line.find("only root can become another") != std::string::npos;
  });
  process.wait_for_error_line(
      [](const std::string& line) { return parse_log_line(line, "ready").has_value(); });
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
}

// --- what it can reach

class Sandbox : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smtpseal", "log_level", "debug");
  }
  // False where the kernel has no Landlock: then there is nothing to see.
  [[nodiscard]] bool is_confined() {
    if (!seal_) start();
    return seal().wait_for("sandbox").field("confined") == "yes";
  }
};

TEST_F(Sandbox, GainsNoPrivileges) {
  start();
  Status status = read_status("/proc/" + std::to_string(seal().process().pid()) + "/status");
  EXPECT_THAT(status["NoNewPrivs"], ElementsAre("1"));
}

TEST_F(Sandbox, ReloadsWhatIsReplacedInTheSameFolders) {
  if (!is_confined()) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_TRUE(attempt().is_accepted());
  directory_.write("ca.pem", trusted_authority().certificate_pem());  // another file by that name
  const std::string second = directory_.write("second.pem", trusted_authority().certificate_pem());
  config_.set("smarthost", "ca_file", second);
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Sandbox, ReachesNoFileElsewhereAndSaysThatThisNeedsARestart) {
  if (!is_confined()) GTEST_SKIP() << "this kernel has no Landlock";
  const TempDir elsewhere;
  const std::string other = elsewhere.write("ca.pem", trusted_authority().certificate_pem());
  ConfigText changed = config_;
  changed.set("smarthost", "ca_file", other);
  seal().reload(changed);
  EXPECT_THAT(seal().wait_for("reload").field("problem"),
              AllOf(HasSubstr("ca_file: " + other), HasSubstr("needs a restart")));
  EXPECT_EQ(seal().wait_for("reload", 2).field("in-force"), "the old configuration");
  // By a link from where it may read: the kernel says no.
  std::filesystem::remove(directory_.path("ca.pem"));
  std::filesystem::create_symlink(other, directory_.path("ca.pem"));
  seal().reload(config_);
  EXPECT_THAT(seal().wait_for("reload", 3).text, HasSubstr("needs a restart"));
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Sandbox, NewCommandsAndSocketsElsewhereNeedARestart) {
  if (!is_confined()) GTEST_SKIP() << "this kernel has no Landlock";
  const TempDir elsewhere;
  ConfigText command = config_;
  command.set("smarthost", "username", "app").set("smarthost", "password_command", "echo secret");
  seal().reload(command);
  EXPECT_THAT(seal().wait_for("reload").field("problem"), HasSubstr("password_command: needs a"));
  ConfigText socket = config_;
  socket.set("listener", "listen", "unix:" + elsewhere.path("s"));
  seal().wait_for("reload", 2);
  seal().reload(socket);
  EXPECT_THAT(seal().wait_for("reload", 3).text, HasSubstr("needs a restart"));
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Sandbox, WritesToTheSpoolAndDeliversFromIt) {
  config_.set("smtpseal", "spool_dir", directory_.path("spool"))
      .set("listener", "delivery", "fallback");
  if (!is_confined()) GTEST_SKIP() << "this kernel has no Landlock";
  smarthost().go_down();
  const Attempt kept = attempt();
  EXPECT_TRUE(kept.is_accepted()) << ::testing::PrintToString(kept);
  smarthost().come_up();
  EXPECT_EQ(smarthost().wait_for_mails(1).size(), 1u);
  EXPECT_EQ(seal().wait_for("delivered").field("from"), seal().wait_for("spooled").field("from"));
}

TEST_F(Sandbox, ASpoolElsewhereNeedsARestart) {
  if (!is_confined()) GTEST_SKIP() << "this kernel has no Landlock";
  const TempDir elsewhere;
  config_.set("smtpseal", "spool_dir", elsewhere.path("spool"))
      .set("listener", "delivery", "fallback");
  seal().reload(config_);
  EXPECT_THAT(seal().wait_for("reload").field("problem"),
              AllOf(HasSubstr("spool_dir: "), HasSubstr("needs a restart")));
}

TEST_F(Sandbox, CommandsKeepTheFilesOpen) {
  config_.set("smarthost", "username", "app").set("smarthost", "password_command", "echo secret");
  start();
  const LogLine line = seal().wait_for("sandbox");
  EXPECT_EQ(line.field("confined"), "no");
  EXPECT_THAT(line.field("why"), HasSubstr("password_command"));
}

TEST_F(Sandbox, CanBeLeftOutAndSaysSo) {
  config_.set("smtpseal", "sandbox", "no");
  start();
  EXPECT_EQ(seal().count("sandbox"), 0u);
  EXPECT_THAT(seal().log(), HasSubstr("sandbox = no"));
}

}  // namespace
}  // namespace support
