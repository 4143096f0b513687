// base/proxy_header: the header ends where it ends and names whom it names, however much of what
// follows has come; what can be none is known early, and nothing stays undecided for ever.
//
// The input: what a proxy sends.
#include <algorithm>
#include <variant>

#include "base/address.h"
#include "base/proxy_header.h"
#include "fuzz/target.h"

namespace {

using Parsed = std::variant<base::ProxyHeaderIncomplete, base::ProxyHeader, base::Error>;

// Lengths at which a longer text is looked at: all of the short ones, and some.
std::size_t next_length(std::size_t length) { return length < 300 ? length + 1 : length + 97; }

void expect_sane(const base::ProxyHeader& header, std::size_t size) {
  FUZZ_EXPECT(header.size > 0 && header.size <= std::min(size, base::kMaxProxyHeader));
  if (!header.client) return;
  const base::SocketAddress& client = *header.client;
  FUZZ_EXPECT(!client.is_unix() && client.scope == 0);
  FUZZ_EXPECT(client.ip.size() == 4 || client.ip.size() == 16);
  const auto again = base::parse_ip(client.host(), client.port);
  FUZZ_EXPECT(again.is_ok());
  // An IPv4-mapped address is shown in its IPv4 form.
  FUZZ_EXPECT(again->host() == client.host() && again->port == client.port);
}

}  // namespace

FUZZ_TARGET(proxy) {
  const std::string_view octets = input.rest();
  const Parsed whole = base::parse_proxy_header(octets);
  if (const auto* header = std::get_if<base::ProxyHeader>(&whole)) {
    expect_sane(*header, octets.size());
  }
  const bool is_open = std::holds_alternative<base::ProxyHeaderIncomplete>(whole);
  FUZZ_EXPECT(!is_open || octets.size() < base::kMaxProxyHeader);
  bool is_decided = false;
  for (std::size_t length = 0; length <= octets.size(); length = next_length(length)) {
    const Parsed part = base::parse_proxy_header(octets.substr(0, length));
    if (std::holds_alternative<base::ProxyHeaderIncomplete>(part)) {
      FUZZ_EXPECT(!is_decided);
      continue;
    }
    is_decided = true;
    // Whatever came later changed nothing.
    FUZZ_EXPECT(part.index() == whole.index());
    const auto* header = std::get_if<base::ProxyHeader>(&part);
    if (header == nullptr) continue;
    FUZZ_EXPECT(header->size == std::get<base::ProxyHeader>(whole).size);
    FUZZ_EXPECT(header->client == std::get<base::ProxyHeader>(whole).client);
    FUZZ_EXPECT(length >= header->size);
  }
}
