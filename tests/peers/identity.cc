// See identity.h.
#include "peers/identity.h"

#include "support/certificates.h"
#include "support/patience.h"

namespace support {

namespace {

template <typename T>
T must(base::Result<T> result) {
  if (!result) throw Failure("no certificate: " + result.error().detail);
  return std::move(result).value();
}

}  // namespace

const char* to_string(CertificateKind kind) {
  switch (kind) {
    case CertificateKind::rsa: return "RSA";
    case CertificateKind::ecdsa: return "ECDSA";
    case CertificateKind::chain: return "chain";
  }
  return "";
}

const char* to_string(tls::Version version) {
  return version == tls::Version::tls12 ? "TLSv1.2" : "TLSv1.3";
}

Identity write_identity(const TempDir& directory, CertificateKind kind) {
  tls::CertificateRequest request = good_request();
  request.key = kind == CertificateKind::ecdsa ? tls::KeyKind::ec_p256 : tls::KeyKind::rsa_2048;
  Identity out;
  std::string intermediate;
  tls::IssuedCertificate issued;
  if (kind == CertificateKind::chain) {
    tls::CertificateRequest above = good_request();
    above.common_name = "Test Intermediate";
    above.dns_names.clear();
    const auto authority = must(trusted_authority().issue_authority(above));
    intermediate = authority->certificate_pem();
    issued = must(authority->issue(request));
    out.intermediate = directory.write("intermediate.pem", intermediate);
  } else {
    issued = must(trusted_authority().issue(request));
  }
  out.certificate = directory.write("certificate.pem", issued.certificate_pem);
  out.chain = directory.write("chain.pem", issued.certificate_pem + intermediate);
  out.key = directory.write("key.pem", issued.key_pem);
  out.ca = directory.write("ca.pem", trusted_authority().certificate_pem());
  return out;
}

}  // namespace support
