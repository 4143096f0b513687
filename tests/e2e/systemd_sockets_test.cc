// listen = systemd:NAME: sockets that were opened before smtpseal was started.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/seal_test.h"

namespace support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SystemdSockets : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("listener", "listen", "systemd:smtp");
  }

  void start_with(std::vector<int> sockets, const std::string& names) {
    seal_ = std::make_unique<Smtpseal>(directory_, config_, std::move(sockets), names);
  }
  // Of a start that is refused.
  Finished failed_start(std::vector<int> sockets, const std::string& names) {
    Process::Start start;
    start.program = smtpseal_program();
    start.arguments = {"run", "-c", directory_.write("smtpseal.conf", config_.text())};
    start.environment = {{"LISTEN_FDNAMES", names}};
    start.sockets = std::move(sockets);
    return run(std::move(start));
  }
  static void expect_mail_through(SmtpClient client) {
    client.hello();
    EXPECT_EQ(client.mail(make_mail()).code, 250);
    client.quit();
  }

  Fd tcp_ = bind_loopback(true);
};

TEST_F(SystemdSockets, CarryMail) {
  start_with({tcp_.get()}, "smtp");
  EXPECT_EQ(seal().port(), port_of(tcp_));
  expect_mail_through(SmtpClient(port_of(tcp_)));
  EXPECT_EQ(seal().wait_for("session-open").field("listener"),
            "127.0.0.1:" + std::to_string(port_of(tcp_)));
}

TEST_F(SystemdSockets, MayBeSeveralOfOneNameAndUnixSocketsToo) {
  const Fd second = bind_loopback(true);
  const std::string path = directory_.path("passed");
  const Fd local = listen_unix(path);
  start_with({tcp_.get(), second.get(), local.get()}, "smtp:smtp:smtp");
  expect_mail_through(SmtpClient(port_of(tcp_)));
  expect_mail_through(SmtpClient(port_of(second)));
  expect_mail_through(SmtpClient(path));
  EXPECT_EQ(stop_seal(), 0);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(SystemdSockets, StandBesideOthersEachWithItsListener) {
  const Fd second = bind_loopback(true);
  config_.set("listener", "listen", "127.0.0.1:0, systemd:smtp")
      .set("listener other", "listen", "systemd:other")
      .set("listener other", "allow", "192.0.2.0/24");
  start_with({second.get(), tcp_.get()}, "other:smtp");
  expect_mail_through(SmtpClient(seal().port(0)));
  expect_mail_through(SmtpClient(port_of(tcp_)));
  EXPECT_EQ(SmtpClient(port_of(second)).read_reply().code, 554);
}

TEST_F(SystemdSockets, KeepThoseWaitingWhoCameBeforeTheStart) {
  SmtpClient early(port_of(tcp_));
  start_with({tcp_.get()}, "smtp");
  expect_mail_through(std::move(early));
}

TEST_F(SystemdSockets, StayOverReloads) {
  start_with({tcp_.get()}, "smtp");
  SmtpClient before(port_of(tcp_));
  before.hello();
  seal().reload(config_.set("listener", "max_sessions", "10"));
  EXPECT_EQ(seal().wait_for("reload").field("result"), "done");
  expect_mail_through(SmtpClient(port_of(tcp_)));
  // Given up, and taken up again: the client in between waits.
  seal().reload(config_.set("listener", "listen", "127.0.0.1:0"));
  EXPECT_EQ(seal().wait_for("reload", 2).field("result"), "done");
  SmtpClient between(port_of(tcp_));
  seal().reload(config_.set("listener", "listen", "systemd:smtp"));
  EXPECT_EQ(seal().wait_for("reload", 3).field("result"), "done");
  expect_mail_through(std::move(between));
  EXPECT_EQ(before.mail(make_mail()).code, 250);
}

#ifdef __linux__
TEST_F(SystemdSockets, AreServedBySeveralWorkers) {
  config_.set("smtpseal", "workers", "3");
  const std::string path = directory_.path("passed");
  const Fd local = listen_unix(path);
  start_with({tcp_.get(), local.get()}, "smtp:smtp");
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 20; ++i) {
      expect_mail_through(SmtpClient(port_of(tcp_)));
      expect_mail_through(SmtpClient(path));
    }
    seal().reload(config_);
    EXPECT_EQ(seal().wait_for("reload", static_cast<std::size_t>(round)).field("result"), "done");
  }
}

// What runs on behalf of smtpseal gets neither the sockets nor what is said of them.
TEST_F(SystemdSockets, AreKeptFromChildren) {
  const std::string seen = directory_.path("seen");
  const std::string certificate = directory_.write("seal.pem", "none");
  config_.set("listener", "tls", "may")
      .set("listener", "certificate", certificate)
      .set("listener", "key_passphrase_command",
           "env > " + seen + "; ls -l /proc/self/fd >> " + seen);
  const Finished finished = failed_start({tcp_.get()}, "smtp");
  EXPECT_EQ(finished.status, 78) << finished.errors;
  if (!std::filesystem::exists(seen)) GTEST_SKIP() << "the command did not run";
  EXPECT_THAT(read_file(seen), Not(HasSubstr("LISTEN_")));
  EXPECT_THAT(read_file(seen), Not(HasSubstr("socket:")));
}
#endif

TEST_F(SystemdSockets, AreAskedForByTheNamesTheyHave) {
  const Finished finished = failed_start({tcp_.get()}, "mail");
  EXPECT_EQ(finished.status, 78) << finished.errors;
  EXPECT_THAT(finished.errors, HasSubstr("smtpseal.conf:"));
  EXPECT_THAT(finished.errors, HasSubstr("listen = systemd:smtp: no socket of this name was passed "
                                         "(FileDescriptorName=), only: mail"));
}

TEST_F(SystemdSockets, AreMissedWhereNonePassed) {
  const Finished finished =
      run_smtpseal({"run", "-c", directory_.write("smtpseal.conf", config_.text())});
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("listen = systemd:smtp: no socket was passed"));
}

TEST_F(SystemdSockets, MustListen) {
  const Fd connection = connect_loopback(port_of(tcp_));
  const Finished finished = failed_start({connection.get()}, "smtp");
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("descriptor 3 was passed, but: it is a connection"));
}

TEST_F(SystemdSockets, NeedAnAllowListWhereOthersReachThem) {
  const Fd everywhere = listen_everywhere();
  const Finished finished = failed_start({everywhere.get()}, "smtp");
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("other machines can reach 0.0.0.0:"));
  EXPECT_THAT(finished.errors, HasSubstr("allow = "));
  config_.set("listener", "allow", "127.0.0.1");
  start_with({everywhere.get()}, "smtp");
  expect_mail_through(SmtpClient(port_of(everywhere)));
}

TEST_F(SystemdSockets, AreMissedOutLoudWhereNoListenerNamesThem) {
  config_.set("listener", "listen", "127.0.0.1:0");
  start_with({tcp_.get()}, "smtp");
  EXPECT_EQ(seal().wait_for("listen-unused").field("socket"), "smtp");
}

TEST_F(SystemdSockets, AreNotLookedAtByCheckNorSend) {
  const std::string file = directory_.write("smtpseal.conf", config_.text());
  const Finished check = run_smtpseal({"check", "-c", file});
  EXPECT_EQ(check.status, 0) << check.output;
  EXPECT_THAT(check.output, HasSubstr("SKIP  listener"));
  EXPECT_THAT(check.output, HasSubstr("systemd:smtp: systemd passes it when smtpseal starts"));
  const Finished send =
      run_smtpseal({"send", "-c", file, "--from", "a@client.test", "--to", "b@example.test"});
  EXPECT_EQ(send.status, 64);
  EXPECT_THAT(send.errors, HasSubstr("--via"));
}

}  // namespace
}  // namespace support
