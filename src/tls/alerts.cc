#include "tls/alerts.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tls {

namespace {

struct Alert {
  int description;
  std::string_view name;
  std::string_view meaning;
};

constexpr std::string_view kWantsCertificate = "it wants a client certificate";

constexpr std::array<Alert, 34> kAlerts = {{
    {0, "close_notify", ""},
    {10, "unexpected_message", ""},
    {20, "bad_record_mac", ""},
    {21, "decryption_failed", ""},
    {22, "record_overflow", ""},
    {30, "decompression_failure", ""},
    {40, "handshake_failure",
     "no TLS version, cipher or kind of certificate in common, or it wants a client certificate"},
    {41, "no_certificate", kWantsCertificate},
    {42, "bad_certificate", kWantsCertificate},
    {43, "unsupported_certificate", ""},
    {44, "certificate_revoked", ""},
    {45, "certificate_expired", ""},
    {46, "certificate_unknown", ""},
    {47, "illegal_parameter", ""},
    {48, "unknown_ca", ""},
    {49, "access_denied", ""},
    {50, "decode_error", ""},
    {51, "decrypt_error", ""},
    {60, "export_restriction", ""},
    {70, "protocol_version", "no TLS version in common"},
    {71, "insufficient_security", "it demands other ciphers"},
    {80, "internal_error", "the trouble is the smarthost's own"},
    {86, "inappropriate_fallback", ""},
    {90, "user_canceled", ""},
    {100, "no_renegotiation", ""},
    {109, "missing_extension", ""},
    {110, "unsupported_extension", ""},
    {111, "certificate_unobtainable", ""},
    {112, "unrecognized_name", "it does not know the name that was asked for (verify_name)"},
    {113, "bad_certificate_status_response", ""},
    {114, "bad_certificate_hash_value", ""},
    {115, "unknown_psk_identity", ""},
    {116, "certificate_required", kWantsCertificate},
    {120, "no_application_protocol", ""},
}};

const Alert* find_alert(int description) {
  const auto found = std::find_if(kAlerts.begin(), kAlerts.end(), [&](const Alert& alert) {
    return alert.description == description;
  });
  return found == kAlerts.end() ? nullptr : &*found;
}

}  // namespace

std::string alert_name(int description) {
  const Alert* const alert = find_alert(description);
  return alert == nullptr ? "number " + std::to_string(description) : std::string(alert->name);
}

std::string alert_meaning(int description) {
  const Alert* const alert = find_alert(description);
  return alert == nullptr ? std::string() : std::string(alert->meaning);
}

std::string client_alert_meaning(int description) {
  switch (description) {
    case 40: return "no TLS version or cipher in common";
    case 42:  // what some say of every certificate they do not take
    case 46:
      return "it does not accept our certificate: the name it wants, the date, who issued it";
    case 43: return "it does not know our certificate's kind of key or signature";
    case 45: return "our certificate has expired, by its clock";
    case 48: return "it does not trust whoever issued our certificate";
    case 70: return "no TLS version in common";
    default: return {};
  }
}

}  // namespace tls
