// The spool of the real program, with mails put there as an earlier life of it would have left
// them.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "spool/store.h"
#include "support/seal_test.h"

namespace support {
namespace {

using namespace std::chrono_literals;

class Spool : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    folder_ = directory_.path("spool");
    config_.set("smtpseal", "spool_dir", folder_);
  }

  // The store, while no smtpseal runs.
  std::unique_ptr<spool::Store> open_store() {
    spool::Recovery recovery;
    auto store = spool::Store::open(*disk_, folder_, recovery);
    if (!store) throw Failure(store.error().detail);
    return std::move(store).value();
  }

  static spool::Envelope envelope(const std::vector<std::string>& to = {"rcpt@example.test"}) {
    spool::Envelope made;
    made.client = "127.0.0.1 test";
    made.mail.reverse_path = "<sender@client.test>";
    for (const std::string& each : to) {
      spool::Recipient recipient;
      recipient.command.forward_path = "<" + each + ">";
      made.recipients.push_back(recipient);
    }
    return made;
  }

  // Puts a mail there; returns its id.
  std::string put(spool::Store& store, std::string_view data, spool::Envelope made,
                  std::chrono::hours age = 0h, bool is_sending = false) {
    const base::WallTime since = std::chrono::system_clock::now() - age;
    made.id = store.make_id(since);
    made.since = since;
    const std::string id = made.id;
    auto draft = store.begin(id);
    if (!draft || !draft.value()->append(data)) throw Failure("cannot write a mail");
    std::vector<spool::Publication> one;
    one.push_back({std::move(draft).value(), std::move(made), is_sending});
    if (!store.publish(std::move(one)).front()) throw Failure("cannot publish a mail");
    return id;
  }
  std::string put(std::string_view data, spool::Envelope made, std::chrono::hours age = 0h,
                  bool is_sending = false) {
    return put(*open_store(), data, std::move(made), age, is_sending);
  }

  std::vector<std::string> files(const std::string& part) const {
    std::vector<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(folder_ + "/" + part)) {
      names.push_back(each.path().filename().string());
    }
    return names;
  }
  bool has_file(const std::string& path) const {
    return std::filesystem::exists(folder_ + "/" + path);
  }
  // What `queue` asks, as it asks it.
  void ask(const std::string& request) { write_file(folder_ + "/requests/" + request, ""); }

  // Everything that was done is on disk once it has gone.
  void expect_empty_queue() {
    EXPECT_EQ(stop_seal(), 0);
    EXPECT_TRUE(files("queue").empty()) << ::testing::PrintToString(files("queue"));
    EXPECT_TRUE(files("failed").empty()) << ::testing::PrintToString(files("failed"));
  }

  std::string folder_;
  const std::unique_ptr<spool::Disk> disk_ = spool::system_disk();
};

std::string refuse_bad(const Situation& now, const std::string& reply) {
  return now.line.find("bad@") != std::string::npos ? reply : std::string();
}

// At RCPT for an address that begins with "bad".
Hook for_bad(const std::string& reply) {
  return [reply](const Situation& now) -> std::optional<Answer> {
    const std::string bytes = refuse_bad(now, reply);
    if (bytes.empty()) return std::nullopt;
    return Answer{bytes};
  };
}

TEST_F(Spool, DeliversWhatWasLeftAndRemovesIt) {
  const std::string data = make_mail();
  const std::string id = put(data, envelope());
  start();
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(1);
  EXPECT_EQ(mails[0].data, data);
  EXPECT_EQ(mails[0].mail, "MAIL FROM:<sender@client.test>");
  EXPECT_EQ(mails[0].rcpts, std::vector<std::string>{"RCPT TO:<rcpt@example.test>"});
  const LogLine line = seal().wait_for("delivered");
  EXPECT_EQ(line.id, id);
  EXPECT_EQ(line.field("recipients"), "1");
  EXPECT_EQ(line.field("attempts"), "1");
  EXPECT_EQ(seal().wait_for("spool-recovered").field("mails"), "1");
  expect_empty_queue();
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(Spool, DeliversManyInTheOrderOfTheirComing) {
  config_.set("smarthost", "max_connections", "1");
  constexpr int kMany = 40;
  std::vector<std::string> expected;
  {
    const auto store = open_store();
    for (int i = 0; i < kMany; ++i) {
      expected.push_back(make_mail(std::to_string(i) + "\r\n"));
      put(*store, expected.back(), envelope());
    }
  }
  start();
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(kMany);
  for (int i = 0; i < kMany; ++i)
    EXPECT_EQ(mails[static_cast<std::size_t>(i)].data, expected[static_cast<std::size_t>(i)]);
  EXPECT_EQ(smarthost().connections(), 1u);
  seal().wait_for("delivered", kMany);
  expect_empty_queue();
}

TEST_F(Spool, SendsABigMailInPieces) {
  std::string data = "Subject: big\r\n\r\n";
  for (int i = 0; data.size() < 3'000'000; ++i) data += ".line " + std::to_string(i) + "\r\n";
  put(data, envelope());
  start();
  EXPECT_EQ(smarthost().wait_for_mails(1)[0].data, data);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, WaitsForASmarthostThatIsDownAndGoesOnWhenAClientReachesIt) {
  smarthost().go_down();
  put(make_mail(), envelope());
  put(make_mail(), envelope());
  start();
  const LogLine line = seal().wait_for("deferred");
  EXPECT_EQ(line.field("waiting"), "[smarthost]");
  EXPECT_EQ(line.field("mails"), "2");
  const int next = std::stoi(line.field("next"));
  EXPECT_GE(next, 47);
  EXPECT_LE(next, 72);
  smarthost().come_up();
  // A client of a listener that relays opens a connection.
  const Attempt one = attempt();
  EXPECT_TRUE(one.is_accepted()) << ::testing::PrintToString(one);
  smarthost().wait_for_mails(3);
  seal().wait_for("delivered", 2);
  expect_empty_queue();
}

TEST_F(Spool, TriesAgainWhenAPersonAsks) {
  smarthost().go_down();
  put(make_mail(), envelope());
  start();
  seal().wait_for("deferred");
  smarthost().come_up();
  ask("retry-all");
  smarthost().wait_for_mails(1);
  seal().wait_for("delivered");
  EXPECT_TRUE(files("requests").empty());
  expect_empty_queue();
}

TEST_F(Spool, KeepsWhatEachRecipientWasTold) {
  smarthost().on(Point::rcpt, for_bad("450 4.2.1 busy\r\n"));
  const std::string id = put(make_mail(), envelope({"good@example.test", "bad@example.test"}));
  start();
  smarthost().wait_for_mails(1);
  const LogLine line = seal().wait_for("deferred");
  EXPECT_EQ(line.field("recipients"), "1");
  EXPECT_EQ(seal().wait_for("delivered").field("recipients"), "1");
  EXPECT_EQ(stop_seal(), 0);
  {
    const auto store = open_store();
    const auto kept = store->read(id);
    ASSERT_TRUE(kept) << kept.error().detail;
    EXPECT_EQ(kept.value().recipients[0].outcome, spool::Outcome::delivered);
    EXPECT_EQ(kept.value().recipients[1].outcome, spool::Outcome::pending);
    EXPECT_EQ(kept.value().recipients[1].reply, "450 4.2.1 busy");
    EXPECT_FALSE(kept.value().is_in_doubt);
  }
  smarthost().be_healthy();
  start();
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(2);
  EXPECT_EQ(mails[1].rcpts, std::vector<std::string>{"RCPT TO:<bad@example.test>"});
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, TellsTheSenderOfARecipientThatIsRefused) {
  smarthost().on(Point::rcpt, for_bad("550 5.1.1 no such user\r\n"));
  const std::string id = put(make_mail(), envelope({"good@example.test", "bad@example.test"}));
  start();
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(2);
  EXPECT_EQ(mails[1].mail.substr(0, 12), "MAIL FROM:<>");
  EXPECT_EQ(mails[1].rcpts, std::vector<std::string>{"RCPT TO:<sender@client.test>"});
  EXPECT_NE(mails[1].data.find("no such user"), std::string::npos);
  EXPECT_NE(mails[1].data.find("bad@example.test"), std::string::npos);
  EXPECT_EQ(mails[1].data.find("good@example.test"), std::string::npos);
  EXPECT_EQ(seal().wait_for("bounced").id, id);
  seal().wait_for("delivered", 2);
  expect_empty_queue();
}

TEST_F(Spool, TellsNobodyOfANotificationAndPutsItAside) {
  smarthost().on(Point::rcpt, for_bad("550 5.1.1 no such user\r\n"));
  spool::Envelope made = envelope({"bad@example.test"});
  made.mail.reverse_path = "<>";
  const std::string id = put(make_mail(), made);
  start();
  const LogLine line = seal().wait_for("spool-failed");
  EXPECT_EQ(line.id, id);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_EQ(seal().count("bounced"), 0u);
  EXPECT_TRUE(files("queue").empty());
  EXPECT_TRUE(has_file("failed/" + id + ".mail"));
  EXPECT_TRUE(has_file("failed/" + id + ".envelope"));
}

TEST_F(Spool, LetsAMailThatIsPutOffStopNoOther) {
  smarthost().on(Point::rcpt, for_bad("451 4.7.1 try later\r\n"));
  put(make_mail(), envelope({"bad@example.test"}));
  for (int i = 0; i < 5; ++i) put(make_mail(), envelope());
  start();
  smarthost().wait_for_mails(5);
  seal().wait_for("delivered", 5);
  seal().wait_for("deferred");
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_EQ(files("queue").size(), 2u);
}

TEST_F(Spool, ExpiresWhatIsTooOldAfterAnAttemptAndTellsTheSender) {
  smarthost().on(Point::rcpt, for_bad("450 4.2.1 busy\r\n"));
  const std::string id = put(make_mail(), envelope({"bad@example.test"}), 6 * 24h);
  start();
  EXPECT_EQ(seal().wait_for("expired").id, id);
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(1);
  EXPECT_EQ(mails[0].rcpts, std::vector<std::string>{"RCPT TO:<sender@client.test>"});
  EXPECT_NE(mails[0].data.find("4.4.7"), std::string::npos);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, WarnsTheSenderOnceOfADelay) {
  smarthost().on(Point::rcpt, for_bad("450 4.2.1 busy\r\n"));
  const std::string id = put(make_mail(), envelope({"bad@example.test"}), 5h);
  start();
  EXPECT_EQ(seal().wait_for("delay-warned").id, id);
  const std::vector<StoredMail> mails = smarthost().wait_for_mails(1);
  EXPECT_NE(mails[0].data.find("delayed"), std::string::npos);
  seal().wait_for("delivered");
  ask("retry-" + id);
  seal().wait_for("deferred", 2);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_EQ(seal().count("delay-warned"), 1u);
  const auto store = open_store();
  EXPECT_TRUE(store->read(id).value().is_sender_warned);
}

TEST_F(Spool, SaysThatADuplicateIsPossibleWhenItWasLostBehindTheEnd) {
  smarthost().on(Point::end_of_data, once("", Then::reset));
  const std::string id = put(make_mail(), envelope());
  start();
  EXPECT_EQ(seal().wait_for("deferred").field("in-doubt"), "yes");
  ask("retry-" + id);
  EXPECT_EQ(seal().wait_for("possible-duplicate").id, id);
  smarthost().wait_for_mails(1);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, SaysSoAfterACrashBehindTheEnd) {
  smarthost().on(Point::end_of_data, always("", Then::silence));
  const std::string id = put(make_mail(), envelope());
  start();
  while (!has_file("queue/" + id + ".sending")) std::this_thread::yield();
  seal().process().signal(SIGKILL);
  EXPECT_EQ(seal().process().wait(), 128 + SIGKILL);
  smarthost().be_healthy();
  start();
  EXPECT_EQ(seal().wait_for("spool-recovered").field("in-doubt"), "1");
  EXPECT_EQ(seal().wait_for("possible-duplicate").id, id);
  smarthost().wait_for_mails(1);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, SendsNoMailThatIsNotWhatWasAccepted) {
  const std::string id = put(make_mail(), envelope());
  const std::string path = folder_ + "/queue/" + id + ".mail";
  std::string data = read_file(path);
  data[data.size() / 2] ^= 1;
  write_file(path, data);
  const std::string good = put(make_mail(), envelope());
  start();
  EXPECT_EQ(seal().wait_for("spool-damage").id, id);
  smarthost().wait_for_mails(1);
  EXPECT_EQ(seal().wait_for("delivered").id, good);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_EQ(smarthost().mails().size(), 1u);
  EXPECT_TRUE(has_file("failed/" + id + ".mail"));
}

TEST_F(Spool, CutsABigMailShortThatTurnsOutToBeDamaged) {
  std::string data = "Subject: big\r\n\r\n";
  while (data.size() < 2'000'000) data += "a line of no importance\r\n";
  const std::string id = put(data, envelope());
  const std::string path = folder_ + "/queue/" + id + ".mail";
  data[1'900'000] ^= 1;
  write_file(path, data);
  start();
  EXPECT_EQ(seal().wait_for("spool-damage").id, id);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_TRUE(smarthost().mails().empty());
  EXPECT_TRUE(has_file("failed/" + id + ".mail"));
}

TEST_F(Spool, HoldsDropsAndBringsBackAsAsked) {
  smarthost().go_down();
  const std::string held = put(make_mail(), envelope());
  const std::string dropped = put(make_mail(), envelope());
  start();
  seal().wait_for("deferred");
  ask("hold-" + held);
  ask("drop-" + dropped);
  seal().wait_for("spool-dropped");
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_TRUE(open_store()->read(held).value().is_held);
  EXPECT_FALSE(has_file("queue/" + dropped + ".envelope"));
  smarthost().come_up();
  const std::string other = put(make_mail(), envelope());
  start();
  EXPECT_EQ(seal().wait_for("delivered").id, other);
  EXPECT_EQ(smarthost().mails().size(), 1u);
  ask("retry-" + held);
  EXPECT_EQ(seal().wait_for("delivered", 2).id, held);
  expect_empty_queue();
}

TEST_F(Spool, KeepsMailForASmarthostThatTheConfigurationDoesNotHave) {
  spool::Envelope made = envelope();
  made.smarthost = "gone";
  put(make_mail(), made);
  start();
  const LogLine line = seal().wait_for("spool-stranded");
  EXPECT_EQ(line.field("mails"), "1");
  ConfigText with_it = config_;
  with_it.set("smarthost gone", "host", "127.0.0.1")
      .set("smarthost gone", "port", std::to_string(smarthost().port()))
      .set("smarthost gone", "verify_name", kSmarthostName)
      .set("smarthost gone", "ca_file", directory_.path("ca.pem"))
      .set("listener", "smarthost", "gone");
  with_it.drop("smarthost");
  seal().reload(with_it);
  smarthost().wait_for_mails(1);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, IsOneProcessesAlone) {
  start();
  seal().wait_for("ready");
  const std::string other = directory_.write("other.conf", config_.text());
  const Finished finished = run_smtpseal({"run", "-c", other});
  EXPECT_EQ(finished.status, 75);
  EXPECT_NE(finished.errors.find("held by another process"), std::string::npos) << finished.errors;
  EXPECT_NE(finished.errors.find("spool_dir"), std::string::npos) << finished.errors;
}

TEST_F(Spool, IsNamedWhenItIsReady) {
  start();
  EXPECT_EQ(seal().wait_for("ready").field("spool"), folder_);
}

#ifdef __linux__
TEST_F(Spool, IsSharedByWorkers) {
  config_.set("smtpseal", "workers", "3").set("smarthost", "max_connections", "2");
  constexpr int kMany = 60;
  {
    const auto store = open_store();
    for (int i = 0; i < kMany; ++i) put(*store, make_mail(), envelope());
  }
  start();
  smarthost().wait_for_mails(kMany);
  seal().wait_for("delivered", kMany);
  expect_empty_queue();
  EXPECT_EQ(smarthost().mails().size(), static_cast<std::size_t>(kMany));
  EXPECT_LE(smarthost().connections(), 3u);  // one each: the other is left to clients
}
#endif

// --- listeners that use it, and reloads

TEST_F(Spool, IsOpenedByAReloadThatWantsIt) {
  // A sandbox keeps what it was closed with.
  config_.unset("smtpseal", "spool_dir").set("smtpseal", "sandbox", "no");
  start();
  EXPECT_EQ(seal().wait_for("ready").field("spool"), "");
  ConfigText with_it = config_;
  with_it.set("smtpseal", "spool_dir", folder_).set("listener", "delivery", "queue");
  seal().reload(with_it);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  const Attempt one = attempt();
  EXPECT_TRUE(one.is_accepted() && one.reply.has_text("Queued as"))
      << ::testing::PrintToString(one);
  smarthost().wait_for_mails(1);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, LeavesTheOldConfigurationInForceWhenItCannotBeOpened) {
  // A sandbox keeps what it was closed with.
  config_.unset("smtpseal", "spool_dir").set("smtpseal", "sandbox", "no");
  start();
  const auto other = open_store();
  ConfigText with_it = config_;
  with_it.set("smtpseal", "spool_dir", folder_).set("listener", "delivery", "queue");
  seal().reload(with_it);
  const LogLine line = seal().wait_for("reload");
  EXPECT_EQ(line.field("result"), "failed");
  EXPECT_NE(line.text.find("held by another process"), std::string::npos) << line.text;
  const Attempt one = attempt();
  EXPECT_TRUE(one.is_accepted()) << ::testing::PrintToString(one);
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

TEST_F(Spool, DeliversWhatItTookWhenNoListenerUsesItAnyMore) {
  config_.set("listener", "delivery", "queue");
  smarthost().go_down();
  EXPECT_TRUE(attempt().is_accepted());
  seal().wait_for("deferred");
  ConfigText without = config_;
  without.set("listener", "delivery", "relay");
  seal().reload(without);
  seal().wait_for("reload");
  smarthost().come_up();
  EXPECT_TRUE(attempt().is_accepted());  // which reaches the smarthost
  smarthost().wait_for_mails(2);
  seal().wait_for("delivered");
  expect_empty_queue();
}

TEST_F(Spool, TakesAndDeliversTheMailOfManyClientsAtOnce) {
#ifdef __linux__
  config_.set("smtpseal", "workers", "2");
#endif
  config_.set("listener", "delivery", "queue");
  start();
  constexpr int kClients = 8, kEach = 10;
  std::vector<std::thread> clients;
  std::atomic<int> accepted = 0;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (int each = 0; each < kEach; ++each) accepted += attempt().is_accepted() ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(accepted, kClients * kEach);
  smarthost().wait_for_mails(kClients * kEach);
  seal().wait_for("delivered", kClients * kEach);
  expect_empty_queue();
  EXPECT_EQ(smarthost().mails().size(), static_cast<std::size_t>(kClients * kEach));
}

TEST_F(Spool, IsFullForClientsBeforeItPassesItsSize) {
  config_.set("listener", "delivery", "queue").set("smtpseal", "spool_max_size", "1M");
  smarthost().go_down();
  start();
  std::string body;
  while (body.size() < 300'000) body += "a line of no importance\r\n";
  const std::string mail = make_mail(body);
  std::size_t taken = 0;
  Attempt last;
  for (int i = 0; i < 5; ++i) {
    last = attempt(mail);
    if (!last.is_accepted()) break;
    ++taken;
  }
  EXPECT_EQ(taken, 3u);
  EXPECT_EQ(last.reply.code, 452) << ::testing::PrintToString(last);
  smarthost().come_up();
  ask("retry-all");
  smarthost().wait_for_mails(3);
  seal().wait_for("delivered", 3);
  EXPECT_TRUE(attempt(mail).is_accepted());
  smarthost().wait_for_mails(4);
  seal().wait_for("delivered", 4);
  expect_empty_queue();
}

TEST_F(Spool, FinishesWhatIsBeingSentWhenItIsTold) {
  smarthost().on(Point::end_of_data, [](const Situation&) -> std::optional<Answer> {
    std::this_thread::sleep_for(300ms);
    return std::nullopt;
  });
  const std::string id = put(make_mail(), envelope());
  start();
  while (!has_file("queue/" + id + ".sending")) std::this_thread::yield();
  expect_empty_queue();
  EXPECT_EQ(smarthost().mails().size(), 1u);
}

}  // namespace
}  // namespace support
