// The asking half of dns.h, by the DNS client of Windows.
#include <algorithm>

// The second needs what the first declares.
// clang-format off
#include <winsock2.h>
#include <windns.h>
// clang-format on

#include "net/dns.h"

namespace net {

namespace {

using base::Error;
using base::Fault;

// Names of hosts are ASCII here; others are none.
std::optional<std::string> host_name(const wchar_t* text) {
  std::string name;
  for (; text != nullptr && *text != L'\0'; ++text) {
    const wchar_t c = *text;
    const bool is_right = (c >= L'a' && c <= L'z') || (c >= L'A' && c <= L'Z') ||
                          (c >= L'0' && c <= L'9') || c == L'-' || c == L'_' || c == L'.';
    if (!is_right) return std::nullopt;
    name += static_cast<char>(c);
  }
  if (name.ends_with('.')) name.pop_back();
  const std::string last = name.substr(name.rfind('.') + 1);
  const bool is_number = !last.empty() && std::all_of(last.begin(), last.end(),
                                                      [](char c) { return c >= '0' && c <= '9'; });
  if (is_number) return std::nullopt;
  return name;
}

std::optional<DnsRecord> record_of(const DNS_RECORDW& raw, DnsType type) {
  DnsRecord record;
  const wchar_t* target = nullptr;
  if (type == DnsType::srv) {
    record.priority = raw.Data.SRV.wPriority;
    record.weight = raw.Data.SRV.wWeight;
    record.port = raw.Data.SRV.wPort;
    target = raw.Data.SRV.pNameTarget;
  } else {
    record.priority = raw.Data.MX.wPreference;
    target = raw.Data.MX.pNameExchange;
  }
  std::optional<std::string> name = host_name(target);
  if (!name) return std::nullopt;
  record.target = std::move(*name);
  return record;
}

}  // namespace

base::Result<DnsAnswer> look_up_dns(const std::string& name, DnsType type,
                                    const std::optional<SocketAddress>& server) {
  if (server) return Error{Fault::local, "Windows asks its own servers alone"};
  // With the dot of an absolute name no suffix is added.
  std::wstring question(name.begin(), name.end());
  if (!question.ends_with(L'.')) question += L'.';
  PDNS_RECORD list = nullptr;  // of wide texts, whatever the type says
  const DNS_STATUS status = DnsQuery_W(question.c_str(), static_cast<WORD>(type),
                                       DNS_QUERY_STANDARD, nullptr, &list, nullptr);
  if (status == DNS_ERROR_RCODE_NAME_ERROR || status == DNS_INFO_NO_RECORDS) return DnsAnswer{};
  if (status != 0) {
    return Error{Fault::unreachable,
                 "look-up of " + name + " failed: Windows reports error " + std::to_string(status)};
  }
  DnsAnswer answer;
  std::optional<DWORD> least;
  for (const auto* one = reinterpret_cast<const DNS_RECORDW*>(list); one != nullptr;
       one = one->pNext) {
    if (one->Flags.S.Section != DnsSectionAnswer) continue;
    least = least ? std::min(*least, one->dwTtl) : one->dwTtl;
    if (one->wType != static_cast<WORD>(type)) continue;
    std::optional<DnsRecord> record = record_of(*one, type);
    if (!record) answer.has_unusable = true;
    if (record && answer.records.size() < kMaxDnsRecords) {
      answer.records.push_back(std::move(*record));
    }
  }
  answer.ttl = std::chrono::seconds(least.value_or(0));
  DnsRecordListFree(list, DnsFreeRecordList);
  return answer;
}

}  // namespace net
