// workers = N: several loops that start, serve, reload and stop as one.
#include <csignal>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/seal_test.h"

namespace support {
namespace {

#ifndef __linux__
TEST(Workers, AreOneOnly) {
  const TempDir directory;
  const std::string file = directory.write(
      "many.conf", "[smtpseal]\nworkers = 2\n[smarthost]\nhost = smtp.example.test\n");
  for (const char* command : {"run", "config"}) {
    const Finished finished = run_smtpseal({command, "-c", file});
    EXPECT_EQ(finished.status, 78) << command;
    EXPECT_NE(finished.errors.find("needs Linux"), std::string::npos) << finished.errors;
  }
}
#else

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string each; std::getline(stream, each, ',');) out.push_back(each);
  return out;
}

class Workers : public SealTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smtpseal", "workers", std::to_string(GetParam()));
  }

  // Which worker takes a connection depends on its port alone: with this many, the chance that one
  // is left out is less than one in a million.
  static constexpr int kEnough = 60;

  // Each worker has connections of its own to the smarthost; mails that come one after another need
  // one of each.
  void expect_mail_through_all(ScriptedSmarthost& to) {
    const std::size_t mails = to.mails().size();
    for (int i = 0; i < kEnough; ++i) {
      const Attempt each = attempt();
      ASSERT_TRUE(each.is_accepted()) << ::testing::PrintToString(each);
    }
    EXPECT_EQ(to.mails().size(), mails + kEnough);
    EXPECT_EQ(to.connections(), GetParam());
  }

  // As many sessions that have said hello as leave no worker out.
  std::vector<SmtpClient> greeted_clients() {
    std::vector<SmtpClient> clients;
    for (int i = 0; i < kEnough; ++i) {
      clients.push_back(connect());
      clients.back().hello();
    }
    return clients;
  }

  // What came of a reload: the next line behind the first `seen` that does not only name a problem.
  LogLine next_result(std::size_t& seen) {
    for (;;) {
      LogLine line = seal().wait_for("reload", ++seen);
      if (!line.field("result").empty()) return line;
    }
  }
};
// One is held to the same.
INSTANTIATE_TEST_SUITE_P(Several, Workers, ::testing::Values(1U, 2U, 4U),
                         ::testing::PrintToStringParamName());

TEST_P(Workers, CarryMailAllOfThem) {
  start();
  expect_mail_through_all(smarthost());
}

TEST_P(Workers, AreReadyOnceWithEveryAddressOnce) {
  config_.set("listener", "listen", "127.0.0.1:0, 127.0.0.1:0, 127.0.0.2:0");
  start();
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(seal().count("ready"), 1u);
  const std::vector<std::string> bound = split_list(seal().wait_for("ready").field("listen"));
  ASSERT_EQ(bound.size(), 3u);
  EXPECT_EQ(std::set<std::string>(bound.begin(), bound.end()).size(), 3u);
  for (const std::string& each : bound) EXPECT_EQ(each.find(":0"), std::string::npos) << each;
  for (int i = 0; i < kEnough; ++i) {
    SmtpClient client = connect(1);
    client.hello();
    client.quit();
  }
}

TEST_P(Workers, FinishOpenTransactionsBeforeTheyGo) {
  config_.set("smarthost", "max_connections", std::to_string(kEnough));
  std::vector<SmtpClient> clients = greeted_clients();
  for (SmtpClient& client : clients) {
    client.envelope();
    EXPECT_EQ(client.command("DATA").code, 354);
    client.send("Subject: x\r\n\r\nhalf");
  }
  seal().process().signal(SIGTERM);
  EXPECT_EQ(seal().wait_for("drain").field("sessions"), std::to_string(kEnough));
  for (SmtpClient& client : clients) {
    EXPECT_EQ(client.finish(" and the rest\r\n").code, 250);
    EXPECT_EQ(client.read_reply().code, 421);
    EXPECT_EQ(client.read_until_closed(), "");
  }
  EXPECT_EQ(seal().process().wait(), 0);
  EXPECT_EQ(smarthost().mails().size(), static_cast<std::size_t>(kEnough));
  EXPECT_EQ(seal().count("drain"), 1u);
}

TEST_P(Workers, LetGoOfTheirLastClientsWhileOthersAreBusy) {
  config_.set("smtpseal", "drain_timeout", "10m").set("smarthost", "max_connections", "60");
  std::vector<SmtpClient> clients = greeted_clients();
  SmtpClient busy = std::move(clients.back());
  clients.pop_back();
  busy.envelope();
  seal().process().signal(SIGTERM);
  for (SmtpClient& client : clients) {
    EXPECT_EQ(client.read_reply().code, 421);
    EXPECT_EQ(client.read_until_closed(), "");
  }
  EXPECT_EQ(busy.command("DATA").code, 354);
  EXPECT_EQ(busy.finish(make_mail()).code, 250);
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_P(Workers, TellEveryIdleClientThatTheyGo) {
  std::vector<SmtpClient> clients = greeted_clients();
  seal().process().signal(SIGTERM);
  for (SmtpClient& client : clients) {
    EXPECT_EQ(client.read_reply().code, 421);
    EXPECT_EQ(client.read_until_closed(), "");
  }
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_P(Workers, WaitNoLongerThanTheirDrainTimeout) {
  config_.set("smtpseal", "drain_timeout", "1s");
  std::vector<SmtpClient> clients = greeted_clients();
  clients.front().envelope();
  seal().process().signal(SIGTERM);
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_P(Workers, GoAtOnceWhenToldTwice) {
  config_.set("smtpseal", "drain_timeout", "10m");
  std::vector<SmtpClient> clients = greeted_clients();
  for (std::size_t i = 0; i < 5; ++i) clients[i].envelope();
  seal().process().signal(SIGTERM);
  seal().wait_for("drain");
  seal().process().signal(SIGTERM);
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_P(Workers, TakeANewConfigurationTogether) {
  std::vector<SmtpClient> old = greeted_clients();
  ScriptedSmarthost other(smarthost().behavior());
  ConfigText changed = config_;
  changed.set("smarthost", "port", std::to_string(other.port()));
  changed.set("listener", "listen", "127.0.0.1:0, 127.0.0.2:0");
  seal().reload(changed);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  ASSERT_EQ(seal().count("ready"), 2u);
  const std::string before = seal().events("ready")[0].field("listen");
  const std::string after = seal().events("ready")[1].field("listen");
  EXPECT_EQ(split_list(after).size(), 2u);
  EXPECT_EQ(split_list(after).front(), before) << "the same address line means the same socket";
  expect_mail_through_all(other);
  EXPECT_EQ(smarthost().mails().size(), 0u);
  for (SmtpClient& client : old) {
    EXPECT_EQ(client.mail(make_mail()).code, 250) << "a session goes on as it began";
    client.quit();
  }
  EXPECT_EQ(smarthost().mails().size(), static_cast<std::size_t>(kEnough));
  // And back again: an address that is gone leaves nobody listening.
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload", 2).field("result"), "done");
  EXPECT_EQ(seal().wait_for("ready", 3).field("listen"), before);
}

TEST_P(Workers, KeepTheOldConfigurationWhenTheNewIsBroken) {
  start();
  const Fd taken = bind_loopback(true);
  std::size_t lines = 0;
  for (const auto& [section, key, value] :
       {std::tuple<std::string, std::string, std::string>{"smarthost", "tls", "sometimes"},
        {"smarthost", "ca_file", "/nowhere"},
        {"listener", "listen", "127.0.0.1:0, 127.0.0.1:" + std::to_string(port_of(taken))}}) {
    ConfigText broken = config_;
    broken.set(section, key, value);
    broken.set("smarthost", "port", "1");
    seal().reload(broken);
    EXPECT_EQ(next_result(lines).field("result"), "failed") << key;
  }
  EXPECT_EQ(seal().count("ready"), 1u);
  expect_mail_through_all(smarthost());
}

// The authorities come from a pipe, which gives each worker something else.
TEST_P(Workers, KeepTheOldConfigurationWhenOneOfThemCannotStartTheNew) {
  if (GetParam() == 1) GTEST_SKIP() << "one is all";
  start();
  const std::string pipe = directory_.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto feed = [&pipe](const std::string& text) {
    const Fd end(open(pipe.c_str(), O_WRONLY));
    ASSERT_EQ(write(end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  const std::uint16_t port = port_of(bind_loopback(true));
  ConfigText broken = config_;
  broken.set("smarthost", "ca_file", pipe).set("smarthost", "port", "1");
  broken.set("listener", "listen", "127.0.0.1:0, 127.0.0.1:" + std::to_string(port));
  seal().reload(broken);
  feed(trusted_authority().certificate_pem());
  // The first worker is prepared once it listens; nobody is greeted there yet.
  std::optional<SmtpClient> early;
  for (const Deadline deadline(kPatience); !early && !deadline.has_passed();) {
    try {
      early.emplace(port);
    } catch (const Failure&) {
      std::this_thread::yield();
    }
  }
  ASSERT_TRUE(early);
  feed("something else");
  EXPECT_EQ(seal().wait_for("reload", 1).field("result"), "failed");
  EXPECT_EQ(early->read_until_closed(), "");
  EXPECT_THROW(SmtpClient{port}, Failure);
  EXPECT_EQ(seal().count("ready"), 1u);
  EXPECT_EQ(seal().count("session-open"), 0u);
  expect_mail_through_all(smarthost());
}

// A passphrase may have to be typed in: nobody is kept waiting, and nobody is asked twice.
TEST_P(Workers, ServeClientsWhileTheOneCommandOfAReloadRuns) {
  const auto issued = trusted_authority().issue(good_request());
  ASSERT_TRUE(issued);
  const std::string key = directory_.write("seal.key", issued->key_pem);
  ASSERT_EQ(chmod(key.c_str(), 0600), 0);
  const std::string pipe = directory_.path("prompt");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string runs = directory_.write("runs", "");
  config_.set("listener", "tls", "may")
      .set("listener", "certificate", directory_.write("seal.pem", issued->certificate_pem))
      .set("listener", "key", key)
      .set("listener", "key_passphrase_command", "echo x >> " + runs + "; echo sesame");
  start();
  EXPECT_EQ(read_file(runs), "x\n") << "at the start, for all workers";
  config_.set("listener", "key_passphrase_command", "echo x >> " + runs + "; cat " + pipe);
  seal().reload(config_);
  {
    const Fd prompt(open(pipe.c_str(), O_WRONLY));  // waits for the command
    for (SmtpClient& client : greeted_clients()) client.quit();
    EXPECT_EQ(seal().count("reload"), 0U);
    ASSERT_EQ(write(prompt.get(), "sesame\n", 7), 7);
  }
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_EQ(read_file(runs), "x\nx\n");
}

TEST_P(Workers, SurviveReloadsInAHurry) {
  start();
  for (int i = 0; i < 30; ++i) {
    seal().process().signal(SIGHUP);
    if (i % 3 != 0) continue;
    EXPECT_TRUE(attempt().is_accepted());
  }
  seal().wait_for("reload", 2);
  for (int i = 0; i < kEnough; ++i) EXPECT_TRUE(attempt().is_accepted());
  seal().process().signal(SIGHUP);
  seal().process().signal(SIGTERM);
  EXPECT_EQ(seal().process().wait(), 0);
  for (const LogLine& each : seal().events("reload")) EXPECT_EQ(each.field("result"), "done");
}

TEST_P(Workers, NeedARestartForAnotherNumberOfThem) {
  start();
  ConfigText changed = config_;
  changed.set("smtpseal", "workers", std::to_string(GetParam() + 1));
  seal().reload(changed);
  const LogLine line = seal().wait_for("reload");
  EXPECT_EQ(line.field("result"), "done");
  EXPECT_EQ(line.field("workers"), std::to_string(GetParam()));
  EXPECT_EQ(line.field("note"), "another number of workers needs a restart");
  expect_mail_through_all(smarthost());
}

TEST_P(Workers, NameNoTwoSessionsOrConnectionsAlike) {
  config_.set("smtpseal", "log_level", "debug");
  start();
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      for (int j = 0; j < kEach; ++j) EXPECT_TRUE(attempt().is_accepted());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(smarthost().mails().size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_EQ(stop_seal(), 0);
  std::set<std::string> ids;
  for (const LogLine& each : seal().events("session-open")) {
    EXPECT_TRUE(ids.insert(each.id).second) << each.text;
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kThreads * kEach));
  for (const LogLine& each : seal().events("smarthost-open")) {
    if (each.field("reused") == "yes") continue;
    EXPECT_TRUE(ids.insert(each.id).second) << each.text;
  }
  // No line broke into another.
  std::istringstream lines(seal().log());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.starts_with("20") && line.find("Z ") == 23 &&
                line.find("Z ", 24) == std::string::npos)
        << line;
  }
}

TEST_P(Workers, HoldToOneLimitOfSessionsAllTogether) {
  config_.set("listener", "max_sessions", std::to_string(kEnough));
  std::vector<SmtpClient> clients = greeted_clients();
  for (int i = 0; i < 5; ++i) {
    SmtpClient late = connect();
    EXPECT_EQ(late.read_reply().code, 421);
    EXPECT_EQ(late.read_until_closed(), "");
  }
  clients.front().quit();
  seal().wait_for("session-close", 6);
  SmtpClient next = connect();
  next.hello();
}

TEST_P(Workers, HoldToOneLimitOfAClientsSessionsAllTogether) {
  config_.set("listener", "max_sessions_per_client", std::to_string(kEnough));
  std::vector<SmtpClient> clients = greeted_clients();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(connect().read_reply().code, 421);
}

TEST_P(Workers, SendNoMailRoundToThemselves) {
  start();
  ConfigText round = config_;
  round.set("smarthost", "port", std::to_string(seal().port()));
  seal().reload(round);
  ASSERT_EQ(seal().wait_for("reload").field("result"), "done");
  // All at once: one failure answers everybody who waits.
  std::vector<SmtpClient> clients;
  for (int i = 0; i < kEnough; ++i) clients.push_back(connect());
  for (SmtpClient& client : clients) EXPECT_TRUE(client.read_reply().is_transient());
  EXPECT_NE(seal().wait_for("smarthost-fail").text.find("is this smtpseal itself"),
            std::string::npos);
  for (const LogLine& each : seal().events("smarthost-fail")) {
    EXPECT_NE(each.text.find("is this smtpseal itself"), std::string::npos) << each.text;
  }
}

TEST_P(Workers, TakeNoPortThatSomebodyElseHas) {
  start();
  const std::string port = std::to_string(seal().port());
  for (const char* workers : {"1", "2", "4"}) {
    ConfigText same = config_;
    same.set("smtpseal", "workers", workers).set("listener", "listen", "127.0.0.1:" + port);
    const Finished second = run_smtpseal({"-c", directory_.write("second.conf", same.text())});
    EXPECT_EQ(second.status, 71) << workers;
    EXPECT_NE(second.errors.find("already in use"), std::string::npos) << second.errors;
  }
  expect_mail_through_all(smarthost());
}

TEST_P(Workers, SayWhatIsWrongWhenTheyCannotStart) {
  config_.set("smarthost", "ca_file", "/nowhere");
  const Finished finished = run_smtpseal({"-c", directory_.write("bad.conf", config_.text())});
  EXPECT_EQ(finished.status, 78);
  EXPECT_NE(finished.errors.find("/nowhere"), std::string::npos) << finished.errors;
}
#endif

}  // namespace
}  // namespace support
