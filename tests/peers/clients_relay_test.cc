// Mail servers and queues that hand everything to smtpseal: as contrib/recipes has them.
#include <gmock/gmock.h>

#include "peers/clients_fixture.h"
#include "peers/loopback_port.h"
#include "peers/own_root.h"
#include "peers/recipes.h"
#include "peers/unpacked_server.h"

namespace support {
namespace {

class RelaysTest : public ClientsTest {
 protected:
  // The corpus, handed to a server by a program.
  void submit_to(std::uint16_t server) {
    run_client("python3", {client_file("send.py"), std::to_string(server), jobs(), "crlf"});
    (void)wait_for_sent(corpus().size());
  }

  // A server that is not installed, with its configuration replaced.
  static ServerRecipe with_file(
      ServerRecipe recipe, const std::string& path,
      const std::function<std::string(std::uint16_t port, const std::string& store)>& text) {
    recipe.files = [path, text](const PeerOptions&, std::uint16_t port, const std::string& store) {
      return std::map<std::string, std::string>{{path, text(port, store)}};
    };
    return recipe;
  }

  // A program that is not installed and listens to nobody: `setup` and then `command` for each
  // mail, which is its standard input, with the recipients behind it; `last` in the
  // end. Shell commands, all of them.
  Process::Start unpacked_client(const TempDir& work, const std::string& name,
                                 const std::string& setup, const std::string& command,
                                 const std::string& last,
                                 const std::vector<CorpusMail>& mails = corpus()) {
    write_system_files(work, {"mail"}, "/root");
    std::string script = "set -e\n" + setup;
    for (const CorpusMail& mail : mails) {
      script += command;
      for (const std::string& each : mail.recipients) script += " " + each;
      script += " <" + work.write(mail.name, mail.text) + "\n";
    }
    write_below(work, "/etc/peer/start", script + last + "\n");
    return in_own_root(name, work, {"sh", "/etc/peer/start"});
  }
};

TEST_F(RelaysTest, PostfixRelays) {
  PostfixOptions options;
  options.security_level = "none";
  options.hostname = "relay.client.test";
  options.relay = recipe_block("postfix.md", "", port());
  Postfix relay(options);
  submit_to(relay.port());
  expect_corpus();
}

TEST_F(RelaysTest, SendmailRelays) {
  if (const auto why = UnpackedServer::why_not(sendmail())) GTEST_SKIP() << *why;
  const std::string lines = recipe_block("sendmail.md", "m4", port());
  const ServerRecipe recipe = with_file(
      sendmail(), "/etc/mail/test.mc", [&lines](std::uint16_t port, const std::string& store) {
        return "OSTYPE(`linux')\ndefine(`confDOMAIN_NAME', `relay.client.test')\n"
               "define(`confPID_FILE', `/run/sendmail.pid')\ndefine(`QUEUE_DIR', `" +
               store +
               "')\ndefine(`confTO_IDENT', `0')\n"
               // However busy the machine is.
               "define(`confQUEUE_LA', `1000')\ndefine(`confREFUSE_LA', `1000')\n"
               "FEATURE(`no_default_msa')\n"
               "FEATURE(`nocanonify')\nFEATURE(`accept_unresolvable_domains')\n"
               "FEATURE(`promiscuous_relay')\nundefine(`ALIAS_FILE')\n"
               "DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port=" +
               std::to_string(port) + "')\n" + lines + "MAILER(`local')\nMAILER(`smtp')\n";
      });
  const UnpackedServer relay(recipe, {});
  submit_to(relay.port());
  expect_corpus(difference_unfolded);
}

TEST_F(RelaysTest, OpenSmtpdRelays) {
  if (const auto why = UnpackedServer::why_not(opensmtpd())) GTEST_SKIP() << *why;
  const std::string lines = recipe_block("sendmail.md", "conf", port());
  const ServerRecipe recipe =
      with_file(opensmtpd(), "/etc/smtpd.conf", [&lines](std::uint16_t port, const std::string&) {
        return "listen on 127.0.0.1 port " + std::to_string(port) +
               " hostname relay.client.test\n" + lines;
      });
  const UnpackedServer relay(recipe, {});
  submit_to(relay.port());
  expect_corpus();
}

TEST_F(RelaysTest, DmaSends) {
  if (const auto why = why_not_unpacked("dma", "dma")) GTEST_SKIP() << *why;
  // It refuses lines as long as they may be.
  std::vector<CorpusMail> mails = corpus();
  std::erase_if(mails, [](const CorpusMail& each) { return each.name == "long-lines"; });
  const TempDir work;
  write_below(work, "/etc/dma/dma.conf",
              "SMARTHOST 127.0.0.1\nPORT " + port() + "\nNULLCLIENT\nMAILNAME client.test\n");
  write_below(work, "/etc/dma/auth.conf", "");
  Process dma(unpacked_client(work, "dma",
                              "mkdir -p /var/spool/dma\nchown mail:mail /var/spool/dma\n"
                              "chmod 2775 /var/spool/dma\n",
                              "/usr/sbin/dma -D -i -f app@client.test", "", mails));
  EXPECT_EQ(dma.wait(), 0) << dma.errors();
  expect_corpus(difference, mails);
}

TEST_F(RelaysTest, NullmailerSends) {
  if (const auto why = why_not_unpacked("nullmailer", "nullmailer")) GTEST_SKIP() << *why;
  const TempDir work;
  write_below(work, "/etc/nullmailer/remotes", "127.0.0.1 smtp --port=" + port() + "\n");
  write_below(work, "/etc/nullmailer/me", "relay.client.test\n");
  const Process nullmailer(unpacked_client(
      work, "nullmailer",
      "spool=/var/spool/nullmailer\nmkdir -p $spool/queue $spool/tmp $spool/failed\n"
      "mkfifo $spool/trigger\n",
      "/usr/bin/nullmailer-inject -f app@client.test", "exec /usr/sbin/nullmailer-send"));
  (void)wait_for_sent(corpus().size());
  expect_corpus(difference_unfolded);
}

}  // namespace
}  // namespace support
