#include "tls/names.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <optional>

#include "base/address.h"
#include "base/text.h"

namespace tls {

namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct Element {
  unsigned char tag = 0;
  std::string_view content;
};

// The first element of `der`, which is taken off it (X.690; definite lengths up to 65535).
std::optional<Element> take_element(std::string_view& der) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(der[i]); };
  if (der.size() < 2) return std::nullopt;
  std::size_t length = octet(1);
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t count = length & 0x7fU;
    if (count < 1 || count > 2 || der.size() < 2 + count) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length * 256 + octet(2 + i);
    header += count;
  }
  if (der.size() - header < length) return std::nullopt;
  const Element element{octet(0), der.substr(header, length)};
  der.remove_prefix(header + length);
  return element;
}

constexpr unsigned char kSequence = 0x30;
constexpr unsigned char kPermitted = 0xa0;
constexpr unsigned char kExcluded = 0xa1;
constexpr unsigned char kDnsName = 0x82;

// The dNSNames among GeneralSubtrees.
bool take_subtrees(std::string_view subtrees, std::vector<std::string>& names) {
  while (!subtrees.empty()) {
    const auto subtree = take_element(subtrees);
    if (!subtree || subtree->tag != kSequence) return false;
    std::string_view inside = subtree->content;
    const auto base = take_element(inside);
    if (!base) return false;
    if (base->tag == kDnsName) names.emplace_back(base->content);
  }
  return true;
}

bool parse_constraints(std::string_view der, DnsConstraints& constraints) {
  const auto all = take_element(der);
  if (!all || all->tag != kSequence || !der.empty()) return false;
  std::string_view parts = all->content;
  while (!parts.empty()) {
    const auto part = take_element(parts);
    if (!part) return false;
    if (part->tag == kPermitted) {
      std::vector<std::string> names;
      if (!take_subtrees(part->content, names)) return false;
      if (!names.empty()) constraints.permitted.push_back(std::move(names));
    } else if (part->tag == kExcluded) {
      if (!take_subtrees(part->content, constraints.excluded)) return false;
    }
  }
  return true;
}

std::string write_element(unsigned char tag, std::string_view content) {
  std::string element(1, static_cast<char>(tag));
  if (content.size() >= 0x80) element.append("\x82").push_back(static_cast<char>(content.size() >> 8U));
  element.push_back(static_cast<char>(content.size() & 0xffU));
  return element.append(content);
}

bool is_in_any(std::string_view name, const std::vector<std::string>& subtrees) {
  return std::any_of(subtrees.begin(), subtrees.end(), [&](const std::string& subtree) {
    return is_within_dns_subtree(name, subtree);
  });
}

}  // namespace

std::string iana_cipher_name(std::string_view library_name) {
  std::string name(library_name);
  if (name.starts_with("TLS1-3-")) name.replace(0, 7, "TLS-");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string format_pin(const std::array<unsigned char, 32>& digest) {
  std::string pin = "sha256//";
  for (std::size_t i = 0; i < digest.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, digest.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < left ? digest[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      pin.push_back(j <= left ? kBase64[group >> (18 - 6 * j) & 63U] : '=');
    }
  }
  return pin;
}

std::string day_of(base::WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

std::vector<std::string> describe_names(const PresentedNames& names) {
  std::vector<std::string> texts;
  for (const std::string& name : names.dns) texts.push_back(base::printable(name));
  for (const auto& ip : names.ip) {
    const bool is_address = ip.size() == 4 || ip.size() == 16;
    texts.push_back(is_address ? base::SocketAddress{ip, 0, 0}.host() : "(malformed address)");
  }
  return texts;
}

std::string list_names(const PresentedNames& names) {
  constexpr std::size_t kMost = 3;
  const std::vector<std::string> texts = describe_names(names);
  if (texts.empty()) return "no name at all";
  std::string list;
  for (std::size_t i = 0; i < std::min(texts.size(), kMost); ++i) {
    if (i > 0) list.append(", ");
    list.append(texts[i]);
  }
  if (texts.size() > kMost) list += " and " + std::to_string(texts.size() - kMost) + " more";
  return list;
}

void parse_dns_constraints(std::string_view der, DnsConstraints& constraints) {
  if (parse_constraints(der, constraints)) return;
  constraints.permitted.push_back({"invalid"});
}

std::string write_dns_constraints(const std::vector<std::string>& permitted) {
  std::string subtrees;
  for (const std::string& name : permitted) {
    subtrees += write_element(kSequence, write_element(kDnsName, name));
  }
  return write_element(kSequence, write_element(kPermitted, subtrees));
}

void merge_constraints(DnsConstraints& into, DnsConstraints from) {
  std::move(from.permitted.begin(), from.permitted.end(), std::back_inserter(into.permitted));
  std::move(from.excluded.begin(), from.excluded.end(), std::back_inserter(into.excluded));
}

bool is_permitted(const PresentedNames& names, const DnsConstraints& constraints) {
  return std::all_of(names.dns.begin(), names.dns.end(), [&](const std::string& name) {
    const bool fits_all =
        std::all_of(constraints.permitted.begin(), constraints.permitted.end(),
                    [&](const auto& permitted) { return is_in_any(name, permitted); });
    return fits_all && !is_in_any(name, constraints.excluded);
  });
}

}  // namespace tls
