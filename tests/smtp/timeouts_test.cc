// Every time-out of RFC 5321 4.5.3.2, on both sides, against peers that say an octet a minute.
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/client_session.h"
#include "smtp/server_session.h"

namespace smtp {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr int kMostEvents = 10000;

// --- the smarthost drips ---

struct Wait {
  std::string name;
  std::string in_words;  // in the reason
  base::Duration most;
  std::string drip;  // a reply that never ends, said octet by octet
  // From a session that is ready (or new, for the greeting) to where the reply is awaited.
  std::function<void(ClientSession&, base::Instant)> lead_to;
};

class DrippingSmarthost : public testing::TestWithParam<Wait> {
 protected:
  static void settle(ClientSession& session) {
    for (int i = 0; i < kMostEvents; ++i) {
      const ClientEvent event = session.next_event();
      if (std::holds_alternative<NeedMore>(event)) return;
    }
    ADD_FAILURE() << "events without end";
  }

 public:
  static void say(ClientSession& session, std::string_view bytes, base::Instant now) {
    session.receive(bytes, now);
    settle(session);
  }
  static void make_ready(ClientSession& session, base::Instant now) {
    say(session, "220 u.test\r\n", now);
    say(session, "250-u.test\r\n250-CHUNKING\r\n250 PIPELINING\r\n", now);
    ASSERT_TRUE(session.is_ready());
  }
  static void send_envelope(ClientSession& session, base::Instant now) {
    session.send(Sent::mail, "MAIL FROM:<a@b>", now);
    session.send(Sent::rcpt, "RCPT TO:<c@d>", now);
    say(session, "250 a\r\n250 b\r\n", now);
  }
};

TEST_P(DrippingSmarthost, IsWaitedForAsLongAsASilentOne) {
  const Wait& wait = GetParam();
  base::Instant now{1h};
  ClientOptions options;
  options.ehlo_name = "seal.test";
  options.starttls = StartTls::never;
  ClientSession session(std::move(options), now);
  wait.lead_to(session, now);
  ASSERT_EQ(session.deadline(), now + wait.most);
  const base::Instant due = now + wait.most;
  const base::Duration pace = wait.most / 20;  // the reply's end never comes
  for (std::size_t i = 0; now + pace < due; ++i) {
    now += pace;
    session.receive(std::string_view(&wait.drip[i % wait.drip.size()], 1), now);
    EXPECT_TRUE(std::holds_alternative<NeedMore>(session.next_event()));
    ASSERT_EQ(session.deadline(), due) << "after " << i << " octets";
    session.on_time(now);
    ASSERT_TRUE(std::holds_alternative<NeedMore>(session.next_event()));
  }
  session.on_time(due);
  const ClientEvent event = session.next_event();
  const auto* failed = std::get_if<from_smarthost::Failed>(&event);
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error.fault, base::Fault::connection);
  EXPECT_THAT(failed->error.detail, HasSubstr(wait.in_words));
  EXPECT_FALSE(session.reuse().is_clean);
}

std::vector<Wait> waits() {
  using Test = DrippingSmarthost;
  return {
      {"Greeting", "greeting", 5min, "220-x\r\n", [](ClientSession&, base::Instant) {}},
      {"Ehlo", "EHLO", 5min, "250-x\r\n",
       [](ClientSession& session, base::Instant now) { Test::say(session, "220 u\r\n", now); }},
      {"Rset", "RSET", kResetProbeTimeout, "250-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         session.send(Sent::rset, "RSET", now);
       }},
      {"Mail", "MAIL", 5min, "250-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         session.send(Sent::mail, "MAIL FROM:<a@b>", now);
       }},
      {"Rcpt", "RCPT", 5min, "250-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         session.send(Sent::mail, "MAIL FROM:<a@b>", now);
         session.send(Sent::rcpt, "RCPT TO:<c@d>", now);
         Test::say(session, "250 a\r\n", now);
       }},
      {"DataInitiation", "DATA", 2min, "354-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         Test::send_envelope(session, now);
         session.send(Sent::data, "DATA", now);
       }},
      {"DataTermination", "end of data", 10min, "250-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         Test::send_envelope(session, now);
         session.send(Sent::data, "DATA", now);
         Test::say(session, "354 go\r\n", now);
         session.send_data("x\r\n", now);
         session.end_data(now);
       }},
      {"LastChunk", "end of data", 10min, "250-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         Test::send_envelope(session, now);
         session.begin_chunks();
         session.send_data("x\r\n", now);
         session.end_data(now);
       }},
      {"Auth", "AUTH", 5min, "334-x\r\n",
       [](ClientSession& session, base::Instant now) {
         Test::make_ready(session, now);
         session.send(Sent::auth, "AUTH LOGIN", now);
       }},
  };
}

INSTANTIATE_TEST_SUITE_P(Timeouts, DrippingSmarthost, testing::ValuesIn(waits()),
                         [](const auto& wait) { return wait.param.name; });

// A reply of as many lines, or as long lines, as a smarthost likes is one reply, and bounded.
TEST(GarrulousSmarthost, IsHeardUpToALimit) {
  for (const std::string& piece :
       {std::string("250-x\r\n"), "250-" + std::string(2000, 'x') + "\r\n", std::string(70000, 'x'),
        std::string("250-\r\n")}) {
    const base::Instant now{1h};
    ClientOptions options;
    options.starttls = StartTls::never;
    ClientSession session(std::move(options), now);
    DrippingSmarthost::make_ready(session, now);
    session.send(Sent::mail, "MAIL FROM:<a@b>", now);
    std::size_t heard = 0;
    bool has_failed = false;
    while (heard < 10 * kMaxReplySize && !has_failed) {
      session.receive(piece, now);
      heard += piece.size();
      has_failed = std::holds_alternative<from_smarthost::Failed>(session.next_event());
    }
    EXPECT_TRUE(has_failed) << piece.substr(0, 10);
    EXPECT_LE(heard, kMaxReplySize + piece.size());
  }
}

// --- the client drips ---

class DrippingClient : public testing::Test {
 protected:
  DrippingClient() : session_(options(), now_) {
    Extensions offered;
    offered.pipelining = true;
    offered.auth_mechanisms = {"LOGIN"};
    session_.greet(offered, now_);
    offered_ = offered;
  }

  static ServerOptions options() {
    ServerOptions options;
    options.hostname = "seal.test";
    return options;
  }

  // Says it and answers whatever that asks for.
  void say(std::string_view bytes) {
    session_.receive(bytes, now_);
    for (int i = 0; i < kMostEvents; ++i) {
      const ServerEvent event = session_.next_event();
      if (std::holds_alternative<NeedMore>(event)) return;
      if (std::holds_alternative<from_client::Hello>(event)) {
        session_.answer_hello(offered_, now_);
      } else if (std::holds_alternative<from_client::Auth>(event)) {
        session_.reply(Reply::make(334, "", "VXNlcm5hbWU6"), now_);
      } else if (std::holds_alternative<from_client::Data>(event)) {
        session_.reply(Reply::make(354, "", "go"), now_);
      } else if (session_.is_reply_owed()) {
        session_.reply(Reply::make(250, "", "x"), now_);
      }
    }
  }

  // How long it is borne that an octet comes every `pace` from here on.
  base::Duration time_borne(base::Duration pace, std::string_view octets) {
    const base::Instant began = now_;
    for (std::size_t i = 0; !session_.is_finished() && now_ - began < 24h; ++i) {
      now_ += pace;
      session_.on_time(now_);
      if (!session_.is_finished()) say(octets.substr(i % octets.size(), 1));
    }
    return now_ - began;
  }

  base::Instant now_{1h};
  ServerSession session_;
  Extensions offered_;
};

TEST_F(DrippingClient, HasFiveMinutesForItsFirstCommand) {
  EXPECT_EQ(time_borne(30s, "x"), kCommandIdleTimeout);
}

TEST_F(DrippingClient, HasFiveMinutesForTheNextCommand) {
  say("EHLO c\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_EQ(time_borne(30s, "x"), kCommandIdleTimeout);
}

TEST_F(DrippingClient, HasFiveMinutesForALineOfItsLogin) {
  say("EHLO c\r\nAUTH LOGIN\r\n");
  EXPECT_EQ(time_borne(30s, "x"), kCommandIdleTimeout);
}

TEST_F(DrippingClient, HasFiveMinutesForALineThatIsTooLong) {
  say(std::string(100000, 'x'));
  EXPECT_EQ(time_borne(30s, "x"), kCommandIdleTimeout);
}

TEST_F(DrippingClient, IsGivenNoTimeByMailDataThatTrickles) {
  say("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
  ASSERT_TRUE(session_.is_receiving_data());
  EXPECT_LE(time_borne(60s, "x\r\n"), kDataIdleTimeout + 60s);
}

TEST_F(DrippingClient, HasTenSecondsInACrowd) {
  session_.set_command_timeout(kCrowdedIdleTimeout);
  EXPECT_EQ(time_borne(1s, "x"), kCrowdedIdleTimeout);
}

TEST_F(DrippingClient, OfNoopsIsSentAwayWhenItHasSaidEnoughOfThem) {
  for (unsigned i = 0; i < kMaxJunkCommands + kMaxErrors && !session_.is_finished(); ++i) {
    now_ += 4min;
    session_.on_time(now_);
    say("NOOP\r\n");
  }
  say("NOOP\r\n");
  EXPECT_TRUE(session_.is_finished());
}

}  // namespace
}  // namespace smtp
