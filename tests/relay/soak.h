// A client, a smarthost and a network without manners: whatever happens, one reply a command, no
// mail twice, none lost behind a 250, nobody's mail in another's envelope.
#pragma once

#include <cstdlib>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "relay/choices.h"
#include "relay/pair.h"

namespace relay {

class Soak {
 public:
  explicit Soak(Choices& choices, Delivery delivery = Delivery::relay)
      : choices_(choices), delivery_(delivery), trouble_(below(30)) {
    PairOptions options;
    options.transaction.delivery = delivery;
    options.server.hostname = options.transaction.hostname = "seal.test";
    options.transaction.early_replies = chance(70);
    options.starts_warm = chance(50);
    options.is_idle_long = chance(50);
    options.is_auth_offered = chance(40) && delivery != Delivery::queue;
    options.max_size = chance(20) ? 60 : 0;
    options.is_chunking_offered = chance(50);
    for (SmarthostScript* script : {&options.smarthost, &options.later}) {
      if (chance(30)) script->ehlo = "250-u\r\n250 AUTH PLAIN LOGIN\r\n";
      if (chance(10)) script->ehlo = "250-u\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=2\r\n";
      if (chance(10)) script->early_verdict = "552 5.3.4 too big";
      if (chance(40)) script->ehlo = "250-u\r\n250-CHUNKING\r\n250 PIPELINING\r\n";
      if (chance(10)) script->ehlo = "250-u\r\n250 CHUNKING\r\n";
      refuse_now_and_then(*script);
    }
    is_chunking_ = options.is_chunking_offered;
    if (delivery != Delivery::relay) options.is_spool_failing = chance(20);
    pair_.emplace(std::move(options));
    listen();
  }

  void run() {
    for (int turn = 0; turn < 60 && !is_over_ && !choices_.is_over(); ++turn) {
      take_turn();
      wait_for_replies();
    }
    if (!is_over_ && chance(50)) {
      say("QUIT\r\n", 1);
      wait_for_replies();
    }
    if (!is_over_) pair_->client_vanishes();
    pair_->settle();
    for (const FakeSmarthost::Mail& mail : pair_->accepted()) check(mail, &Mail::copies);
    for (const Pair::Spooled& one : pair_->spooled()) check(one.mail, &Mail::spooled);
    for (const Mail& mail : mails_) check_whereabouts(mail);
    if (delivery_ == Delivery::relay && spooled() > 0) fault("relay has no spool");
    if (delivery_ == Delivery::queue && delivered() > 0) fault("a queue asks no smarthost");
    for (const std::string& what : pair_->faults()) fault(what);
  }

  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] const Pair& pair() const { return *pair_; }
  [[nodiscard]] std::size_t delivered() const { return pair_->accepted().size(); }
  [[nodiscard]] std::size_t spooled() const { return pair_->spooled().size(); }
  [[nodiscard]] const std::vector<std::string>& dialogue() const { return dialogue_; }

 private:
  struct Mail {
    std::string sender;
    std::vector<std::string> recipients;
    std::string content;
    int final_code = 0;
    std::string final_reply;
    int copies = 0;   // that a smarthost took
    int spooled = 0;  // and that the spool has
  };

  bool chance(unsigned percent) { return choices_.chance(percent); }
  unsigned below(unsigned limit) { return choices_.below(limit); }

  void fault(const std::string& what) { faults_.push_back(what); }

  void refuse_now_and_then(SmarthostScript& script) {
    const std::vector<std::string> refusals = {"450 no", "550", "421 bye", "550-a\r\n550 b"};
    for (const char* verb : {"MAIL", "RCPT", "DATA", "BDAT", "RSET", "AUTH", "."}) {
      for (int i = 0; i < 20; ++i) {
        script.replies[verb].push_back(chance(trouble_) ? refusals[below(4)] : "");
      }
    }
    if (chance(5)) script.replies["DATA"].push_front("250 what");
    if (chance(5)) script.replies["."].push_front("354 what");
    if (chance(5)) script.replies["MAIL"].push_front("nonsense");
  }

  void say(const std::string& bytes, int commands) {
    dialogue_.push_back("C: " + bytes);
    due_ += commands;
    if (chance(70)) {
      pair_->client_says(bytes);
      return;
    }
    for (const char c : bytes) {
      pair_->client_says(std::string(1, c));
      if (chance(5)) pair_->step();
    }
  }

  void take_turn() {
    const unsigned what = below(100);
    if (what < 50) {
      send_envelope();
      if (is_chunking_ && chance(50)) {
        send_chunks();
      } else {
        send_data();
      }
    } else if (what < 75) {
      send_batch();
    } else if (what < 82) {
      send_data();
    } else if (what < 87) {
      send_auth();
    } else if (what < 90) {
      break_something();
    } else {
      say("EHLO c.test\r\n", 1);
      recipients_.clear();
    }
  }

  // A client in its right mind.
  void send_envelope() {
    std::string batch;
    const auto add = [&](char kind, const std::string& command, const std::string& end) {
      batch.append(command).append(end.empty() ? "" : std::to_string(serial_)).append(end);
      batch.append("\r\n");
      kinds_.push_back(kind);
      arguments_.push_back(std::to_string(serial_++));
    };
    if (chance(50)) add('R', "RSET", "");
    add('M', "MAIL FROM:<s", "@c>");
    const unsigned count = 1 + below(3);
    for (unsigned i = 0; i < count; ++i) add('T', "RCPT TO:<r", "@u>");
    say(batch, static_cast<int>(kinds_.size()));
    wait_for_replies();
  }

  // Commands that may be pipelined; which of them make sense is not this client's concern.
  void send_batch() {
    std::string batch;
    const int count = 1 + static_cast<int>(below(6));
    for (int i = 0; i < count; ++i) {
      switch (below(9)) {
        case 0:
        case 1:
          batch.append("MAIL FROM:<s" + std::to_string(serial_++) + "@c> SIZE=50\r\n");
          kinds_.push_back('M');
          break;
        case 2: batch.append("RSET\r\n"), kinds_.push_back('R'); break;
        case 3: batch.append("NOOP\r\n"), kinds_.push_back('-'); break;
        case 4: batch.append("RCPT TO:<\r\n"), kinds_.push_back('-'); break;
        default:
          batch.append("RCPT TO:<r" + std::to_string(serial_++) + "@u>\r\n");
          kinds_.push_back('T');
          break;
      }
      arguments_.push_back(std::to_string(serial_ - 1));
    }
    say(batch, count);
  }

  void send_data() {
    if (is_over_) return;
    kinds_.push_back('D');
    arguments_.emplace_back();
    say("DATA\r\n", 1);
    wait_for_replies();
    if (is_over_ || last_code_ != 354) return;
    write_mail();
    const std::string bytes = mails_.back().content + ".\r\n";
    const std::size_t cut = below(static_cast<unsigned>(bytes.size()));
    say(bytes.substr(0, cut), 0);
    if (chance(10)) break_something();
    listen();
    if (is_over_) return;
    kinds_.push_back('.');
    arguments_.emplace_back();
    say(bytes.substr(cut), 1);
    if (chance(10)) break_something();
  }

  void write_mail() {
    Mail mail;
    mail.sender = sender_;
    mail.recipients = recipients_;
    recipients_.clear();
    mail.content = "Subject: x\r\n\r\n" + std::string(below(70), 'x') + "\r\n";
    mails_.push_back(std::move(mail));
  }

  void send_chunks() {
    if (is_over_) return;
    const bool is_open = !recipients_.empty();
    if (is_open) write_mail();
    std::string rest = is_open ? mails_.back().content : "x\r\n";
    bool is_last = false;
    while (!is_last) {
      const std::size_t size = chance(30) ? rest.size() : below(static_cast<unsigned>(rest.size()));
      const std::string piece = rest.substr(0, size);
      rest.erase(0, size);
      is_last = rest.empty();
      kinds_.push_back(is_open && is_last ? '.' : '-');
      arguments_.emplace_back();
      say("BDAT " + std::to_string(size) + (is_last ? " LAST\r\n" : "\r\n") + piece, 1);
      if (chance(10)) break_something();
      wait_for_replies();
      if (is_over_) return;
      if (last_code_ < 400) continue;
      if (is_open) mails_.back().final_code = last_code_;
      return;
    }
  }

  void send_auth() {
    kinds_.push_back('-');
    arguments_.emplace_back();
    say(chance(50) ? "AUTH LOGIN\r\n" : "AUTH PLAIN AGEAYg==\r\n", 1);
    wait_for_replies();
    while (!is_over_ && last_code_ == 334) {
      if (chance(20)) break_something();
      kinds_.push_back('-');
      arguments_.emplace_back();
      say(chance(80) ? "dXNlcg==\r\n" : "*\r\n", 1);
      wait_for_replies();
    }
  }

  void break_something() {
    constexpr Break kWays[] = {Break::closed,  Break::cut,  Break::said_421,
                               Break::garbage, Break::half, Break::mute};
    if (delivery_ != Delivery::relay && chance(20)) {
      chance(50) ? pair_->set_spool_full(chance(50)) : pair_->set_spool_failing(chance(50));
    }
    switch (below(6)) {
      case 0: pair_->inject("250 surplus\r\n"); break;
      case 1: pair_->set_reachable(chance(60)); break;
      case 2: pair_->wait(); break;
      default: pair_->break_connection(kWays[below(6)]); break;
    }
  }

  void wait_for_replies() {
    listen();
    for (int i = 0; i < 2000 && due_ > 0 && !is_over_; ++i) {
      if (chance(trouble_ / 10)) break_something();
      const bool has_happened = pair_->step() || pair_->wait();
      listen();
      if (!has_happened) break;
    }
    if (due_ > 0 && !is_over_) {
      fault("a reply never came");
      is_over_ = true;
    }
    // Nothing is said that was not asked for, however long it takes.
    if (chance(30)) pair_->settle();
    listen();
  }

  void listen() {
    heard_.append(pair_->client_hears());
    std::size_t end = 0;
    while ((end = heard_.find("\r\n")) != std::string::npos) {
      const std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 2);
      dialogue_.push_back("S: " + line);
      if (line.size() > 3 && line[3] == '-') continue;
      on_reply(line);
    }
    if (pair_->server().is_finished()) is_over_ = true;
  }

  void on_reply(const std::string& line) {
    last_code_ = std::atoi(line.c_str());
    if (!is_greeted_) {
      is_greeted_ = true;
      return;
    }
    if (last_code_ == 421 || pair_->server().is_finished()) {
      if (due_ > 0) note_verdict(line);
      is_over_ = true;
      return;
    }
    if (--due_ < 0) {
      fault("a reply to nothing: " + line);
      return;
    }
    note_verdict(line);
    const bool is_positive = last_code_ < 300;
    if (kinds_.empty()) return;  // EHLO
    const char kind = kinds_.front();
    const std::string argument = arguments_.front();
    kinds_.pop_front();
    arguments_.pop_front();
    if (kind == 'M' && is_positive) {
      sender_ = "<s" + argument + "@c>";
      recipients_.clear();
    } else if (kind == 'R') {
      recipients_.clear();
    } else if (kind == 'T') {
      const std::string path = "<r" + argument + "@u>";
      if (line.find("<r") != std::string::npos && line.find(path) == std::string::npos) {
        fault("the reply to another recipient than " + path + ": " + line);
      }
      if (is_positive) recipients_.push_back(path);
    }
  }

  void note_verdict(const std::string& line) {
    if (kinds_.empty() || kinds_.front() != '.') return;
    mails_.back().final_code = last_code_;
    mails_.back().final_reply = line;
  }

  void check(const FakeSmarthost::Mail& arrived, int Mail::*count) {
    Mail* mail = nullptr;
    for (Mail& sent : mails_) {
      if (sent.sender == arrived.sender) mail = &sent;
    }
    if (mail == nullptr) {
      fault("mail arrived that nobody sent: " + arrived.sender);
      return;
    }
    if (++(mail->*count) > 1) fault("the mail arrived twice");
    if (mail->recipients != arrived.recipients) fault("other recipients arrived");
    if ("Received: trace\r\n" + mail->content != arrived.content) fault("other content arrived");
  }

  // 250: the smarthost has it or the spool, as the words say. Else nobody, but for what is in
  // doubt.
  void check_whereabouts(const Mail& mail) {
    bool is_in_doubt = false;
    for (const action::Finished& finished : pair_->finished()) {
      is_in_doubt |= finished.reverse_path == mail.sender && finished.is_in_doubt;
    }
    const bool is_taken = mail.final_code / 100 == 2;
    const bool is_queued = mail.final_reply.find("Queued as") != std::string::npos;
    if (is_taken && is_queued && mail.spooled == 0) fault("queued, and not there");
    if (is_taken && !is_queued && mail.copies == 0) fault("250 for mail that did not arrive");
    if (mail.copies + mail.spooled > 1 && !is_in_doubt) fault("delivered, and spooled too");
    // A smarthost that breaks off with 421 after it took the mail has not told the truth.
    const bool was_told_no = mail.final_code >= 400 && mail.final_code != 421;
    if (was_told_no && mail.copies + mail.spooled > 0 && !is_in_doubt)
      fault("refused mail arrived");
  }

  Choices& choices_;
  Delivery delivery_;
  unsigned trouble_;  // percent of refusals
  std::optional<Pair> pair_;
  int due_ = 0;
  int serial_ = 0;
  int last_code_ = 0;
  bool is_greeted_ = false;
  bool is_chunking_ = false;  // offered to the client
  bool is_over_ = false;
  std::string heard_;
  std::deque<char> kinds_;  // of the commands that wait: M RCPT(T) R D . or '-'
  std::deque<std::string> arguments_;
  std::string sender_;
  std::vector<std::string> recipients_;
  std::vector<Mail> mails_;
  std::vector<std::string> dialogue_;
  std::vector<std::string> faults_;
};

}  // namespace relay
