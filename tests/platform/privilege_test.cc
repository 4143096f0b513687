// Users as they are written down, and becoming one.
#include "platform/privilege.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace platform {
namespace {

using ::testing::HasSubstr;

TEST(FindUser, KnowsNamesAndNumbers) {
  const auto root = find_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "root");
  EXPECT_TRUE(root->is_root());
  const auto by_number = find_user("0");
  ASSERT_TRUE(by_number);
  EXPECT_EQ(by_number->name, "root") << "its groups are known then";
}

TEST(FindUser, TakesAGroupBesideTheUsersOwn) {
  const auto both = find_user("root:54321");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->group, 54321u);
  const auto numbers = find_user("54321:54322");
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->id, 54321u);
  EXPECT_EQ(numbers->group, 54322u);
  EXPECT_EQ(numbers->name, "");
}

TEST(FindUser, SaysWhatDoesNotExist) {
  for (const auto& [text, said] :
       {std::pair{"", "there is no user"}, std::pair{"no-such-user", "\"no-such-user\""},
        std::pair{"root:", "there is no group"}, std::pair{"root:no-such-group", "no-such-group"},
        std::pair{"54321", "write 54321:GROUP"}, std::pair{"-1:0", "there is no user \"-1\""},
        std::pair{"4294967295:0", "there is no user"}, std::pair{"0x0", "there is no user"}}) {
    const auto found = find_user(text);
    ASSERT_FALSE(found) << text;
    EXPECT_THAT(found.error().detail, HasSubstr(said));
    EXPECT_EQ(found.error().fault, base::Fault::config);
  }
}

// What `act` returns in a child that has become 54321:54322.
int as_another(const std::function<int()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    const User user{"", 54321, 54322};
    _exit(become(user) ? act() : 255);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

class Become : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "only root can become another user";
  }
};

TEST_F(Become, LeavesNothingOfRootBehind) {
  EXPECT_EQ(as_another([] {
              uid_t real = 0, effective = 0, saved = 0;
              gid_t groups[2] = {};
              const bool is_it = getresuid(&real, &effective, &saved) == 0 && real == 54321 &&
                                 effective == 54321 && saved == 54321 && getegid() == 54322 &&
                                 getgroups(2, groups) == 1 && groups[0] == 54322;
              return is_it ? 0 : 1;
            }),
            0);
}

TEST_F(Become, ThereIsNoWayBack) {
  EXPECT_EQ(as_another([] {
              return setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0 &&
                             setgroups(0, nullptr) != 0
                         ? 0
                         : 1;
            }),
            0);
}

TEST_F(Become, FilesAreJudgedByWhoItIsNow) {
  std::string pattern = (std::filesystem::temp_directory_path() / "seal-user-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  ASSERT_EQ(chmod(pattern.c_str(), 0755), 0);
  const std::string file = pattern + "/closed";
  close(open(file.c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_TRUE(may_read(file));
  EXPECT_EQ(as_another([&] { return may_read(file) ? 1 : 0; }), 0);
  EXPECT_EQ(as_another([&] { return may_read(pattern + "/nowhere") ? 0 : 1; }), 0);
  const User user{"", 54321, 54322};
  ASSERT_TRUE(make_folder_of(user, pattern + "/spool"));
  struct stat status {};
  ASSERT_EQ(stat((pattern + "/spool").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 54321u);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(chown((pattern + "/spool").c_str(), 0, 0), 0);
  ASSERT_TRUE(make_folder_of(user, pattern + "/spool"));
  ASSERT_EQ(stat((pattern + "/spool").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u) << "one that is there is left alone";
  ASSERT_TRUE(give_socket_to(user, file));
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u) << "what is no socket is not given away";
  std::filesystem::remove_all(pattern);
}

}  // namespace
}  // namespace platform
