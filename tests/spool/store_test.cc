#include "spool/store.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool/names.h"
#include "spool/spool_mails.h"
#include "support/memory_disk.h"

namespace spool {
namespace {

using support::MemoryDisk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kFolder = "/spool";
const base::WallTime kNow{std::chrono::seconds(1'795'735'200)};

class StoreTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  // As at the next start.
  void reopen() {
    store_.reset();
    recovery_ = {};
    auto opened = Store::open(disk_, kFolder, recovery_);
    ASSERT_TRUE(opened.is_ok()) << opened.error().detail;
    store_ = std::move(*opened);
  }

  // The process dies without a word, and starts again.
  void crash() {
    disk_.fail_at(1, MemoryDisk::Trouble::from_on);
    store_.reset();
    disk_.kill_process();
    reopen();
  }

  void lose_power(std::uint64_t seed = 1) {
    disk_.fail_at(1, MemoryDisk::Trouble::from_on);
    store_.reset();
    disk_.lose_power(seed);
    reopen();
  }

  Publication draft(const std::string& text, bool is_sending = false) {
    const std::string id = store_->make_id(kNow);
    auto begun = store_->begin(id);
    EXPECT_TRUE(begun.is_ok()) << begun.error().detail;
    EXPECT_TRUE((*begun)->append(text).is_ok());
    return {std::move(*begun), make_envelope(id), is_sending};
  }

  base::Result<void> publish(Publication publication) {
    std::vector<Publication> all;
    all.push_back(std::move(publication));
    return store_->publish(std::move(all))[0];
  }

  // Its id.
  std::string accept(const std::string& text, bool is_sending = false) {
    Publication publication = draft(text, is_sending);
    const std::string id = publication.envelope.id;
    const auto result = publish(std::move(publication));
    EXPECT_TRUE(result.is_ok()) << result.error().detail;
    return id;
  }

  std::string mail_of(const std::string& id) {
    const auto envelope = store_->read(id);
    if (!envelope) return envelope.error().detail;
    auto reader = store_->open_mail(*envelope);
    if (!reader) return reader.error().detail;
    std::string text;
    while (true) {
      const auto count = (*reader)->read(5, text);
      if (!count) return count.error().detail;
      if (*count == 0) return text;
    }
  }

  std::string path(std::string_view folder, const std::string& name) {
    return join(join(kFolder, folder), name);
  }
  bool exists(const std::string& name) { return disk_.files().contains(name); }
  std::uint64_t octets_on_disk() {
    std::uint64_t sum = 0;
    for (const auto& [name, content] : disk_.files()) {
      if (name.find("/queue/") != std::string::npos || name.find("/failed/") != std::string::npos) {
        sum += content.size();
      }
    }
    return sum;
  }

  MemoryDisk disk_;
  Recovery recovery_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, KeepsWhatWasAccepted) {
  const std::string id = accept("From: a\r\n\r\nbody\r\n");
  lose_power();
  ASSERT_EQ(recovery_.accepted.size(), 1U);
  EXPECT_EQ(recovery_.accepted[0].id, id);
  EXPECT_EQ(recovery_.accepted[0].size, 17U);
  EXPECT_EQ(mail_of(id), "From: a\r\n\r\nbody\r\n");
}

TEST_F(StoreTest, KeepsAnEmptyMail) {
  const std::string id = accept("");
  reopen();
  EXPECT_EQ(mail_of(id), "");
}

TEST_F(StoreTest, AcceptsSeveralAtOnceWithOneSyncOfTheFolder) {
  std::vector<Publication> all;
  for (int i = 0; i < 10; ++i) all.push_back(draft("mail " + std::to_string(i)));
  disk_.fail_no_more();
  const auto results = store_->publish(std::move(all));
  for (const auto& result : results) EXPECT_TRUE(result.is_ok());
  // For each: make, append, two syncs, two renames; and one sync of the folder.
  EXPECT_EQ(disk_.steps(), 10U * 6 + 1);
  reopen();
  EXPECT_EQ(recovery_.accepted.size(), 10U);
}

TEST_F(StoreTest, ForgetsADraftThatWasNotPublished) {
  { const Publication publication = draft("half"); }
  EXPECT_EQ(octets_on_disk(), 0U);
  Publication publication = draft("half");
  disk_.fail_at(1, MemoryDisk::Trouble::from_on);
  publication.draft.reset();
  crash();
  EXPECT_THAT(recovery_.accepted, IsEmpty());
  EXPECT_EQ(recovery_.removed, 1U);
}

TEST_F(StoreTest, TellsTheOldestFirst) {
  const std::string first = accept("1");
  const std::string second = accept("2");
  const std::string third = accept("3");
  reopen();
  ASSERT_EQ(recovery_.accepted.size(), 3U);
  EXPECT_EQ(recovery_.accepted[0].id, first);
  EXPECT_EQ(recovery_.accepted[1].id, second);
  EXPECT_EQ(recovery_.accepted[2].id, third);
}

TEST_F(StoreTest, MakesLaterIdsEvenWhenTheClockGoesBack) {
  const std::string first = store_->make_id(kNow);
  const std::string second = store_->make_id(kNow);
  const std::string third = store_->make_id(kNow - std::chrono::hours(24));
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  const std::string kept = accept("x");
  reopen();
  EXPECT_GT(store_->make_id(kNow - std::chrono::hours(24)), kept);
  EXPECT_TRUE(is_id(store_->make_id(base::WallTime{} - std::chrono::hours(1))));
}

TEST_F(StoreTest, IsOneProcessAtATime) {
  Recovery recovery;
  const auto second = Store::open(disk_, kFolder, recovery);
  ASSERT_FALSE(second.is_ok());
  EXPECT_EQ(second.error().fault, base::Fault::busy);
}

TEST_F(StoreTest, KeepsWhatBecameOfAMail) {
  const std::string id = accept("mail");
  Envelope envelope = *store_->read(id);
  envelope.recipients[0].outcome = Outcome::delivered;
  envelope.attempts = 2;
  ASSERT_TRUE(store_->update(envelope).is_ok());
  lose_power();
  const auto read = store_->read(id);
  ASSERT_TRUE(read.is_ok());
  EXPECT_EQ(read->attempts, 2U);
  EXPECT_EQ(read->recipients[0].outcome, Outcome::delivered);
}

TEST_F(StoreTest, UpdatesSeveralAtOnce) {
  std::vector<Envelope> envelopes = {*store_->read(accept("1")), make_envelope("0000000000000001"),
                                     *store_->read(accept("2"))};
  for (Envelope& envelope : envelopes) envelope.attempts = 7;
  const auto results = store_->update(envelopes);
  EXPECT_TRUE(results[0].is_ok());
  EXPECT_FALSE(results[1].is_ok());
  EXPECT_TRUE(results[2].is_ok());
  lose_power();
  for (const Brief& found : recovery_.accepted) EXPECT_EQ(found.attempts, 7U);
}

TEST_F(StoreTest, ForgetsWhatWasRemoved) {
  const std::string id = accept("mail");
  ASSERT_TRUE(store_->remove(id).is_ok());
  EXPECT_EQ(store_->used(), 0U);
  ASSERT_TRUE(store_->settle().is_ok());
  lose_power();
  EXPECT_THAT(recovery_.accepted, IsEmpty());
  EXPECT_THAT(recovery_.damaged, IsEmpty());
  EXPECT_TRUE(store_->remove(id).is_ok());
}

TEST_F(StoreTest, HasAMailInDoubtThatWasBeingSentInACrash) {
  const std::string sent = accept("1");
  const std::string waiting = accept("2");
  const std::string known = accept("3");
  ASSERT_TRUE(store_->begin_sending(sent).is_ok());
  ASSERT_TRUE(store_->begin_sending(known).is_ok());
  store_->end_sending(known);
  crash();
  ASSERT_EQ(recovery_.accepted.size(), 3U);
  EXPECT_TRUE(recovery_.accepted[0].is_in_doubt);
  EXPECT_FALSE(recovery_.accepted[1].is_in_doubt);
  EXPECT_FALSE(recovery_.accepted[2].is_in_doubt);
  EXPECT_TRUE(store_->read(sent)->is_in_doubt);
  EXPECT_FALSE(store_->read(waiting)->is_in_doubt);
}

TEST_F(StoreTest, HasAMailInDoubtThatIsSentAtOnce) {
  accept("mail", true);
  crash();
  EXPECT_TRUE(recovery_.accepted.at(0).is_in_doubt);
}

TEST_F(StoreTest, KeepsADoubtThatALaterRefusalDoesNotEnd) {
  const std::string id = accept("mail", true);
  crash();
  ASSERT_TRUE(store_->begin_sending(id).is_ok());
  store_->end_sending(id);
  crash();
  EXPECT_TRUE(recovery_.accepted.at(0).is_in_doubt);
}

TEST_F(StoreTest, DoubtsEverythingAfterALossOfPower) {
  accept("old");
  lose_power();
  EXPECT_TRUE(recovery_.accepted.at(0).is_in_doubt);
  accept("new");
  // Not for this time alone: whoever was told may have died since.
  crash();
  EXPECT_TRUE(recovery_.accepted.at(0).is_in_doubt);
  EXPECT_FALSE(recovery_.accepted.at(1).is_in_doubt);
  reopen();
  EXPECT_TRUE(recovery_.accepted.at(0).is_in_doubt);
  EXPECT_FALSE(recovery_.accepted.at(1).is_in_doubt);
}

TEST_F(StoreTest, DoubtsNothingWhenItWasLeftInOrderBeforeTheMachineStopped) {
  accept("mail");
  store_.reset();
  disk_.lose_power(1);
  reopen();
  EXPECT_FALSE(recovery_.accepted.at(0).is_in_doubt);
}

TEST_F(StoreTest, DoubtsEverythingWhenItsStateCannotBeRead) {
  accept("mail");
  store_.reset();
  disk_.write("/spool/state", "boot: left\n");
  reopen();
  EXPECT_TRUE(recovery_.accepted.at(0).is_in_doubt);
}

TEST_F(StoreTest, PutsAFailedMailOutOfTheWayWithTheReason) {
  const std::string id = accept("mail");
  Envelope envelope = *store_->read(id);
  envelope.last_error = "expired";
  envelope.recipients[0].outcome = Outcome::failed;
  ASSERT_TRUE(store_->fail(envelope).is_ok());
  EXPECT_EQ(store_->used(), octets_on_disk());
  lose_power();
  EXPECT_THAT(recovery_.accepted, IsEmpty());
  EXPECT_THAT(recovery_.damaged, IsEmpty());
  EXPECT_TRUE(store_->is_failed(id));
  EXPECT_EQ(disk_.files().at(path("failed", id + ".mail")), "mail");
  EXPECT_THAT(disk_.files().at(path("failed", id + ".envelope")),
              HasSubstr("last-error: expired\n"));
}

TEST_F(StoreTest, BringsAFailedMailBackAsIfItWereNew) {
  const std::string id = accept("mail");
  Envelope envelope = *store_->read(id);
  envelope.attempts = 9;
  envelope.is_sender_warned = true;
  envelope.recipients[0].outcome = Outcome::failed;
  ASSERT_TRUE(store_->fail(envelope).is_ok());
  const auto later = kNow + std::chrono::hours(200);
  const auto restored = store_->restore(id, later);
  ASSERT_TRUE(restored.is_ok()) << restored.error().detail;
  EXPECT_EQ(restored->attempts, 0U);
  EXPECT_EQ(restored->pending(), 1U);
  EXPECT_EQ(restored->since, later);
  EXPECT_EQ(store_->used(), octets_on_disk());
  lose_power();
  EXPECT_EQ(recovery_.accepted.at(0).since, later);
  EXPECT_EQ(mail_of(id), "mail");
  EXPECT_FALSE(exists(path("failed", id + ".mail")));
  EXPECT_FALSE(store_->restore(id, later).is_ok());
}

TEST_F(StoreTest, DropsAFailedMail) {
  const std::string id = accept("mail");
  ASSERT_TRUE(store_->fail(*store_->read(id)).is_ok());
  ASSERT_TRUE(store_->remove(id).is_ok());
  EXPECT_EQ(octets_on_disk(), 0U);
  EXPECT_EQ(store_->used(), 0U);
}

TEST_F(StoreTest, CountsWhatItUses) {
  accept("mail");
  const std::string id = accept("another mail");
  EXPECT_EQ(store_->used(), octets_on_disk());
  Envelope envelope = *store_->read(id);
  envelope.last_error = std::string(100, 'x');
  ASSERT_TRUE(store_->update(envelope).is_ok());
  EXPECT_EQ(store_->used(), octets_on_disk());
  ASSERT_TRUE(store_->fail(envelope).is_ok());
  EXPECT_EQ(store_->used(), octets_on_disk());
  reopen();
  EXPECT_EQ(store_->used(), octets_on_disk());
}

TEST_F(StoreTest, SendsNotOneOctetThatIsNotWhatWasAcceptedToTheEnd) {
  const std::string id = accept("a mail of some length");
  disk_.write(path("queue", id + ".mail"), "a mail of same length");
  EXPECT_THAT(mail_of(id), HasSubstr("checksum differs"));
  disk_.write(path("queue", id + ".mail"), "a mail of some");
  EXPECT_THAT(mail_of(id), HasSubstr("size differs"));
  ASSERT_TRUE(store_->quarantine(id, "its checksum differs").is_ok());
  EXPECT_TRUE(store_->is_failed(id));
  EXPECT_THAT(disk_.files().at(path("failed", id + ".envelope")), HasSubstr("checksum differs"));
}

TEST_F(StoreTest, PutsADamagedMailOutOfTheWayAsItIs) {
  const std::string id = accept("mail");
  disk_.write(path("queue", id + ".envelope"), "what is this?");
  EXPECT_FALSE(store_->read(id).is_ok());
  ASSERT_TRUE(store_->quarantine(id, "damaged").is_ok());
  EXPECT_EQ(disk_.files().at(path("failed", id + ".envelope")), "what is this?");
  EXPECT_EQ(disk_.files().at(path("failed", id + ".mail")), "mail");
  EXPECT_FALSE(store_->restore(id, kNow).is_ok());
}

TEST_F(StoreTest, MovesWhatWasDamagedByHandToFailed) {
  const std::string edited = accept("1");
  const std::string cut = accept("2 is longer");
  const std::string lone = accept("3");
  const std::string odd = accept("4");
  const std::string other = accept("5");
  const std::string fine = accept("6");
  store_.reset();
  const std::string envelope = disk_.files().at(path("queue", edited + ".envelope"));
  disk_.write(path("queue", edited + ".envelope"), with_line(envelope, "size", "2"));
  disk_.write(path("queue", cut + ".mail"), "2 is");
  disk_.erase(path("queue", lone + ".mail"));
  disk_.make_odd(path("queue", odd + ".mail"));
  disk_.write(path("queue", other + ".envelope"), envelope);
  reopen();
  ASSERT_EQ(recovery_.accepted.size(), 1U);
  EXPECT_EQ(recovery_.accepted[0].id, fine);
  ASSERT_EQ(recovery_.damaged.size(), 5U);
  EXPECT_EQ(recovery_.damaged[0].id, edited);
  EXPECT_THAT(recovery_.damaged[0].reason, HasSubstr("line 18"));
  EXPECT_THAT(recovery_.damaged[1].reason, HasSubstr("4 octets"));
  EXPECT_THAT(recovery_.damaged[2].reason, HasSubstr("missing"));
  EXPECT_THAT(recovery_.damaged[3].reason, HasSubstr("no regular file"));
  EXPECT_THAT(recovery_.damaged[4].reason, HasSubstr("another mail"));
  for (const std::string& id : {edited, cut, lone, odd, other}) {
    EXPECT_TRUE(store_->is_failed(id));
    EXPECT_TRUE(exists(path("failed", id + ".envelope")));
  }
  reopen();
  EXPECT_THAT(recovery_.damaged, IsEmpty());
}

TEST_F(StoreTest, LeavesNamesThatAreNotOursWhereTheyAre) {
  store_.reset();
  for (const std::string_view folder : {"tmp", "queue", "failed"}) {
    disk_.write(path(folder, "README"), "x");
  }
  disk_.write(path("queue", "00065F2B9C1D4A00.mail"), "x");
  reopen();
  EXPECT_EQ(recovery_.foreign.size(), 4U);
  EXPECT_TRUE(exists(path("queue", "README")));
  EXPECT_TRUE(exists(path("queue", "00065F2B9C1D4A00.mail")));
  EXPECT_EQ(recovery_.removed, 0U);
}

TEST_F(StoreTest, RemovesWhatNobodyReliesOn) {
  store_.reset();
  disk_.write(path("queue", "0000000000000001.mail"), "x");
  disk_.write(path("queue", "0000000000000002.sending"), "");
  disk_.write(path("tmp", "0000000000000003.mail"), "x");
  disk_.write(path("tmp", "0000000000000003.envelope"), "x");
  reopen();
  EXPECT_EQ(recovery_.removed, 4U);
  EXPECT_EQ(octets_on_disk(), 0U);
  EXPECT_EQ(store_->used(), 0U);
}

TEST_F(StoreTest, KeepsBothWhenAMailOfThatNameFailedAlready) {
  const std::string id = accept("mail");
  store_.reset();
  disk_.erase(path("queue", id + ".envelope"));
  disk_.write(path("queue", id + ".envelope"), "damaged");
  disk_.write(path("failed", id + ".mail"), "an older copy");
  disk_.write(path("failed", id + ".envelope"), "an older envelope");
  reopen();
  EXPECT_EQ(disk_.files().at(path("queue", id + ".mail")), "mail");
  EXPECT_EQ(disk_.files().at(path("failed", id + ".mail")), "an older copy");
  EXPECT_THAT(recovery_.damaged.at(0).reason, HasSubstr("stays where it is"));
}

TEST_F(StoreTest, HearsWhatOthersAsk) {
  disk_.write(path("requests", "retry-all"), "");
  disk_.write(path("requests", "drop-0000000000000001"), "");
  disk_.write(path("requests", "hold-all"), "");
  disk_.write(path("requests", "whatever"), "");
  const auto requests = store_->requests();
  ASSERT_EQ(requests.size(), 2U);
  for (const Request& request : requests) {
    EXPECT_EQ(request.id.empty(), request.verb == Verb::retry);
    store_->answer(request);
  }
  EXPECT_THAT(store_->requests(), IsEmpty());
}

TEST_F(StoreTest, SaysWhatAFullDiskIs) {
  disk_.fail_at(1, MemoryDisk::Trouble::from_on, base::Fault::busy);
  const auto begun = store_->begin(store_->make_id(kNow));
  ASSERT_FALSE(begun.is_ok());
  EXPECT_EQ(begun.error().fault, base::Fault::busy);
  disk_.fail_no_more();
}

TEST_F(StoreTest, DoesNotPublishWhatWasNotAllWritten) {
  Publication publication = draft("first");
  disk_.fail_at(1, MemoryDisk::Trouble::once);
  EXPECT_FALSE(publication.draft->append("second").is_ok());
  EXPECT_FALSE(publication.draft->append("third").is_ok());
  EXPECT_FALSE(publish(std::move(publication)).is_ok());
  reopen();
  EXPECT_THAT(recovery_.accepted, IsEmpty());
}

TEST_F(StoreTest, RefusesAnEnvelopeThatCouldNotBeReadAgain) {
  Publication publication = draft("mail");
  publication.envelope.recipients.clear();
  EXPECT_FALSE(publish(std::move(publication)).is_ok());
}

}  // namespace
}  // namespace spool
