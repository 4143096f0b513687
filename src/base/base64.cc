#include "base/base64.h"

#include <algorithm>

namespace base {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view octets) {
  std::string text;
  text.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, octets.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (j < left ? static_cast<unsigned char>(octets[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(j <= left ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=');
    }
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=') ++padding;
  std::string octets;
  octets.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + 4; ++j) {
      const bool is_padding = j + padding >= text.size();
      const std::size_t value = is_padding ? 0 : kAlphabet.find(text[j]);
      if (value == std::string_view::npos) return std::nullopt;
      group = group << 6U | static_cast<unsigned>(value);
    }
    octets.push_back(static_cast<char>(group >> 16U & 0xffU));
    octets.push_back(static_cast<char>(group >> 8U & 0xffU));
    octets.push_back(static_cast<char>(group & 0xffU));
  }
  octets.resize(octets.size() - padding);
  return octets;
}

}  // namespace base
