// Whole conversations from tests/transcripts, each with one side of the language: replayed in whole
// blocks, one octet at a time and in odd pieces, with the same outcome.
//
// server/*.smtp: we are the server.
//   C  fed: bytes of the client            S  looked at: bytes to the client
//   E  listed: events                      R  done: the reply to what is owed ("250 text")
//   !  done: eof | refuse CODE TEXT | wait DURATION_IN_SECONDS | greet | tls
//   @ syntax, line_endings = strict; auth = PLAIN LOGIN; size = N; greet = no (then `! greet`);
//     starttls = may or encrypt; auth_requires_tls = yes
//
// client/*.smtp: we are the client.
//   S  fed: bytes of the smarthost         C  looked at: bytes to the smarthost
//   E  listed: events
//   !  done: send VERB LINE | data TEXT | end | tls | eof | wait SECONDS | reuse
//   @ starttls = never, if_offered or required (the default)
#include "support/transcript.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "smtp/client_session.h"
#include "smtp/server_session.h"
#include "support/describe_session.h"

namespace smtp {
namespace {

using support::Stage;
using support::Transcript;

constexpr int kMostEvents = 100000;

// "250-first|250 second" or "250 text" as a Reply.
Reply parse_reply(const std::string& text) {
  ReplyParser parser;
  std::string bytes;
  for (const char c : text) {
    bytes.append(c == '|' ? std::string("\r\n") : std::string(1, c));
  }
  parser.receive(bytes + "\r\n");
  auto next = parser.next();
  return std::holds_alternative<Reply>(next) ? std::get<Reply>(next) : Reply{};
}

std::string first_word(std::string& text) {
  const std::size_t space = text.find(' ');
  std::string word = text.substr(0, space);
  text.erase(0, space == std::string::npos ? space : space + 1);
  return word;
}

// Mail data comes in as many events as it likes.
void add_event(std::vector<std::string>& events, std::string event) {
  constexpr std::string_view kData = "mail-data ";
  const bool is_more =
      !events.empty() && event.starts_with(kData) && events.back().starts_with(kData);
  if (is_more) {
    events.back().append(event.substr(kData.size()));
  } else {
    events.push_back(std::move(event));
  }
}

class ServerStage final : public Stage {
 public:
  explicit ServerStage(const Transcript& transcript)
      : transcript_(transcript), session_(options(transcript), now_) {
    if (transcript.setting("greet", "yes") == "yes") session_.greet(offered(), now_);
  }

  [[nodiscard]] Use use_of(const std::string& channel) const override {
    static const std::map<std::string, Use> kUses = {
        {"C", Use::feed}, {"S", Use::look}, {"E", Use::list}, {"R", Use::act}, {"!", Use::act}};
    const auto found = kUses.find(channel);
    return found == kUses.end() ? Use::unknown : found->second;
  }
  [[nodiscard]] std::vector<std::string> outputs() const override { return {"S", "E"}; }

  void feed(const std::string&, std::string_view bytes) override {
    session_.receive(bytes, now_);
    drain();
  }

  std::string act(const std::string& channel, const std::string& text) override {
    std::string rest = text;
    if (channel == "R") {
      if (!session_.is_reply_owed()) return "no reply is owed";
      session_.reply(parse_reply(text), now_);
      drain();
      return {};
    }
    const std::string verb = first_word(rest);
    if (verb == "eof") {
      session_.receive_eof();
    } else if (verb == "refuse") {
      session_.refuse(parse_reply(rest));
    } else if (verb == "greet") {
      session_.greet(offered(), now_);
    } else if (verb == "tls") {
      is_tls_up_ = true;
      session_.tls_established(offered(), now_);
    } else if (verb == "wait") {
      now_ += std::chrono::seconds(std::atoi(rest.c_str()));
      session_.on_time(now_);
    } else {
      return "cannot do: " + text;
    }
    drain();
    return {};
  }

  std::vector<std::string> take(const std::string& channel) override {
    if (channel == "E") return std::exchange(events_, {});
    const std::string output(session_.output());
    session_.consume_output(output.size());
    return output.empty() ? std::vector<std::string>{} : std::vector<std::string>{output};
  }

 private:
  [[nodiscard]] Extensions offered() const {
    Extensions smarthost;
    smarthost.eight_bit_mime = smarthost.smtputf8 = smarthost.dsn = true;
    smarthost.chunking = transcript_.setting("chunking", "no") == "yes";
    OfferPolicy policy;
    policy.max_message_size =
        static_cast<std::uint64_t>(std::atoll(transcript_.setting("size", "0").c_str()));
    std::string mechanisms = transcript_.setting("auth", "");
    while (!mechanisms.empty()) smarthost.auth_mechanisms.push_back(first_word(mechanisms));
    const bool is_kept = transcript_.setting("auth_requires_tls", "no") == "yes" && !is_tls_up_;
    policy.is_auth_offered = !smarthost.auth_mechanisms.empty() && !is_kept;
    const std::string starttls = transcript_.setting("starttls", "no");
    policy.is_starttls_offered = starttls != "no" && !is_tls_up_;
    policy.is_tls_missing = starttls == "encrypt" && !is_tls_up_;
    return offer_to_client(smarthost, policy);
  }

  static ServerOptions options(const Transcript& transcript) {
    ServerOptions options;
    options.hostname = "seal.test";
    if (transcript.setting("syntax", "") == "strict") options.syntax = Syntax::strict;
    if (transcript.setting("line_endings", "") == "strict") {
      options.line_endings = LineEndings::strict;
    }
    options.is_tls_required = transcript.setting("starttls", "no") == "encrypt";
    options.auth_requires_tls = transcript.setting("auth_requires_tls", "no") == "yes";
    return options;
  }

  void drain() {
    for (int i = 0; i < kMostEvents; ++i) {
      const ServerEvent event = session_.next_event();
      if (std::holds_alternative<NeedMore>(event)) return;
      add_event(events_, describe(event));
      if (std::holds_alternative<from_client::Hello>(event)) {
        session_.answer_hello(offered(), now_);
      }
    }
    ADD_FAILURE() << "events without end";
  }

  base::Instant now_{std::chrono::hours(1)};
  const Transcript& transcript_;
  bool is_tls_up_ = false;
  ServerSession session_;
  std::vector<std::string> events_;
};

class ClientStage final : public Stage {
 public:
  explicit ClientStage(const Transcript& transcript) : session_(options(transcript), now_) {}

  [[nodiscard]] Use use_of(const std::string& channel) const override {
    static const std::map<std::string, Use> kUses = {
        {"S", Use::feed}, {"C", Use::look}, {"E", Use::list}, {"!", Use::act}};
    const auto found = kUses.find(channel);
    return found == kUses.end() ? Use::unknown : found->second;
  }
  [[nodiscard]] std::vector<std::string> outputs() const override { return {"C", "E"}; }

  void feed(const std::string&, std::string_view bytes) override {
    session_.receive(bytes, now_);
    drain();
  }

  std::string act(const std::string&, const std::string& text) override {
    std::string rest = text;
    const std::string verb = first_word(rest);
    if (verb == "send") {
      const auto what = sent(first_word(rest));
      if (!what) return "cannot send: " + text;
      session_.send(*what, rest, now_);
    } else if (verb == "data") {
      session_.send_data(rest, now_);
    } else if (verb == "chunks") {
      session_.begin_chunks();
    } else if (verb == "abandon") {
      session_.abandon_data();
    } else if (verb == "end") {
      session_.end_data(now_);
    } else if (verb == "tls") {
      session_.tls_established(now_);
    } else if (verb == "eof") {
      session_.receive_eof();
    } else if (verb == "wait") {
      now_ += std::chrono::seconds(std::atoi(rest.c_str()));
      session_.on_time(now_);
    } else if (verb == "reuse") {
      const Reuse reuse = session_.reuse();
      std::string verdict = reuse.is_clean ? "clean" : "not clean: " + std::string(reuse.why_not);
      if (session_.is_in_transaction()) verdict.append(", in a transaction");
      events_.push_back(std::move(verdict));
    } else {
      return "cannot do: " + text;
    }
    drain();
    return {};
  }

  std::vector<std::string> take(const std::string& channel) override {
    if (channel == "E") return std::exchange(events_, {});
    const std::string output(session_.output());
    session_.consume_output(output.size());
    return output.empty() ? std::vector<std::string>{} : std::vector<std::string>{output};
  }

 private:
  static ClientOptions options(const Transcript& transcript) {
    ClientOptions options;
    options.ehlo_name = "seal.test";
    const std::string starttls = transcript.setting("starttls", "required");
    if (starttls == "never") options.starttls = StartTls::never;
    if (starttls == "if_offered") options.starttls = StartTls::if_offered;
    return options;
  }

  static std::optional<Sent> sent(const std::string& verb) {
    for (const Sent sent :
         {Sent::rset, Sent::mail, Sent::rcpt, Sent::data, Sent::auth, Sent::quit}) {
      if (verb == to_string(sent)) return sent;
    }
    return std::nullopt;
  }

  void drain() {
    for (int i = 0; i < kMostEvents; ++i) {
      const ClientEvent event = session_.next_event();
      if (std::holds_alternative<NeedMore>(event)) return;
      events_.push_back(describe(event));
    }
    ADD_FAILURE() << "events without end";
  }

  base::Instant now_{std::chrono::hours(1)};
  ClientSession session_;
  std::vector<std::string> events_;
};

class TranscriptTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(TranscriptTest, IsTheSameHoweverItIsCut) {
  const Transcript transcript = support::load_transcript(GetParam());
  const bool is_server = GetParam().parent_path().filename() == "server";
  for (const std::size_t step : {0, 1, 2, 7, 64}) {
    std::vector<std::string> failures;
    if (is_server) {
      ServerStage stage(transcript);
      failures = support::replay(transcript, stage, step);
    } else {
      ClientStage stage(transcript);
      failures = support::replay(transcript, stage, step);
    }
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

std::filesystem::path folder(const char* name) {
  return std::filesystem::path(SMTPSEAL_TRANSCRIPTS) / name;
}

INSTANTIATE_TEST_SUITE_P(Server, TranscriptTest,
                         ::testing::ValuesIn(support::transcripts_in(folder("server"))), name_of);
INSTANTIATE_TEST_SUITE_P(Client, TranscriptTest,
                         ::testing::ValuesIn(support::transcripts_in(folder("client"))), name_of);

// --- the player itself: a transcript that does not fit must not pass ---

std::vector<std::string> play(std::string_view text) {
  const Transcript transcript = support::parse_transcript("t", text);
  ServerStage stage(transcript);
  return support::replay(transcript, stage, 0);
}

TEST(TranscriptPlayer, FindsWhatDoesNotFit) {
  EXPECT_TRUE(play("S: 220 seal.test ESMTP\nC: NOOP\nS: 250 2.0.0 OK\n").empty());
  EXPECT_FALSE(play("C: NOOP\nS: 250 2.0.0 OK\n").empty()) << "the greeting was not expected";
  EXPECT_FALSE(play("S: 220 seal.test ESMTP\nC: NOOP\n").empty()) << "the answer was not expected";
  EXPECT_FALSE(play("S: 220 seal.test ESMTP\nC: NOOP\nS: 500\n").empty());
  EXPECT_FALSE(play("S: 220 seal.test ESMTP\nE: quit\n").empty());
  EXPECT_FALSE(play("S: 220 seal.test ESMTP\nR: 250 ok\n").empty()) << "no reply is owed";
}

TEST(TranscriptPlayer, FindsFaultsOfTheFile) {
  for (const std::string_view text :
       {"", "# nothing\n", "no channel\n", "S: \\q\n", "S: \\x4\n", "S: {x\n", "S: {3*\n",
        "@ novalue\n", "X: 1\n", "! : nonsense\n", "!: nonsense\n", "S: \\", "S: \\xzz\n"}) {
    EXPECT_FALSE(play(text).empty()) << text;
  }
}

TEST(TranscriptPlayer, ResolvesEscapes) {
  const Transcript transcript =
      support::parse_transcript("t", "C~ a\\r\\n\\t\\\\\\x00\\xFf\\{{3*x}{10*\xc3}\n");
  ASSERT_TRUE(transcript.faults.empty());
  EXPECT_EQ(transcript.lines.at(0).text,
            std::string("a\r\n\t\\\0\xff{xxx", 11) + std::string(10, '\xc3'));
  EXPECT_EQ(support::escaped(transcript.lines[0].text.substr(0, 11)),
            "a\\r\\n\\t\\\\\\x00\\xff{xxx");
}

}  // namespace
}  // namespace smtp
