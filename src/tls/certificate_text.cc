#include "tls/certificate_text.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <optional>

#include "base/address.h"
#include "base/base64.h"
#include "base/text.h"
#include "tls/der.h"
#include "tls/extensions.h"

namespace tls {

namespace {

// Object identifiers as they stand in DER (RFC 3279, 5480, 8410).
constexpr std::string_view kRsa("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9);
constexpr std::string_view kEllipticCurve("\x2a\x86\x48\xce\x3d\x02\x01", 7);
constexpr std::string_view kEd25519("\x2b\x65\x70", 3);

struct Curve {
  std::string_view oid;
  std::string_view name;
};
constexpr std::array<Curve, 3> kCurves = {{
    {std::string_view("\x2a\x86\x48\xce\x3d\x03\x01\x07", 8), "secp256r1"},
    {std::string_view("\x2b\x81\x04\x00\x22", 5), "secp384r1"},
    {std::string_view("\x2b\x81\x04\x00\x23", 5), "secp521r1"},
}};

// RSAPublicKey ::= SEQUENCE { modulus INTEGER, ... }, inside a BIT STRING without unused bits.
std::string describe_rsa_key(std::string_view bits) {
  if (!bits.starts_with('\0')) return "RSA";
  bits.remove_prefix(1);
  auto key = take_element(bits, kDerSequence);
  if (!key) return "RSA";
  auto modulus = take_element(*key, kDerInteger);
  if (!modulus) return "RSA";
  const std::size_t first = modulus->find_first_not_of('\0');
  if (first == std::string_view::npos) return "RSA";
  modulus->remove_prefix(first);
  const auto top = static_cast<unsigned char>(modulus->front());
  const auto top_bits = static_cast<std::size_t>(std::bit_width(static_cast<unsigned>(top)));
  return "RSA " + std::to_string((modulus->size() - 1) * 8 + top_bits);
}

// A dNSName is ASCII (RFC 5280 4.2.1.6) and ends up in replies, which are too: whatever else a
// certificate has there is not passed on.
std::string visible(std::string_view name) {
  std::string text(name);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  return text;
}

std::string_view kind_of(unsigned char tag) {
  switch (tag) {
    case kDnsNameTag: return "DNS name";
    case kIpAddressTag: return "IP address";
    case kMailAddressTag: return "mail address";
    case kUriTag: return "URI";
    case kDirectoryNameTag: return "directory name";
    default: return "name of another kind";
  }
}

std::string describe_curve(std::string_view parameters) {
  const auto oid = take_element(parameters, kDerObjectId);
  const auto curve = std::find_if(kCurves.begin(), kCurves.end(),
                                  [&](const Curve& one) { return oid == one.oid; });
  return curve == kCurves.end() ? "EC" : "EC " + std::string(curve->name);
}

}  // namespace

std::string iana_cipher_name(std::string_view library_name) {
  std::string name(library_name);
  if (name.starts_with("TLS1-3-")) name.replace(0, 7, "TLS-");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string group_name(unsigned number) {
  switch (number) {
    case 0: return {};
    case 23: return "P-256";
    case 24: return "P-384";
    case 25: return "P-521";
    case 29: return "X25519";
    default: return "group " + std::to_string(number);
  }
}

std::string format_pin(const std::array<std::uint8_t, 32>& digest) {
  return "sha256//" + base::encode_base64(std::string(digest.begin(), digest.end()));
}

std::string describe_key(std::string_view public_key_info) {
  auto info = take_element(public_key_info, kDerSequence);
  if (!info) return "unknown";
  auto algorithm = take_element(*info, kDerSequence);
  const auto bits = take_element(*info, kDerBitString);
  if (!algorithm || !bits) return "unknown";
  const auto oid = take_element(*algorithm, kDerObjectId);
  if (oid == kRsa) return describe_rsa_key(*bits);
  if (oid == kEllipticCurve) return describe_curve(*algorithm);
  if (oid == kEd25519) return "Ed25519";
  return "unknown";
}

base::WallTime to_wall_time(const CertificateTime& time) {
  using std::chrono::floor;
  using std::chrono::seconds;
  const std::chrono::year_month_day date{
      std::chrono::year(time.year), std::chrono::month(time.month), std::chrono::day(time.day)};
  const std::chrono::sys_seconds exact = std::chrono::sys_days(date) +
                                         std::chrono::hours(time.hour) +
                                         std::chrono::minutes(time.minute) + seconds(time.second);
  const auto latest = floor<seconds>(base::WallTime::max());
  const auto earliest = floor<seconds>(base::WallTime::min()) + seconds(1);
  return std::clamp<std::chrono::sys_seconds>(exact, earliest, latest);
}

std::string day_of(base::WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

std::string compact_time(base::WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 96> text{};  // more than six numbers of any size
  std::snprintf(text.data(), text.size(), "%04d%02u%02u%02ld%02ld%02ld",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                static_cast<long>(clock.minutes().count()),
                static_cast<long>(clock.seconds().count()));
  return text.data();
}

std::vector<std::string> describe_names(const PresentedNames& names) {
  std::vector<std::string> texts;
  for (const std::string& name : names.dns) texts.push_back(visible(name));
  for (const auto& ip : names.ip) {
    const bool is_address = ip.size() == 4 || ip.size() == 16;
    texts.push_back(is_address ? base::SocketAddress{ip, 0, 0}.host() : "(malformed address)");
  }
  return texts;
}

std::string list_names(const PresentedNames& names) {
  constexpr std::size_t kMost = 3;
  // What follows the list in a reply line of 512 octets must still fit.
  constexpr std::size_t kShownLength = 80;
  const std::vector<std::string> texts = describe_names(names);
  if (texts.empty()) return "no name";
  std::string list;
  for (std::size_t i = 0; i < std::min(texts.size(), kMost); ++i) {
    if (i > 0) list.append(", ");
    list.append(base::printable(texts[i], kShownLength));
  }
  if (texts.size() > kMost) list += " and " + std::to_string(texts.size() - kMost) + " more";
  return list;
}

std::string list_kinds(const std::vector<unsigned char>& tags) {
  std::vector<std::string_view> listed;
  std::string list;
  for (const unsigned char tag : tags) {
    const std::string_view kind = kind_of(tag);
    if (std::find(listed.begin(), listed.end(), kind) != listed.end()) continue;
    list.append(list.empty() ? "" : ", ").append(kind);
    listed.push_back(kind);
  }
  return list;
}

std::string common_name(std::string_view value) {
  std::string text = "CN=";
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool is_at_end = i == 0 || i + 1 == value.size();
    const bool is_special = std::string_view("\"+,;<>\\=").find(c) != std::string_view::npos ||
                            (i == 0 && c == '#') || (is_at_end && c == ' ');
    if (is_special) text.push_back('\\');
    text.push_back(c);
  }
  return text;
}

}  // namespace tls
