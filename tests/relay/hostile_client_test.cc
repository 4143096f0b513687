// No byte sequence from a client becomes a second mail, another command or another header at the
// smarthost: with DATA and with BDAT, however the bytes are cut. What they mean by the letter of
// the RFCs is the ClientModel's to say.
#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/client_model.h"
#include "relay/pair.h"

namespace relay {
namespace {

using ::testing::IsEmpty;

constexpr std::string_view kTrace = "Received: trace\r\n";
constexpr const char* kData = "250-u.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n";
constexpr const char* kChunks =
    "250-u.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 SIZE\r\n";

// One client, its bytes given to smtpseal and to the model alike.
class Session {
 public:
  explicit Session(bool is_chunking) : model_(is_chunking) {
    PairOptions options;
    options.server.hostname = options.transaction.hostname = "seal.test";
    options.smarthost.ehlo = options.later.ehlo = is_chunking ? kChunks : kData;
    options.is_chunking_offered = is_chunking;
    pair_.emplace(std::move(options));
    heard_.append(pair_->client_hears());
  }

  // In pieces of `size` octets (0: all at once), with time for everything to happen in between.
  void say(std::string_view bytes, std::size_t size = 0) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, size == 0 ? bytes.size() : size);
      bytes.remove_prefix(piece.size());
      said_.append(piece);
      pair_->client_says(piece);
      pair_->settle();
      heard_.append(pair_->client_hears());
      model_.receive(piece);
    }
  }

  // Everything in which smtpseal and the model differ.
  [[nodiscard]] std::vector<std::string> faults() const {
    std::vector<std::string> all = pair_->faults();
    const auto add = [&all](std::string what) { all.push_back(std::move(what)); };
    if (mails() != model_.mails()) {
      add("other mails arrived: " + ::testing::PrintToString(mails().size()) + " for " +
          ::testing::PrintToString(model_.mails().size()));
    }
    if (codes() != model_.codes()) {
      add("other replies were given: " + ::testing::PrintToString(codes()) + " for " +
          ::testing::PrintToString(model_.codes()));
    }
    for (const std::string& command : commands()) {
      if (!is_known(command)) add("a command that nobody gave: " + command);
    }
    if (!all.empty()) add("the client said " + ::testing::PrintToString(said_));
    return all;
  }

  [[nodiscard]] std::vector<ClientModel::Mail> mails() const {
    std::vector<ClientModel::Mail> all;
    for (const FakeSmarthost::Mail& mail : pair_->accepted()) {
      ClientModel::Mail plain{mail.sender, mail.recipients, mail.content};
      if (plain.content.starts_with(kTrace)) plain.content.erase(0, kTrace.size());
      all.push_back(std::move(plain));
    }
    return all;
  }
  [[nodiscard]] const ClientModel& model() const { return model_; }

 private:
  [[nodiscard]] std::vector<int> codes() const {
    std::vector<int> all;
    std::string_view rest = heard_;
    for (std::size_t end = 0; (end = rest.find("\r\n")) != std::string_view::npos;) {
      if (end < 4 || rest[3] != '-')
        all.push_back(std::atoi(std::string(rest.substr(0, 3)).c_str()));
      rest.remove_prefix(end + 2);
    }
    if (!all.empty()) all.erase(all.begin());  // the greeting
    return all;
  }

  [[nodiscard]] std::vector<std::string> commands() const {
    std::vector<std::string> all;
    for (const FakeSmarthost* smarthost : pair_->smarthosts()) {
      all.insert(all.end(), smarthost->commands().begin(), smarthost->commands().end());
    }
    return all;
  }

  [[nodiscard]] bool is_known(const std::string& command) const {
    if (command.starts_with("EHLO seal.test") || command == "RSET" || command == "DATA" ||
        command == "QUIT" || command.starts_with("BDAT ")) {
      return true;
    }
    const auto& lines = model_.envelope_lines();
    return std::find(lines.begin(), lines.end(), command) != lines.end();
  }

  ClientModel model_;
  std::optional<Pair> pair_;
  std::string heard_;
  std::string said_;
};

const std::string kEnvelope = "EHLO c.test\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n";
const std::string kSmuggled =
    "MAIL FROM:<smuggled@evil>\r\nRCPT TO:<victim@u.test>\r\nDATA\r\nSubject: SMUGGLED\r\n\r\n"
    "x\r\n.\r\n";

// Every pair of line ends around a dot (EOD-17), with the smarthost taking DATA and BDAT.
TEST(HostileClient, OnlyCrlfDotCrlfEndsMailData) {
  const std::vector<std::string> ends = {
      "\r", "\n", "\r\n", "\n\r", "\r\r\n", "\r\n\n", "\n\n", std::string(1, '\0'), ""};
  std::size_t ended = 0;
  for (const std::string& before : ends) {
    for (const std::string& after : ends) {
      const std::string body = "Subject: outer\r\n\r\nbody" + before + "." + after + kSmuggled;
      for (const bool is_chunking : {false, true}) {
        for (const std::size_t size : {0U, 1U, 3U}) {
          Session session(is_chunking);
          session.say(kEnvelope + "DATA\r\n", size);
          session.say(body, size);
          ASSERT_THAT(session.faults(), IsEmpty());
          const std::size_t count = session.mails().size();
          ASSERT_LE(count, 2U);
          if (count == 2) ++ended;
        }
      }
    }
  }
  // CRLF or CR CR LF before, CRLF or CRLF LF behind.
  EXPECT_EQ(ended, 4U * 2 * 3);
}

// The rest of what public scanners for SMTP smuggling send (EOD-13, EOD-15).
TEST(HostileClient, NothingElseThatPassesForALineEndEndsMailData) {
  for (const char* fake : {"\r\n .\r\n", "\r\n. \r\n", "\r\n.\t\r\n", "\x0b.\x0b", "\x0c.\x0c",
                           "\x85.\x85", "\xe2\x80\xa8.\xe2\x80\xa8", "\xe2\x80\xa9.\xe2\x80\xa9",
                           "\x1c.\x1c", "\r\n..\r\n", "\r\n.\x1a\r\n", "\r\n.\r \n"}) {
    for (const bool is_chunking : {false, true}) {
      Session session(is_chunking);
      session.say(kEnvelope + "DATA\r\n");
      session.say("body" + std::string(fake) + kSmuggled);
      ASSERT_THAT(session.faults(), IsEmpty());
      ASSERT_EQ(session.mails().size(), 1U);
      EXPECT_NE(session.mails()[0].content.find("smuggled@evil"), std::string::npos);
    }
  }
}

// What stands in a chunk is mail data, whatever it looks like, and not one octet more (BDAT-06, 07,
// 08, 18): with every cut of the stream in two.
TEST(HostileClient, ChunksAreCountedWhereverTheyAreCut) {
  const std::vector<std::string> streams = {
      kEnvelope + "BDAT 6\r\nQUIT\r\nBDAT 5 LAST\r\n.\r\n.\rNOOP\r\n",
      kEnvelope + "BDAT 3 LAST\r\n\r\n.BDAT 3 LAST\r\nabcNOOP\r\n",
      "EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
      "EHLO c\r\nMAIL FROM:<s@c>\r\nBDAT 27 LAST\r\nMAIL FROM:<smuggled@evil>\r\nNOOP\r\n",
      kEnvelope + "BDAT 2\r\n" + std::string("\0x", 2) +
          "BDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n" + kEnvelope + "BDAT 1 LAST\r\ny",
      kEnvelope + "BDAT 0\r\nBDAT 0 LAST\r\n" + kEnvelope + "BDAT 0 LAST\r\nQUIT\r\n",
  };
  for (const std::string& stream : streams) {
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      Session session(true);
      session.say(stream.substr(0, cut));
      session.say(stream.substr(cut));
      ASSERT_THAT(session.faults(), IsEmpty()) << cut;
    }
  }
}

// BDAT-16: what is far above the limit is not read to its end.
TEST(HostileClient, ChunkOfAbsurdSizeIsRefusedAndNotReadForLong) {
  PairOptions options;
  options.server.hostname = options.transaction.hostname = "seal.test";
  options.smarthost.ehlo = options.later.ehlo = kChunks;
  options.is_chunking_offered = true;
  options.max_size = 10000;
  Pair pair(std::move(options));
  const auto say = [&pair](const std::string& bytes) {
    pair.client_says(bytes);
    pair.settle();
  };
  say(kEnvelope + "BDAT 999999999999 LAST\r\n");
  EXPECT_TRUE(pair.client_hears().ends_with(" fine\r\n"));
  std::size_t said = 0;
  for (; said < 1000000 && !pair.server().is_finished(); said += 1000) say(std::string(1000, 'x'));
  EXPECT_LE(said, 16000U);
  EXPECT_EQ(pair.client_hears().substr(0, 9), "552 5.3.4");
  EXPECT_THAT(pair.accepted(), IsEmpty());
  EXPECT_THAT(pair.faults(), IsEmpty());
}

// --- sessions without sense ---

class Babbler {
 public:
  explicit Babbler(unsigned seed)
      : random_(seed), is_chunking_(chance(50)), session_(is_chunking_) {}

  Session& run(int commands) {
    const unsigned manner = below(4);
    if (manner == 3) {
      // Without waiting for anything.
      std::string all;
      for (int i = 0; i < commands; ++i) all.append(next());
      session_.say(all);
      return session_;
    }
    for (int i = 0; i < commands && !session_.model().is_over(); ++i) {
      session_.say(next(), manner == 2 ? 1 + below(9) : manner);
    }
    return session_;
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string line_end() { return chance(85) ? "\r\n" : "\n"; }
  std::string number() { return std::to_string(serial_++); }

  std::string next() {
    const unsigned what = below(100);
    if (what < 20) return mail() + rcpt() + (chance(40) ? rcpt() : "") + content();
    if (what < 26) return mail();
    if (what < 36) return rcpt();
    if (what < 58) return (chance(70) ? "DATA" : "data") + line_end() + block();
    if (what < 74 && is_chunking_) return chunk();
    if (what < 78) return block();
    return odd_line();
  }

  std::string mail() {
    switch (below(6)) {
      case 0: return "MAIL FROM: <s" + number() + "@c>" + line_end();
      case 1: return "mail from : s" + number() + "@c" + line_end();
      default: return "MAIL FROM:<s" + number() + "@c>\r\n";
    }
  }
  std::string rcpt() {
    switch (below(8)) {
      case 0: return "RCPT TO:r" + number() + "@u" + line_end();
      case 1: return "RCPT TO:<r" + number() + "\r\n";
      case 2: return "RCPT TO:<r@u>\rRCPT TO:<e@x>\r\n";
      default: return "RCPT TO:<r" + number() + "@u>\r\n";
    }
  }

  std::string content() {
    if (is_chunking_ && chance(40)) return chunk() + (chance(50) ? chunk() : "");
    return chance(50) ? "DATA\r\n" + block() : "";
  }

  // What smugglers are made of, ended or not.
  std::string block() {
    std::string all;
    const unsigned count = below(7);
    for (unsigned i = 0; i < count; ++i) all.append(piece());
    if (chance(90)) all.append("\r\n.\r\n");
    return all;
  }
  std::string piece() {
    static const std::vector<std::string> kPieces = {"\r",
                                                     "\n",
                                                     "\r\n",
                                                     ".",
                                                     "\r\n.",
                                                     ".\r",
                                                     ".\n",
                                                     "\n.\n",
                                                     "\r.\r",
                                                     "\n.\r\n",
                                                     "\r\n.\n",
                                                     "a",
                                                     "..",
                                                     " ",
                                                     "\x85",
                                                     "\r\n..",
                                                     "text\r\n",
                                                     "Subject: x\r\n\r\n",
                                                     "MAIL FROM:<evil@x>\r\n",
                                                     "RCPT TO:<victim@x>\r\n",
                                                     "DATA\r\n",
                                                     "QUIT\r\n",
                                                     "RSET\n",
                                                     "BDAT 3 LAST\r\nabc",
                                                     std::string("\0", 1)};
    // NUL refuses the whole mail: a rare guest.
    const unsigned which = below(static_cast<unsigned>(kPieces.size()) - (chance(95) ? 1 : 0));
    return kPieces[which];
  }

  std::string chunk() {
    std::string payload;
    const unsigned count = below(6);
    for (unsigned i = 0; i < count; ++i) payload.append(piece());
    return "BDAT " + std::to_string(payload.size()) + (chance(50) ? " LAST\r\n" : "\r\n") + payload;
  }

  std::string odd_line() {
    static const std::vector<std::string> kLines = {"RSET\r\n",
                                                    "RSET\n",
                                                    "NOOP\r\n",
                                                    "EHLO again\r\n",
                                                    "VRFY x\r\n",
                                                    "XYZZY\r\n",
                                                    "\r\n",
                                                    "\n",
                                                    "NOOP\rQUIT\r\n",
                                                    std::string("NOOP \0x\r\n", 9),
                                                    "MAILFROM:<a@b>\r\n",
                                                    "MAIL FROM:<\r\n",
                                                    "EXPN x\r\n",
                                                    "XCLIENT ADDR=1.2.3.4\r\n",
                                                    "STARTTLS\r\n",
                                                    " NOOP\r\n",
                                                    "DATAX\r\n",
                                                    "MAIL FROM:<\"a\r\n",
                                                    "NOOP " + std::string(3000, 'x') + "\r\n"};
    static const std::vector<std::string> kEnds = {"QUIT\r\n", "Subject: x\r\n", "BDAT x\r\n",
                                                   " BDAT 3\r\n", "Received:\r\n"};
    return chance(4) ? kEnds[below(5)] : kLines[below(static_cast<unsigned>(kLines.size()))];
  }

  std::mt19937 random_;
  bool is_chunking_;
  int serial_ = 0;
  Session session_;
};

// CMD-40: state and replies against the model, for thousands of sessions.
TEST(HostileClient, BabbleMeansWhatTheModelSaysAndNoMore) {
  constexpr unsigned kSeeds = 3000;
  std::size_t delivered = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    Babbler babbler(seed);
    const Session& session = babbler.run(seed % 40 == 0 ? 200 : 25);
    ASSERT_THAT(session.faults(), IsEmpty()) << "seed " << seed;
    delivered += session.mails().size();
  }
  EXPECT_GT(delivered, kSeeds / 3) << "it is not all nonsense";
}

}  // namespace
}  // namespace relay
