// The small languages in which values are written: durations, sizes, names, lists.
#include "config/values.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "base/address.h"
#include "base/base64.h"
#include "base/text.h"

namespace config {
namespace {

using base::Error;
using base::Fault;
using base::Result;

Error wrong(std::string detail) { return Error{Fault::config, std::move(detail)}; }

std::string quoted(std::string_view text) { return '"' + base::printable(text, 80) + '"'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z'; }

// "30s" as 30 and "s".
struct Quantity {
  std::uint64_t count = 0;
  std::string_view unit;
};

std::optional<Quantity> split_quantity(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = static_cast<std::size_t>(end - text.begin());
  const auto count = base::parse_number(text.substr(0, digits));
  if (!count) return std::nullopt;
  return Quantity{*count, text.substr(digits)};
}

struct DurationUnit {
  std::string_view name;
  std::chrono::milliseconds length;
};

// From the largest down, so that the first that divides is the one to write.
constexpr std::array<DurationUnit, 5> kDurationUnits = {{
    {"d", std::chrono::hours(24)},
    {"h", std::chrono::hours(1)},
    {"m", std::chrono::minutes(1)},
    {"s", std::chrono::seconds(1)},
    {"ms", std::chrono::milliseconds(1)},
}};
// Far beyond any bound of a key, far below what base::Duration holds.
constexpr std::chrono::milliseconds kMaxDuration = std::chrono::hours(24 * 3650);

struct SizeUnit {
  char name;
  std::uint64_t size;
};
constexpr std::array<SizeUnit, 3> kSizeUnits = {{
    {'G', std::uint64_t{1} << 30},
    {'M', std::uint64_t{1} << 20},
    {'K', std::uint64_t{1} << 10},
}};

// A label of a host name (RFC 1123 2.1). The underscore is in no host name's grammar but in many
// internal host names; EHLO is stricter.
Result<void> check_label(std::string_view label, bool is_underscore_allowed) {
  if (label.empty()) return wrong("has an empty label (two dots, or a dot at the start)");
  if (label.size() > kMaxHostLabel) {
    return wrong("has a label of " + std::to_string(label.size()) + " characters, at most " +
                 std::to_string(kMaxHostLabel) + " are allowed (RFC 1035)");
  }
  for (const char c : label) {
    if (is_letter(c) || is_digit(c) || c == '-' || (c == '_' && is_underscore_allowed)) continue;
    if (static_cast<unsigned char>(c) >= 0x80) {
      return wrong("write an internationalised name in its xn-- form");
    }
    return wrong(is_underscore_allowed ? "expected a host name or an IP address"
                                       : "expected a name of letters, digits, - and .");
  }
  if (label.front() == '-' || label.back() == '-') {
    return wrong("has a label that begins or ends with \"-\"");
  }
  return {};
}

// Without the one trailing dot of an absolute name.
std::string_view without_trailing_dot(std::string_view name) {
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  return name;
}

Result<void> check_domain(std::string_view text, bool is_underscore_allowed) {
  const std::string_view name = without_trailing_dot(text);
  if (name.empty()) return wrong("expected a host name");
  if (name.size() > kMaxHostName) {
    return wrong("a host name of " + std::to_string(name.size()) + " characters, at most " +
                 std::to_string(kMaxHostName) + " are allowed (RFC 1035)");
  }
  const std::vector<std::string_view> labels = base::split(name, '.');
  for (const std::string_view label : labels) {
    if (auto checked = check_label(label, is_underscore_allowed); !checked) return checked;
  }
  if (std::all_of(labels.back().begin(), labels.back().end(), is_digit)) {
    // RFC 1123 2.1: no top-level domain is a number; this was meant to be an address.
    return wrong(quoted(text) + " is neither a host name nor an IP address");
  }
  return {};
}

// What people write where a host name belongs, and what they should write.
std::optional<Error> host_advice(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return wrong("expected a host name alone, not a URL");
  }
  if (text.find('@') != std::string_view::npos) {
    return wrong("expected a host name, not a mail address");
  }
  if (text.starts_with('[') && text.find("]:") == std::string_view::npos) {
    return wrong("write the address without brackets");
  }
  if (text.find(':') != std::string_view::npos) {
    return wrong("expected a host name alone: the port has a key of its own, port = " +
                 base::printable(text.substr(text.rfind(':') + 1), 10));
  }
  return std::nullopt;
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"yes", "true", "on", "1"}) {
    if (base::iequals(text, word)) return true;
  }
  for (const std::string_view word : {"no", "false", "off", "0"}) {
    if (base::iequals(text, word)) return false;
  }
  return wrong("expected yes or no");
}

std::string format_bool(bool value) { return value ? "yes" : "no"; }

Result<std::uint64_t> parse_number_in(std::string_view text, std::uint64_t least,
                                      std::uint64_t most) {
  const auto value = base::parse_number(text);
  if (!value || *value < least || *value > most) {
    return wrong("expected a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *value;
}

Result<std::uint64_t> parse_workers(std::string_view text, bool can_share_ports) {
  constexpr std::uint64_t kMost = 256;
  auto count = parse_number_in(text, 1, kMost);
  if (count && *count > 1 && !can_share_ports) {
    return wrong(
        "more than one worker needs Linux: this system cannot spread the connections to "
        "one port over several listeners");
  }
  return count;
}

Result<base::Duration> parse_duration(std::string_view text) {
  const auto quantity = split_quantity(text);
  if (!quantity) return wrong("expected a duration such as 30s (units: ms, s, m, h, d)");
  if (quantity->unit.empty()) {
    if (quantity->count == 0) return base::Duration::zero();
    return wrong("a duration needs a unit (ms, s, m, h, d): " + std::string(text) + "s?");
  }
  for (const DurationUnit& unit : kDurationUnits) {
    if (quantity->unit != unit.name) continue;
    if (quantity->count > static_cast<std::uint64_t>(kMaxDuration / unit.length)) {
      return wrong("is too long for a duration");
    }
    return base::Duration(unit.length * static_cast<std::int64_t>(quantity->count));
  }
  return wrong("unknown unit " + quoted(quantity->unit) + ": a duration has ms, s, m, h or d");
}

std::string format_duration(base::Duration value) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(value);
  if (whole == std::chrono::milliseconds::zero()) return "0s";
  for (const DurationUnit& unit : kDurationUnits) {
    if (whole % unit.length == std::chrono::milliseconds::zero()) {
      return std::to_string(whole / unit.length) + std::string(unit.name);
    }
  }
  return std::to_string(whole.count()) + "ms";
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto quantity = split_quantity(text);
  if (!quantity) return wrong("expected a size such as 25M (units: K, M, G)");
  if (quantity->unit.empty()) {
    if (quantity->count == 0) return std::uint64_t{0};
    return wrong("a size needs a unit (K, M, G): " + std::string(text) + "M?");
  }
  for (const SizeUnit& unit : kSizeUnits) {
    if (quantity->unit.size() != 1 || base::to_upper(quantity->unit[0]) != unit.name) continue;
    if (quantity->count > std::numeric_limits<std::int64_t>::max() / unit.size) {
      return wrong("is too large for a size");
    }
    return quantity->count * unit.size;
  }
  return wrong("unknown unit " + quoted(quantity->unit) + ": a size has K, M or G");
}

std::string format_size(std::uint64_t value) {
  if (value == 0) return "0";
  for (const SizeUnit& unit : kSizeUnits) {
    if (value % unit.size == 0) return std::to_string(value / unit.size) + unit.name;
  }
  // Nothing below a kibibyte can be written down, so nothing can have been read.
  return std::to_string(value);
}

Result<unsigned> parse_file_mode(std::string_view text) {
  constexpr unsigned kOwner = 0600;
  constexpr unsigned kMost = 0666;
  unsigned mode = 0;
  for (const char digit : text) {
    const bool is_octal = digit >= '0' && digit <= '7' && text.size() <= 4;
    if (!is_octal) return wrong("expected a file's mode in octal, such as 0660");
    mode = mode * 8 + static_cast<unsigned>(digit - '0');
  }
  if ((mode & kOwner) != kOwner || (mode & ~kMost) != 0) {
    return wrong("expected a mode between 0600 and 0666: to connect takes leave to write");
  }
  return mode;
}

std::string format_file_mode(unsigned mode) {
  std::string text = "0";
  for (const unsigned shift : {6U, 3U, 0U}) text += static_cast<char>('0' + ((mode >> shift) & 7U));
  return text;
}

Result<std::vector<std::string>> parse_list(std::string_view text) {
  std::vector<std::string> items;
  for (const std::string_view piece : base::split(text, ',')) {
    const std::string_view item = base::trimmed(piece);
    if (item.empty()) return wrong("an item of the list is empty (items stand between commas)");
    items.emplace_back(item);
  }
  return items;
}

std::string format_list(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    if (!text.empty()) text += ", ";
    text += item;
  }
  return text;
}

Result<std::string> parse_host(std::string_view text) {
  if (base::parse_ip(text, 0)) return std::string(text);
  if (const auto advice = host_advice(text)) return *advice;
  if (auto checked = check_domain(text, true); !checked) return checked.error();
  return std::string(text);
}

Result<HostPort> parse_host_port(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return wrong(quoted(text) + ": expected HOST[:PORT], not a URL");
  }
  std::string_view host = text;
  std::optional<std::string_view> port_text;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong(quoted(text) + ": the bracket is not closed");
    host = text.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) {
      return wrong(quoted(text) + ": brackets are for IPv6 addresses");
    }
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return wrong(quoted(text) + ": expected HOST[:PORT]");
    if (!rest.empty()) port_text = rest.substr(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
  }
  auto checked = parse_host(host);
  if (!checked) return wrong(quoted(text) + ": " + checked.error().detail);
  HostPort result{std::move(*checked), std::nullopt};
  if (port_text) {
    const auto port = parse_number_in(*port_text, 1, 65535);
    if (!port) return wrong(quoted(text) + ": the port is a number from 1 to 65535");
    result.port = static_cast<std::uint16_t>(*port);
  }
  return result;
}

bool is_localhost_name(std::string_view name) {
  const std::string lower = base::lowered(without_trailing_dot(name));
  return lower == "localhost" || lower.starts_with("localhost.") || lower.ends_with(".localhost") ||
         lower == "localhost4" || lower == "localhost6" || lower.starts_with("localhost4.") ||
         lower.starts_with("localhost6.") || lower == "ip6-localhost" || lower == "ip6-loopback";
}

Result<std::string> parse_own_name(std::string_view text) {
  if (text.starts_with('[')) {
    // RFC 5321 4.1.3
    const std::string_view inside = text.ends_with(']') ? text.substr(1, text.size() - 2) : "";
    const bool is_tagged = base::istarts_with(inside, "IPv6:");
    const auto address = base::parse_ip(is_tagged ? inside.substr(5) : inside, 0);
    if (!address || address->is_v6() != is_tagged || address->scope != 0) {
      return wrong("expected an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]");
    }
    return std::string(text);
  }
  if (base::parse_ip(text, 0)) {
    return wrong("an address stands in brackets here, such as [192.0.2.1] or [IPv6:2001:db8::1]");
  }
  if (is_localhost_name(text)) {
    return wrong(
        "servers refuse this name: give this machine's full name, such as app.example.edu");
  }
  if (const auto advice = host_advice(text)) return *advice;
  if (auto checked = check_domain(text, false); !checked) return checked.error();
  return std::string(without_trailing_dot(text));
}

Result<std::string> parse_certificate_name(std::string_view text) {
  if (const auto address = base::parse_ip(text, 0)) {
    if (address->scope == 0) return std::string(text);
    return wrong("a certificate carries no zone: leave \"%...\" out");
  }
  auto host = parse_host(text);
  if (!host) return host;
  return std::string(without_trailing_dot(*host));
}

Result<std::string> parse_pin(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256//";
  constexpr std::size_t kDigestSize = 32;
  const std::string right = "expected sha256// and the 44 characters of base64 of a SHA-256 digest";
  if (!text.starts_with(kPrefix)) return wrong(right);
  const std::optional<std::string> digest = base::decode_base64(text.substr(kPrefix.size()));
  if (!digest) return wrong(right + "; this is not base64");
  if (digest->size() != kDigestSize) {
    return wrong(right + "; this is one of " + std::to_string(digest->size()) +
                 " octets instead of 32");
  }
  // Written anew: one digest may have several texts, and they are compared as texts.
  return std::string(kPrefix) + base::encode_base64(*digest);
}

}  // namespace config
