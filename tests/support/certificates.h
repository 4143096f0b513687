// Certificates for tests: one authority a test program, made when it is first wanted.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tls/authority.h"
#include "tls/tls_engine.h"

namespace support {

// The name smarthosts of tests carry.
inline constexpr const char* kSmarthostName = "smarthost.test";

// The authority that tests trust, and one that they do not.
[[nodiscard]] tls::Authority& trusted_authority();
[[nodiscard]] tls::Authority& foreign_authority();

// Valid now, for kSmarthostName and no other name; change what should differ.
[[nodiscard]] tls::CertificateRequest good_request();

struct ServerVersions {
  tls::Version min = tls::Version::tls12;
  std::optional<tls::Version> max;
};
// A context whose certificate `authority` issued. Throws Failure.
[[nodiscard]] std::shared_ptr<tls::ServerContext> server_context(
    const tls::CertificateRequest& request = good_request(),
    tls::Authority& authority = trusted_authority(), ServerVersions versions = {});
// A context out of PEM texts.
[[nodiscard]] std::shared_ptr<tls::ServerContext> server_context_of(
    const std::string& certificate_pem, const std::string& key_pem, ServerVersions versions = {});
// The one of most tests, made once.
[[nodiscard]] std::shared_ptr<tls::ServerContext> good_server_context();

}  // namespace support
