#include "tls/extensions.h"

#include "tls/der.h"

namespace tls {

std::optional<std::string_view> find_extension(std::string_view extensions, std::string_view oid) {
  auto all = take_element(extensions, kDerSequence);
  if (!all) return std::nullopt;
  while (auto extension = take_element(*all, kDerSequence)) {
    const auto id = take_element(*extension, kDerObjectId);
    if (!id) return std::nullopt;
    // Whether it is critical; absent when it is not.
    static_cast<void>(take_element(*extension, kDerBoolean));
    const auto value = take_element(*extension, kDerOctetString);
    if (!value) return std::nullopt;
    if (*id == oid) return value;
  }
  return std::nullopt;
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
