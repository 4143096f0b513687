// Name constraints (RFC 5280 4.2.1.10): which names an authority may certify. Pure.
//
// DNS and IP subtrees are enforced, whether the extension is critical or not: those are the names
// by which smtpseal knows a smarthost (identity.h). Subtrees of other kinds (directory names, mail
// addresses) constrain names that nothing here relies on, and are not compared: where the extension
// is critical, a certificate with an alternative name of such a kind is refused, as the RFC wants
// it. Its subject is let pass, against the RFC: private authorities do have critical directory
// names, every certificate has a subject, and smtpseal takes it for nobody's name (RFC 9525 2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tls/identity.h"

namespace tls {

// Of one certificate, or gathered along a chain.
struct NameConstraints {
  using IpSubtree = std::vector<std::uint8_t>;  // network and mask: 8 or 32 octets

  // Of each inner list, one must fit.
  std::vector<std::vector<std::string>> permitted_dns;
  std::vector<std::vector<IpSubtree>> permitted_ip;
  // None of these may fit.
  std::vector<std::string> excluded_dns;
  std::vector<IpSubtree> excluded_ip;
  // Kinds of names (their tags) of which none may be there: they must be compared, and are not.
  std::vector<unsigned char> forbidden_kinds;
  // One could not be read: nothing is permitted.
  bool is_malformed = false;

  [[nodiscard]] bool is_empty() const;
  void merge(NameConstraints other);
  // Whether every one of these names is permitted.
  [[nodiscard]] bool permit(const PresentedNames& names) const;
};

// From the value of the extension, in DER.
[[nodiscard]] NameConstraints parse_name_constraints(std::string_view der,
                                                     bool is_critical = false);

// The value of an extension that permits only these DNS subtrees.
[[nodiscard]] std::string write_name_constraints(const std::vector<std::string>& permitted_dns);

}  // namespace tls
