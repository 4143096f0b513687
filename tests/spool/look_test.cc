#include "spool/look.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool/spool_mails.h"
#include "spool/store.h"
#include "support/memory_disk.h"

namespace spool {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kFolder = "/spool";
const base::WallTime kNow{std::chrono::seconds(1'795'735'200)};

class LookTest : public testing::Test {
 protected:
  void SetUp() override {
    Recovery recovery;
    auto opened = Store::open(disk_, kFolder, recovery);
    ASSERT_TRUE(opened.is_ok());
    store_ = std::move(*opened);
  }
  std::string accept(const std::string& text, bool is_sending = false) {
    const std::string id = store_->make_id(kNow);
    auto draft = store_->begin(id);
    EXPECT_TRUE(draft.is_ok() && (*draft)->append(text).is_ok());
    std::vector<Publication> all;
    all.push_back({std::move(*draft), make_envelope(id), is_sending});
    EXPECT_TRUE(store_->publish(std::move(all))[0].is_ok());
    return id;
  }

  support::MemoryDisk disk_;
  std::unique_ptr<Store> store_;
};

TEST_F(LookTest, SeesWhatADaemonWorksOn) {
  const std::string waits = accept("waits");
  const std::string sent = accept("is sent", true);
  const std::string failed = accept("failed");
  ASSERT_TRUE(store_->fail(*store_->read(failed)).is_ok());
  const auto draft = store_->begin(store_->make_id(kNow));
  const auto seen = look_at(disk_, kFolder);
  ASSERT_TRUE(seen.is_ok());
  ASSERT_EQ(seen->size(), 3U);
  EXPECT_EQ((*seen)[0].envelope.id, waits);
  EXPECT_FALSE((*seen)[0].is_sending || (*seen)[0].is_failed);
  EXPECT_EQ((*seen)[1].envelope.id, sent);
  EXPECT_TRUE((*seen)[1].is_sending);
  EXPECT_EQ((*seen)[2].envelope.id, failed);
  EXPECT_TRUE((*seen)[2].is_failed);
  for (const Seen& mail : *seen) EXPECT_EQ(mail.damage, "");
  EXPECT_EQ(*look_at_mail(disk_, kFolder, (*seen)[1], 4), "is s");
  EXPECT_EQ(*look_at_mail(disk_, kFolder, (*seen)[2], 400), "failed");
}

TEST_F(LookTest, SeesOneAlone) {
  accept("1");
  const std::string second = accept("2");
  const auto seen = look_at(disk_, kFolder, second);
  ASSERT_TRUE(seen.is_ok());
  ASSERT_EQ(seen->size(), 1U);
  EXPECT_EQ((*seen)[0].envelope.id, second);
  EXPECT_THAT(*look_at(disk_, kFolder, "0000000000000001"), IsEmpty());
}

TEST_F(LookTest, SaysWhatIsDamaged) {
  const std::string id = accept("mail");
  disk_.write("/spool/queue/" + id + ".mail", "other");
  disk_.write("/spool/failed/0000000000000001.mail", "alone");
  disk_.write("/spool/failed/0000000000000002.envelope", "rubbish");
  const auto seen = look_at(disk_, kFolder);
  ASSERT_TRUE(seen.is_ok());
  ASSERT_EQ(seen->size(), 3U);
  EXPECT_THAT((*seen)[0].damage, HasSubstr("envelope is missing"));
  EXPECT_THAT((*seen)[1].damage, HasSubstr("line 1"));
  EXPECT_THAT((*seen)[2].damage, HasSubstr("5 octets"));
}

TEST_F(LookTest, AsksAndIsAnswered) {
  const Request request{Verb::hold, "0000000000000001"};
  ASSERT_TRUE(ask(disk_, kFolder, request).is_ok());
  ASSERT_TRUE(ask(disk_, kFolder, request).is_ok()) << "another one asks the same";
  EXPECT_FALSE(*is_answered(disk_, kFolder, request));
  ASSERT_EQ(store_->requests().size(), 1U);
  store_->answer(store_->requests()[0]);
  EXPECT_TRUE(*is_answered(disk_, kFolder, request));
  EXPECT_THAT(store_->requests(), IsEmpty());
}

TEST_F(LookTest, SeesNothingWhereNothingWasEverKept) {
  const auto seen = look_at(disk_, "/elsewhere");
  ASSERT_TRUE(seen.is_ok());
  EXPECT_THAT(*seen, IsEmpty());
}

TEST_F(LookTest, SaysWhatItCannotRead) {
  disk_.fail_at(1, support::MemoryDisk::Trouble::from_on);
  EXPECT_FALSE(look_at(disk_, kFolder).is_ok());
  disk_.fail_no_more();
}

}  // namespace
}  // namespace spool
