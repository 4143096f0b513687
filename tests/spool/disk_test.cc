// The real disk, in a folder of our own.
#include "spool/disk.h"

#include <algorithm>
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool/look.h"
#include "spool/names.h"
#include "spool/spool_mails.h"
#include "spool/store.h"
#include "support/temp_dir.h"

namespace spool {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const base::WallTime kNow{std::chrono::seconds(1'795'735'200)};

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

class DiskTest : public testing::Test {
 protected:
  std::string path(std::string_view name) { return dir_.path(name); }
  std::string read(const std::string& name) {
    const auto text = read_file(*disk_, name, 1'000'000);
    if (!text) return text.error().detail;
    return text->value_or("(none)");
  }

  support::TempDir dir_;
  std::unique_ptr<Disk> disk_ = system_disk();
};

TEST_F(DiskTest, MakesFilesForThisUserAlone) {
  const mode_t before = ::umask(0);
  auto file = disk_->create(path("a"));
  ASSERT_TRUE(disk_->make_folder(path("folder")).is_ok());
  ::umask(before);
  ASSERT_TRUE(file.is_ok());
  ASSERT_TRUE((*file)->append("one ").is_ok());
  (*file)->start_writing();
  ASSERT_TRUE((*file)->append("two").is_ok());
  ASSERT_TRUE((*file)->sync().is_ok());
  EXPECT_EQ(read(path("a")), "one two");
  EXPECT_EQ(mode_of(path("a")), 0600U);
  EXPECT_EQ(mode_of(path("folder")), 0700U);
}

TEST_F(DiskTest, ReadsPieces) {
  dir_.write("a", "0123456789");
  auto file = disk_->open(path("a"));
  ASSERT_TRUE(file.is_ok() && *file != nullptr);
  std::string out = ">";
  EXPECT_EQ(*(*file)->read(3, 4, out), 4U);
  EXPECT_EQ(*(*file)->read(8, 4, out), 2U);
  EXPECT_EQ(*(*file)->read(99, 4, out), 0U);
  EXPECT_EQ(out, ">345689");
  EXPECT_EQ(*(*file)->size(), 10U);
}

TEST_F(DiskTest, MakesNoFileOverAnother) {
  dir_.write("a", "kept");
  ASSERT_EQ(::symlink(path("elsewhere").c_str(), path("link").c_str()), 0);
  EXPECT_FALSE(disk_->create(path("a")).is_ok());
  EXPECT_FALSE(disk_->create(path("link")).is_ok());
  EXPECT_EQ(read(path("a")), "kept");
  EXPECT_EQ(read(path("elsewhere")), "(none)");
}

TEST_F(DiskTest, OpensRegularFilesAlone) {
  dir_.write("a", "x");
  ASSERT_EQ(::symlink(path("a").c_str(), path("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir(path("folder").c_str(), 0700), 0);
  EXPECT_FALSE(disk_->open(path("link")).is_ok());
  EXPECT_FALSE(disk_->open(path("pipe")).is_ok());
  EXPECT_FALSE(disk_->open(path("folder")).is_ok());
  EXPECT_TRUE(disk_->open(path("none")).is_ok());
  EXPECT_EQ(*disk_->open(path("none")), nullptr);
  const auto names = disk_->list(dir_.path());
  ASSERT_TRUE(names.is_ok());
  EXPECT_EQ(names->size(), 4U);
  for (const Disk::Name& name : *names) EXPECT_EQ(name.is_file, name.name == "a") << name.name;
}

TEST_F(DiskTest, SaysWhatWentWrongWhere) {
  const auto none = disk_->create(path("none/a"));
  ASSERT_FALSE(none.is_ok());
  EXPECT_EQ(none.error().fault, base::Fault::storage);
  EXPECT_THAT(none.error().detail, HasSubstr(path("none/a") + ": "));
  EXPECT_FALSE(disk_->rename(path("x"), path("y")).is_ok());
  EXPECT_FALSE(disk_->sync_folder(path("x")).is_ok());
  EXPECT_FALSE(disk_->list(path("x")).is_ok());
  EXPECT_TRUE(disk_->remove(path("x")).is_ok());
  dir_.write("big", std::string(11, 'x'));
  EXPECT_FALSE(read_file(*disk_, path("big"), 10).is_ok());
}

TEST_F(DiskTest, TellsWhenNotAllCouldBeWritten) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // A process may write no file bigger than this: EFBIG is trouble, not a full disk.
    const struct rlimit limit { 10, 10 };
    static_cast<void>(::setrlimit(RLIMIT_FSIZE, &limit));
    static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
    auto file = disk_->create(path("limited"));
    const auto written = (*file)->append(std::string(100, 'x'));
    ::_exit(written.is_ok() ? 1 : written.error().fault == base::Fault::storage ? 0 : 2);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(DiskTest, RefusesAFolderThatIsNotOursAlone) {
  ASSERT_EQ(::mkdir(path("shared").c_str(), 0700), 0);
  ASSERT_EQ(::chmod(path("shared").c_str(), 0777), 0);
  ASSERT_EQ(::symlink(path("shared").c_str(), path("link").c_str()), 0);
  dir_.write("file", "");
  const auto why = [&](std::string_view name) {
    const auto made = disk_->make_folder(path(name));
    return made ? "made" : made.error().detail;
  };
  EXPECT_THAT(why("shared"), HasSubstr("other users"));
  EXPECT_THAT(why("link"), HasSubstr("symbolic link"));
  EXPECT_THAT(why("file"), HasSubstr("no folder"));
  EXPECT_EQ(why("new"), "made");
  EXPECT_EQ(why("new"), "made");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path("new").c_str(), 12345, 12345), 0);
    EXPECT_THAT(why("new"), HasSubstr("belongs to user 12345"));
  }
}

TEST_F(DiskTest, LocksAgainstOthersAndNamesThem) {
  auto first = disk_->lock(path("lock"));
  ASSERT_TRUE(first.is_ok());
  const auto second = disk_->lock(path("lock"));
  ASSERT_FALSE(second.is_ok());
  EXPECT_EQ(second.error().fault, base::Fault::busy);
  EXPECT_THAT(second.error().detail, HasSubstr("(process " + std::to_string(::getpid()) + ")"));
  first->reset();
  EXPECT_TRUE(disk_->lock(path("lock")).is_ok());
}

TEST_F(DiskTest, SyncsManyFilesAtOnce) {
  std::vector<std::unique_ptr<DiskFile>> files;
  std::vector<DiskFile*> all;
  for (int i = 0; i < 40; ++i) {
    auto file = disk_->create(path(std::to_string(i)));
    ASSERT_TRUE(file.is_ok());
    ASSERT_TRUE((*file)->append("x").is_ok());
    files.push_back(std::move(*file));
    all.push_back(files.back().get());
  }
  const auto results = disk_->sync_all(all);
  EXPECT_EQ(results.size(), 40U);
  for (const auto& result : results) EXPECT_TRUE(result.is_ok());
  EXPECT_THAT(disk_->sync_all({}), IsEmpty());
}

TEST_F(DiskTest, SaysWhereItRuns) {
  EXPECT_GT(disk_->free_space(dir_.path()).value_or(0), 0U);
  EXPECT_EQ(disk_->free_space(path("none")), std::nullopt);
#if defined(__linux__)
  EXPECT_EQ(disk_->boot_id().size(), 36U);
  EXPECT_EQ(disk_->boot_id(), disk_->boot_id());
  EXPECT_THAT(disk_->concern("/dev/shm"), HasSubstr("in memory"));
  EXPECT_EQ(disk_->concern("/proc"), "");
#endif
}

class StoreOnDisk : public DiskTest {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    recovery_ = {};
    auto opened = Store::open(*disk_, folder_, recovery_);
    ASSERT_TRUE(opened.is_ok()) << opened.error().detail;
    store_ = std::move(*opened);
  }
  std::string accept(const std::string& text) {
    const std::string id = store_->make_id(kNow);
    auto draft = store_->begin(id);
    EXPECT_TRUE(draft.is_ok());
    EXPECT_TRUE((*draft)->append(text).is_ok());
    std::vector<Publication> all;
    all.push_back({std::move(*draft), make_envelope(id)});
    EXPECT_TRUE(store_->publish(std::move(all))[0].is_ok());
    return id;
  }
  std::string mail_of(const std::string& id) {
    const auto envelope = store_->read(id);
    if (!envelope) return envelope.error().detail;
    auto reader = store_->open_mail(*envelope);
    if (!reader) return reader.error().detail;
    std::string text;
    while (true) {
      const auto count = (*reader)->read(65536, text);
      if (!count) return count.error().detail;
      if (*count == 0) return text;
    }
  }

  std::string folder_ = dir_.path("spool");
  Recovery recovery_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreOnDisk, KeepsFailsRestoresAndRemoves) {
  const std::string big(3'000'000, 'x');
  const std::string small = accept("small");
  const std::string large = accept(big);
  reopen();
  ASSERT_EQ(recovery_.accepted.size(), 2U);
  EXPECT_FALSE(recovery_.accepted[0].is_in_doubt);
  EXPECT_EQ(mail_of(small), "small");
  EXPECT_EQ(mail_of(large), big);
  EXPECT_EQ(mode_of(folder_ + "/queue/" + small + ".mail"), 0600U);
  ASSERT_TRUE(store_->fail(*store_->read(small)).is_ok());
  ASSERT_TRUE(store_->restore(small, kNow).is_ok());
  ASSERT_TRUE(store_->remove(large).is_ok());
  reopen();
  ASSERT_EQ(recovery_.accepted.size(), 1U);
  EXPECT_EQ(mail_of(small), "small");
  EXPECT_THAT(recovery_.damaged, IsEmpty());
  EXPECT_THAT(recovery_.foreign, IsEmpty());
}

TEST_F(StoreOnDisk, KnowsWhatWasBeingSentWhenTheProcessWasKilled) {
  store_.reset();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    reopen();
    const std::string sent = accept("sent");
    accept("waits");
    const bool is_begun = store_->begin_sending(sent).is_ok();
    ::_exit(is_begun ? 0 : 1);  // without a word, as when killed
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  reopen();
  ASSERT_EQ(recovery_.accepted.size(), 2U);
  EXPECT_TRUE(recovery_.accepted[0].is_in_doubt);
#if defined(__linux__)
  EXPECT_FALSE(recovery_.accepted[1].is_in_doubt);
#endif
}

TEST_F(StoreOnDisk, MovesWhatIsNoFileToFailed) {
  const std::string linked = accept("1");
  const std::string piped = accept("2");
  const std::string foldered = accept("3");
  store_.reset();
  const std::string queue = folder_ + "/queue/";
  ASSERT_EQ(::rename((queue + linked + ".mail").c_str(), path("elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink(path("elsewhere").c_str(), (queue + linked + ".mail").c_str()), 0);
  ASSERT_EQ(::unlink((queue + piped + ".envelope").c_str()), 0);
  ASSERT_EQ(::mkfifo((queue + piped + ".envelope").c_str(), 0600), 0);
  ASSERT_EQ(::unlink((queue + foldered + ".mail").c_str()), 0);
  ASSERT_EQ(::mkdir((queue + foldered + ".mail").c_str(), 0700), 0);
  reopen();
  EXPECT_THAT(recovery_.accepted, IsEmpty());
  EXPECT_EQ(recovery_.damaged.size(), 3U);
  const auto seen = look_at(*disk_, folder_);
  ASSERT_TRUE(seen.is_ok());
  EXPECT_EQ(seen->size(), 3U);
  for (const Seen& mail : *seen) EXPECT_TRUE(mail.is_failed);
  EXPECT_EQ(read(path("elsewhere")), "1");
}

TEST_F(StoreOnDisk, DoesNotCountHolesAndPutsAnEnvelopeAsideThatIsTooBig) {
  const std::string id = accept("mail");
  store_.reset();
  const std::string queue = folder_ + "/queue/";
  const std::string hollow = folder_ + "/failed/0000000000000001.mail";
  dir_.write("spool/failed/0000000000000001.mail", "");
  for (const std::string& name : {queue + id + ".envelope", hollow}) {
    ASSERT_EQ(::truncate(name.c_str(), off_t{1} << 30), 0);
  }
  reopen();
  EXPECT_THAT(recovery_.accepted, IsEmpty());
  ASSERT_EQ(recovery_.damaged.size(), 1U);
  EXPECT_THAT(recovery_.damaged[0].reason, HasSubstr("bigger"));
  EXPECT_TRUE(store_->is_failed(id));
  EXPECT_LT(store_->used(), 1'000'000U);
  reopen();
  EXPECT_LT(store_->used(), 1'000'000U);
}

}  // namespace
}  // namespace spool
