// A client whose bytes are given to smtpseal, with a smarthost that says yes to everything, and to
// the ClientModel alike: what arrives, what is replied and what is asked of the smarthost must be
// what the model says. And one that makes up what to say.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/choices.h"
#include "relay/client_model.h"
#include "relay/pair.h"

namespace relay {

inline constexpr const char* kData = "250-u.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n";
inline constexpr const char* kChunks =
    "250-u.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 SIZE\r\n";

// One client, its bytes given to smtpseal and to the model alike.
class JudgedSession {
 public:
  explicit JudgedSession(bool is_chunking) : model_(is_chunking) {
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
      add("other mails arrived: " + std::to_string(mails().size()) + " for " +
          std::to_string(model_.mails().size()));
    }
    if (codes() != model_.codes()) {
      add("other replies were given: " + listed(codes()) + " for " + listed(model_.codes()));
    }
    for (const std::string& command : commands()) {
      if (!is_known(command)) add("a command that nobody gave: " + command);
    }
    if (!all.empty()) add("the client said " + escaped(said_));
    return all;
  }

  [[nodiscard]] std::vector<ClientModel::Mail> mails() const {
    constexpr std::string_view kTrace = "Received: trace\r\n";
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
  static std::string listed(const std::vector<int>& codes) {
    std::string all;
    for (const int code : codes) all.append(" ").append(std::to_string(code));
    return all;
  }
  static std::string escaped(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
      const auto octet = static_cast<unsigned char>(c);
      constexpr std::string_view kHex = "0123456789abcdef";
      if (octet >= ' ' && octet <= '~' && c != '\\') {
        out.push_back(c);
      } else if (c == '\r' || c == '\n') {
        out.append(c == '\r' ? "\\r" : "\\n");
      } else {
        out.append("\\x").append({kHex[octet >> 4], kHex[octet & 15]});
      }
    }
    return out;
  }

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

// Sessions without sense.
class Babbler {
 public:
  explicit Babbler(Choices& choices)
      : choices_(choices), is_chunking_(chance(50)), session_(is_chunking_) {}

  JudgedSession& run(int commands) {
    const unsigned manner = below(4);
    if (manner == 3) {
      // Without waiting for anything.
      std::string all;
      for (int i = 0; i < commands && !choices_.is_over(); ++i) all.append(next());
      session_.say(all);
      return session_;
    }
    for (int i = 0; i < commands && !is_over(); ++i) {
      session_.say(next(), manner == 2 ? 1 + below(9) : manner);
    }
    return session_;
  }

 private:
  [[nodiscard]] bool is_over() const { return session_.model().is_over() || choices_.is_over(); }
  unsigned below(unsigned limit) { return choices_.below(limit); }
  bool chance(unsigned percent) { return choices_.chance(percent); }
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

  Choices& choices_;
  bool is_chunking_;
  int serial_ = 0;
  JudgedSession session_;
};

}  // namespace relay
