// DER, as far as certificates need it (X.690): elements taken from the front of a view, and
// written. Pure. Peers write what is read here: every length is checked, nothing is trusted.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tls {

struct DerElement {
  unsigned char tag = 0;
  std::string_view content;
};

inline constexpr unsigned char kDerBoolean = 0x01;
inline constexpr unsigned char kDerInteger = 0x02;
inline constexpr unsigned char kDerBitString = 0x03;
inline constexpr unsigned char kDerOctetString = 0x04;
inline constexpr unsigned char kDerObjectId = 0x06;
inline constexpr unsigned char kDerSequence = 0x30;

// The first element of `der`, which is taken off it. Nothing when it is cut short, of indefinite
// length, longer than 16 MiB or has a tag of several octets; `der` is then as it was.
[[nodiscard]] std::optional<DerElement> take_element(std::string_view& der);

// The same, and its tag must be `tag`.
[[nodiscard]] std::optional<std::string_view> take_element(std::string_view& der,
                                                           unsigned char tag);

// An object identifier's content in dots, "2.5.29.30" (X.690 8.19); "an unreadable identifier" for
// what is none, or has numbers or a length that none in use has.
[[nodiscard]] std::string format_object_id(std::string_view content);

// One element with a definite length, in as few octets as it takes.
[[nodiscard]] std::string write_element(unsigned char tag, std::string_view content);

}  // namespace tls
