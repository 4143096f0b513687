// net/dns: whatever comes for an answer, what is taken from it are few records whose targets can be
// names of hosts.
//
// The input: an octet that says MX or SRV, then a message of the DNS.
#include "net/dns.h"

#include "base/text.h"
#include "fuzz/target.h"

namespace {

constexpr std::size_t kLongestName = 253;  // RFC 1035 2.3.4, as text

bool is_host_name(std::string_view name) {
  if (name.empty()) return true;  // ".": no such service
  if (name.size() > kLongestName || name.front() == '.' || name.back() == '.') return false;
  for (const std::string_view label : base::split(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-') return false;
    for (const char c : label) {
      const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      const bool is_other = (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (!is_letter && !is_other) return false;
    }
  }
  return true;
}

}  // namespace

FUZZ_TARGET(dns) {
  const net::DnsType type = input.flag() ? net::DnsType::srv : net::DnsType::mx;
  const auto answer = net::parse_dns_answer(input.rest(), type);
  if (!answer) {
    FUZZ_EXPECT(answer.error().fault == base::Fault::peer_protocol ||
                answer.error().fault == base::Fault::unreachable);
    return;
  }
  FUZZ_EXPECT(answer->records.size() <= net::kMaxDnsRecords);
  FUZZ_EXPECT(answer->ttl.count() >= 0 && answer->ttl.count() <= 0x7fffffff);
  for (const net::DnsRecord& record : answer->records) {
    FUZZ_EXPECT_SAYING(is_host_name(record.target), record.target);
    if (type == net::DnsType::mx) FUZZ_EXPECT(record.weight == 0 && record.port == 0);
  }
}
