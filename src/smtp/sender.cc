#include "smtp/sender.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace smtp {

namespace {

bool is_eight_bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z');
}

// RFC 5322 3.2.3, and the dots between atoms, wherever they stand: devices end local parts in one.
bool is_dot_atom_octet(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-/=?^_`{|}~.";
  return is_alphanumeric(c) || is_eight_bit(c) || kOthers.find(c) != std::string_view::npos;
}

bool is_dot_atom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_dot_atom_octet);
}

// Where the quoted string that text begins with ends, one behind; 0 when it has no end.
std::size_t end_of_quoted(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

bool is_domain(std::string_view text) {
  const auto is_name_octet = [](char c) {
    return is_alphanumeric(c) || is_eight_bit(c) || c == '-' || c == '.' || c == '_';
  };
  const auto is_literal_octet = [](char c) {
    return is_alphanumeric(c) || c == '.' || c == ':' || c == '-';
  };
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    return std::all_of(text.begin() + 1, text.end() - 1, is_literal_octet);
  }
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_octet);
}

bool is_covered_by(std::string_view authorized, std::string_view address,
                   const AddressParts& parts) {
  return authorized.starts_with('@') ? base::iequals(authorized.substr(1), parts.domain)
                                     : base::iequals(authorized, address);
}

}  // namespace

std::optional<AddressParts> split_address(std::string_view address) {
  const std::size_t at = address.starts_with('"') ? end_of_quoted(address) : address.find('@');
  if (at == 0 || at >= address.size() || address[at] != '@') return std::nullopt;
  const AddressParts parts{address.substr(0, at), address.substr(at + 1)};
  const bool is_local_part = parts.local_part.starts_with('"') || is_dot_atom(parts.local_part);
  if (!is_local_part || !is_domain(parts.domain)) return std::nullopt;
  return parts;
}

bool is_plain_address(std::string_view address) {
  const auto parts = split_address(address);
  if (!parts || !base::is_ascii(address) || address.size() > kMaxMailbox) return false;
  const std::string_view local_part = parts->local_part;
  return local_part.size() <= kMaxLocalPart && is_dot_atom(local_part) &&
         local_part.front() != '.' && local_part.back() != '.' &&
         local_part.find("..") == std::string_view::npos;
}

bool is_among(const std::vector<std::string>& addresses, std::string_view address) {
  const auto parts = split_address(address);
  return parts && std::any_of(addresses.begin(), addresses.end(), [&](const std::string& each) {
           return is_covered_by(each, address, *parts);
         });
}

bool may_stay(const SenderOptions& options, SenderMode mode, std::string_view address) {
  if (options.address.empty() || mode == SenderMode::keep) return true;
  const auto parts = split_address(address);
  if (!parts) return false;
  if (base::iequals(address, options.address)) return true;
  if (mode == SenderMode::force) return false;
  return std::any_of(options.authorized.begin(), options.authorized.end(),
                     [&](const std::string& each) { return is_covered_by(each, address, *parts); });
}

std::string rewrite_sender(const SenderOptions& options, MailCommand& mail) {
  const std::string_view path = mail.reverse_path;
  if (path == "<>" || may_stay(options, options.envelope, path.substr(1, path.size() - 2))) {
    return {};
  }
  return std::exchange(mail.reverse_path, "<" + options.address + ">");
}

}  // namespace smtp
