// The asking half of dns.h, by the resolver library of the system.
#include <array>
#include <cstring>

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/types.h>

#include "net/dns.h"

namespace net {

namespace {

using base::Error;
using base::Fault;

constexpr int kQuery = 0;     // RFC 1035 4.1.1, OPCODE
constexpr int kInternet = 1;  // 3.2.4, IN
// A header, a question with the longest of names, and what resolvers add to it (EDNS).
constexpr std::size_t kMaxQuestion = 1024;
constexpr std::size_t kMaxMessage = 65535;  // RFC 1035 4.2.2

Error failed(const std::string& name) {
  return {Fault::unreachable, "look-up of " + name + " failed: no answer from the DNS"};
}

#ifdef SMTPSEAL_HAS_RES_NINIT
// The state of one look-up, so that threads share none.
class ResolverState {
 public:
  ResolverState() : is_ready_(res_ninit(&state_) == 0) {}
  ~ResolverState() {
    if (!is_ready_) return;
#ifdef __APPLE__
    res_ndestroy(&state_);
#else
    res_nclose(&state_);
#endif
  }
  ResolverState(const ResolverState&) = delete;
  ResolverState& operator=(const ResolverState&) = delete;

  void ask_only(const SocketAddress& server) {
    sockaddr_in& first = state_.nsaddr_list[0];
    first = {};
    first.sin_family = AF_INET;
    first.sin_port = htons(server.port);
    std::memcpy(&first.sin_addr, server.ip.data(), sizeof first.sin_addr);
    state_.nscount = 1;
  }

  // The octets of the message, or less than 1.
  int make(const std::string& name, DnsType type, unsigned char* out, int room) {
    if (!is_ready_) return -1;
    return res_nmkquery(&state_, kQuery, name.c_str(), kInternet, static_cast<int>(type), nullptr,
                        0, nullptr, out, room);
  }
  int send(const unsigned char* question, int size, unsigned char* out, int room) {
    return res_nsend(&state_, question, size, out, room);
  }

 private:
  struct __res_state state_ {};
  bool is_ready_;
};
#else
// Where threads have states of their own in the first place, or none at all.
class ResolverState {
 public:
  void ask_only(const SocketAddress&) { is_possible_ = false; }
  int make(const std::string& name, DnsType type, unsigned char* out, int room) {
    if (!is_possible_) return -1;
    return res_mkquery(kQuery, name.c_str(), kInternet, static_cast<int>(type), nullptr, 0, nullptr,
                       out, room);
  }
  int send(const unsigned char* question, int size, unsigned char* out, int room) {
    return res_send(question, size, out, room);
  }

 private:
  bool is_possible_ = true;
};
#endif

}  // namespace

base::Result<DnsAnswer> look_up_dns(const std::string& name, DnsType type,
                                    const std::optional<SocketAddress>& server) {
  ResolverState resolver;
  if (server) resolver.ask_only(*server);
  std::array<unsigned char, kMaxQuestion> question{};
  const int size = resolver.make(name, type, question.data(), static_cast<int>(question.size()));
  if (size <= 0) {
    return Error{Fault::local, "look-up of " + name + " failed: it cannot be asked for"};
  }
  std::string message(kMaxMessage, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(message.data());
  const int length = resolver.send(question.data(), size, out, static_cast<int>(message.size()));
  if (length <= 0) return failed(name);
  message.resize(std::min(static_cast<std::size_t>(length), message.size()));
  auto answer = parse_dns_answer(message, type);
  if (answer) return answer;
  return Error{answer.error().fault, "look-up of " + name + " failed: " + answer.error().detail};
}

}  // namespace net
