#include "tls/extensions.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tls/der.h"

namespace tls {

namespace {

// Of RFC 5280 4.2.1. mbedTLS: key usages, alternative names, basic constraints. We: name
// constraints. Key identifiers bind nobody. Policies matter where one is required, and none is
// here: neither by us, nor by policy constraints, which are not understood.
constexpr std::array<std::string_view, 9> kUnderstood = {
    kSubjectAltName,
    kNameConstraints,
    kExtendedKeyUsage,
    kCertificatePolicies,
    kInhibitAnyPolicy,
    std::string_view("\x55\x1d\x0e", 3),  // subjectKeyIdentifier
    std::string_view("\x55\x1d\x0f", 3),  // keyUsage
    std::string_view("\x55\x1d\x13", 3),  // basicConstraints
    std::string_view("\x55\x1d\x23", 3),  // authorityKeyIdentifier
};

// The first of `extensions`, which is taken off.
std::optional<Extension> take_extension(std::string_view& extensions) {
  auto content = take_element(extensions, kDerSequence);
  if (!content) return std::nullopt;
  const auto oid = take_element(*content, kDerObjectId);
  // Absent when it is false.
  const auto critical = take_element(*content, kDerBoolean);
  const auto value = take_element(*content, kDerOctetString);
  if (!oid || !value || !content->empty()) return std::nullopt;
  return Extension{*oid, critical && *critical != std::string_view("\0", 1), *value};
}

}  // namespace

std::optional<Extension> find_extension(std::string_view extensions, std::string_view oid) {
  auto all = take_element(extensions, kDerSequence);
  if (!all) return std::nullopt;
  while (const auto extension = take_extension(*all)) {
    if (extension->oid == oid) return extension;
  }
  return std::nullopt;
}

bool is_understood(std::string_view oid) {
  return std::find(kUnderstood.begin(), kUnderstood.end(), oid) != kUnderstood.end();
}

std::string extension_fault(std::string_view extensions) {
  if (extensions.empty()) return "";
  const char* const unreadable = "has extensions that cannot be read";
  auto all = take_element(extensions, kDerSequence);
  if (!all || !extensions.empty()) return unreadable;
  std::vector<std::string_view> seen;
  while (!all->empty()) {
    const auto extension = take_extension(*all);
    if (!extension) return unreadable;
    if (extension->is_critical && !is_understood(extension->oid)) {
      return "has a critical extension that is not understood: " + format_object_id(extension->oid);
    }
    seen.push_back(extension->oid);
  }
  std::sort(seen.begin(), seen.end());
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  return twice == seen.end() ? "" : "has an extension twice: " + format_object_id(*twice);
}

std::string write_subject_alt_name(const PresentedNames& names) {
  std::string all;
  for (const std::string& name : names.dns) all += write_element(kDnsNameTag, name);
  for (const auto& ip : names.ip) {
    all += write_element(kIpAddressTag, std::string(ip.begin(), ip.end()));
  }
  return write_element(kDerSequence, all);
}

std::string write_extended_key_usage(std::string_view purpose) {
  return write_element(kDerSequence, write_element(kDerObjectId, purpose));
}

}  // namespace tls
