#include "tls/pem.h"

#include <algorithm>

#include "base/text.h"

namespace tls {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kLineLength = 64;

// "CERTIFICATE" of "-----BEGIN CERTIFICATE-----".
std::optional<std::string_view> label_of(std::string_view line, std::string_view opening) {
  if (!line.starts_with(opening) || !line.ends_with(kDashes)) return std::nullopt;
  line.remove_prefix(opening.size());
  if (line.size() < kDashes.size()) return std::nullopt;
  line.remove_suffix(kDashes.size());
  return line;
}

}  // namespace

std::vector<PemBlock> split_pem(std::string_view text) {
  std::vector<PemBlock> blocks;
  std::string body;
  bool is_inside = false;
  std::size_t number = 0;
  for (std::string_view line : base::split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = base::trimmed(line);
    if (const auto label = label_of(line, kBegin)) {
      blocks.push_back({std::string(*label), number, std::nullopt});
      body.clear();
      is_inside = true;
    } else if (!is_inside) {
      continue;
    } else if (const auto end = label_of(line, kEnd)) {
      if (*end == blocks.back().label) blocks.back().der = decode_base64(body);
      is_inside = false;
    } else {
      body.append(line);
    }
  }
  return blocks;
}

std::string write_pem(std::string_view label, std::string_view der) {
  std::string text = std::string(kBegin).append(label).append(kDashes) + "\n";
  const std::string body = encode_base64(der);
  for (std::size_t at = 0; at < body.size(); at += kLineLength) {
    text.append(body, at, kLineLength).push_back('\n');
  }
  return text.append(kEnd).append(label).append(kDashes) + "\n";
}

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

}  // namespace tls
