#include "tls/identity.h"

#include <algorithm>

#include "base/address.h"
#include "base/text.h"

namespace tls {

namespace {

// What a host name may hold: a dNSName with anything else (a NUL, say) is a trap.
bool is_name_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool matches_dns(const std::string& reference, std::string_view raw) {
  const std::string presented = base::lowered(raw);
  const bool is_wildcard = presented.starts_with("*.");
  const std::string_view fixed =
      is_wildcard ? std::string_view(presented).substr(2) : std::string_view(presented);
  if (fixed.empty() || !std::all_of(fixed.begin(), fixed.end(), is_name_octet)) return false;
  if (!is_wildcard) return fixed == reference;
  // RFC 9525 6.3: the wildcard is the whole left-most label and stands for exactly one. With fewer
  // than two labels behind it, it would stand for a whole top-level domain.
  if (fixed.find('.') == std::string_view::npos) return false;
  const std::size_t dot = reference.find('.');
  return dot != std::string::npos && dot > 0 &&
         std::string_view(reference).substr(dot + 1) == fixed;
}

// "127.1" is what some resolvers take for an address, and no host name: a top-level domain has a
// letter in it (RFC 3696 2). As a name, "*.0.1" would match it.
bool is_odd_address(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

ReferenceName parse_reference_name(std::string_view name) {
  ReferenceName reference;
  if (const auto address = base::parse_ip(name, 0)) {
    reference.ip = address->ip;
    return reference;
  }
  reference.dns = base::lowered(name);
  if (reference.dns.ends_with('.')) reference.dns.pop_back();
  return reference;
}

bool matches(const ReferenceName& reference, const PresentedNames& presented) {
  if (reference.is_ip()) {
    return std::find(presented.ip.begin(), presented.ip.end(), reference.ip) != presented.ip.end();
  }
  if (reference.dns.empty() || is_odd_address(reference.dns)) return false;
  return std::any_of(presented.dns.begin(), presented.dns.end(),
                     [&](const std::string& name) { return matches_dns(reference.dns, name); });
}

bool is_misplaced_address(const ReferenceName& reference, const PresentedNames& presented) {
  if (!reference.is_ip() || matches(reference, presented)) return false;
  return std::any_of(presented.dns.begin(), presented.dns.end(), [&](const std::string& name) {
    const auto address = base::parse_ip(name, 0);
    return address && address->ip == reference.ip;
  });
}

bool is_within_dns_subtree(std::string_view raw_name, std::string_view raw_subtree) {
  std::string name = base::lowered(raw_name);
  std::string subtree = base::lowered(raw_subtree);
  // "example.com." is the same, written to the end.
  for (std::string* each : {&name, &subtree}) {
    if (each->size() > 1 && each->ends_with('.')) each->pop_back();
  }
  if (subtree.starts_with('.')) subtree.erase(0, 1);
  if (subtree.empty() || name == subtree) return true;
  return name.size() > subtree.size() && name.ends_with(subtree) &&
         name[name.size() - subtree.size() - 1] == '.';
}

}  // namespace tls
