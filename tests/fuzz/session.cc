// A whole session with nobody to be relied on: client, smarthost and network do what the bytes say,
// and time passes when they say so.
//
// The input begins with an octet: its lowest bit says which of two, the next ones the mode of
// delivery. Even: decisions of relay/soak.h, whose client knows what it was told and whose
// smarthosts know what they took: one reply a command, in order; 250 only for mail that arrived or
// is in the spool; none twice. Odd: any bytes from both, where what must hold is less but holds
// always: smtpseal keeps its books, speaks by the letter to whatever smarthost, gives no 250 that
// no smarthost gave and the spool does not stand for, and says nothing but replies.
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fuzz/byte_choices.h"
#include "fuzz/target.h"
#include "relay/soak.h"
#include "support/strict_judge.h"

namespace {

constexpr int kMostActs = 200;
constexpr int kMostWaits = 100;

constexpr std::string_view kSaid[] = {
    "EHLO c.test\r\n",
    "HELO c\r\n",
    "MAIL FROM:<s@c.test>\r\n",
    "MAIL FROM:<s@c.test> BODY=8BITMIME SIZE=10\r\n",
    "MAIL FROM:<>\r\nRCPT TO:<r@u.test>\r\nDATA\r\n",
    "RCPT TO:<r@u.test>\r\n",
    "RCPT TO:<q@u.test>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\ntext\r\n",
    "\r\n.\r\n",
    ".\r\n",
    "BDAT 6\r\nabcd\r\n",
    "BDAT 6 LAST\r\nabcd\r\n",
    "BDAT 0 LAST\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "AUTH LOGIN\r\n",
    "AUTH PLAIN AGEAYg==\r\n",
    "dXNlcg==\r\n",
    "*\r\n",
    "\n.\n",
    "\r\r\n",
    "VRFY x\r\n",
};

constexpr std::string_view kAnswered[] = {
    "250 fine\r\n",
    "250-many\r\n250 lines\r\n",
    "354 go ahead\r\n",
    "450 later\r\n",
    "550 5.1.1 no\r\n",
    "421 bye\r\n",
    "334 VXNlcm5hbWU6\r\n",
    "235 welcome\r\n",
    "535 5.7.8 no\r\n",
    "250",
    "\r\n",
    "250-half\r\n",
    "250 fine\r\n250 fine\r\n",
    "354 go\r\n250 done\r\n",
    "\n",
    "220 \r\n",
};

class Anarchy {
 public:
  Anarchy(fuzz::Input& input, relay::Delivery delivery)
      : input_(input), pair_(options(input, delivery)) {}

  void run() {
    for (int i = 0; i < kMostActs && !input_.is_over(); ++i) {
      act();
      // What is held for a smarthost is what the client has said, and what we put to it.
      FUZZ_EXPECT(pair_.queued() <= 4 * said_ + 4096);
    }
    pair_.settle();
    for (int i = 0; i < kMostWaits && !pair_.server().is_finished() && pair_.wait(); ++i) {
      pair_.settle();
    }
    pair_.client_vanishes();
    pair_.settle();
    heard_.append(pair_.client_hears());
    check();
  }

 private:
  static relay::PairOptions options(fuzz::Input& input, relay::Delivery delivery) {
    relay::PairOptions options;
    options.transaction.delivery = delivery;
    const unsigned bits = input.byte();
    options.server.hostname = options.transaction.hostname = "seal.test";
    if ((bits & 1U) != 0) options.server.syntax = smtp::Syntax::strict;
    if ((bits & 2U) != 0) options.server.line_endings = smtp::LineEndings::strict;
    options.transaction.early_replies = (bits & 4U) == 0;
    options.starts_warm = (bits & 8U) != 0;
    options.is_idle_long = (bits & 16U) != 0;
    options.is_auth_offered = (bits & 32U) != 0 && delivery != relay::Delivery::queue;
    options.is_chunking_offered = (bits & 64U) != 0;
    options.max_size = (bits & 128U) != 0 ? 60 : 0;
    const unsigned more = input.byte();
    for (relay::SmarthostScript* script : {&options.smarthost, &options.later}) {
      if ((more & 1U) != 0) script->ehlo = "250-u\r\n250-CHUNKING\r\n250 PIPELINING\r\n";
      if ((more & 2U) != 0) script->ehlo = "250-u\r\n250 AUTH PLAIN LOGIN\r\n";
      if ((more & 4U) != 0) script->early_verdict = "552 5.3.4 too big";
    }
    return options;
  }

  void say(std::string_view bytes) {
    said_ += bytes.size();
    pair_.client_says(bytes);
  }

  std::string_view answer() { return kAnswered[input_.below(std::size(kAnswered))]; }

  void act() {
    switch (input_.below(24)) {
      case 0: say(input_.take(input_.byte())); break;
      case 1: say(std::string(input_.line()) + "\r\n"); break;
      case 2: pair_.step(); break;
      case 3: pair_.settle(); break;
      case 4: pair_.wait(); break;
      case 5: pair_.break_connection(static_cast<relay::Break>(input_.below(6))); break;
      case 6: pair_.inject(answer()); break;
      case 7: pair_.inject_behind_reply(answer()); break;
      case 8: pair_.smarthost_says(answer()); break;
      case 9: pair_.smarthost_says(input_.take(input_.byte())); break;
      case 10: pair_.set_reachable(input_.flag()); break;
      case 11: pair_.hold_leases(input_.flag()); break;
      case 12: pair_.client_half_closes(); break;
      case 13: heard_.append(pair_.client_hears()); break;
      case 14: pair_.set_spool_failing(input_.flag()); break;
      case 15: pair_.set_spool_full(input_.flag()); break;
      default: say(kSaid[input_.below(std::size(kSaid))]); break;
    }
  }

  void check() const {
    FUZZ_EXPECT_SAYING(pair_.faults().empty(),
                       fuzz::joined(pair_.faults()) + "log:\n" + fuzz::joined(pair_.log()));
    check_what_client_heard();
    check_what_smarthosts_saw();
  }

  // Replies, whole and fit to be shown.
  void check_what_client_heard() const {
    for (std::size_t at = 0; at < heard_.size();) {
      const std::size_t end = heard_.find("\r\n", at);
      FUZZ_EXPECT(end != std::string::npos);
      const std::string_view line = std::string_view(heard_).substr(at, end - at);
      const bool is_reply = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' &&
                            (line.size() == 3 || line[3] == ' ' || line[3] == '-');
      FUZZ_EXPECT_SAYING(is_reply, line);
      for (const char c : line) {
        FUZZ_EXPECT_SAYING(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f), line);
      }
      at = end + 2;
    }
  }

  void check_what_smarthosts_saw() const {
    std::string answers;
    for (const support::ConnectionRecord& record : pair_.records()) {
      for (const support::Exchange& each : record.exchanges) {
        if (!each.is_received) answers.append(each.bytes);
      }
      const support::JudgeOptions options{"seal.test", true};
      for (const std::string& finding : support::judge(record, options)) {
        // Paths longer than RFC 5321 has them are carried as they are.
        const bool is_about_length = finding.find("a command line of") != std::string::npos;
        FUZZ_EXPECT_SAYING(is_about_length, finding + "\nlog:\n" + fuzz::joined(pair_.log()));
      }
    }
    std::size_t queued = 0;
    for (const relay::action::Finished& finished : pair_.finished()) {
      if (!finished.reply.is_positive()) continue;
      if (finished.reply.lines[0].find("Queued as") != std::string::npos &&
          answers.find(finished.reply.lines[0]) == std::string::npos) {
        ++queued;
        continue;
      }
      // It is the smarthost's own, word by word.
      FUZZ_EXPECT(finished.recipients > 0);
      for (const std::string& line : finished.reply.lines) {
        const bool is_changed = line.find('?') != std::string::npos;
        FUZZ_EXPECT_SAYING(is_changed || answers.find(line) != std::string::npos, line);
      }
    }
    FUZZ_EXPECT(queued <= pair_.spooled().size());
  }

  fuzz::Input& input_;
  relay::Pair pair_;
  std::size_t said_ = 0;
  std::string heard_;
};

}  // namespace

FUZZ_TARGET(session) {
  constexpr relay::Delivery kDeliveries[] = {relay::Delivery::relay, relay::Delivery::fallback,
                                             relay::Delivery::queue};
  const unsigned kind = input.byte();
  const relay::Delivery delivery = kDeliveries[(kind >> 1U) % std::size(kDeliveries)];
  if ((kind & 1U) != 0) return Anarchy(input, delivery).run();
  fuzz::ByteChoices choices(input);
  relay::Soak soak(choices, delivery);
  soak.run();
  FUZZ_EXPECT_SAYING(soak.faults().empty(), fuzz::joined(soak.faults()) + "dialogue:\n" +
                                                fuzz::joined(soak.dialogue()) + "log:\n" +
                                                fuzz::joined(soak.pair().log()));
}
