#include "tls/name_constraints.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "tls/der.h"
#include "tls/extensions.h"

namespace tls {

namespace {

constexpr unsigned char kPermittedTag = 0xa0;
constexpr unsigned char kExcludedTag = 0xa1;

struct Subtrees {
  std::vector<std::string> dns;
  std::vector<NameConstraints::IpSubtree> ip;
  std::vector<unsigned char> other_kinds;
};

// GeneralSubtrees ::= SEQUENCE SIZE (1..MAX) OF GeneralSubtree, whose minimum and maximum mean
// nothing in this profile.
std::optional<Subtrees> take_subtrees(std::string_view der) {
  Subtrees subtrees;
  while (!der.empty()) {
    auto subtree = take_element(der, kDerSequence);
    if (!subtree) return std::nullopt;
    const std::optional<DerElement> base = take_element(*subtree);
    if (!base) return std::nullopt;
    if (base->tag == kDnsNameTag) {
      subtrees.dns.emplace_back(base->content);
    } else if (base->tag == kIpAddressTag) {
      if (base->content.size() != 8 && base->content.size() != 32) return std::nullopt;
      subtrees.ip.emplace_back(base->content.begin(), base->content.end());
    } else {
      subtrees.other_kinds.push_back(base->tag);
    }
  }
  return subtrees;
}

template <typename T>
void move_behind(std::vector<T>& into, std::vector<T>& from) {
  into.insert(into.end(), std::make_move_iterator(from.begin()),
              std::make_move_iterator(from.end()));
}

bool take_constraints(std::string_view der, bool is_critical, NameConstraints& constraints) {
  auto parts = take_element(der, kDerSequence);
  if (!parts || !der.empty()) return false;
  unsigned char last = 0;
  while (!parts->empty()) {
    const std::optional<DerElement> part = take_element(*parts);
    if (!part || (part->tag != kPermittedTag && part->tag != kExcludedTag)) return false;
    // Each at most once, the permitted ones first.
    if (std::exchange(last, part->tag) >= part->tag) return false;
    std::optional<Subtrees> subtrees = take_subtrees(part->content);
    if (!subtrees) return false;
    if (is_critical) move_behind(constraints.forbidden_kinds, subtrees->other_kinds);
    if (part->tag == kPermittedTag) {
      if (!subtrees->dns.empty()) constraints.permitted_dns.push_back(std::move(subtrees->dns));
      if (!subtrees->ip.empty()) constraints.permitted_ip.push_back(std::move(subtrees->ip));
    } else {
      constraints.excluded_dns = std::move(subtrees->dns);
      constraints.excluded_ip = std::move(subtrees->ip);
    }
  }
  return true;
}

bool is_in(std::string_view name, std::string_view subtree) {
  return is_within_dns_subtree(name, subtree);
}

bool is_in(const std::vector<std::uint8_t>& ip, const NameConstraints::IpSubtree& subtree) {
  if (subtree.size() != ip.size() * 2) return false;
  for (std::size_t i = 0; i < ip.size(); ++i) {
    const std::uint8_t mask = subtree[ip.size() + i];
    if ((ip[i] & mask) != (subtree[i] & mask)) return false;
  }
  return true;
}

template <typename Name, typename Subtree>
bool is_in_any(const Name& name, const std::vector<Subtree>& subtrees) {
  return std::any_of(subtrees.begin(), subtrees.end(),
                     [&](const Subtree& subtree) { return is_in(name, subtree); });
}

template <typename Name, typename Subtree>
bool are_permitted(const std::vector<Name>& names,
                   const std::vector<std::vector<Subtree>>& permitted,
                   const std::vector<Subtree>& excluded) {
  return std::all_of(names.begin(), names.end(), [&](const Name& name) {
    return !is_in_any(name, excluded) &&
           std::all_of(permitted.begin(), permitted.end(),
                       [&](const std::vector<Subtree>& list) { return is_in_any(name, list); });
  });
}

}  // namespace

bool NameConstraints::is_empty() const {
  return permitted_dns.empty() && permitted_ip.empty() && excluded_dns.empty() &&
         excluded_ip.empty() && forbidden_kinds.empty() && !is_malformed;
}

void NameConstraints::merge(NameConstraints other) {
  move_behind(permitted_dns, other.permitted_dns);
  move_behind(permitted_ip, other.permitted_ip);
  move_behind(excluded_dns, other.excluded_dns);
  move_behind(excluded_ip, other.excluded_ip);
  move_behind(forbidden_kinds, other.forbidden_kinds);
  is_malformed |= other.is_malformed;
}

bool NameConstraints::permit(const PresentedNames& names) const {
  const bool has_forbidden_kind =
      std::find_first_of(names.others.begin(), names.others.end(), forbidden_kinds.begin(),
                         forbidden_kinds.end()) != names.others.end();
  return !is_malformed && !has_forbidden_kind &&
         are_permitted(names.dns, permitted_dns, excluded_dns) &&
         are_permitted(names.ip, permitted_ip, excluded_ip);
}

NameConstraints parse_name_constraints(std::string_view der, bool is_critical) {
  NameConstraints constraints;
  constraints.is_malformed = !take_constraints(der, is_critical, constraints);
  return constraints;
}

std::string write_name_constraints(const std::vector<std::string>& permitted_dns) {
  std::string subtrees;
  for (const std::string& name : permitted_dns) {
    subtrees += write_element(kDerSequence, write_element(kDnsNameTag, name));
  }
  return write_element(kDerSequence, write_element(kPermittedTag, subtrees));
}

}  // namespace tls
