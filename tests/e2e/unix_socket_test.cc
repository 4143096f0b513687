// listen = unix:PATH: clients that come through a file.
#include <csignal>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "support/client_tls.h"
#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class UnixSocket : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    path_ = directory_.path("smtp");
    config_.set("listener", "listen", "unix:" + path_);
  }

  SmtpClient connect_to(const std::string& path) {
    if (!seal_) start();
    return SmtpClient(path);
  }
  void expect_mail_through(const std::string& path) {
    SmtpClient client = connect_to(path);
    client.hello();
    EXPECT_EQ(client.mail(make_mail()).code, 250);
    client.quit();
  }
  static unsigned mode_of(const std::string& path) {
    struct stat file {};
    EXPECT_EQ(stat(path.c_str(), &file), 0) << path;
    return file.st_mode & 07777;
  }

  std::string path_;
};

TEST_F(UnixSocket, CarriesMailAndSaysWhoseItIs) {
  expect_mail_through(path_);
  const LogLine open = seal().wait_for("session-open");
  EXPECT_EQ(open.field("client"), "unix:" + path_);
  EXPECT_EQ(open.field("listener"), "unix:" + path_);
  EXPECT_EQ(open.field("uid"), std::to_string(getuid()));
#ifdef __linux__
  EXPECT_EQ(open.field("pid"), std::to_string(getpid()));
#endif
  EXPECT_EQ(seal().wait_for("ready").field("listen"), "unix:" + path_);
  ASSERT_EQ(smarthost().mails().size(), 1u);
  EXPECT_THAT(smarthost().mails().front().data,
              StartsWith("Received: from client.test (local socket, uid " +
                         std::to_string(getuid()) + ")\r\n\tby seal.client.test (smtpseal)"));
}

TEST_F(UnixSocket, IsThereAsLongAsItIsServed) {
  start();
  EXPECT_EQ(mode_of(path_), 0660u);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, TakesNoNewClientsWhileItDrains) {
  SmtpClient client = connect_to(path_);
  client.hello();
  client.envelope();
  seal().process().signal(SIGTERM);
  seal().wait_for("drain");
  EXPECT_EQ(client.command("DATA").code, 354);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(client.finish(make_mail()).code, 250);
  EXPECT_EQ(seal().process().wait(), 0);
}

TEST_F(UnixSocket, IsTakenOverFromAProcessThatWasKilled) {
  start();
  seal().process().signal(SIGKILL);
  EXPECT_EQ(seal().process().wait(), 128 + SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(path_));
  start();
  expect_mail_through(path_);
}

TEST_F(UnixSocket, IsNotTakenFromAProcessThatLives) {
  start();
  const std::string file = directory_.write("second.conf", config_.text());
  const Finished second = run_smtpseal({"run", "-c", file});
  EXPECT_EQ(second.status, 71);
  EXPECT_THAT(second.errors, HasSubstr("cannot listen on unix:" + path_ +
                                       ": address already in use, a process listens there"));
  expect_mail_through(path_);
}

TEST_F(UnixSocket, IsNotPutInPlaceOfAnotherFile) {
  directory_.write("smtp", "precious");
  const std::string file = directory_.write("second.conf", config_.text());
  const Finished finished = run_smtpseal({"run", "-c", file});
  EXPECT_EQ(finished.status, 71);
  EXPECT_THAT(finished.errors, HasSubstr("no socket"));
  EXPECT_EQ(read_file(path_), "precious");
}

TEST_F(UnixSocket, AdvisesOnAMissingFolder) {
  config_.set("listener", "listen", "unix:" + directory_.path("missing/smtp"));
  const Finished finished =
      run_smtpseal({"run", "-c", directory_.write("second.conf", config_.text())});
  EXPECT_EQ(finished.status, 71);
  EXPECT_THAT(finished.errors, HasSubstr("no such file or directory"));
  EXPECT_THAT(finished.errors, HasSubstr("RuntimeDirectory=smtpseal"));
}

TEST_F(UnixSocket, IsKeptOverAReloadWithItsClients) {
  SmtpClient before = connect_to(path_);
  before.hello();
  seal().reload(config_.set("listener", "socket_mode", "0666"));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_EQ(mode_of(path_), 0666u);
  EXPECT_EQ(before.mail(make_mail()).code, 250);
  expect_mail_through(path_);
}

TEST_F(UnixSocket, MovesWithAReload) {
  SmtpClient before = connect_to(path_);
  before.hello();
  const std::string other = directory_.path("other");
  seal().reload(config_.set("listener", "listen", "unix:" + other));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_FALSE(std::filesystem::exists(path_));
  expect_mail_through(other);
  EXPECT_EQ(before.mail(make_mail()).code, 250);
}

// Somebody cleared the folder: the socket is open still, and nobody can come to it.
TEST_F(UnixSocket, IsMadeAnewByAReloadWhereItsFileIsGone) {
  config_.set("smtpseal", "workers", base::kCanSharePorts ? "2" : "1");
  SmtpClient before = connect_to(path_);
  before.hello();
  std::filesystem::remove(path_);
  seal().reload(config_);
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_EQ(mode_of(path_), 0660u);
  EXPECT_EQ(before.mail(make_mail()).code, 250);
  for (int i = 0; i < 10; ++i) expect_mail_through(path_);
}

TEST_F(UnixSocket, StaysWhenAReloadFails) {
  start();
  const std::string blocked = directory_.write("blocked", "a file");
  seal().reload(config_.set("listener", "listen", "unix:" + path_ + "2, unix:" + blocked));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "failed");
  EXPECT_FALSE(std::filesystem::exists(path_ + "2"));
  expect_mail_through(path_);
}

TEST_F(UnixSocket, AsksNoAllowListAndStandsBesideAddresses) {
  config_.set("listener", "listen", "unix:" + path_ + ", 127.0.0.1:0")
      .set("listener", "allow", "192.0.2.0/24");
  start();
  expect_mail_through(path_);
  SmtpClient refused(seal().port(1));
  const Reply reply = refused.read_reply();
  EXPECT_EQ(reply.code, 554);
  EXPECT_THAT(reply.raw, HasSubstr("5.7.1"));
  EXPECT_THAT(seal().wait_for("session-open", 2).field("refused"), HasSubstr("554"));
}

TEST_F(UnixSocket, CountsClientsByTheirUser) {
  config_.set("listener", "max_sessions_per_client", "2");
  SmtpClient first = connect_to(path_);
  SmtpClient second = connect_to(path_);
  first.hello();
  second.hello();
  SmtpClient third = connect_to(path_);
  EXPECT_EQ(third.read_reply().code, 421);
  second.quit();
  seal().wait_for("session-close", 2);
  expect_mail_through(path_);
}

#ifdef __linux__
TEST_F(UnixSocket, MayHaveANameInPlaceOfAFile) {
  const std::string name = "@smtpseal-test-" + std::to_string(getpid());
  config_.set("listener", "listen", "unix:" + name);
  start();
  expect_mail_through(name);
  EXPECT_EQ(seal().wait_for("session-open").field("client"), "unix:" + name);
}

TEST_F(UnixSocket, IsServedBySeveralWorkers) {
  config_.set("smtpseal", "workers", "3").set("listener", "listen", "unix:" + path_);
  start();
  for (int i = 0; i < 30; ++i) expect_mail_through(path_);
  seal().reload(config_.set("listener", "socket_mode", "0600"));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  EXPECT_EQ(mode_of(path_), 0600u);
  std::vector<SmtpClient> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(connect_to(path_));
    clients.back().hello();
  }
  const std::string other = directory_.path("other");
  seal().reload(config_.set("listener", "listen", "unix:" + other));
  EXPECT_EQ(seal().wait_for("reload", 2).field("result"), "done");
  EXPECT_FALSE(std::filesystem::exists(path_));
  for (SmtpClient& client : clients) client.quit();
  for (int i = 0; i < 30; ++i) expect_mail_through(other);
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_FALSE(std::filesystem::exists(other));
}
#endif

TEST_F(UnixSocket, IsWhereSendGoes) {
  start();
  const auto send = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"send", "--from", "a@client.test", "--to",
                                          "b@example.test"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_smtpseal(std::move(arguments));
  };
  const Finished via = send({"--via", "unix:" + path_});
  EXPECT_EQ(via.status, 0) << via.errors;
  EXPECT_THAT(via.output, HasSubstr("connected to unix:" + path_));
  const Finished configured = send({"-c", seal().config_file()});
  EXPECT_EQ(configured.status, 0) << configured.errors;
  EXPECT_EQ(smarthost().mails().size(), 2u);
  const Finished nowhere = send({"--via", "unix:" + path_ + "-not"});
  EXPECT_EQ(nowhere.status, 69);
  EXPECT_THAT(nowhere.errors, HasSubstr("cannot reach the listener at unix:" + path_ +
                                        "-not: no such file or directory"));
  const Finished wrong = send({"--via", "unix:here"});
  EXPECT_EQ(wrong.status, 64);
  EXPECT_THAT(wrong.errors, HasSubstr("whole path"));
}

TEST_F(UnixSocket, IsLookedAtByCheck) {
  start();
  const std::string file = seal().config_file();
  const Finished running = run_smtpseal({"check", "-c", file});
  EXPECT_EQ(running.status, 0) << running.output;
  EXPECT_THAT(running.output, HasSubstr("unix:" + path_ + ": a running smtpseal"));
  EXPECT_EQ(stop_seal(), 0);
  const Finished free = run_smtpseal({"check", "-c", file});
  EXPECT_EQ(free.status, 0) << free.output;
  EXPECT_THAT(free.output, HasSubstr("unix:" + path_ + ": free: smtpseal can"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

using UnixSocketTls = ClientTlsTest;

TEST_F(UnixSocketTls, IsSpokenAsElsewhere) {
  set_up("may");
  const std::string path = directory_.path("smtp");
  config_.set("listener", "listen", "unix:" + path);
  start();
  SmtpClient client(path);
  client.hello();
  client.starttls(trusting_context());
  client.command("EHLO inside.test");
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  EXPECT_THAT(last_mail().data, StartsWith("Received: from inside.test (local socket, uid " +
                                           std::to_string(getuid()) + ")\r\n\t(using TLSv1.3 "));
}

}  // namespace
}  // namespace support
