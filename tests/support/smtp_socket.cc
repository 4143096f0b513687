// See smtp_socket.h.
#include "support/smtp_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>

#include <poll.h>
#include <sys/socket.h>

namespace support {

namespace {

// RFC 5321 4.5.3.1.5 guarantees a client no more than this, CRLF included.
constexpr std::size_t kLongestReplyLine = 512;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
constexpr int kSendFlags = MSG_DONTWAIT;
#endif

std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 1000)) {
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return out;
}

// RFC 5321 4.2: three digits, then nothing or SP or "-" and text of HT, SP and printable ASCII.
bool is_reply_line(std::string_view line) {
  if (line.size() < 3 || line.size() + 2 > kLongestReplyLine) return false;
  if (line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '5') return false;
  if (line[2] < '0' || line[2] > '9') return false;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return false;
  for (const char c : line.substr(3)) {
    const bool is_text = c == '\t' || (c >= ' ' && c <= '~') || static_cast<signed char>(c) < 0;
    if (!is_text) return false;
  }
  return true;
}

}  // namespace

void PrintTo(const Reply& reply, std::ostream* out) { *out << shown(reply.raw); }

bool SmtpSocket::try_send(std::string_view bytes, Milliseconds patience) {
  if (!engine_) return try_send_raw(bytes, patience);
  engine_->send(bytes);
  return flush_tls(0, patience);
}

bool SmtpSocket::try_send_raw(std::string_view bytes, Milliseconds patience) {
  const Deadline deadline(patience);
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), kSendFlags);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait_for(fd_.get(), POLLOUT, deadline) == Wakeup::timeout) {
        throw Failure("the server does not take what the client sends");
      }
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void SmtpSocket::send(std::string_view bytes, Milliseconds patience) {
  if (!try_send(bytes, patience)) {
    throw Failure(std::string("sending to the server: ") + std::strerror(errno));
  }
}

void SmtpSocket::send_raw(std::string_view bytes, Milliseconds patience) {
  if (!try_send_raw(bytes, patience)) throw Failure("sending to the server: it is gone");
}

void SmtpSocket::start_tls(tls::ClientContext& context, std::size_t piece) {
  if (!input_.empty()) throw Failure("something came before TLS: " + shown(input_));
  engine_ = context.make_engine();
  engine_->start();
  const Deadline deadline(kPatience);
  while (engine_->state() == tls::State::handshaking) {
    if (!flush_tls(piece, kPatience)) break;
    if (receive(deadline)) continue;
    engine_->receive_eof();
    break;
  }
  static_cast<void>(flush_tls(piece, kPatience));
  if (engine_->state() != tls::State::established) throw Failure(engine_->error().detail);
}

bool SmtpSocket::flush_tls(std::size_t piece, Milliseconds patience) {
  std::string ciphertext(engine_->output());
  engine_->consume_output(ciphertext.size());
  const std::size_t step = piece == 0 ? ciphertext.size() : piece;
  for (std::size_t at = 0; at < ciphertext.size(); at += step) {
    if (!try_send_raw(std::string_view(ciphertext).substr(at, step), patience)) return false;
  }
  return true;
}

void SmtpSocket::take(std::string_view bytes) {
  if (!engine_) {
    input_.append(bytes);
    return;
  }
  count_records(bytes);
  engine_->receive(bytes);
  input_.append(engine_->plaintext());
  engine_->consume_plaintext(engine_->plaintext().size());
}

// RFC 8446 5.1: type, version, length. All but a handshake in plaintext is application data.
void SmtpSocket::count_records(std::string_view ciphertext) {
  constexpr std::size_t kHeader = 5;
  constexpr char kApplicationData = 23;
  partial_record_.append(ciphertext);
  while (partial_record_.size() >= kHeader) {
    const auto octet = [&](std::size_t at) {
      return static_cast<std::size_t>(static_cast<unsigned char>(partial_record_[at]));
    };
    const std::size_t size = kHeader + octet(3) * 256 + octet(4);
    if (partial_record_.size() < size) return;
    if (partial_record_[0] == kApplicationData) ++records_;
    partial_record_.erase(0, size);
  }
}

void SmtpSocket::send_in_pieces(std::string_view bytes, std::size_t size) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
    send(bytes.substr(0, size));
  }
}

bool SmtpSocket::receive(const Deadline& deadline) {
  std::array<char, 65536> buffer;
  while (true) {
    if (wait_for(fd_.get(), POLLIN, deadline) == Wakeup::timeout) {
      throw Failure("the server says nothing; so far: " + shown(input_));
    }
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) {
      take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
      return true;
    }
    if (got == 0) return false;
    if (errno != EINTR && errno != EAGAIN) {
      throw Failure(std::string("reading from the server: ") + std::strerror(errno));
    }
  }
}

std::string SmtpSocket::read_line(const Deadline& deadline) {
  std::size_t end;
  while ((end = input_.find('\n')) == std::string::npos) {
    if (!receive(deadline)) {
      throw Failure("the server closed the connection where a reply was due; got: " +
                    shown(input_));
    }
  }
  std::string line = input_.substr(0, end + 1);
  input_.erase(0, end + 1);
  if (line.size() < 2 || line[line.size() - 2] != '\r') {
    throw Failure("a reply line that does not end in CRLF: " + shown(line));
  }
  line.resize(line.size() - 2);
  return line;
}

Reply SmtpSocket::read_reply(Milliseconds patience) {
  const Deadline deadline(patience);
  Reply reply;
  while (true) {
    const std::string line = read_line(deadline);
    if (!is_reply_line(line)) throw Failure("not a reply line: " + shown(line));
    const int code = std::stoi(line.substr(0, 3));
    if (!reply.lines.empty() && code != reply.code) {
      throw Failure("two codes in one reply: " + shown(reply.raw + line));
    }
    reply.code = code;
    reply.raw += line + "\r\n";
    reply.lines.push_back(line.size() > 4 ? line.substr(4) : "");
    if (line.size() == 3 || line[3] == ' ') return reply;
  }
}

bool SmtpSocket::has_input_within(Milliseconds patience) {
  if (!input_.empty()) return true;
  return wait_for(fd_.get(), POLLIN, Deadline(patience)) == Wakeup::ready;
}

std::string SmtpSocket::read_until_closed(Milliseconds patience) {
  const Deadline deadline(patience);
  while (receive(deadline)) {
  }
  return std::exchange(input_, std::string());
}

void SmtpSocket::shut_down_writing() { shutdown(fd_.get(), SHUT_WR); }

}  // namespace support
