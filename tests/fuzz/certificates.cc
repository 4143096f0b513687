// What of certificates smtpseal reads by itself: DER elements and extensions, name constraints,
// PEM, and whose certificate it is (tls/der, extensions, name_constraints, pem, identity).
//
// The input: an octet that says which, then octets of it. Of names: a line with the one that was
// asked for, then lines that the certificate presents.
#include <algorithm>
#include <string>

#include "base/address.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "tls/certificate_text.h"
#include "tls/der.h"
#include "tls/extensions.h"
#include "tls/identity.h"
#include "tls/name_constraints.h"
#include "tls/pem.h"

namespace {

constexpr int kDeepest = 20;

bool is_printable(std::string_view text) { return base::printable(text, text.size()) == text; }

// Elements within elements; each lies inside what it was taken from, and is written as it was read.
void walk(std::string_view der, int depth) {
  std::string_view rest = der;
  while (depth < kDeepest) {
    const std::string_view before = rest;
    const auto element = tls::take_element(rest);
    if (!element) {
      FUZZ_EXPECT(rest == before);
      return;
    }
    FUZZ_EXPECT(rest.size() < before.size());
    FUZZ_EXPECT(element->content.data() >= before.data());
    FUZZ_EXPECT(element->content.data() + element->content.size() == rest.data());
    const std::string written = tls::write_element(element->tag, element->content);
    std::string_view again = written;
    const auto same = tls::take_element(again, element->tag);
    FUZZ_EXPECT(same && *same == element->content && again.empty());
    if (element->tag == tls::kDerObjectId) {
      FUZZ_EXPECT(is_printable(tls::format_object_id(element->content)));
    }
    walk(element->content, depth + 1);
  }
}

void try_der(std::string_view der) {
  walk(der, 0);
  FUZZ_EXPECT(is_printable(tls::format_object_id(der)));
  FUZZ_EXPECT(is_printable(tls::describe_key(der)));
}

void try_extensions(std::string_view der) {
  FUZZ_EXPECT(is_printable(tls::extension_fault(der)));
  for (const std::string_view oid :
       {tls::kSubjectAltName, tls::kNameConstraints, tls::kExtendedKeyUsage}) {
    const auto found = tls::find_extension(der, oid);
    if (found) FUZZ_EXPECT(found->oid == oid);
  }
}

tls::PresentedNames presented(fuzz::Input& input) {
  tls::PresentedNames names;
  while (!input.is_over()) {
    const std::string_view line = input.line();
    if (const auto address = base::parse_ip(line, 0); address && address->scope == 0) {
      names.ip.push_back(address->ip);
    } else {
      names.dns.emplace_back(line);
    }
  }
  return names;
}

void try_constraints(fuzz::Input& input) {
  const bool is_critical = input.flag();
  const std::string_view der = input.take(input.byte() * 4);
  const tls::NameConstraints constraints = tls::parse_name_constraints(der, is_critical);
  const tls::PresentedNames names = presented(input);
  const bool is_permitted = constraints.permit(names);
  if (constraints.is_malformed && !names.dns.empty()) FUZZ_EXPECT(!is_permitted);
  // What one certificate forbids, no other brings back.
  tls::NameConstraints merged = constraints;
  merged.merge(tls::parse_name_constraints(tls::write_name_constraints({"example.edu"}), true));
  if (!is_permitted) FUZZ_EXPECT(!merged.permit(names));
  for (const std::string& name : names.dns) {
    const bool is_within = tls::is_within_dns_subtree(name, "example.edu");
    if (!is_within) FUZZ_EXPECT(!merged.permit(names));
    std::string absolute = base::lowered(name);
    if (absolute.ends_with('.')) absolute.pop_back();
    if (is_within) FUZZ_EXPECT(absolute.ends_with("example.edu"));
  }
}

// RFC 9525 6.3 by the letter: the same name, or a star for exactly the first label of three.
bool should_match(std::string_view asked, std::string_view presented) {
  const std::string name = base::lowered(presented);
  if (asked == name) return true;
  if (!name.starts_with("*.")) return false;
  const std::string_view behind = std::string_view(name).substr(1);
  const std::size_t dot = asked.find('.');
  return dot != std::string_view::npos && dot > 0 && asked.substr(dot) == behind &&
         behind.find('.', 1) != std::string_view::npos;
}

void try_names(fuzz::Input& input) {
  const tls::ReferenceName reference = tls::parse_reference_name(input.line());
  const tls::PresentedNames names = presented(input);
  const bool is_matched = tls::matches(reference, names);
  if (reference.is_ip()) {
    const bool is_there =
        std::find(names.ip.begin(), names.ip.end(), reference.ip) != names.ip.end();
    FUZZ_EXPECT(is_matched == is_there);
  } else if (is_matched) {
    FUZZ_EXPECT(std::any_of(names.dns.begin(), names.dns.end(), [&](const std::string& name) {
      return should_match(reference.dns, name);
    }));
  }
  FUZZ_EXPECT(is_printable(tls::list_names(names)));
  for (const std::string& text : tls::describe_names(names)) FUZZ_EXPECT(is_printable(text));
}

void try_pem(std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const tls::PemBlock& block : tls::split_pem(text)) {
    FUZZ_EXPECT(block.line >= 1 && block.line <= lines);
    if (!block.der) continue;
    const std::string written = tls::write_pem(block.label, *block.der);
    const auto again = tls::split_pem(written);
    FUZZ_EXPECT(again.size() == 1 && again[0].label == block.label && again[0].der == block.der);
  }
}

}  // namespace

FUZZ_TARGET(certificates) {
  switch (input.below(5)) {
    case 0: return try_der(input.rest());
    case 1: return try_extensions(input.rest());
    case 2: return try_constraints(input);
    case 3: return try_names(input);
    default: return try_pem(input.rest());
  }
}
