#include "tls/der.h"

#include <algorithm>
#include <cstdint>

namespace tls {

namespace {

constexpr std::size_t kShortLimit = 0x80;  // lengths below take one octet (X.690 8.1.3.4)
constexpr std::size_t kMaxLengthOctets = 3;
constexpr unsigned char kLongTag = 0x1f;  // the tag goes on in further octets (X.690 8.1.2.4)
constexpr std::size_t kMaxObjectId = 32;  // octets of an identifier that is worth writing out

}  // namespace

std::optional<DerElement> take_element(std::string_view& der) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(der[i]); };
  if (der.size() < 2 || (octet(0) & kLongTag) == kLongTag) return std::nullopt;
  std::size_t length = octet(1);
  std::size_t header = 2;
  if (length >= kShortLimit) {
    const std::size_t count = length - kShortLimit;
    if (count < 1 || count > kMaxLengthOctets || der.size() < header + count) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length * 256 + octet(2 + i);
    header += count;
  }
  if (der.size() - header < length) return std::nullopt;
  const DerElement element{octet(0), der.substr(header, length)};
  der.remove_prefix(header + length);
  return element;
}

std::optional<std::string_view> take_element(std::string_view& der, unsigned char tag) {
  std::string_view rest = der;
  const std::optional<DerElement> element = take_element(rest);
  if (!element || element->tag != tag) return std::nullopt;
  der = rest;
  return element->content;
}

std::string format_object_id(std::string_view content) {
  const char* const unreadable = "an unreadable identifier";
  constexpr unsigned kGoesOn = 0x80;
  constexpr std::uint32_t kMaxNumber = 0x01ffffff;  // seven more bits fit in 32
  if (content.empty() || content.size() > kMaxObjectId) return unreadable;
  std::string text;
  std::uint32_t number = 0;
  bool is_whole = true;
  for (const char c : content) {
    const auto octet = static_cast<unsigned char>(c);
    if (number > kMaxNumber || (is_whole && octet == kGoesOn)) return unreadable;
    number = (number << 7U) | (octet & 0x7fU);
    is_whole = (octet & kGoesOn) == 0;
    if (!is_whole) continue;
    if (text.empty()) {
      // The first two numbers share one: 40 times the first, of which there are three.
      const std::uint32_t first = std::min(number / 40, 2U);
      text = std::to_string(first);
      number -= first * 40;
    }
    text += "." + std::to_string(number);
    number = 0;
  }
  return is_whole ? text : unreadable;
}

std::string write_element(unsigned char tag, std::string_view content) {
  std::string length;
  for (std::size_t rest = content.size(); rest > 0; rest >>= 8U) {
    length.insert(length.begin(), static_cast<char>(rest & 0xffU));
  }
  std::string element(1, static_cast<char>(tag));
  if (content.size() >= kShortLimit) {
    element.push_back(static_cast<char>(kShortLimit + length.size()));
    element.append(length);
  } else {
    element.push_back(static_cast<char>(content.size()));
  }
  return element.append(content);
}

}  // namespace tls
