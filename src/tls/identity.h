// Whose certificate is it (RFC 9525)? Pure: names in, verdict out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tls {

// The identities a certificate presents in its subjectAltName.
struct PresentedNames {
  std::vector<std::string> dns;               // dNSName, octets as they stand
  std::vector<std::vector<std::uint8_t>> ip;  // iPAddress, 4 or 16 octets
  std::vector<unsigned char> others;          // GeneralName tags of those that name no host
};

// The name we asked for: lower case, without a trailing dot; or an IP address.
struct ReferenceName {
  std::string dns;
  std::vector<std::uint8_t> ip;  // 4 or 16 octets when the reference is an address

  [[nodiscard]] bool is_ip() const { return !ip.empty(); }
};

[[nodiscard]] ReferenceName parse_reference_name(std::string_view name);

// RFC 9525 6.3, 6.4: dNSName for names (a wildcard only as the whole left-most label, standing for
// exactly one label, with at least two labels behind it), iPAddress for addresses; never the common
// name.
[[nodiscard]] bool matches(const ReferenceName& reference, const PresentedNames& presented);

// Whether the address that was asked for is there as a dNSName only, where it does not count.
[[nodiscard]] bool is_misplaced_address(const ReferenceName& reference,
                                        const PresentedNames& presented);

// RFC 5280 4.2.1.10, DNS subtrees: "example.com" permits itself and everything below it.
[[nodiscard]] bool is_within_dns_subtree(std::string_view name, std::string_view subtree);

}  // namespace tls
