// The authority of the demo and the tests (authority.h), with mbedTLS.
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/address.h"
#include "tls/authority.h"
#include "tls/certificate_text.h"
#include "tls/extensions.h"
#include "tls/mbedtls_library.h"
#include "tls/name_constraints.h"
#include "tls/pem.h"

namespace tls {

namespace {

using namespace mbed;  // this file is one of its family
using base::Fault;

constexpr auto kClockSkew = std::chrono::hours(1);
constexpr auto kRootLifetime = std::chrono::days(3650);

base::Result<std::unique_ptr<Key>> make_key(KeyKind kind) {
  psa_key_attributes_t attributes = psa_key_attributes_init();
  psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_EXPORT | PSA_KEY_USAGE_SIGN_HASH);
  if (kind == KeyKind::rsa_2048) {
    psa_set_key_type(&attributes, PSA_KEY_TYPE_RSA_KEY_PAIR);
    psa_set_key_bits(&attributes, 2048);
    psa_set_key_algorithm(&attributes, PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_ANY_HASH));
  } else {
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_ANY_HASH));
  }
  mbedtls_svc_key_id_t id = MBEDTLS_SVC_KEY_ID_INIT;
  const psa_status_t status = psa_generate_key(&attributes, &id);
  if (status != PSA_SUCCESS) return psa_error("cannot make a key", status);
  auto key = std::make_unique<Key>();
  const int code = mbedtls_pk_copy_from_psa(id, &key->raw);
  static_cast<void>(psa_destroy_key(id));
  if (code != 0) return library_error(Fault::local, "cannot make a key", code);
  return key;
}

// One certificate being written; collects the first trouble.
class Writer {
 public:
  // Returns it in PEM.
  base::Result<std::string> write(const CertificateRequest& request, const std::string& issuer,
                                  Key& subject_key, Key& issuer_key) {
    mbedtls_x509write_crt_set_version(crt(), MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(crt(), MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(crt(), &subject_key.raw);
    mbedtls_x509write_crt_set_issuer_key(crt(), &issuer_key.raw);
    note(mbedtls_x509write_crt_set_subject_name(crt(), common_name(request.common_name).c_str()));
    note(mbedtls_x509write_crt_set_issuer_name(crt(), common_name(issuer).c_str()));
    note(mbedtls_x509write_crt_set_validity(crt(), compact_time(request.not_before).c_str(),
                                            compact_time(request.not_after).c_str()));
    set_serial();
    set_extensions(request);
    std::vector<unsigned char> der(kMaxSize);
    const int size = write_certificate(written_.raw, der.data(), der.size());
    note(std::min(size, 0));
    if (code_ != 0) return library_error(Fault::local, "cannot write a certificate", code_);
    // The library writes from the end of the buffer.
    const std::string octets(der.end() - size, der.end());
    return write_pem("CERTIFICATE", octets);
  }

 private:
  // Tests make certificates bigger than a handshake can carry.
  static constexpr std::size_t kMaxSize = 64UL * 1024;

  [[nodiscard]] mbedtls_x509write_cert* crt() { return &written_.raw; }

  void note(int code) {
    if (code_ == 0) code_ = code;
  }

  // 16 random octets of which the first is neither zero nor makes it negative (RFC 5280 4.1.2.2).
  void set_serial() {
    std::array<unsigned char, 16> serial{};
    note(psa_generate_random(serial.data(), serial.size()) == PSA_SUCCESS
             ? 0
             : MBEDTLS_ERR_X509_FATAL_ERROR);
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 0x40U);
    note(mbedtls_x509write_crt_set_serial_raw(crt(), serial.data(), serial.size()));
  }

  void set_extension(std::string_view oid, bool is_critical, const std::string& der) {
    note(mbedtls_x509write_crt_set_extension(crt(), oid.data(), oid.size(), is_critical ? 1 : 0,
                                             octets_of(der), der.size()));
  }

  void set_extensions(const CertificateRequest& request) {
    note(mbedtls_x509write_crt_set_basic_constraints(crt(), request.is_authority ? 1 : 0, -1));
    note(mbedtls_x509write_crt_set_key_usage(
        crt(), request.is_authority ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                                    : MBEDTLS_X509_KU_DIGITAL_SIGNATURE));
    note(mbedtls_x509write_crt_set_subject_key_identifier(crt()));
    note(mbedtls_x509write_crt_set_authority_key_identifier(crt()));
    if (!request.is_authority) {
      const std::string_view purpose = request.is_client_only ? kClientAuth : kServerAuth;
      set_extension(kExtendedKeyUsage, false, write_extended_key_usage(purpose));
    }
    PresentedNames names;
    names.dns = request.dns_names;
    for (const std::string& text : request.ip_addresses) {
      const auto address = base::parse_ip(text, 0);
      note(address ? 0 : MBEDTLS_ERR_X509_BAD_INPUT_DATA);
      if (address) names.ip.push_back(address->ip);
    }
    if (!names.dns.empty() || !names.ip.empty()) {
      set_extension(kSubjectAltName, false, write_subject_alt_name(names));
    }
    if (!request.permitted_dns.empty()) {
      set_extension(kNameConstraints, request.is_name_constraint_critical,
                    write_name_constraints(request.permitted_dns));
    }
    for (const RawExtension& extension : request.extensions) {
      set_extension(extension.oid, extension.is_critical, extension.value);
    }
  }

  Owned<mbedtls_x509write_cert, mbedtls_x509write_crt_init, mbedtls_x509write_crt_free> written_;
  int code_ = 0;
};

class MbedAuthority final : public Authority {
 public:
  MbedAuthority(std::string name, std::unique_ptr<Key> key, std::string certificate)
      : name_(std::move(name)), key_(std::move(key)), certificate_(std::move(certificate)) {}

  [[nodiscard]] const std::string& certificate_pem() const override { return certificate_; }

  [[nodiscard]] base::Result<IssuedCertificate> issue(const CertificateRequest& request) override {
    auto key = make_key(request.key);
    if (!key) return key.error();
    auto certificate = Writer().write(request, name_, **key, *key_);
    if (!certificate) return certificate.error();
    std::array<unsigned char, 8192> pem{};
    const int code = mbedtls_pk_write_key_pem(&(*key)->raw, pem.data(), pem.size());
    if (code != 0) return library_error(Fault::local, "cannot write a key", code);
    return IssuedCertificate{std::move(certificate).value(),
                             std::string(reinterpret_cast<const char*>(pem.data()))};
  }

  [[nodiscard]] base::Result<std::unique_ptr<Authority>> issue_authority(
      const CertificateRequest& wanted) override {
    CertificateRequest request = wanted;
    request.is_authority = true;
    auto key = make_key(request.key);
    if (!key) return key.error();
    auto certificate = Writer().write(request, name_, **key, *key_);
    if (!certificate) return certificate.error();
    return std::unique_ptr<Authority>(std::make_unique<MbedAuthority>(
        request.common_name, std::move(key).value(), std::move(certificate).value()));
  }

 private:
  std::string name_;
  std::unique_ptr<Key> key_;
  std::string certificate_;
};

}  // namespace

base::Result<std::unique_ptr<Authority>> Authority::make(std::string_view common_name,
                                                         base::WallTime now) {
  if (const auto started = start_library(); !started) return started.error();
  auto key = make_key(KeyKind::ec_p256);
  if (!key) return key.error();
  CertificateRequest request;
  request.common_name = std::string(common_name);
  request.not_before = now - kClockSkew;
  request.not_after = now + kRootLifetime;
  request.is_authority = true;
  auto certificate = Writer().write(request, request.common_name, **key, **key);
  if (!certificate) return certificate.error();
  return std::unique_ptr<Authority>(std::make_unique<MbedAuthority>(
      request.common_name, std::move(key).value(), std::move(certificate).value()));
}

}  // namespace tls
