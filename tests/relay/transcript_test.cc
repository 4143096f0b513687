// Whole conversations from tests/transcripts/relay: a client, smtpseal and a smarthost, replayed in
// whole blocks, one octet at a time and in odd pieces, with the same outcome.
//
//   C  fed: bytes of the client            S  looked at: bytes to the client
//   <  fed: bytes of the smarthost         >  looked at: bytes to the smarthost
//   E  listed: what becomes of connections and transactions
//   !  done: eof | lease warm, fresh or none | lose | wait SECONDS
//   @ early_replies = no; auth = yes; size = N; smarthost = EHLO keywords, separated by commas
//
// A connection is granted by `! lease`, ready for commands; `warm` served somebody before.
#include "support/transcript.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "relay/describe_actions.h"
#include "relay/transaction.h"
#include "smtp/client_session.h"
#include "smtp/server_session.h"

namespace relay {
namespace {

using support::Stage;
using support::Transcript;

constexpr int kMostEvents = 100000;

class RelayStage final : public Stage {
 public:
  explicit RelayStage(const Transcript& transcript)
      : smarthost_(smarthost(transcript)),
        server_({"seal.test"}, now_),
        transaction_(options(transcript)) {
    smtp::OfferPolicy policy;
    policy.max_message_size =
        static_cast<std::uint64_t>(std::atoll(transcript.setting("size", "0").c_str()));
    policy.is_auth_offered = transcript.setting("auth", "no") == "yes";
    offered_ = smtp::offer_to_client(smtp::parse_extensions(smarthost_), policy);
    server_.greet(offered_, now_);
  }

  [[nodiscard]] Use use_of(const std::string& channel) const override {
    static const std::map<std::string, Use> kUses = {{"C", Use::feed}, {"S", Use::look},
                                                     {"<", Use::feed}, {">", Use::look},
                                                     {"E", Use::list}, {"!", Use::act}};
    const auto found = kUses.find(channel);
    return found == kUses.end() ? Use::unknown : found->second;
  }
  [[nodiscard]] std::vector<std::string> outputs() const override { return {"S", ">", "E"}; }

  void feed(const std::string& channel, std::string_view bytes) override {
    if (channel == "C") {
      server_.receive(bytes, now_);
    } else if (connection_) {
      connection_->receive(bytes, now_);
    }
    drain();
  }

  std::string act(const std::string&, const std::string& text) override {
    if (text == "eof") {
      server_.receive_eof();
    } else if (text == "lose") {
      if (!connection_) return "no connection";
      connection_->receive_eof();
    } else if (text.starts_with("lease ")) {
      if (!is_lease_wanted_) return "no lease is asked for";
      is_lease_wanted_ = false;
      grant(text.substr(6));
    } else if (text.starts_with("wait ")) {
      now_ += std::chrono::seconds(std::atoi(text.substr(5).c_str()));
      if (connection_) connection_->on_time(now_);
      server_.on_time(now_);
    } else {
      return "cannot do: " + text;
    }
    drain();
    return {};
  }

  std::vector<std::string> take(const std::string& channel) override {
    if (channel == "E") return std::exchange(events_, {});
    if (channel == ">")
      return said_.empty() ? std::vector<std::string>{} : std::vector{std::exchange(said_, {})};
    const std::string output(server_.output());
    server_.consume_output(output.size());
    return output.empty() ? std::vector<std::string>{} : std::vector<std::string>{output};
  }

 private:
  static TransactionOptions options(const Transcript& transcript) {
    TransactionOptions options;
    options.hostname = "seal.test";
    options.early_replies = transcript.setting("early_replies", "yes") == "yes";
    return options;
  }

  static smtp::Reply smarthost(const Transcript& transcript) {
    smtp::Reply ehlo = smtp::Reply::make(250, "", "u.test");
    std::string keywords =
        transcript.setting("smarthost", "PIPELINING,8BITMIME,SIZE,AUTH PLAIN LOGIN");
    while (!keywords.empty()) {
      const std::size_t comma = std::min(keywords.find(','), keywords.size());
      ehlo.lines.push_back(keywords.substr(0, comma));
      keywords.erase(0, comma + 1);
    }
    return ehlo;
  }

  void grant(const std::string& how) {
    if (how == "none") {
      perform(transaction_.on(LeaseFailed{{base::Fault::unreachable, "no route"}}, now_));
      return;
    }
    smtp::ClientOptions options;
    options.ehlo_name = "seal.test";
    options.starttls = smtp::StartTls::never;
    connection_.emplace(std::move(options), now_);
    connection_->receive("220 u.test\r\n", now_);
    EXPECT_TRUE(std::holds_alternative<smtp::NeedMore>(connection_->next_event()));
    connection_->receive(smtp::format(smarthost_), now_);
    EXPECT_TRUE(std::holds_alternative<smtp::from_smarthost::Ready>(connection_->next_event()));
    connection_->consume_output(connection_->output().size());
    perform(transaction_.on(Leased{connection_->extensions(), how == "warm", how == "warm"}, now_));
  }

  void drain() {
    bool has_happened = true;
    for (int i = 0; i < kMostEvents && has_happened; ++i) {
      has_happened = drain_smarthost();
      const smtp::ServerEvent event = server_.next_event();
      if (std::holds_alternative<smtp::NeedMore>(event)) continue;
      has_happened = true;
      dispatch(event);
    }
    collect();
  }

  void collect() {
    if (!connection_) return;
    const std::string output(connection_->output());
    connection_->consume_output(output.size());
    said_.append(output);
  }

  bool drain_smarthost() {
    if (!connection_) return false;
    const smtp::ClientEvent event = connection_->next_event();
    if (const auto* replied = std::get_if<smtp::from_smarthost::Replied>(&event)) {
      perform(transaction_.on(*replied, now_));
      return true;
    }
    if (const auto* failed = std::get_if<smtp::from_smarthost::Failed>(&event)) {
      events_.push_back("lost: " + failed->error.detail);
      connection_.reset();
      perform(transaction_.on(SmarthostLost{failed->error}, now_));
      return true;
    }
    return false;
  }

  void dispatch(const smtp::ServerEvent& event) {
    std::visit([this](const auto& one) { on(one); }, event);
  }

  template <typename Event>
  void on(const Event& event) {
    perform(transaction_.on(event, now_));
  }
  void on(const smtp::NeedMore&) {}
  void on(const smtp::from_client::Mail& event) { perform(transaction_.on(event, offered_, now_)); }
  void on(const smtp::from_client::Hello&) {
    perform(transaction_.on(smtp::from_client::Reset{}, now_));
    server_.answer_hello(offered_, now_);
  }
  void on(const smtp::from_client::Quit&) { on(smtp::from_client::Gone{"quit"}); }

  void perform(const Actions& actions) {
    for (const Action& action : actions) perform(action);
  }

  void perform(const Action& action) {
    if (const auto* reply = std::get_if<action::Reply>(&action)) {
      server_.reply(reply->reply, now_);
    } else if (const auto* close = std::get_if<action::CloseClient>(&action)) {
      server_.refuse(close->reply);
    } else if (const auto* send = std::get_if<action::Send>(&action)) {
      connection_->send(send->sent, send->line, now_);
    } else if (const auto* begin = std::get_if<action::BeginData>(&action)) {
      if (begin->is_chunked) {
        connection_->begin_chunks();
      } else {
        connection_->send(smtp::Sent::data, "DATA", now_);
      }
      connection_->send_data("Received: trace\r\n", now_);
    } else if (const auto* data = std::get_if<action::SendData>(&action)) {
      connection_->send_data(data->bytes, now_);
    } else if (std::holds_alternative<action::EndData>(action)) {
      connection_->end_data(now_);
    } else {
      events_.push_back(describe(action));
      is_lease_wanted_ = is_lease_wanted_ || std::holds_alternative<action::Lease>(action);
      if (std::holds_alternative<action::CancelLease>(action)) is_lease_wanted_ = false;
      if (std::holds_alternative<action::Return>(action)) {
        collect();
        connection_.reset();
      }
    }
  }

  base::Instant now_{std::chrono::hours(1)};
  smtp::Reply smarthost_;  // its EHLO reply
  smtp::Extensions offered_;
  smtp::ServerSession server_;
  Transaction transaction_;
  std::optional<smtp::ClientSession> connection_;
  bool is_lease_wanted_ = false;
  std::string said_;  // to the smarthost
  std::vector<std::string> events_;
};

class RelayTranscriptTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(RelayTranscriptTest, IsTheSameHoweverItIsCut) {
  const Transcript transcript = support::load_transcript(GetParam());
  for (const std::size_t step : {0, 1, 2, 7, 64}) {
    RelayStage stage(transcript);
    const std::vector<std::string> failures = support::replay(transcript, stage, step);
    for (const std::string& failure : failures) ADD_FAILURE() << failure;
    if (!failures.empty()) return;
  }
}

std::string name_of(const ::testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem().string();
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

const std::filesystem::path kFolder = std::filesystem::path(SMTPSEAL_TRANSCRIPTS) / "relay";

INSTANTIATE_TEST_SUITE_P(Relay, RelayTranscriptTest,
                         ::testing::ValuesIn(support::transcripts_in(kFolder)), name_of);

}  // namespace
}  // namespace relay
