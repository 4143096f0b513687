// See load_client.h.
#include "bench/load_client.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bench {
namespace {

constexpr std::string_view kLine =
    "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyBhbmQgcnVucyBvbg==\r\n";
constexpr std::size_t kLinesAtOnce = 2048;

const std::string& many_lines() {
  static const std::string lines = [] {
    std::string text;
    for (std::size_t i = 0; i < kLinesAtOnce; ++i) text += kLine;
    return text;
  }();
  return lines;
}

}  // namespace

std::optional<std::uint64_t> Book::take() {
  if (taken_ == plan_.messages || Clock::now() > last_start_) return std::nullopt;
  return plan_.first_id + static_cast<std::uint64_t>(taken_++);
}

void Book::fail(std::string_view why) {
  if (failed_++ == 0) first_failure_ = why;
}

double Book::quantile(double share) {
  if (milliseconds_.empty()) return 0;
  const auto at =
      static_cast<std::ptrdiff_t>(share * static_cast<double>(milliseconds_.size() - 1));
  std::nth_element(milliseconds_.begin(), milliseconds_.begin() + at, milliseconds_.end());
  return milliseconds_[static_cast<std::size_t>(at)];
}

Client::Client(int fd, Instant began, const Plan& plan, Book& book, std::uint64_t id)
    : channel_(fd), plan_(plan), book_(book), id_(id), began_(began) {}

void Client::advance() {
  if (state_ == State::handshake) {
    if (!channel_.shake_hands()) {
      abandon("TLS handshake failed");
    } else if (channel_.is_sealed()) {
      channel_.end_flight({});  // TLS libraries write the end of a handshake at once
      say("EHLO client.test\r\n", State::ehlo);
    }
  } else {
    read();
  }
  if (state_ == State::idle && !book_.is_holding()) leave();
  channel_.end_flight({});
  if (!channel_.flush(Clock::now())) abandon("connection broken");
  send_body();
  status_ = find_status();
}

void Client::send_body() {
  while (state_ == State::body && lines_left_ > 0 && !channel_.has_output() && !is_paused()) {
    send_lines();
    channel_.end_flight({});
    if (!channel_.flush(Clock::now())) abandon("connection broken");
  }
}

bool Client::is_paused() const {
  return state_ == State::body && book_.is_holding() && lines_left_ == lines_held_;
}

Client::Status Client::find_status() const {
  switch (state_) {
    case State::greeting: return Status::connecting;
    case State::idle: return Status::held;
    case State::over: return Status::over;
    default: return is_paused() && !channel_.has_output() ? Status::held : Status::going;
  }
}

void Client::leave() {
  id_.reset();
  say("QUIT\r\n", State::quit);
}

void Client::abandon(std::string_view why) {
  if (id_) book_.fail(why);
  id_.reset();
  state_ = State::over;
}

void Client::read() {
  std::array<char, 4096> buffer;
  long got = static_cast<long>(buffer.size());
  while (got == static_cast<long>(buffer.size()) && state_ != State::over) {
    got = channel_.receive(buffer.data(), buffer.size());
    if (got < 0) return abandon("connection closed");
    replies_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t end = 0;
    while ((end = replies_.find('\n')) != std::string::npos && state_ != State::over) {
      const std::string line = replies_.substr(0, end);
      replies_.erase(0, end + 1);
      if (line.size() < 4 || line[3] != '-') on_reply(line);
    }
  }
}

void Client::on_reply(std::string_view line) {
  const char* expected = "250";
  if (state_ == State::greeting || state_ == State::starttls) expected = "220";
  if (state_ == State::data) expected = "354";
  if (state_ == State::quit) expected = "221";
  if (!line.starts_with(expected)) return abandon(line);
  switch (state_) {
    case State::greeting: return say("EHLO client.test\r\n", State::ehlo);
    case State::ehlo: return after_ehlo();
    case State::starttls: return start_tls();
    case State::mail:
      if (plan_.is_pipelining) return say({}, State::rcpt);
      return say("RCPT TO:<b@example.test>\r\n", State::rcpt);
    case State::rcpt: return say(plan_.is_pipelining ? "" : "DATA\r\n", State::data);
    case State::data: return begin_body();
    case State::body: return end_transaction();
    default: state_ = State::over;  // QUIT was answered, or nothing had been asked
  }
}

void Client::start_tls() {
  Ticket ticket;
  if (plan_.tickets != nullptr && !plan_.tickets->empty()) {
    ticket = std::move(plan_.tickets->back());
    plan_.tickets->pop_back();
    // TLS 1.2 brings no new one when a session is resumed.
    const bool is_for_once = SSL_SESSION_get_protocol_version(ticket.get()) >= TLS1_3_VERSION;
    if (!is_for_once && SSL_SESSION_up_ref(ticket.get()) == 1) {
      plan_.tickets->emplace_back(ticket.get());
    }
  }
  channel_.start_tls(plan_.tls, Role::client, plan_.name.c_str(), ticket.get());
  state_ = State::handshake;
  if (!channel_.shake_hands()) abandon("TLS handshake failed");
}

void Client::after_ehlo() {
  if (plan_.tls != nullptr && !channel_.is_sealed()) return say("STARTTLS\r\n", State::starttls);
  if (plan_.is_idle) {
    state_ = State::idle;
    return;
  }
  begin_transaction();
}

void Client::say(std::string_view command, State next) {
  channel_.send(command);
  state_ = next;
}

void Client::begin_transaction() {
  say(plan_.is_pipelining ? "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n"
                          : "MAIL FROM:<a@client.test>\r\n",
      State::mail);
}

void Client::begin_body() {
  unsent_ = "From: <a@client.test>\r\nTo: <b@example.test>\r\nSubject: benchmark\r\nMessage-ID: <" +
            std::to_string(*id_) + "@client.test>\r\n\r\n";
  const std::size_t room = plan_.size - std::min(plan_.size, unsent_.size());
  lines_left_ = std::max<std::size_t>(room / kLine.size(), 1);
  // At least the last line is held back.
  lines_held_ = lines_left_ - std::min(plan_.pause_after / kLine.size(), lines_left_ - 1);
  state_ = State::body;
}

void Client::send_lines() {
  const std::size_t goal = book_.is_holding() ? lines_left_ - lines_held_ : lines_left_;
  const std::size_t count = std::min(goal, kLinesAtOnce);
  unsent_ += std::string_view(many_lines()).substr(0, count * kLine.size());
  lines_left_ -= count;
  if (lines_left_ == 0) unsent_ += ".\r\n";
  channel_.send(unsent_);
  unsent_.clear();
}

void Client::end_transaction() {
  if (lines_left_ > 0) return abandon("accepted before it was sent");
  book_.accept(Clock::now() - began_);
  id_.reset();
  if (++sent_ < plan_.per_connection) id_ = book_.take();
  if (!id_) return say("QUIT\r\n", State::quit);
  began_ = Clock::now();
  begin_transaction();
}

}  // namespace bench
