// See clients_fixture.h.
#include "peers/clients_fixture.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <sys/stat.h>

#include "peers/recipes.h"
#include "support/certificates.h"

namespace support {

namespace {

constexpr Milliseconds kClientPatience = 60s;

// Of all that is different, what is said about the mail that has the same Message-ID.
std::string explain(const std::string& stored, const std::map<std::string, std::size_t>& wanted) {
  const auto message_id = [](const std::string& mail) {
    const std::size_t at = mail.find("\nMessage-I");
    return at == std::string::npos ? std::string() : mail.substr(at, mail.find('\n', at + 1) - at);
  };
  for (const auto& [mail, copies] : wanted) {
    if (message_id("\n" + mail) != message_id(stored)) continue;
    const std::string different = difference(mail, stored);
    return different.empty() ? "a copy more than were sent: " + stored : different;
  }
  return "nobody sent it: " + stored.substr(0, 2000);
}

const CorpusMail* corpus_mail_of(const SentMail& sent) {
  for (const CorpusMail& mail : corpus()) {
    if (sent.data.find("<" + mail.name + "@corpus.client.test>") < sent.data.find("\n\n")) {
      return &mail;
    }
  }
  return nullptr;
}

}  // namespace

void ClientsTest::SetUp() {
  if (const auto why = Postfix::why_not()) GTEST_SKIP() << *why;
  smarthost().clear();
  config_.set("smtpseal", "hostname", "seal.client.test")
      .set("listener", "listen", "127.0.0.1:0")
      .set("smarthost", "host", "127.0.0.1")
      .set("smarthost", "port", std::to_string(smarthost().port()))
      .set("smarthost", "verify_name", kSmarthostName)
      .set("smarthost", "ca_file", smarthost().ca_file());
}

void ClientsTest::TearDown() {
  if (!seal_) return;
  tap_->stop();
  EXPECT_EQ(seal_->stop(), 0);
  EXPECT_EQ(seal_->sanitizer_report(), "");
  if (HasFailure()) std::cerr << "the log of smtpseal:\n" << seal_->log();
}

Postfix& ClientsTest::smarthost() {
  static Postfix smarthost;
  return smarthost;
}

std::string ClientsTest::port() {
  if (!seal_) {
    seal_.emplace(directory_, config_);
    tap_.emplace(seal_->port());
  }
  return std::to_string(tap_->port());
}

Finished ClientsTest::run_client(const std::string& program, std::vector<std::string> arguments,
                                 const std::string& input_file,
                                 std::vector<std::pair<std::string, std::string>> environment) {
  environment.insert(environment.begin(), {{"HOME", directory_.path()}, {"LC_ALL", "C.UTF-8"}});
  Finished client =
      run({program, std::move(arguments), std::move(environment), input_file}, kClientPatience);
  if (client.status != 0) throw Failure(program + ": " + client.errors + client.output);
  return client;
}

std::string ClientsTest::jobs(const std::vector<CorpusMail>& mails) const {
  std::string lines;
  for (const CorpusMail& mail : mails) {
    lines += mail.path + "\t";
    for (const std::string& each : mail.recipients) lines += each + ",";
    lines.back() = '\n';
  }
  return directory_.write("jobs", lines);
}

std::string ClientsTest::client_file(const std::string& name) {
  const char* folder = std::getenv("SEAL_CLIENTS");
  if (folder == nullptr) throw Failure("SEAL_CLIENTS does not say where the clients are");
  return std::string(folder) + "/" + name;
}

std::vector<SentMail> ClientsTest::wait_for_sent(std::size_t count) {
  seal_->wait_for("transaction", count);
  std::vector<SentMail> sent = tap_->mails();
  EXPECT_EQ(sent.size(), count);
  return sent;
}

std::string ClientsTest::msmtp_configuration() {
  std::string text = recipe_block("cron.md", "", port());
  const std::string aliases = "/etc/aliases";
  text.replace(text.find(aliases), aliases.size(), directory_.write("aliases", "default: x@y\n"));
  const std::string path = directory_.write("msmtprc", text);
  chmod(path.c_str(), 0600);
  return path;
}

std::optional<std::string> why_no_nodemailer() {
  if (!find_program("node")) return "Node is not installed";
  const Finished tried = run({"node", {"-e", "require('nodemailer')"}, node_environment()});
  if (tried.status != 0) return "nodemailer is not installed";
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> node_environment() {
  return {{"NODE_PATH", "/usr/share/nodejs"}};
}

void ClientsTest::expect_stored_as_sent() {
  const std::vector<SentMail> sent = tap_->mails();
  ASSERT_FALSE(sent.empty());
  Copies copies;
  for (const SentMail& each : sent) copies[each.data] += each.rcpts.size();
  expect_stored(std::move(copies), sent.size());
}

void ClientsTest::expect_corpus_stored() {
  Copies copies;
  for (const CorpusMail& mail : corpus()) copies[mail.text] += mail.recipients.size();
  expect_stored(std::move(copies), corpus().size());
}

void ClientsTest::expect_stored(Copies missing, std::size_t transactions) {
  std::size_t total = 0;
  for (const auto& [mail, copies] : missing) total += copies;
  for (const std::string& stored : smarthost().wait_for_mails(total)) {
    const auto found = std::find_if(missing.begin(), missing.end(), [&stored](const auto& each) {
      return each.second > 0 && difference(each.first, stored).empty();
    });
    if (found == missing.end()) {
      ADD_FAILURE() << explain(stored, missing);
    } else {
      --found->second;
    }
    EXPECT_NE(stored.find("by seal.client.test (smtpseal) with "), std::string::npos) << stored;
  }
  seal_->wait_for("transaction", transactions);
  EXPECT_EQ(seal_->count("transaction"), transactions);
  for (const LogLine& open : seal_->events("smarthost-open")) {
    EXPECT_EQ(open.field("verify"), "verified") << open.text;
  }
}

void ClientsTest::expect_corpus(Comparison compare, const std::vector<CorpusMail>& mails) {
  std::map<std::string, std::size_t> recipients;
  for (const SentMail& sent : tap_->mails()) {
    const CorpusMail* mail = corpus_mail_of(sent);
    ASSERT_NE(mail, nullptr) << sent.data;
    SCOPED_TRACE(mail->name);
    recipients[mail->name] += sent.rcpts.size();
    EXPECT_EQ(compare(mail->text, sent.data), "");
  }
  std::map<std::string, std::size_t> wanted;
  for (const CorpusMail& mail : mails) wanted[mail.name] = mail.recipients.size();
  EXPECT_EQ(recipients, wanted);
  expect_stored_as_sent();
}

std::vector<std::string> joined(std::vector<std::string> words,
                                const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace support
