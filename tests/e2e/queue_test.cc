// `smtpseal queue` on a spool that this test fills, with and without somebody who works on it.
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "spool/look.h"
#include "spool/store.h"
#include "support/config_text.h"
#include "support/json_schema.h"
#include "support/process.h"
#include "support/smtpseal_process.h"
#include "support/temp_dir.h"

namespace support {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

class QueueTest : public testing::Test {
 protected:
  void SetUp() override {
    ConfigText config;
    config.set("smtpseal", "spool_dir", folder_).set("smarthost", "host", "smarthost.invalid");
    config_ = directory_.write("smtpseal.conf", config.text());
  }

  void open() {
    spool::Recovery recovery;
    auto opened = spool::Store::open(*disk_, folder_, recovery);
    ASSERT_TRUE(opened.is_ok()) << opened.error().detail;
    store_ = std::move(*opened);
  }
  void close() { store_.reset(); }

  std::string accept(const std::string& text) {
    const auto now = std::chrono::system_clock::now();
    spool::Envelope envelope;
    envelope.id = store_->make_id(now);
    envelope.since = now;
    envelope.mail.reverse_path = "<ups@example.edu>";
    envelope.recipients.emplace_back().command.forward_path = "<admin@example.edu>";
    auto draft = store_->begin(envelope.id);
    EXPECT_TRUE(draft.is_ok() && (*draft)->append(text).is_ok());
    std::vector<spool::Publication> all;
    all.push_back({std::move(*draft), envelope});
    EXPECT_TRUE(store_->publish(std::move(all))[0].is_ok());
    return envelope.id;
  }
  void fail(const std::string& id) {
    spool::Envelope envelope = *store_->read(id);
    envelope.last_error = "expired";
    envelope.recipients[0].outcome = spool::Outcome::failed;
    ASSERT_TRUE(store_->fail(envelope).is_ok());
  }

  [[nodiscard]] std::vector<std::string> arguments(std::vector<std::string> words) const {
    words.insert(words.begin(), "queue");
    words.insert(words.end(), {"-c", config_});
    return words;
  }
  Finished queue(std::vector<std::string> words) {
    return run_smtpseal(arguments(std::move(words)));
  }
  json list() {
    const Finished finished = queue({"list", "--json"});
    EXPECT_EQ(finished.status, 0) << finished.errors;
    const json mails = json::parse(finished.output);
    EXPECT_THAT(schema_faults(queue_schema(), mails), IsEmpty());
    return mails;
  }

  // The command, while this test has the spool and does what it is asked.
  Finished queue_answered(std::vector<std::string> words) {
    Process process({smtpseal_program(), arguments(std::move(words)), {}});
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::vector<spool::Request> requests;
    while (requests.empty() && std::chrono::steady_clock::now() < deadline) {
      requests = store_->requests();
      std::this_thread::sleep_for(Milliseconds(5));  // a folder has no event
    }
    EXPECT_EQ(requests.size(), 1U);
    for (const spool::Request& request : requests) {
      do_what_is_asked(request);
      store_->answer(request);
    }
    const int status = process.wait();
    return {status, process.output(), process.errors()};
  }
  void do_what_is_asked(const spool::Request& request) {
    if (request.id.empty()) return;
    if (request.verb == spool::Verb::drop) {
      EXPECT_TRUE(store_->remove(request.id).is_ok());
    } else if (store_->is_failed(request.id)) {
      EXPECT_TRUE(store_->restore(request.id, std::chrono::system_clock::now()).is_ok());
    } else {
      spool::Envelope envelope = *store_->read(request.id);
      envelope.is_held = request.verb == spool::Verb::hold;
      EXPECT_TRUE(store_->update(envelope).is_ok());
    }
  }

  TempDir directory_;
  std::string folder_ = directory_.path("spool");
  std::string config_;
  std::unique_ptr<spool::Disk> disk_ = spool::system_disk();
  std::unique_ptr<spool::Store> store_;
};

TEST_F(QueueTest, IsAnEmptyArrayBeforeAnythingWasKept) {
  const Finished finished = queue({"list", "--json"});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_EQ(finished.output, "[]\n");
  EXPECT_EQ(queue({"list"}).output, "The queue is empty.\n");
}

TEST_F(QueueTest, ListsAndShowsWhileSomebodyWorksOnIt) {
  open();
  const std::string waits =
      accept("From: UPS <ups@example.edu>\r\nSubject: battery\r\n\r\nlow\r\n");
  const std::string failed = accept("Subject: old\r\n\r\n");
  fail(failed);
  const json mails = list();
  ASSERT_EQ(mails.size(), 2U);
  EXPECT_EQ(mails[0]["id"], waits);
  EXPECT_EQ(mails[0]["state"], "waiting");
  EXPECT_EQ(mails[1]["state"], "failed");
  EXPECT_EQ(mails[1]["last_error"], "expired");
  EXPECT_THAT(queue({"list"}).output, HasSubstr("ups@example.edu to admin@example.edu"));
  const Finished shown = queue({"show", waits});
  EXPECT_EQ(shown.status, 0) << shown.errors;
  EXPECT_THAT(shown.output, HasSubstr("  Subject: battery\n"));
  EXPECT_THAT(shown.output, testing::Not(HasSubstr("low")));
  const json mail = json::parse(queue({"show", failed, "--json"}).output);
  EXPECT_THAT(schema_faults(queue_schema("mail"), mail), IsEmpty());
  EXPECT_EQ(mail["header"], "Subject: old\r\n");
}

TEST_F(QueueTest, HoldsRetriesAndDropsWhenNobodyWorksOnIt) {
  open();
  const std::string id = accept("mail");
  const std::string other = accept("other");
  fail(other);
  close();
  EXPECT_EQ(queue({"hold", id}).output, id + ": held\n");
  EXPECT_EQ(list()[0]["state"], "held");
  EXPECT_EQ(queue({"retry", id}).output, id + ": tried when smtpseal runs\n");
  EXPECT_EQ(list()[0]["state"], "waiting");
  const Finished held = queue({"hold", other});
  EXPECT_EQ(held.status, 65);
  EXPECT_THAT(held.errors, HasSubstr("has failed"));
  EXPECT_THAT(queue({"retry", other}).output, HasSubstr("back in the queue"));
  EXPECT_EQ(list()[1]["state"], "waiting");
  EXPECT_EQ(queue({"retry"}).status, 0);
  const json outcome = json::parse(queue({"drop", id, "--json"}).output);
  EXPECT_THAT(schema_faults(queue_schema("outcome"), outcome), IsEmpty());
  EXPECT_EQ(outcome["outcome"], "dropped");
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(QueueTest, AsksWhoeverWorksOnIt) {
  open();
  const std::string id = accept("mail");
  EXPECT_EQ(queue_answered({"hold", id}).output, id + ": held\n");
  EXPECT_EQ(list()[0]["state"], "held");
  EXPECT_EQ(queue_answered({"retry", id}).output, id + ": tried now\n");
  EXPECT_EQ(queue_answered({"retry"}).output, "everything: tried now\n");
  fail(id);
  EXPECT_EQ(queue_answered({"retry", id}).output, id + ": tried now\n");
  EXPECT_EQ(queue_answered({"drop", id}).output, id + ": dropped\n");
  EXPECT_THAT(list(), IsEmpty());
}

TEST_F(QueueTest, SaysWhenNobodyAnswers) {
  open();
  const std::string id = accept("mail");
  const Finished finished = queue({"hold", id});
  EXPECT_EQ(finished.status, 75);
  EXPECT_THAT(finished.errors, HasSubstr("has not done it within 10 s"));
  ASSERT_EQ(store_->requests().size(), 1U);
}

TEST_F(QueueTest, BecomesTheUserOfTheSpoolWhenRootCalls) {
  if (::geteuid() != 0) GTEST_SKIP() << "for root alone";
  open();
  const std::string id = accept("mail");
  close();
  const std::string path = directory_.path();
  if (std::system(("chown -R nobody " + path + " && chmod o+x " + path).c_str()) != 0) {
    GTEST_SKIP() << "this root may give nothing away";  // under the filter of our unit
  }
  EXPECT_EQ(queue({"hold", id}).status, 74);
  const Finished held =
      run_smtpseal(arguments({"hold", id}), {{"SMTPSEAL_SMTPSEAL_USER", "nobody"}});
  EXPECT_EQ(held.output, id + ": held\n") << held.errors;
  struct stat status {};
  ASSERT_EQ(::stat((folder_ + "/queue/" + id + ".envelope").c_str(), &status), 0);
  EXPECT_NE(status.st_uid, 0U);
}

TEST_F(QueueTest, KnowsNoOtherMails) {
  open();
  accept("mail");
  close();
  for (const std::string action : {"show", "hold", "drop", "retry"}) {
    for (const std::string id : {"0000000000000001", "../../etc/passwd", "\x1b[2J"}) {
      const Finished finished = queue({action, id});
      EXPECT_EQ(finished.status, 65) << finished.errors;
      EXPECT_THAT(finished.errors, HasSubstr("there is no mail"));
      EXPECT_THAT(finished.errors, testing::Not(HasSubstr("\x1b")));
    }
  }
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(QueueTest, SaysWhenNoSpoolIsConfigured) {
  // What somebody left in the default folder is shown, configured or not.
  if (::access("/var/lib/smtpseal/spool/lock", F_OK) == 0) GTEST_SKIP() << "smtpseal runs here";
  config_ = directory_.write("plain.conf", "[smarthost]\nhost = smarthost.invalid\n");
  const Finished listed = queue({"list", "--json"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_EQ(listed.output, "[]\n");
  EXPECT_THAT(listed.errors, HasSubstr("no spool is configured"));
  EXPECT_EQ(queue({"drop", "0000000000000001"}).status, 78);
}

TEST_F(QueueTest, SaysWhatItCannotUse) {
  directory_.write("spool", "a file");
  const Finished finished = queue({"list"});
  EXPECT_EQ(finished.status, 74) << finished.output;
  EXPECT_THAT(finished.errors, HasSubstr(folder_));
}

TEST_F(QueueTest, IsUsedAsItsHelpSays) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"lst"}, {"show"}, {"hold"}, {"drop"}, {"list", "0000000000000001"}}) {
    const Finished finished = queue(words);
    EXPECT_EQ(finished.status, 64) << finished.errors;
    EXPECT_THAT(finished.errors, HasSubstr("smtpseal queue --help"));
  }
  EXPECT_THAT(queue({"lst"}).errors, HasSubstr("did you mean list?"));
  EXPECT_THAT(queue({"drop"}).errors, HasSubstr("drop needs an ID"));
}

}  // namespace
}  // namespace support
