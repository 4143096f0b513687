// A DNS server on 127.0.0.1 that says what a test wants: in a thread of its own, over UDP.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

namespace net {

// Octets of messages.
inline std::string two(unsigned value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}
inline std::string four(std::uint32_t value) { return two(value >> 16) + two(value & 0xffff); }
// "a.example" as labels; "" is the root.
inline std::string dns_name(const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    out += static_cast<char>(end - at);
    out += name.substr(at, end - at);
    at = end + 1;
  }
  return out + '\0';
}
// A record of the name that the question is about.
inline std::string dns_record(unsigned type, std::uint32_t ttl, const std::string& data) {
  return two(0xc00c) + two(type) + two(1) + four(ttl) + two(static_cast<unsigned>(data.size())) +
         data;
}
inline std::string srv_record(unsigned priority, unsigned weight, unsigned port,
                              const std::string& target, std::uint32_t ttl = 300) {
  return dns_record(33, ttl, two(priority) + two(weight) + two(port) + dns_name(target));
}
inline std::string mx_record(unsigned preference, const std::string& target,
                             std::uint32_t ttl = 300) {
  return dns_record(15, ttl, two(preference) + dns_name(target));
}
// The answer to `question`, a whole message.
inline std::string dns_message(const std::string& question, const std::vector<std::string>& records,
                               unsigned code = 0) {
  constexpr std::size_t kHeader = 12;
  std::size_t end = kHeader;
  while (end < question.size() && question[end] != '\0') {
    end += 1U + static_cast<unsigned char>(question[end]);
  }
  std::string out = question.substr(0, 2) + two(0x8180 | code) + two(1) +
                    two(static_cast<unsigned>(records.size())) + four(0) +
                    question.substr(kHeader, end + 5 - kHeader);
  for (const std::string& record : records) out += record;
  return out;
}

class DnsServer {
 public:
  // What to say to a question; nothing is said for an empty text.
  using Answer = std::function<std::string(const std::string& question)>;

  explicit DnsServer(Answer answer) : answer_(std::move(answer)) {
    socket_ = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    const bool is_bound = bind(socket_, raw, length) == 0 &&
                          getsockname(socket_, raw, &length) == 0 && pipe(stop_) == 0;
    EXPECT_TRUE(is_bound);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~DnsServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(socket_);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  [[nodiscard]] base::SocketAddress address() const { return *base::parse_ip("127.0.0.1", port_); }

 private:
  void serve() {
    while (true) {
      pollfd fds[] = {{socket_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      if (poll(fds, 2, -1) <= 0 || fds[1].revents != 0) return;
      char buffer[4096];
      sockaddr_in peer{};
      socklen_t length = sizeof peer;
      auto* const raw = reinterpret_cast<sockaddr*>(&peer);
      const ssize_t got = recvfrom(socket_, buffer, sizeof buffer, 0, raw, &length);
      if (got <= 0) continue;
      const std::string said = answer_(std::string(buffer, static_cast<std::size_t>(got)));
      if (!said.empty()) sendto(socket_, said.data(), said.size(), 0, raw, length);
    }
  }

  Answer answer_;
  int socket_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace net
