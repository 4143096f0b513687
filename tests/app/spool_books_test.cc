// app/spool_books: what loops ask of the disk's thread, with a real store and no threads.
#include "app/spool_books.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace app {
namespace {

using namespace std::chrono_literals;
using Ending = relay::SpoolSchedule::Ending;
using spool::Outcome;

// The real disk, which counts.
class CountingDisk final : public spool::Disk {
 public:
  base::Result<std::unique_ptr<spool::DiskFile>> create(const std::string& path) override {
    if (refuses) return base::Error{base::Fault::storage, "no"};
    return disk_->create(path);
  }
  base::Result<std::unique_ptr<spool::DiskFile>> open(const std::string& path) override {
    return disk_->open(path);
  }
  base::Result<void> rename(const std::string& from, const std::string& to) override {
    return disk_->rename(from, to);
  }
  base::Result<void> remove(const std::string& path) override { return disk_->remove(path); }
  base::Result<void> sync_folder(const std::string& path) override {
    ++folder_syncs;
    return disk_->sync_folder(path);
  }
  std::vector<base::Result<void>> sync_all(const std::vector<spool::DiskFile*>& files) override {
    return disk_->sync_all(files);
  }
  base::Result<void> make_folder(const std::string& path) override {
    return disk_->make_folder(path);
  }
  base::Result<std::vector<Name>> list(const std::string& path) override {
    return disk_->list(path);
  }
  std::optional<std::uint64_t> free_space(const std::string&) override { return free; }
  std::string concern(const std::string& path) override { return disk_->concern(path); }
  std::string boot_id() override { return disk_->boot_id(); }
  base::Result<std::unique_ptr<Lock>> lock(const std::string& path) override {
    return disk_->lock(path);
  }

  int folder_syncs = 0;
  bool refuses = false;
  std::optional<std::uint64_t> free;

 private:
  std::unique_ptr<spool::Disk> disk_ = spool::system_disk();
};

// A loop that notes what it is sent.
struct Notes final : SpoolSeat {
  void deliver(SpoolJob job) override { jobs.push_back(std::move(job)); }
  void give(std::string, base::Result<std::string> octets) override {
    given.push_back(std::move(octets));
  }
  void marked(std::string, base::Result<void> result) override { marks.push_back(result); }
  void kept(std::uint64_t, base::Result<std::size_t> octets) override {
    kept_octets.push_back(std::move(octets));
  }
  void published(std::uint64_t key, base::Result<std::string> id) override {
    answers.emplace(key, std::move(id));
  }
  void left() override { has_left = true; }

  std::vector<SpoolJob> jobs;
  std::vector<base::Result<std::string>> given;
  std::vector<base::Result<void>> marks;
  std::vector<base::Result<std::size_t>> kept_octets;
  std::map<std::uint64_t, base::Result<std::string>> answers;
  bool has_left = false;
};

class SpoolBooksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loop_ = std::move(net::Loop::make()).value();
    settings_.options.folder = folder_;
    settings_.hostname = "seal.client.test";
    settings_.sections = {{"", 4}};
    open();
  }
  void TearDown() override { books_.reset(); }

  void open() {
    books_.reset();
    spool::Recovery recovery;
    auto store = spool::Store::open(disk_, folder_, recovery);
    ASSERT_TRUE(store) << store.error().detail;
    books_ = std::make_unique<SpoolBooks>(*loop_, log_, facts_, std::move(store).value());
    books_->begin(recovery);
    books_->use(settings_);
    disk_.folder_syncs = 0;
  }

  static spool::Envelope envelope(int recipients = 1) {
    spool::Envelope made;
    made.mail.reverse_path = "<sender@client.test>";
    for (int i = 0; i < recipients; ++i) {
      spool::Recipient recipient;
      recipient.command.forward_path = "<rcpt" + std::to_string(i) + "@example.test>";
      made.recipients.push_back(recipient);
    }
    return made;
  }

  void publish(std::uint64_t key, const std::string& octets = "Subject: x\r\n\r\nx\r\n") {
    books_->publish(seat_, key, octets, envelope());
  }

  // The last job given out, and what came of it.
  static SpoolAttempt attempt(const SpoolJob& job, Outcome outcome, const std::string& reply,
                              Ending ending = Ending::put_off) {
    SpoolAttempt made;
    made.id = job.envelope.id;
    made.answers.assign(job.envelope.recipients.size(), {outcome, reply});
    made.ending = ending;
    made.is_answered = ending == Ending::put_off;
    made.trouble = reply;
    return made;
  }

  std::size_t files(const std::string& part) const {
    const std::filesystem::directory_iterator all(folder_ + "/" + part);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  bool has_mark(const std::string& id) const {
    return std::filesystem::exists(folder_ + "/queue/" + id + ".sending");
  }

  support::TempDir directory_;
  const std::string folder_ = directory_.path("spool");
  CountingDisk disk_;
  base::NullLog log_;
  SpoolFacts facts_;
  SpoolSettings settings_;
  Notes seat_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<SpoolBooks> books_;
};

TEST_F(SpoolBooksTest, MakesWhatIsPublishedInOneTurnDurableTogether) {
  for (std::uint64_t key = 1; key <= 20; ++key) publish(key);
  EXPECT_TRUE(seat_.answers.empty());
  books_->on_turn_end();
  ASSERT_EQ(seat_.answers.size(), 20u);
  for (const auto& [key, id] : seat_.answers) EXPECT_TRUE(id) << key;
  EXPECT_EQ(disk_.folder_syncs, 1);
  EXPECT_EQ(files("queue"), 40u);
}

TEST_F(SpoolBooksTest, GivesAFreshMailToWhoTookItMarkedInTheSameBreath) {
  books_->sit(seat_);
  publish(1);
  books_->on_turn_end();
  ASSERT_EQ(seat_.jobs.size(), 1u);
  const SpoolJob& job = seat_.jobs[0];
  EXPECT_EQ(job.envelope.id, seat_.answers.at(1).value());
  EXPECT_EQ(job.beginning, "Subject: x\r\n\r\nx\r\n");
  EXPECT_TRUE(job.is_marked);
  EXPECT_TRUE(has_mark(job.envelope.id));
  EXPECT_EQ(disk_.folder_syncs, 1);
  books_->on_attempt(attempt(job, Outcome::delivered, "250 2.0.0 Ok"));
  books_->on_turn_end();
  EXPECT_EQ(files("queue"), 0u);
}

TEST_F(SpoolBooksTest, MarksNoMailOfASmarthostThatFails) {
  books_->sit(seat_);
  publish(1);
  books_->on_turn_end();
  books_->on_attempt(
      attempt(seat_.jobs[0], Outcome::pending, "451 4.4.1 down", Ending::unreachable));
  publish(2);
  books_->on_turn_end();
  EXPECT_EQ(seat_.jobs.size(), 1u);
  EXPECT_EQ(files("queue"), 4u);
  EXPECT_FALSE(has_mark(seat_.jobs[0].envelope.id));
  books_->on_reached("");
  books_->on_turn_end();
  ASSERT_EQ(seat_.jobs.size(), 2u);  // the probe
  EXPECT_FALSE(seat_.jobs[1].is_marked);
  books_->want_mark(seat_.jobs[1].envelope.id);
  ASSERT_EQ(seat_.marks.size(), 1u);
  EXPECT_TRUE(has_mark(seat_.jobs[1].envelope.id));
}

TEST_F(SpoolBooksTest, GivesALoopNoMoreThanItHasRoomFor) {
  books_->sit(seat_);
  for (std::uint64_t key = 1; key <= 60; ++key) publish(key);
  books_->on_turn_end();
  EXPECT_EQ(seat_.answers.size(), 60u);
  const std::size_t most = seat_.jobs.size();
  EXPECT_EQ(most, 3u + 16u);  // connections but one, and some at hand
  books_->on_attempt(attempt(seat_.jobs[0], Outcome::delivered, "250 Ok"));
  books_->on_turn_end();
  EXPECT_EQ(seat_.jobs.size(), most + 1);
}

TEST_F(SpoolBooksTest, TakesABigMailInPieces) {
  books_->keep(seat_, 7, "Subject: big\r\n\r\n");
  for (int i = 0; i < 4; ++i) books_->keep(seat_, 7, std::string(100'000, 'x'));
  publish(7, "\r\n");
  books_->sit(seat_);
  books_->on_turn_end();
  ASSERT_EQ(seat_.kept_octets.size(), 5u);
  EXPECT_EQ(seat_.kept_octets[1].value(), 100'000u);
  ASSERT_EQ(seat_.jobs.size(), 1u);
  const SpoolJob& job = seat_.jobs[0];
  EXPECT_EQ(job.envelope.size, 400'018u);
  std::string all = job.beginning;
  for (int i = 0; i < 10 && all.size() < job.envelope.size; ++i) {
    books_->want_more(job.envelope.id);
    all += seat_.given.back().value();
  }
  EXPECT_EQ(all, "Subject: big\r\n\r\n" + std::string(400'000, 'x') + "\r\n");
}

TEST_F(SpoolBooksTest, NeverPublishesAMailThatLacksItsBeginning) {
  disk_.refuses = true;
  books_->keep(seat_, 7, "Subject: x\r\n\r\nthe beginning\r\n");
  EXPECT_FALSE(seat_.kept_octets.at(0));
  disk_.refuses = false;
  books_->keep(seat_, 7, "the rest\r\n");
  EXPECT_FALSE(seat_.kept_octets.at(1));
  publish(7, "the end\r\n");
  books_->on_turn_end();
  EXPECT_EQ(seat_.answers.at(7).error().fault, base::Fault::storage);
  EXPECT_EQ(files("queue"), 0u);
}

TEST_F(SpoolBooksTest, ForgetsWhatIsGivenUp) {
  books_->keep(seat_, 7, "half");
  EXPECT_EQ(files("tmp"), 1u);
  books_->drop(7);
  books_->on_turn_end();
  EXPECT_EQ(files("tmp"), 0u);
}

TEST_F(SpoolBooksTest, RefusesWhatWouldPassTheSpoolsSize) {
  settings_.options.max_size = 5000;
  books_->use(settings_);
  publish(1, std::string(4000, 'x'));
  books_->on_turn_end();
  publish(2, std::string(4000, 'x'));
  books_->on_turn_end();
  EXPECT_TRUE(seat_.answers.at(1));
  EXPECT_EQ(seat_.answers.at(2).error().fault, base::Fault::busy);
  EXPECT_EQ(facts_.why_full(4000)->fault, base::Fault::busy);
  EXPECT_EQ(files("tmp"), 0u);
}

TEST_F(SpoolBooksTest, LeavesTheDiskWhatOthersNeed) {
  disk_.free = std::uint64_t{100} << 20;
  open();
  EXPECT_FALSE(facts_.why_full(0));
  EXPECT_FALSE(facts_.why_full(std::uint64_t{50} << 20));
  EXPECT_TRUE(facts_.why_full(std::uint64_t{51} << 20));
  disk_.free = kFreeReserve - 1;
  open();
  EXPECT_TRUE(facts_.why_full(0));
}

TEST_F(SpoolBooksTest, SendsNobodyTwiceWhatCouldNotBeWrittenDown) {
  books_->sit(seat_);
  books_->publish(seat_, 1, "x\r\n", envelope(2));
  books_->on_turn_end();
  SpoolAttempt first = attempt(seat_.jobs.at(0), Outcome::delivered, "250 Ok");
  first.answers[1] = {Outcome::pending, "452 4.5.3 too many"};
  first.ending = Ending::not_tried;
  first.is_answered = true;
  disk_.refuses = true;
  books_->on_attempt(first);
  books_->on_turn_end();
  ASSERT_EQ(seat_.jobs.size(), 2u);
  EXPECT_EQ(seat_.jobs[1].envelope.recipients[0].outcome, Outcome::delivered);
  EXPECT_EQ(seat_.jobs[1].envelope.recipients[1].outcome, Outcome::pending);
  // The mark stays: after a crash nobody knows.
  EXPECT_TRUE(has_mark(seat_.jobs[1].envelope.id));
}

TEST_F(SpoolBooksTest, TellsOfSoManyFailuresAMinuteAndPutsTheOthersAside) {
  books_->sit(seat_);
  constexpr std::uint64_t kMails = relay::kMaxNotificationsAMinute + 5;
  for (std::uint64_t key = 1; key <= kMails; ++key) publish(key);
  // Each mail that is refused makes room for the next; notifications wait at the smarthost's.
  std::size_t refused = 0;
  for (std::size_t i = 0; refused < kMails && i < 4 * kMails; ++i) {
    books_->on_turn_end();
    if (i >= seat_.jobs.size()) break;
    const SpoolJob job = seat_.jobs[i];
    const bool is_mail = !job.envelope.is_notification;
    refused += is_mail ? 1 : 0;
    books_->on_attempt(attempt(job, is_mail ? Outcome::failed : Outcome::delivered,
                               is_mail ? "550 5.1.1 no" : "250 Ok"));
  }
  books_->on_turn_end();
  EXPECT_EQ(refused, kMails);
  EXPECT_EQ(files("failed"), 2u * 5u);
}

TEST_F(SpoolBooksTest, HasWhatWasPublishedAfterItBeginsAnew) {
  publish(1);
  publish(2);
  books_->on_turn_end();
  open();
  books_->sit(seat_);
  books_->on_turn_end();
  ASSERT_EQ(seat_.jobs.size(), 2u);
  EXPECT_EQ(seat_.jobs[0].envelope.id, seat_.answers.at(1).value());
  EXPECT_FALSE(seat_.jobs[0].envelope.is_in_doubt);
}

TEST_F(SpoolBooksTest, TakesBackWhatALoopThatLeavesHadNotBegun) {
  books_->sit(seat_);
  publish(1);
  books_->on_turn_end();
  books_->leave(seat_);
  EXPECT_TRUE(seat_.has_left);
  const SpoolJob& job = seat_.jobs.at(0);
  books_->on_attempt(attempt(job, Outcome::pending, "", Ending::not_tried));
  books_->on_turn_end();
  EXPECT_FALSE(has_mark(job.envelope.id));
  EXPECT_EQ(seat_.jobs.size(), 1u);
  Notes other;
  books_->sit(other);
  books_->on_turn_end();
  EXPECT_EQ(other.jobs.size(), 1u);
}

}  // namespace
}  // namespace app
