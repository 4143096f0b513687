// See smarthost_connection.h.
#include "support/smarthost_connection.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace support {

namespace {

// A conversation that no test waits for any longer than this.
constexpr Milliseconds kLongestSilence = 120s;

// What somebody on the wire would like to be taken for the answer.
constexpr std::string_view kStrayReply = "250 2.0.0 taken\r\n";

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
constexpr int kSendFlags = MSG_DONTWAIT;
#endif

}  // namespace

SmarthostConnection::SmarthostConnection(Fd socket, int number, Journal& journal)
    : socket_(std::move(socket)), number_(number), journal_(journal) {}

void SmarthostConnection::hang_up() {
  end("closed by the smarthost");
  socket_.reset();
}

void SmarthostConnection::end(const std::string& how) {
  if (std::exchange(is_over_, true)) return;
  journal_.update(number_, [&](ConnectionRecord& record) {
    record.is_over = true;
    record.end = how;
    if (engine_ && engine_->state() == tls::State::failed) {
      record.tls_error = engine_->error().detail;
    }
  });
}

void SmarthostConnection::order(const Answer& answer) {
  const std::lock_guard lock(mutex_);
  orders_.push_back(answer);
  [[maybe_unused]] const ssize_t written = write(wake_.write_end.get(), "o", 1);
}

void SmarthostConnection::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  [[maybe_unused]] const ssize_t written = write(wake_.write_end.get(), "s", 1);
}

void SmarthostConnection::obey() {
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) throw Over();  // the byte in the pipe stays: so does every later wait
    std::array<char, 1> byte;
    if (read(wake_.read_end.get(), byte.data(), byte.size()) != 1 || orders_.empty()) return;
    answer = std::move(orders_.front());
    orders_.pop_front();
  }
  send(answer);
}

void SmarthostConnection::receive() {
  if (is_over_) throw Over();
  switch (wait_for(socket_.get(), POLLIN, Deadline(kLongestSilence), wake_.read_end.get())) {
    case Wakeup::timeout: throw Failure("smtpseal said nothing for too long");
    case Wakeup::stopped: return obey();
    case Wakeup::ready: break;
  }
  std::array<char, 65536> buffer;
  const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    if (engine_) engine_->receive_eof();
    end(got == 0 ? "closed by smtpseal" : "reset by smtpseal");
    throw Over();
  }
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  journal_.update(number_, [&](ConnectionRecord& record) {
    record.raw += bytes;
    if (!engine_ && !record.is_handshake_begun) record.clear_size = record.raw.size();
  });
  if (!engine_) {
    input_ += bytes;
    if (!is_tls_expected_) journal_.exchange(number_, true, false, bytes);
    return;
  }
  engine_->receive(bytes);
  if (last_words_ && engine_->state() == tls::State::established) {
    engine_->send(*last_words_);
    engine_->close();
  }
  const std::string plaintext(engine_->plaintext());
  if (!plaintext.empty()) {
    engine_->consume_plaintext(plaintext.size());
    input_ += plaintext;
    journal_.exchange(number_, true, true, plaintext);
  }
  flush_tls();
  if (is_sealed_ && engine_->state() == tls::State::failed) {
    end("failed inside TLS");
    throw Over();
  }
}

void SmarthostConnection::flush_tls() {
  const std::string ciphertext(engine_->output());
  engine_->consume_output(ciphertext.size());
  write_all(ciphertext);
}

// A record that nobody sealed: our own engine breaks off and tells the peer.
void SmarthostConnection::provoke_alert() {
  engine_->receive(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
}

void SmarthostConnection::write_all(std::string_view bytes) {
  if (is_over_) throw Over();
  const Deadline deadline(kLongestSilence);
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), kSendFlags);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait_for(socket_.get(), POLLOUT, deadline, wake_.read_end.get()) != Wakeup::ready) {
        throw Over();
      }
    } else if (errno != EINTR) {
      end("reset by smtpseal");
      throw Over();
    }
  }
}

std::string SmarthostConnection::read_line() {
  std::size_t end;
  while ((end = input_.find('\n')) == std::string::npos) receive();
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string SmarthostConnection::expect(std::string_view prefix) {
  const std::string line = read_line();
  if (!line.starts_with(prefix)) {
    throw Failure("smtpseal said \"" + line + "\" instead of " + std::string(prefix));
  }
  return line;
}

std::string SmarthostConnection::read_some() {
  if (input_.empty()) receive();
  return std::exchange(input_, std::string());
}

void SmarthostConnection::read_until_closed() {
  try {
    while (true) {
      receive();
      input_.clear();
    }
  } catch (const Over&) {
    if (!is_over_) throw;
  }
}

void SmarthostConnection::send(std::string_view bytes) {
  if (bytes.empty()) return;
  journal_.exchange(number_, false, is_sealed_, bytes);
  if (is_sealed_) {
    engine_->send(bytes);
    flush_tls();
  } else {
    write_all(bytes);
  }
}

void SmarthostConnection::send(const Answer& answer) {
  send(answer.bytes);
  carry_out(answer.then);
}

void SmarthostConnection::send_bytewise(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) send(bytes.substr(i, 1));
}

void SmarthostConnection::send_raw(std::string_view bytes) { write_all(bytes); }

void SmarthostConnection::start_tls(tls::ServerContext& context) {
  journal_.update(number_, [](ConnectionRecord& record) { record.is_handshake_begun = true; });
  engine_ = context.make_engine();
  input_.clear();
  while (engine_->state() == tls::State::handshaking) receive();
  if (engine_->state() != tls::State::established && !last_words_) {
    carry_out(Then::close);
  }
  is_sealed_ = true;
  journal_.update(number_, [&](ConnectionRecord& record) {
    record.is_tls_up = true;
    record.tls = engine_->info();
  });
}

void SmarthostConnection::start_and_end_tls(tls::ServerContext& context,
                                            std::string_view last_words) {
  last_words_ = last_words;
  start_tls(context);
}

void SmarthostConnection::expect_tls() {
  is_tls_expected_ = true;
  journal_.update(number_, [](ConnectionRecord& record) { record.is_handshake_begun = true; });
}

void SmarthostConnection::carry_out(Then then) {
  switch (then) {
    case Then::go_on: return;
    case Then::close_notify:
      if (engine_) {
        engine_->close();
        flush_tls();
      }
      break;
    case Then::close: break;
    case Then::alert:
      provoke_alert();
      flush_tls();
      break;
    case Then::plaintext: write_all(kStrayReply); break;
    case Then::close_notify_and_plaintext:
      engine_->close();
      flush_tls();
      write_all(kStrayReply);
      break;
    case Then::reset:
      end("reset by the smarthost");
      reset_connection(socket_);
      throw Over();
    case Then::silence: read_until_closed(); throw Over();
    case Then::deafness: {
      const Wakeup wakeup = wait_for(wake_.read_end.get(), POLLIN, Deadline(kLongestSilence));
      if (wakeup == Wakeup::ready) obey();
      break;
    }
  }
  end("closed by the smarthost");
  // FIN alone: with input unread a close would send RST, which may overtake what was said.
  shutdown(socket_.get(), SHUT_WR);
  const Deadline deadline(kPatience);
  std::array<char, 65536> discarded;
  while (wait_for(socket_.get(), POLLIN, deadline, wake_.read_end.get()) == Wakeup::ready) {
    const ssize_t got = recv(socket_.get(), discarded.data(), discarded.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) break;
    if (got > 0) {
      journal_.update(number_, [&](ConnectionRecord& record) {
        record.raw.append(discarded.data(), static_cast<std::size_t>(got));
        if (!engine_ && !record.is_handshake_begun) record.clear_size = record.raw.size();
      });
    }
  }
  throw Over();
}

}  // namespace support
