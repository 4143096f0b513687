#include "tls/pem.h"

#include "base/base64.h"
#include "base/text.h"

namespace tls {

namespace {

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
      if (*end == blocks.back().label) blocks.back().der = base::decode_base64(body);
      is_inside = false;
    } else {
      body.append(line);
    }
  }
  return blocks;
}

std::string write_pem(std::string_view label, std::string_view der) {
  std::string text = std::string(kBegin).append(label).append(kDashes) + "\n";
  const std::string body = base::encode_base64(der);
  for (std::size_t at = 0; at < body.size(); at += kLineLength) {
    text.append(body, at, kLineLength).push_back('\n');
  }
  return text.append(kEnd).append(label).append(kDashes) + "\n";
}

}  // namespace tls
