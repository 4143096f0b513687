// PEM, the textual encoding of certificates and keys (RFC 7468). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tls {

struct PemBlock {
  std::string label;               // "CERTIFICATE"
  std::size_t line = 0;            // where it begins, counted from 1
  std::optional<std::string> der;  // nothing when it is not base64, or has no end
};

// Every block of `text`, in order. Text between blocks is passed over, as RFC 7468 5.2 wants it.
[[nodiscard]] std::vector<PemBlock> split_pem(std::string_view text);

// One block, its lines ended by LF.
[[nodiscard]] std::string write_pem(std::string_view label, std::string_view der);

}  // namespace tls
