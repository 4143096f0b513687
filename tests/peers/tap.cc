// See tap.h.
#include "peers/tap.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "support/certificates.h"
#include "support/strict_judge.h"

namespace support {

namespace {

Behavior implicit_tls() {
  Behavior behavior;
  behavior.is_implicit_tls = true;
  behavior.tls = good_server_context();
  return behavior;
}

void write_all(const Fd& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw Over();
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// What the server says, to be said on the wire.
void carry_replies(const Fd& server, SmarthostConnection& wire) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = recv(server.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    wire.order({std::string(buffer.data(), static_cast<std::size_t>(got)), Then::go_on});
  }
  wire.order({"", Then::close_notify});
}

void carry(std::uint16_t port, tls::ServerContext& context, SmarthostConnection& wire) {
  wire.start_tls(context);
  const Fd server = connect_loopback(port);
  const int on = 1;
  setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::thread replies([&] { carry_replies(server, wire); });
  try {
    while (true) write_all(server, wire.read_some());
  } catch (...) {
    // Over, or a Failure that is the record's business: the other thread must end in any case.
    shutdown(server.get(), SHUT_RDWR);
    replies.join();
    throw;
  }
}

// Takes the command lines out of one connection's conversation.
class CommandReader {
 public:
  explicit CommandReader(std::vector<std::string>& out) : out_(out) {}

  void sent(std::string_view reply) {
    if (is_data_asked_ && reply.starts_with("354")) is_in_data_ = true;
    is_data_asked_ = false;
  }
  void received(std::string_view bytes) {
    input_ += bytes;
    while (take_one()) {
    }
  }

 private:
  bool take_one() {
    if (is_in_data_) return take_data();
    if (octets_ > 0) {
      const std::size_t count = std::min(octets_, input_.size());
      octets_ -= count;
      input_.erase(0, count);
      return octets_ == 0;
    }
    const std::size_t end = input_.find("\r\n");
    if (end == std::string::npos) return false;
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 2);
    is_data_asked_ = line == "DATA";
    if (line.starts_with("BDAT ")) octets_ = std::stoul(line.substr(5));
    out_.push_back(std::move(line));
    return true;
  }

  bool take_data() {
    const bool is_empty = input_.starts_with(".\r\n");
    const std::size_t end = is_empty ? 0 : input_.find("\r\n.\r\n");
    if (end == std::string::npos) return false;
    input_.erase(0, is_empty ? 3 : end + 5);
    is_in_data_ = false;
    return true;
  }

  std::vector<std::string>& out_;
  std::string input_;
  bool is_data_asked_ = false;
  bool is_in_data_ = false;
  std::size_t octets_ = 0;
};

}  // namespace

Tap::Tap(std::uint16_t server) : ear_(implicit_tls()) {
  const std::shared_ptr<tls::ServerContext> context = good_server_context();
  ear_.script_always(
      [server, context](SmarthostConnection& wire) { carry(server, *context, wire); });
}

std::vector<std::string> Tap::findings(const std::string& ehlo_name) const {
  std::vector<std::string> all = ear_.journal().complaints();
  for (const ConnectionRecord& record : ear_.journal().records()) {
    for (const std::string& finding : judge(record, {ehlo_name, false})) all.push_back(finding);
  }
  return all;
}

std::vector<std::string> Tap::commands() const {
  std::vector<std::string> all;
  for (const ConnectionRecord& record : ear_.journal().records()) {
    CommandReader reader(all);
    for (const Exchange& each : record.exchanges) {
      if (each.is_received) {
        reader.received(each.bytes);
      } else {
        reader.sent(each.bytes);
      }
    }
  }
  return all;
}

}  // namespace support
