// See smuggling_fixture.h.
#include "peers/smuggling_fixture.h"

#include <iostream>

#include "peers/accounts.h"
#include "peers/hostile_bytes.h"
#include "support/certificates.h"
#include "support/smtp_client.h"

namespace support {

namespace {

constexpr const char* kSealName = "seal.client.test";

std::map<Make, std::unique_ptr<KeepingServer>>& servers() {
  static std::map<Make, std::unique_ptr<KeepingServer>> all;
  return all;
}

}  // namespace

KeepingServer& shared_server(Make make) {
  std::unique_ptr<KeepingServer>& server = servers()[make];
  if (!server) server = KeepingServer::start(make);
  return *server;
}

void stop_shared_servers() { servers().clear(); }

void SmugglingTest::SetUp() {
  const Setting& setting = GetParam();
  if (const auto why = KeepingServer::why_not(setting.make)) GTEST_SKIP() << *why;
  KeepingServer& server = shared_server(setting.make);
  static_cast<void>(server.take_new());
  if (setting.is_tapped) tap_ = std::make_unique<Tap>(server.port());
  const std::string own_ca = directory_.write("ca.pem", trusted_authority().certificate_pem());
  ConfigText config;
  config.set("smtpseal", "hostname", kSealName)
      .set("listener", "listen", "127.0.0.1:0")
      .set("smarthost", "host", "127.0.0.1")
      .set("smarthost", "port", std::to_string(tap_ ? tap_->port() : server.port()))
      .set("smarthost", "mode", tap_ ? "implicit" : "starttls")
      .set("smarthost", "verify_name", kSmarthostName)
      .set("smarthost", "ca_file", tap_ ? own_ca : server.ca_file())
      .set("smarthost", "chunking", setting.is_chunking ? "auto" : "off");
  seal_ = std::make_unique<Smtpseal>(directory_, config);
  SmtpClient client(seal_->port());
  is_chunking_offered_ = offers(client.hello(), "CHUNKING");
  client.quit();
}

void SmugglingTest::TearDown() {
  if (!seal_) return;
  EXPECT_EQ(seal_->stop(), 0);
  EXPECT_EQ(seal_->sanitizer_report(), "");
  if (tap_) {
    tap_->stop();
    for (const std::string& each : tap_->findings(kSealName)) ADD_FAILURE() << each;
    for (const std::string& each : strangers(tap_->commands(), addresses_)) {
      ADD_FAILURE() << "a command that no client gave: " << each;
    }
  }
  const std::vector<QueuedMail> held = shared_server(GetParam().make).take_new();
  for (const std::string& each : differences(sent_, held)) ADD_FAILURE() << each;
  if (HasFailure()) std::cerr << "the log of smtpseal:\n" << seal_->log();
}

void SmugglingTest::say(const std::string& bytes, Cut cut) {
  SCOPED_TRACE(shown(bytes));
  const Meaning meaning = read_client(bytes, is_chunking_offered_);
  SmtpSocket client(seal_->port());
  std::string replies;
  const auto hear = [&] { replies += std::to_string(client.read_reply().code)[0]; };
  const std::size_t data = bytes.find("DATA\r\n") + 6;
  try {
    if (cut == Cut::everywhere) {
      client.send_in_pieces(kHello + bytes, 1);
    } else if (cut == Cut::after_data_replies && bytes.size() > data) {
      client.send(kHello + bytes.substr(0, data));
      while (replies.find('3') == std::string::npos) hear();
      client.send(bytes.substr(data));
    } else {
      client.send(kHello + bytes);
    }
    client.shut_down_writing();
    while (replies.size() < 2 + meaning.replies.size()) hear();
    EXPECT_EQ(client.read_until_closed(), "");
  } catch (const Failure& failure) {
    ADD_FAILURE() << failure.what() << " after replies " << replies << " of 22" << meaning.replies;
  }
  EXPECT_EQ(replies, "22" + meaning.replies);
  sent_.insert(sent_.end(), meaning.mails.begin(), meaning.mails.end());
  addresses_.insert(addresses_.end(), meaning.addresses.begin(), meaning.addresses.end());
}

void SmugglingTest::say_before_mail(const std::string& line) {
  SCOPED_TRACE(shown(line));
  const std::string token = next_token();
  SmtpClient client(seal_->port());
  client.hello();
  client.send(line);
  const Reply reply = client.read_reply();
  if (reply.code == 221 || reply.code == 421 || reply.code == 554) return;
  if (client.command("RSET").code != 250) return;
  const Reply last = client.mail(hostile_header(token) + "ordinary\r\n", token + "@client.test",
                                 {token + "@example.test"});
  EXPECT_EQ(last.code, 250) << testing::PrintToString(last);
  expect_mail(token, hostile_header(token) + "ordinary\r\n");
}

void SmugglingTest::expect_mail(const std::string& token, const std::string& data) {
  sent_.push_back({token + "@client.test", {token + "@example.test"}, with_lf_ends(data)});
  expect_addresses(token);
}

void SmugglingTest::expect_addresses(const std::string& token) {
  addresses_.push_back(token + "@client.test");
  addresses_.push_back(token + "@example.test");
}

}  // namespace support
