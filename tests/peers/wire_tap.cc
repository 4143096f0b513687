// See wire_tap.h.
#include "peers/wire_tap.h"

#include <array>
#include <cerrno>
#include <cstdlib>

#include <poll.h>
#include <sys/socket.h>

#include "peers/corpus.h"

namespace support {

namespace {

// A conversation may take this long.
constexpr Milliseconds kConversation = 120s;

bool begins_with_word(std::string_view line, std::string_view word) {
  if (line.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if ((line[i] & ~0x20) != (word[i] & ~0x20)) return false;
  }
  return true;
}

// RFC 5321 4.5.2.
std::string unstuffed(std::string_view data) {
  std::string out;
  bool is_line_start = true;
  for (const char c : data) {
    if (!is_line_start || c != '.') out += c;
    is_line_start = c == '\n';
  }
  return out;
}

// Writes all of it; false when the peer is gone.
bool write_all(const Fd& to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

std::vector<SentMail> mails_in(std::string_view said) {
  constexpr std::string_view kEnd = "\r\n.\r\n";
  std::vector<SentMail> mails;
  SentMail now;
  for (std::size_t at = 0, end; (end = said.find("\r\n", at)) != std::string_view::npos;) {
    const std::string_view line = said.substr(at, end - at);
    at = end + 2;
    if (begins_with_word(line, "MAIL FROM:")) {
      now = {std::string(line), {}, {}, false};
    } else if (begins_with_word(line, "RCPT TO:")) {
      now.rcpts.emplace_back(line);
    } else if (begins_with_word(line, "STARTTLS")) {
      throw Failure("what a client says inside TLS cannot be read");
    } else if (line.size() == 4 && begins_with_word(line, "DATA")) {
      // The CRLF of the command may be the first of the end.
      const std::size_t stop = said.find(kEnd, end);
      if (stop == std::string_view::npos) break;
      now.data = with_lf(unstuffed(said.substr(at, stop + 2 - at)));
      mails.push_back(now);
      at = stop + kEnd.size();
    } else if (begins_with_word(line, "BDAT ")) {
      const std::size_t size = std::strtoull(line.data() + 5, nullptr, 10);
      if (at + size > said.size()) break;
      now.is_chunked = true;
      now.data += said.substr(at, size);
      at += size;
      if (!begins_with_word(line.substr(line.rfind(' ') + 1), "LAST")) continue;
      now.data = with_lf(now.data);
      mails.push_back(now);
    }
  }
  return mails;
}

WireTap::WireTap(std::uint16_t port) : seal_port_(port) {
  acceptor_ = std::thread(&WireTap::accept_clients, this);
}

void WireTap::stop() {
  stop_pipe_.write_end.reset();
  if (acceptor_.joinable()) acceptor_.join();
  for (std::thread& each : passing_) each.join();
  passing_.clear();
}

void WireTap::accept_clients() {
  const Deadline never(24h);
  while (wait_for(listener_.get(), POLLIN, never, stop_pipe_.read_end.get()) == Wakeup::ready) {
    Fd client = accept_on(listener_);
    if (!client.is_open()) continue;
    const std::lock_guard lock(mutex_);
    said_.emplace_back();
    passing_.emplace_back(&WireTap::pass_on, this, std::move(client), said_.size() - 1);
  }
}

void WireTap::pass_on(Fd client, std::size_t number) try {
  const Fd seal = connect_loopback(seal_port_);
  const Deadline deadline(kConversation);
  std::array<pollfd, 3> fds = {
      {{client.get(), POLLIN, 0}, {seal.get(), POLLIN, 0}, {stop_pipe_.read_end.get(), POLLIN, 0}}};
  std::array<char, 65536> buffer;
  // Each side may end what it says before the other.
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (deadline.has_passed()) return;
    if (poll(fds.data(), fds.size(), deadline.left()) < 0) {
      if (errno != EINTR) return;
      continue;
    }
    if (fds[2].revents != 0) return;
    for (std::size_t side = 0; side < 2; ++side) {
      if (fds[side].fd < 0 || fds[side].revents == 0) continue;
      const Fd& to = side == 0 ? seal : client;
      const ssize_t got = recv(fds[side].fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        fds[side].fd = -1;
        shutdown(to.get(), SHUT_WR);
        continue;
      }
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
      if (side == 0) {
        const std::lock_guard lock(mutex_);
        said_[number] += bytes;
      }
      if (!write_all(to, bytes)) return;
    }
  }
} catch (const Failure&) {
  // smtpseal takes nobody: the client hears the end of its connection.
}

std::vector<std::string> WireTap::said() const {
  const std::lock_guard lock(mutex_);
  return said_;
}

std::vector<SentMail> WireTap::mails() const {
  std::vector<SentMail> all;
  for (const std::string& each : said()) {
    for (SentMail& mail : mails_in(each)) all.push_back(std::move(mail));
  }
  return all;
}

}  // namespace support
