// app/client_link with delivery = fallback and queue: a client, a smarthost and a spool's desk.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/client_link.h"
#include "app/fake_desk.h"
#include "app/wire.h"
#include "net/listener.h"
#include "support/scripted_smarthost.h"

namespace app {
namespace {

using support::Point;
using support::Then;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::string_view kEnvelope = "MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\nDATA\r\n";
constexpr std::string_view kMail = "Subject: x\r\n\r\n..dots\r\nend\r\n.\r\n";
constexpr std::string_view kUnstuffed = "Subject: x\r\n\r\n.dots\r\nend\r\n";

// "event key=value ..."
class Lines final : public base::LogSink {
 public:
  [[nodiscard]] bool is_enabled(base::LogLevel) const override { return true; }
  void write(base::LogLevel, std::string_view, std::string_view event,
             base::LogFields fields) override {
    std::string line(event);
    for (const base::LogField& field : fields) {
      line.append(" ").append(field.key).append("=").append(field.value);
    }
    all.push_back(std::move(line));
  }

  std::vector<std::string> all;
};

class ClientSpoolTest : public testing::Test, net::ListenerEvents, net::TimerEvents {
 protected:
  void SetUp() override {
    loop_ = std::move(net::Loop::make()).value();
    turn_.set_reap([this] {
      for (const auto& pool : pools_) pool->reap();
    });
    loop_->on_turn_end([this] { turn_.end(); });
    desk_ = std::make_unique<FakeDesk>(*loop_);
    support::Behavior behavior;
    behavior.is_tls_wanted = false;
    smarthost_ = std::make_unique<support::ScriptedSmarthost>(std::move(behavior));
    context_.loop = loop_.get();
    context_.turn = &turn_;
    context_.log = &log_;
    context_.hostname = "seal.test";
    context_.spool = desk_.get();
    context_.listener.auth = config::ClientAuth::off;
    listener_ = std::move(net::Listener::open(
                              *loop_, net::parse_socket_address("127.0.0.1:0").value(), *this))
                    .value();
  }

  void TearDown() override {
    wire_.reset();
    if (link_) link_->stop();
    turn_.end();
    link_.reset();
    turn_.end();
    listener_.reset();
    pools_.clear();
    desk_.reset();
    loop_->on_turn_end(nullptr);
    smarthost_->stop();
  }

  SmarthostPool& add_smarthost(std::string name, std::uint16_t port,
                               std::vector<std::string> sender_match = {}) {
    auto smarthost = std::make_unique<SmarthostContext>();
    smarthost->loop = loop_.get();
    smarthost->turn = &turn_;
    smarthost->log = &log_;
    smarthost->hostname = "seal.test";
    smarthost->smarthost.name = std::move(name);
    smarthost->smarthost.hosts = {"127.0.0.1"};
    smarthost->smarthost.port = port;
    smarthost->smarthost.tls.level = tls::Level::none;
    smarthost->smarthost.sender_match = std::move(sender_match);
    pools_.push_back(std::make_unique<SmarthostPool>(std::move(smarthost)));
    return *pools_.back();
  }

  // A client that has said EHLO; what it was offered.
  std::string open(relay::Delivery delivery) {
    context_.listener.delivery = delivery;
    if (pools_.empty()) add_smarthost("campus", smarthost_->port());
    context_.pool = pools_.front().get();
    wire_.emplace(*loop_);
    wire_->connect("127.0.0.1", listener_->address().port, 10s);
    EXPECT_TRUE(wire_->await_open());
    EXPECT_THAT(hear(1), StartsWith("220 "));
    return ask("EHLO c.test\r\n");
  }

  std::string ask(std::string_view bytes, int replies = 1) {
    wire_->write(bytes);
    return hear(replies);
  }

  std::string hear(int replies) {
    std::string heard;
    const base::Instant end = loop_->now() + 20s;
    while (count(heard) < replies) {
      if (wire_->await_input(end) != Wire::Heard::bytes) {
        ADD_FAILURE() << "only this was heard: " << heard;
        break;
      }
      heard += wire_->take_input();
    }
    return heard;
  }

  static int count(const std::string& text) {
    int replies = 0;
    for (std::size_t at = 0; at < text.size(); ++replies) {
      std::size_t end = text.find("\r\n", at);
      while (end != std::string::npos && text[at + 3] == '-') {
        at = end + 2;
        end = text.find("\r\n", at);
      }
      if (end == std::string::npos) return replies;
      at = end + 2;
    }
    return replies;
  }

  void run(const std::function<bool()>& is_done) {
    net::Timer tick(*loop_, static_cast<net::TimerEvents&>(*this));
    const base::Instant end = loop_->now() + 20s;
    while (!is_done()) {
      ASSERT_LT(loop_->now(), end) << "nothing happened in twenty seconds";
      tick.arm(loop_->now() + 5ms);
      loop_->run_once();
    }
  }

  std::string send_mail() {
    EXPECT_THAT(ask(kEnvelope, 3), HasSubstr("\r\n354 "));
    return ask(kMail);
  }

  Turn turn_;
  Lines log_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<FakeDesk> desk_;
  std::unique_ptr<support::ScriptedSmarthost> smarthost_;
  std::vector<std::unique_ptr<SmarthostPool>> pools_;
  ListenerContext context_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<ClientLink> link_;
  std::optional<Wire> wire_;

 private:
  void on_accept(net::TcpStream stream) override {
    const ClientOrigin origin = origin_of(stream);
    link_ = std::make_unique<ClientLink>(context_, std::move(stream), origin, 1);
    link_->start();
  }
  void on_accept_error(const base::Error& error) override { ADD_FAILURE() << error.detail; }
  void on_timer() override {}
};

// --- queue ---

TEST_F(ClientSpoolTest, QueueTakesMailWithoutTheSmarthost) {
  smarthost_->go_down();
  const std::string offered = open(relay::Delivery::queue);
  for (const char* keyword :
       {"PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"}) {
    EXPECT_THAT(offered, HasSubstr(keyword));
  }
  for (const char* keyword : {"BINARYMIME", "SMTPUTF8", "DSN", "AUTH"}) {
    EXPECT_THAT(offered, Not(HasSubstr(keyword)));
  }
  EXPECT_EQ(ask("MAIL FROM:<s@c.test>\r\n"), "250 2.1.0 sender OK\r\n");
  EXPECT_EQ(ask("RCPT TO:<r@u.test>\r\n"), "250 2.1.5 recipient OK\r\n");
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("354 "));
  EXPECT_EQ(ask(kMail), "250 2.0.0 Queued as 0000000000000001\r\n");
  ASSERT_EQ(desk_->mails.size(), 1U);
  const FakeDesk::Mail& mail = desk_->mails.front();
  EXPECT_THAT(mail.data, StartsWith("Received: from c.test"));
  EXPECT_THAT(mail.data, ::testing::EndsWith("\r\n" + std::string(kUnstuffed)));
  EXPECT_EQ(mail.envelope.smarthost, "campus");
  EXPECT_EQ(mail.envelope.mail.reverse_path, "<s@c.test>");
  ASSERT_EQ(mail.envelope.recipients.size(), 1U);
  EXPECT_EQ(mail.envelope.recipients.front().command.forward_path, "<r@u.test>");
  EXPECT_THAT(mail.envelope.client, StartsWith("127.0.0.1:"));
  EXPECT_FALSE(mail.envelope.is_in_doubt);
  EXPECT_THAT(log_.all,
              Contains(StartsWith("spooled mail=0000000000000001 from=<s@c.test> recipients=1")));
  EXPECT_EQ(smarthost_->connections(), 0U);
}

TEST_F(ClientSpoolTest, QueueRefusesMailThatTheSpoolHasNoRoomFor) {
  open(relay::Delivery::queue);
  desk_->full = base::Error{base::Fault::busy, "the spool is full"};
  EXPECT_EQ(ask("MAIL FROM:<s@c.test> SIZE=1234\r\n"), "452 4.3.1 the spool is full\r\n");
  EXPECT_EQ(desk_->asked_size, 1234U);
  desk_->full.reset();
  EXPECT_THAT(send_mail(), StartsWith("250 2.0.0 Queued as "));
}

TEST_F(ClientSpoolTest, QueueSaysWhatFailedInTheSpool) {
  open(relay::Delivery::queue);
  desk_->failure = base::Error{base::Fault::storage, "/spool: Input/output error"};
  EXPECT_EQ(send_mail(), "451 4.3.0 /spool: Input/output error\r\n");
  desk_->failure = base::Error{base::Fault::busy, "/spool: No space left on device"};
  EXPECT_EQ(send_mail(), "452 4.3.1 /spool: No space left on device\r\n");
  EXPECT_THAT(log_.all, Contains(StartsWith("spool-fail fault=storage")));
  EXPECT_THAT(desk_->mails, IsEmpty());
}

TEST_F(ClientSpoolTest, QueueRewritesSendersBeforeItKeepsThem) {
  context_.listener.sender.address = "app@example.edu";
  context_.listener.sender.header_from = smtp::SenderMode::force;
  open(relay::Delivery::queue);
  ask(kEnvelope, 3);
  EXPECT_THAT(ask("From: <s@c.test>\r\nSubject: x\r\n\r\nx\r\n.\r\n"), StartsWith("250 2.0.0 Q"));
  ASSERT_EQ(desk_->mails.size(), 1U);
  EXPECT_EQ(desk_->mails[0].envelope.mail.reverse_path, "<app@example.edu>");
  EXPECT_THAT(desk_->mails[0].data, HasSubstr("app@example.edu"));
}

TEST_F(ClientSpoolTest, QueueNamesTheSmarthostOfTheSender) {
  add_smarthost("campus", smarthost_->port());
  context_.pools_by_sender = {&add_smarthost("other", smarthost_->port(), {"@c.test"})};
  open(relay::Delivery::queue);
  send_mail();
  ASSERT_EQ(desk_->mails.size(), 1U);
  EXPECT_EQ(desk_->mails[0].envelope.smarthost, "other");
}

TEST_F(ClientSpoolTest, QueueOffersNoMoreThanTheSpoolCanHold) {
  context_.spool_max_size = 1000;
  EXPECT_THAT(open(relay::Delivery::queue), HasSubstr("SIZE 1000\r\n"));
  EXPECT_THAT(ask("MAIL FROM:<s@c.test> SIZE=1001\r\n"), StartsWith("552 5.3.4"));
}

TEST_F(ClientSpoolTest, QueueTakesChunks) {
  open(relay::Delivery::queue);
  ask("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n", 2);
  EXPECT_THAT(ask("BDAT 12\r\nSubject: x\r\n"), StartsWith("250 "));
  EXPECT_THAT(ask("BDAT 5 LAST\r\n\r\nx\r\n"), StartsWith("250 2.0.0 Queued as "));
  EXPECT_THAT(desk_->mails.at(0).data, HasSubstr("Subject: x\r\n\r\nx\r\n"));
}

TEST_F(ClientSpoolTest, SlowDiskHoldsTheClientUp) {
  open(relay::Delivery::queue);
  ask(kEnvelope, 3);
  desk_->hold_up(SmarthostLink::kHighWater + 1);
  const std::string line(998, 'x');
  std::string mail;
  for (int i = 0; i < 4000; ++i) mail.append(line).append("\r\n");
  wire_->write(mail);
  run([&] { return desk_->received() > 0; });
  const base::Instant later = loop_->now() + 200ms;
  run([&] { return loop_->now() > later; });
  EXPECT_LT(desk_->received(), mail.size() / 2);
  desk_->hold_up(0);
  EXPECT_THAT(ask(".\r\n"), StartsWith("250 2.0.0 Queued as "));
  EXPECT_GT(desk_->mails.at(0).data.size(), mail.size());
}

TEST_F(ClientSpoolTest, ClientThatLeavesBeforeTheEndLeavesNothingInTheSpool) {
  open(relay::Delivery::queue);
  ask(kEnvelope, 3);
  wire_->write("Subject: x\r\n");
  run([&] { return desk_->received() > 100; });
  wire_.reset();
  run([&] { return link_->is_finished(); });
  EXPECT_EQ(desk_->dropped.size(), 1U);
  EXPECT_THAT(desk_->mails, IsEmpty());
}

TEST_F(ClientSpoolTest, ClientThatLeavesWhilePublishingIsInTheLog) {
  open(relay::Delivery::queue);
  ask(kEnvelope, 3);
  desk_->hold_publications(true);
  wire_->write(kMail);
  run([&] { return desk_->is_publishing(); });
  wire_->close();
  link_->stop();
  run([&] { return link_->is_finished(); });
  EXPECT_THAT(log_.all, Contains(AllOf(StartsWith("transaction from=<s@c.test>"),
                                       HasSubstr("reply=none"), HasSubstr("in-doubt=yes"),
                                       HasSubstr("while the spool took the mail"))));
  desk_->hold_publications(false);
  run([&] { return desk_->mails.size() == 1; });
}

TEST_F(ClientSpoolTest, DrainWaitsForAPublication) {
  open(relay::Delivery::queue);
  ask(kEnvelope, 3);
  desk_->hold_publications(true);
  wire_->write(kMail);
  run([&] { return desk_->is_publishing(); });
  link_->drain();
  const base::Instant later = loop_->now() + 50ms;
  run([&] { return loop_->now() > later; });
  EXPECT_FALSE(link_->is_finished());
  desk_->hold_publications(false);
  EXPECT_THAT(hear(2), AllOf(StartsWith("250 2.0.0 Queued as "), HasSubstr("\r\n421 4.3.2")));
}

// --- fallback ---

TEST_F(ClientSpoolTest, FallbackCopyIsWhatTheSmarthostGets) {
  context_.listener.sender.address = "app@example.edu";
  context_.listener.sender.header_from = smtp::SenderMode::force;
  open(relay::Delivery::fallback);
  ask(kEnvelope, 3);
  EXPECT_THAT(ask("From: <s@c.test>\r\n\r\n..x\r\n.\r\n"), StartsWith("250 "));
  const auto mails = smarthost_->wait_for_mails(1);
  ASSERT_EQ(desk_->dropped.size(), 1U);
  EXPECT_EQ(desk_->dropped[0], mails[0].data);
  EXPECT_THAT(desk_->mails, IsEmpty());
  EXPECT_THAT(log_.all, Not(Contains(StartsWith("spooled"))));
}

TEST_F(ClientSpoolTest, FallbackOffersWhatAReachedSmarthostHas) {
  support::Behavior behavior = smarthost_->behavior();
  behavior.is_tls_wanted = false;
  behavior.clear_keywords = {"PIPELINING", "SIZE 5000",  "8BITMIME",
                             "CHUNKING",   "BINARYMIME", "SMTPUTF8"};
  smarthost_->set_behavior(std::move(behavior));
  open(relay::Delivery::fallback);
  send_mail();
  wire_->write("QUIT\r\n");
  run([&] { return link_->is_finished(); });
  turn_.end();
  const std::string offered = open(relay::Delivery::fallback);
  EXPECT_THAT(offered, AllOf(HasSubstr("SIZE 5000"), HasSubstr("SMTPUTF8"), HasSubstr("CHUNKING"),
                             Not(HasSubstr("BINARYMIME"))));
}

TEST_F(ClientSpoolTest, FallbackTakesOverFromASmarthostThatIsDown) {
  smarthost_->go_down();
  open(relay::Delivery::fallback);
  EXPECT_THAT(send_mail(), StartsWith("250 2.0.0 Queued as "));
  EXPECT_THAT(desk_->mails.at(0).data, ::testing::EndsWith("\r\n" + std::string(kUnstuffed)));
  EXPECT_THAT(log_.all, Contains(AllOf(StartsWith("spooled"), HasSubstr("in-doubt=no"),
                                       HasSubstr("why="), Not(HasSubstr("why=-")))));
}

TEST_F(ClientSpoolTest, FallbackGreetsWhileTheSmarthostSaysNothing) {
  smarthost_->script_always([](support::SmarthostConnection& wire) { wire.read_until_closed(); });
  EXPECT_THAT(open(relay::Delivery::fallback), HasSubstr("CHUNKING"));
}

TEST_F(ClientSpoolTest, FallbackTellsADoubt) {
  smarthost_->on(Point::end_of_data, support::always("", Then::close));
  open(relay::Delivery::fallback);
  EXPECT_THAT(send_mail(), StartsWith("250 2.0.0 Queued as "));
  EXPECT_TRUE(desk_->mails.at(0).envelope.is_in_doubt);
  EXPECT_THAT(log_.all, Contains(AllOf(StartsWith("spooled"), HasSubstr("in-doubt=yes"))));
  EXPECT_THAT(log_.all, Contains(AllOf(StartsWith("transaction"), HasSubstr("in-doubt=yes"))));
}

TEST_F(ClientSpoolTest, FallbackGoesOnFromTheMiddleOfAMail) {
  smarthost_->on(Point::body, support::always("", Then::reset));
  open(relay::Delivery::fallback);
  ask(kEnvelope, 3);
  wire_->write(kMail.substr(0, 14));
  run([&] {
    return std::any_of(log_.all.begin(), log_.all.end(),
                       [](const std::string& line) { return line.starts_with("smarthost-fail"); });
  });
  EXPECT_THAT(ask(kMail.substr(14)), StartsWith("250 2.0.0 Queued as "));
  EXPECT_THAT(desk_->mails.at(0).data, ::testing::EndsWith("\r\n" + std::string(kUnstuffed)));
  EXPECT_FALSE(desk_->mails.at(0).envelope.is_in_doubt);
}

TEST_F(ClientSpoolTest, FallbackIsRelayWhereTheSpoolIsFull) {
  smarthost_->go_down();
  desk_->full = base::Error{base::Fault::busy, "the spool is full"};
  open(relay::Delivery::fallback);
  EXPECT_THAT(ask("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n", 2),
              HasSubstr("\r\n452 4.3.1 the spool is full\r\n"));
  smarthost_->come_up();
  EXPECT_THAT(ask("RSET\r\n"), StartsWith("250 "));
  EXPECT_THAT(send_mail(), Not(HasSubstr("Queued as")));
  EXPECT_EQ(smarthost_->wait_for_mails(1).size(), 1U);
}

TEST_F(ClientSpoolTest, FallbackWithoutASpoolIsRelay) {
  smarthost_->go_down();
  context_.spool = nullptr;
  open(relay::Delivery::fallback);
  EXPECT_THAT(ask("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n", 2),
              HasSubstr("\r\n451 4.3.0 the spool is not open\r\n"));
}

TEST_F(ClientSpoolTest, RelayKeepsNothing) {
  open(relay::Delivery::relay);
  send_mail();
  EXPECT_EQ(desk_->begun, 0);
}

}  // namespace
}  // namespace app
