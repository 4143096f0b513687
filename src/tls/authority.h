// A certificate authority made on the spot, for the demo and for tests: it lives in memory only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace tls {

enum class KeyKind { ec_p256, rsa_2048 };

// An extension octet by octet, in place of what a certificate would have of that kind.
struct RawExtension {
  std::string oid;
  std::string value;
  bool is_critical = false;
};

struct CertificateRequest {
  std::string common_name = "smtpseal";
  std::vector<std::string> dns_names;     // raw dNSName octets: tests put odd ones here
  std::vector<std::string> ip_addresses;  // text form
  base::WallTime not_before;
  base::WallTime not_after;
  KeyKind key = KeyKind::ec_p256;
  bool is_authority = false;               // an intermediate
  bool is_client_only = false;             // extended key usage clientAuth instead of serverAuth
  std::vector<std::string> permitted_dns;  // name constraints, when not empty
  bool is_name_constraint_critical = false;
  std::vector<RawExtension> extensions;  // tests put odd ones here
};

struct IssuedCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

// A key and certificate that can sign others. Movable; the key never leaves memory.
class Authority {
 public:
  virtual ~Authority() = default;
  // A self-signed root, valid around `now`.
  [[nodiscard]] static base::Result<std::unique_ptr<Authority>> make(std::string_view common_name,
                                                                     base::WallTime now);
  [[nodiscard]] virtual const std::string& certificate_pem() const = 0;
  [[nodiscard]] virtual base::Result<IssuedCertificate> issue(
      const CertificateRequest& request) = 0;
  // An intermediate under this one (request.is_authority is taken as set).
  [[nodiscard]] virtual base::Result<std::unique_ptr<Authority>> issue_authority(
      const CertificateRequest& request) = 0;
};

}  // namespace tls
