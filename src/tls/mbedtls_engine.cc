// The only file that knows mbedTLS: engines, contexts, the verdict on certificates, and the
// authority of the demo and the tests.
//
// mbedTLS's own identity check is not relied on (it takes common names, URIs and wildcards for
// addresses): the verify callback applies tls/identity and DNS name constraints itself. Written
// against 3.6 LTS; what 4.x removed is used where 3.6 offers nothing else, and is marked "3.6".
#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/address.h"
#include "base/bytes.h"
#include "base/text.h"
#include "tls/authority.h"
#include "tls/identity.h"
#include "tls/names.h"
#include "tls/tls_engine.h"
#include "tls/trust_store.h"

static_assert(MBEDTLS_VERSION_NUMBER >= 0x03060700,
              "3.6.6 cannot talk to TLS 1.2 servers that sign with RSA-PSS");

namespace tls {

namespace {

using base::Error;
using base::Fault;

std::string words_of(int code) {
  std::array<char, 160> text{};
  mbedtls_strerror(code, text.data(), text.size());
  return text.data();
}

Error library_error(Fault fault, std::string_view what, int code) {
  return {fault, std::string(what) + ": " + words_of(code)};
}

// Once a process; everything of TLS 1.3 goes through PSA.
base::Result<void> start_library() {
  static const psa_status_t status = psa_crypto_init();
  if (status == PSA_SUCCESS) return {};
  return Error{Fault::local, "cannot start the TLS library: PSA status " + std::to_string(status)};
}

bool has_aes_instructions() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("aes") != 0;
#else
  return true;
#endif
}

// AEAD and forward secrecy only (RFC 9325 4.2); what the CPU does fastest first.
const int* cipher_suites() {
  static const std::array<int, 10> aes_first = {
      MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
      MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
      MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
      MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
      MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
      MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
      0};
  static const std::array<int, 10> chacha_first = {
      MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
      MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
      MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
      MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
      MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
      MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
      MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
      0};
  return has_aes_instructions() ? aes_first.data() : chacha_first.data();
}

// X25519 costs a third of P-256 here; the others are for peers without it.
constexpr std::array<std::uint16_t, 4> kGroups = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

constexpr std::array<std::uint16_t, 10> kSignatures = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE};

mbedtls_ssl_protocol_version version_number(Version version) {
  return version == Version::tls13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
}

// --- certificates as facts ---

base::WallTime to_wall_time(const mbedtls_x509_time& time) {
  using namespace std::chrono;
  const year_month_day date{year(time.year), month(static_cast<unsigned>(time.mon)),
                            day(static_cast<unsigned>(time.day))};
  return sys_days(date) + hours(time.hour) + minutes(time.min) + seconds(time.sec);
}

std::string distinguished_name(const mbedtls_x509_name& name) {
  std::array<char, 512> text{};
  if (mbedtls_x509_dn_gets(text.data(), text.size(), &name) < 0) return "(unreadable name)";
  return base::printable(text.data());
}

bool is_self_signed(const mbedtls_x509_crt& certificate) {
  return certificate.subject_raw.len == certificate.issuer_raw.len &&
         std::equal(certificate.subject_raw.p,
                    certificate.subject_raw.p + certificate.subject_raw.len,
                    certificate.issuer_raw.p);
}

PresentedNames presented_names(const mbedtls_x509_crt& certificate) {
  PresentedNames names;
  const auto* entry = &certificate.subject_alt_names;
  for (; entry != nullptr && entry->buf.p != nullptr; entry = entry->next) {
    const auto* octets = entry->buf.p;
    const std::size_t length = entry->buf.len;
    const int type = entry->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    if (type == MBEDTLS_X509_SAN_DNS_NAME) {
      names.dns.emplace_back(reinterpret_cast<const char*>(octets), length);
    } else if (type == MBEDTLS_X509_SAN_IP_ADDRESS) {
      names.ip.emplace_back(octets, octets + length);
    }
  }
  return names;
}

std::string key_description(const mbedtls_x509_crt& certificate) {
  const std::string bits = std::to_string(mbedtls_pk_get_bitlen(&certificate.pk));
  return std::string(mbedtls_pk_get_name(&certificate.pk)) + " " + bits;
}

std::string pin_of(const mbedtls_x509_crt& certificate) {
  std::array<unsigned char, 32> digest{};
  const int code =
      mbedtls_sha256(certificate.pk_raw.p, certificate.pk_raw.len, digest.data(), 0);
  return code == 0 ? format_pin(digest) : std::string();
}

CertificateFacts facts_of(const mbedtls_x509_crt& certificate) {
  CertificateFacts facts;
  facts.subject = distinguished_name(certificate.subject);
  facts.issuer = distinguished_name(certificate.issuer);
  facts.not_before = to_wall_time(certificate.valid_from);
  facts.not_after = to_wall_time(certificate.valid_to);
  facts.key = key_description(certificate);
  facts.pin = pin_of(certificate);
  facts.names = describe_names(presented_names(certificate));
  return facts;
}

// The DNS subtrees of a certificate's name constraints (RFC 5280 4.2.1.10). mbedTLS skips the
// extension when it is not critical and refuses the certificate when it is.
DnsConstraints dns_constraints(const mbedtls_x509_crt& certificate) {
  DnsConstraints constraints;
  unsigned char* at = certificate.v3_ext.p;
  if (at == nullptr) return constraints;
  const unsigned char* end = at + certificate.v3_ext.len;
  constexpr int kSequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
  std::size_t length = 0;
  if (mbedtls_asn1_get_tag(&at, end, &length, kSequence) != 0) return constraints;
  while (at < end) {
    if (mbedtls_asn1_get_tag(&at, end, &length, kSequence) != 0) break;
    unsigned char* const next = at + length;
    std::size_t oid_length = 0;
    if (mbedtls_asn1_get_tag(&at, next, &oid_length, MBEDTLS_ASN1_OID) != 0) break;
    const std::string_view oid(reinterpret_cast<const char*>(at), oid_length);
    at += oid_length;
    int is_critical = 0;
    // Not there at all when it is not critical.
    static_cast<void>(mbedtls_asn1_get_bool(&at, next, &is_critical));
    if (oid == std::string_view("\x55\x1d\x1e", 3)) {
      if (mbedtls_asn1_get_tag(&at, next, &length, MBEDTLS_ASN1_OCTET_STRING) != 0) break;
      parse_dns_constraints({reinterpret_cast<const char*>(at), length}, constraints);
    }
    at = next;
  }
  return constraints;
}

// --- engines ---

class EngineBase : public Engine {
 public:
  explicit EngineBase(const mbedtls_ssl_config& config) {
    mbedtls_ssl_init(&ssl_);
    const int code = mbedtls_ssl_setup(&ssl_, &config);
    if (code != 0) fail(library_error(Fault::local, "cannot set TLS up", code));
    mbedtls_ssl_set_bio(&ssl_, this, &EngineBase::on_send, &EngineBase::on_receive, nullptr);
  }
  ~EngineBase() override { mbedtls_ssl_free(&ssl_); }
  EngineBase(const EngineBase&) = delete;
  EngineBase& operator=(const EngineBase&) = delete;

  void receive(std::string_view ciphertext) override {
    if (state_ == State::failed || state_ == State::closed) return;
    incoming_.append(ciphertext);
    if (!has_looked_ && !look_at_first_octets()) return;
    advance();
  }

  void receive_eof() override {
    has_eof_ = true;
    if (state_ == State::handshaking || state_ == State::established) advance();
  }

  void start() override { advance(); }

  void send(std::string_view plaintext) override {
    while (state_ == State::established && !plaintext.empty()) {
      const int code = mbedtls_ssl_write(
          &ssl_, reinterpret_cast<const unsigned char*>(plaintext.data()), plaintext.size());
      if (code > 0) {
        plaintext.remove_prefix(static_cast<std::size_t>(code));
      } else if (code != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        fail(library_error(Fault::connection, "TLS connection lost", code));
      }
    }
  }

  void close() override {
    if (state_ != State::established) return;
    state_ = State::closed;
    // The alert is the last thing written; whether it arrives does not matter any more.
    static_cast<void>(mbedtls_ssl_close_notify(&ssl_));
  }

  [[nodiscard]] State state() const override { return state_; }
  [[nodiscard]] std::string_view output() const override { return outgoing_.view(); }
  void consume_output(std::size_t count) override { outgoing_.consume(count); }
  [[nodiscard]] std::string_view plaintext() const override { return plaintext_.view(); }
  void consume_plaintext(std::size_t count) override { plaintext_.consume(count); }
  [[nodiscard]] const Error& error() const override { return error_; }
  [[nodiscard]] const SessionInfo& info() const override { return info_; }

 protected:
  // What to say about a handshake that failed with `code`.
  [[nodiscard]] virtual Error handshake_error(int code) const = 0;
  virtual void on_established() {}
  // Whether the first octets of the peer can be TLS at all.
  [[nodiscard]] virtual bool look_at_first_octets() {
    has_looked_ = true;
    return true;
  }

  void fail(Error error) {
    state_ = State::failed;
    error_ = std::move(error);
    incoming_.clear();
  }

  void advance() {
    if (state_ == State::handshaking) shake_hands();
    if (state_ == State::established) decrypt();
  }

  mbedtls_ssl_context ssl_{};
  base::ByteQueue incoming_;
  SessionInfo info_;
  bool has_looked_ = false;
  bool has_eof_ = false;

 private:
  static int on_send(void* self, const unsigned char* octets, std::size_t length) {
    static_cast<EngineBase*>(self)->outgoing_.append(
        {reinterpret_cast<const char*>(octets), length});
    return static_cast<int>(length);
  }

  static int on_receive(void* raw, unsigned char* octets, std::size_t length) {
    auto* self = static_cast<EngineBase*>(raw);
    const std::size_t count = std::min(length, self->incoming_.size());
    if (count == 0) return self->has_eof_ ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    std::copy_n(self->incoming_.view().data(), count, reinterpret_cast<char*>(octets));
    self->incoming_.consume(count);
    return static_cast<int>(count);
  }

  void shake_hands() {
    const int code = mbedtls_ssl_handshake(&ssl_);
    if (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE) return;
    if (code != 0) {
      fail(handshake_error(code));
      return;
    }
    state_ = State::established;
    info_.version = mbedtls_ssl_get_version(&ssl_);
    info_.cipher = iana_cipher_name(mbedtls_ssl_get_ciphersuite(&ssl_));
    on_established();
  }

  void decrypt() {
    while (state_ == State::established) {
      std::array<unsigned char, MBEDTLS_SSL_IN_CONTENT_LEN> octets;
      const std::size_t left_before = incoming_.size();
      const int code = mbedtls_ssl_read(&ssl_, octets.data(), octets.size());
      if (code > 0) {
        plaintext_.append(
            {reinterpret_cast<const char*>(octets.data()), static_cast<std::size_t>(code)});
      } else if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        state_ = State::closed;
        incoming_.clear();
      } else if (code == MBEDTLS_ERR_SSL_WANT_READ) {
        // Also said after a session ticket although more is there.
        if (incoming_.is_empty() || incoming_.size() == left_before) return;
      } else if (code == 0 || code == MBEDTLS_ERR_SSL_CONN_EOF) {
        fail({Fault::connection, "connection was cut without the end of TLS"});
      } else if (code != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        fail(library_error(Fault::connection, "TLS connection lost", code));
      }
    }
  }

  base::ByteQueue outgoing_;
  base::ByteQueue plaintext_;
  State state_ = State::handshaking;
  Error error_;
};

// What a client context shares with its engines.
struct ClientShared {
  ClientOptions options;
  ReferenceName reference;
  mbedtls_ssl_config config{};
  mbedtls_x509_crt trust{};
  std::string trust_source;

  ClientShared() {
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&trust);
  }
  ~ClientShared() {
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&trust);
  }
  ClientShared(const ClientShared&) = delete;
  ClientShared& operator=(const ClientShared&) = delete;
};

class ClientEngine final : public EngineBase {
 public:
  explicit ClientEngine(const ClientShared& shared) : EngineBase(shared.config), shared_(shared) {
    info_.server_name = shared.options.verify_name;
    if (state() == State::failed) return;
    mbedtls_ssl_set_verify(&ssl_, &ClientEngine::on_certificate, this);
    // Addresses are never sent as SNI (RFC 6066 3); nothing set is an error, null is not.
    const char* name = shared.reference.is_ip() || shared.reference.dns.empty()
                           ? nullptr
                           : shared.reference.dns.c_str();
    const int code = mbedtls_ssl_set_hostname(&ssl_, name);
    if (code != 0) fail(library_error(Fault::config, "the smarthost's name", code));
  }

 private:
  static int on_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                            std::uint32_t* flags) {
    static_cast<ClientEngine*>(self)->judge(*certificate, depth, *flags);
    return 0;
  }

  // From the top of the chain down to the leaf, which is depth 0.
  void judge(const mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags) {
    if (depth > 0) {
      merge_constraints(constraints_, dns_constraints(certificate));
    } else {
      info_.chain.clear();
      for (const auto* one = &certificate; one != nullptr; one = one->next) {
        info_.chain.push_back(facts_of(*one));
      }
      const PresentedNames names = presented_names(certificate);
      const bool is_for_us = matches(shared_.reference, names);
      // Ours alone decides on the name.
      flags &= ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_CN_MISMATCH);
      if (!is_for_us) flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
      if (!is_permitted(names, constraints_)) flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
    if (flags != 0) note_faults(certificate, depth, flags);
  }

  void note_faults(const mbedtls_x509_crt& certificate, int depth, std::uint32_t flags) {
    using Rule = IdentityFault::Rule;
    const std::string who = depth == 0 ? "certificate" : "issuer's certificate";
    const auto note = [&](Rule rule, std::string detail) {
      info_.faults.push_back({rule, depth == 0, std::move(detail)});
    };
    const auto has = [&](std::uint32_t flag) { return (flags & flag) != 0; };
    if (has(MBEDTLS_X509_BADCERT_NOT_TRUSTED)) {
      if (is_self_signed(certificate)) {
        note(Rule::trust, who + " is self-signed and not in the " + shared_.trust_source);
      } else {
        note(Rule::trust, who + " is issued by " + distinguished_name(certificate.issuer) +
                              ", which is not in the " + shared_.trust_source);
      }
    }
    if (has(MBEDTLS_X509_BADCERT_EXPIRED)) {
      note(Rule::validity, who + " expired on " + day_of(to_wall_time(certificate.valid_to)));
    }
    if (has(MBEDTLS_X509_BADCERT_FUTURE)) {
      note(Rule::validity,
           who + " is not valid before " + day_of(to_wall_time(certificate.valid_from)));
    }
    if (has(MBEDTLS_X509_BADCERT_CN_MISMATCH)) {
      note(Rule::name, "certificate is for " + list_names(presented_names(certificate)) +
                           ", not for " + shared_.options.verify_name);
    }
    if (has(MBEDTLS_X509_BADCERT_OTHER)) {
      note(Rule::other, "certificate is for a name its issuer may not certify (name constraints)");
    }
    if (has(MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_KEY_USAGE |
            MBEDTLS_X509_BADCERT_NS_CERT_TYPE)) {
      note(Rule::other, who + " is not meant for a server");
    }
    if (has(MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
            MBEDTLS_X509_BADCERT_BAD_KEY)) {
      note(Rule::other,
           who + " has a key or a signature too weak (" + key_description(certificate) + ")");
    }
  }

  [[nodiscard]] std::string all_faults() const {
    std::string text;
    for (const IdentityFault& fault : info_.faults) {
      text.append(text.empty() ? "" : "; ").append(fault.detail);
    }
    return text.empty() ? "certificate was not verified" : text;
  }

  [[nodiscard]] bool look_at_first_octets() override {
    constexpr std::size_t kRecordHeader = 5;
    if (incoming_.size() < kRecordHeader && !has_eof_) return false;
    has_looked_ = true;
    const std::string_view octets = incoming_.view();
    const bool is_text = std::all_of(
        octets.begin(), octets.begin() + std::min<std::size_t>(octets.size(), kRecordHeader),
        [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n'; });
    if (!is_text) return true;
    // What it said came without TLS: it goes into no reply.
    fail({Fault::tls, octets.starts_with("220")
                          ? "smarthost speaks plaintext SMTP where TLS was expected: use mode = "
                            "starttls, or the port for implicit TLS"
                          : "smarthost sent plaintext where TLS was expected"});
    return false;
  }

  void on_established() override {
    const bool is_verified = shared_.options.level == Level::verify;
    info_.verification = is_verified ? Verification::verified : Verification::unverified;
    if (is_verified) info_.verified_by = shared_.trust_source;
  }

  [[nodiscard]] Error handshake_error(int code) const override {
    if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
      return {Fault::tls, all_faults()};
    }
    if (code == MBEDTLS_ERR_SSL_CONN_EOF) {
      return {Fault::tls, "smarthost closed the connection in the TLS handshake"};
    }
    if (code == MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION) {
      return {Fault::tls, "smarthost offers no version of TLS that is accepted (tls_min)"};
    }
    if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
      return {Fault::tls, "smarthost broke the TLS handshake off with an alert (no common version "
                          "or cipher, or it wants a client certificate)"};
    }
    return library_error(Fault::tls, "TLS handshake failed", code);
  }

  const ClientShared& shared_;
  DnsConstraints constraints_;
};

base::Result<void> configure(mbedtls_ssl_config& config, int endpoint, Version least) {
  const int code = mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return library_error(Fault::local, "cannot configure TLS", code);
  mbedtls_ssl_conf_rng(&config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);  // 3.6
  mbedtls_ssl_conf_min_tls_version(&config, version_number(least));
  mbedtls_ssl_conf_ciphersuites(&config, cipher_suites());
  mbedtls_ssl_conf_groups(&config, kGroups.data());
  mbedtls_ssl_conf_sig_algs(&config, kSignatures.data());
  mbedtls_ssl_conf_cert_profile(&config, &mbedtls_x509_crt_profile_next);
  return {};
}

// The certificates of a PEM text. Returns how many blocks could not be read.
base::Result<int> add_certificates(mbedtls_x509_crt& list, const std::string& pem,
                                   const std::string& path) {
  // The length counts the terminating NUL, which is how PEM is told from DER.
  const int code = mbedtls_x509_crt_parse(
      &list, reinterpret_cast<const unsigned char*>(pem.c_str()), pem.size() + 1);
  if (code >= 0) return code;
  return Error{Fault::config, path + ": holds no certificate (" + words_of(code) + ")"};
}

std::size_t count_of(const mbedtls_x509_crt& list) {
  std::size_t count = 0;
  for (const auto* one = &list; one != nullptr && one->raw.p != nullptr; one = one->next) ++count;
  return count;
}

base::Result<void> add_file(mbedtls_x509_crt& list, const std::string& path, bool is_strict) {
  const auto content = read_file(path);
  if (!content) return content.error();
  const auto unread = add_certificates(list, *content, path);
  if (!unread) return is_strict ? base::Result<void>(unread.error()) : base::Result<void>();
  if (*unread > 0 && is_strict) {
    return Error{Fault::config,
                 path + ": " + std::to_string(*unread) + " of its certificates cannot be read"};
  }
  return {};
}

base::Result<void> add_directory(mbedtls_x509_crt& list, const std::string& path, bool is_strict) {
  const auto files = certificate_files(path);
  if (!files) return files.error();
  for (const std::string& file : *files) {
    if (const auto added = add_file(list, file, is_strict); !added) return added;
  }
  if (is_strict && files->empty()) {
    return Error{Fault::config, path + ": holds no certificate file (*.pem, *.crt, *.cer)"};
  }
  return {};
}

base::Result<void> load_system_trust(ClientShared& shared) {
  const auto place = find_system_trust();
  if (!place) return place.error();
  const auto added = place->is_directory ? add_directory(shared.trust, place->path, false)
                                         : add_file(shared.trust, place->path, false);
  if (!added) return added;
  if (count_of(shared.trust) == 0) {
    return Error{Fault::config, place->path + ": holds no certificate of an authority"};
  }
  shared.trust_source = "system trust store " + place->path;
  return {};
}

base::Result<void> load_trust(ClientShared& shared) {
  const ClientOptions& options = shared.options;
  if (options.ca_files.empty() && options.ca_dirs.empty()) {
    if (const auto loaded = load_system_trust(shared); !loaded) return loaded;
  }
  for (const std::string& path : options.ca_files) {
    if (const auto added = add_file(shared.trust, path, true); !added) return added;
    shared.trust_source += (shared.trust_source.empty() ? "ca_file " : ", ca_file ") + path;
  }
  for (const std::string& path : options.ca_dirs) {
    if (const auto added = add_directory(shared.trust, path, true); !added) return added;
    shared.trust_source += (shared.trust_source.empty() ? "ca_dir " : ", ca_dir ") + path;
  }
  shared.trust_source += " (" + std::to_string(count_of(shared.trust)) + " certificates)";
  return {};
}

class MbedClientContext final : public ClientContext {
 public:
  explicit MbedClientContext(std::unique_ptr<ClientShared> shared) : shared_(std::move(shared)) {}
  [[nodiscard]] std::unique_ptr<Engine> make_engine() override {
    return std::make_unique<ClientEngine>(*shared_);
  }
  [[nodiscard]] const std::string& trust_source() const override { return shared_->trust_source; }

 private:
  std::unique_ptr<ClientShared> shared_;
};

// --- the server's side, for the demo's smarthost and for tests ---

struct ServerShared {
  mbedtls_ssl_config config{};
  mbedtls_x509_crt certificate{};
  mbedtls_pk_context key{};

  ServerShared() {
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
  }
  ~ServerShared() {
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&certificate);
    mbedtls_pk_free(&key);
  }
  ServerShared(const ServerShared&) = delete;
  ServerShared& operator=(const ServerShared&) = delete;
};

class ServerEngine final : public EngineBase {
 public:
  explicit ServerEngine(const ServerShared& shared) : EngineBase(shared.config) {}

 private:
  void on_established() override {
    // What the client asked for by SNI; not terminated, and nothing when it asked for none.
    std::size_t length = 0;
    const unsigned char* name = mbedtls_ssl_get_hs_sni(&ssl_, &length);
    if (name != nullptr) info_.server_name.assign(reinterpret_cast<const char*>(name), length);
  }
  [[nodiscard]] Error handshake_error(int code) const override {
    return library_error(Fault::tls, "TLS handshake failed", code);
  }
};

class MbedServerContext final : public ServerContext {
 public:
  explicit MbedServerContext(std::unique_ptr<ServerShared> shared) : shared_(std::move(shared)) {}
  [[nodiscard]] std::unique_ptr<Engine> make_engine() override {
    return std::make_unique<ServerEngine>(*shared_);
  }

 private:
  std::unique_ptr<ServerShared> shared_;
};

}  // namespace

base::Result<std::unique_ptr<ClientContext>> make_client_context(const ClientOptions& options) {
  if (const auto started = start_library(); !started) return started.error();
  if (options.level == Level::pin) {
    return Error{Fault::config, "tls = pin is not available in this version"};
  }
  auto shared = std::make_unique<ClientShared>();
  shared->options = options;
  shared->reference = parse_reference_name(options.verify_name);
  mbedtls_ssl_config& config = shared->config;
  if (const auto done = configure(config, MBEDTLS_SSL_IS_CLIENT, options.min_version); !done) {
    return done.error();
  }
  mbedtls_ssl_conf_session_tickets(&config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  const bool is_verified = options.level == Level::verify;
  if (is_verified) {
    if (const auto loaded = load_trust(*shared); !loaded) return loaded.error();
  }
  // Without verification the chain is still looked at, so that it can be shown.
  mbedtls_ssl_conf_authmode(
      &config, is_verified ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
  mbedtls_ssl_conf_ca_chain(&config, &shared->trust, nullptr);
  return std::unique_ptr<ClientContext>(std::make_unique<MbedClientContext>(std::move(shared)));
}

base::Result<std::unique_ptr<ServerContext>> make_server_context(const ServerOptions& options) {
  if (const auto started = start_library(); !started) return started.error();
  auto shared = std::make_unique<ServerShared>();
  const auto unread =
      add_certificates(shared->certificate, options.certificate_pem, "the server's certificate");
  if (!unread) return unread.error();
  int code = mbedtls_pk_parse_key(
      &shared->key, reinterpret_cast<const unsigned char*>(options.key_pem.c_str()),
      options.key_pem.size() + 1, nullptr, 0, mbedtls_psa_get_random,
      MBEDTLS_PSA_RANDOM_STATE);  // 3.6
  if (code != 0) return library_error(Fault::config, "the server's key", code);
  mbedtls_ssl_config& config = shared->config;
  if (const auto done = configure(config, MBEDTLS_SSL_IS_SERVER, options.min_version); !done) {
    return done.error();
  }
  if (options.max_version) {
    mbedtls_ssl_conf_max_tls_version(&config, version_number(*options.max_version));
  }
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  code = mbedtls_ssl_conf_own_cert(&config, &shared->certificate, &shared->key);
  if (code != 0) return library_error(Fault::config, "the server's certificate", code);
  return std::unique_ptr<ServerContext>(std::make_unique<MbedServerContext>(std::move(shared)));
}

std::string library_version() {
  std::array<char, 18> text{};
  mbedtls_version_get_string_full(text.data());
  return text.data();
}

// --- the authority of the demo and the tests ---

namespace {

constexpr auto kClockSkew = std::chrono::hours(1);
constexpr auto kRootLifetime = std::chrono::days(3650);

struct Key {
  mbedtls_pk_context pk{};
  Key() { mbedtls_pk_init(&pk); }
  ~Key() { mbedtls_pk_free(&pk); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
};

base::Result<std::unique_ptr<Key>> make_key(KeyKind kind) {
  auto key = std::make_unique<Key>();
  const bool is_rsa = kind == KeyKind::rsa_2048;
  int code = mbedtls_pk_setup(
      &key->pk, mbedtls_pk_info_from_type(is_rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY));
  if (code == 0 && is_rsa) {  // 3.6, both
    code = mbedtls_rsa_gen_key(mbedtls_pk_rsa(key->pk), mbedtls_psa_get_random,
                               MBEDTLS_PSA_RANDOM_STATE, 2048, 65537);
  } else if (code == 0) {
    code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key->pk),
                               mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
  }
  if (code != 0) return library_error(Fault::local, "cannot make a key", code);
  return key;
}

std::string compact_time(base::WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02u%02ld%02ld%02ld",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                static_cast<long>(clock.minutes().count()),
                static_cast<long>(clock.seconds().count()));
  return text.data();
}

// One certificate being written; collects the first trouble.
class Writer {
 public:
  Writer() { mbedtls_x509write_crt_init(&crt_); }
  ~Writer() { mbedtls_x509write_crt_free(&crt_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  base::Result<std::string> write(const CertificateRequest& request, const std::string& issuer,
                                  Key& subject_key, Key& issuer_key) {
    mbedtls_x509write_crt_set_version(&crt_, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&crt_, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&crt_, &subject_key.pk);
    mbedtls_x509write_crt_set_issuer_key(&crt_, &issuer_key.pk);
    std::array<unsigned char, 16> serial{};
    note(psa_generate_random(serial.data(), serial.size()) == PSA_SUCCESS ? 0 : -1);
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 0x40U);
    note(mbedtls_x509write_crt_set_serial_raw(&crt_, serial.data(), serial.size()));
    note(mbedtls_x509write_crt_set_subject_name(&crt_, ("CN=" + request.common_name).c_str()));
    note(mbedtls_x509write_crt_set_issuer_name(&crt_, ("CN=" + issuer).c_str()));
    note(mbedtls_x509write_crt_set_validity(&crt_, compact_time(request.not_before).c_str(),
                                            compact_time(request.not_after).c_str()));
    note(mbedtls_x509write_crt_set_basic_constraints(&crt_, request.is_authority ? 1 : 0, -1));
    note(mbedtls_x509write_crt_set_key_usage(
        &crt_, request.is_authority ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                                    : MBEDTLS_X509_KU_DIGITAL_SIGNATURE));
    if (!request.is_authority) set_purpose(request.is_client_only);
    set_names(request);
    set_constraints(request);
    std::array<unsigned char, 16384> pem{};
    note(mbedtls_x509write_crt_pem(&crt_, pem.data(), pem.size(), mbedtls_psa_get_random,
                                   MBEDTLS_PSA_RANDOM_STATE));  // 3.6
    if (code_ != 0) return library_error(Fault::local, "cannot write a certificate", code_);
    return std::string(reinterpret_cast<const char*>(pem.data()));
  }

 private:
  void note(int code) {
    if (code_ == 0) code_ = code;
  }

  void set_purpose(bool is_client_only) {
    mbedtls_asn1_sequence purpose{};
    const char* oid = is_client_only ? MBEDTLS_OID_CLIENT_AUTH : MBEDTLS_OID_SERVER_AUTH;
    purpose.buf.tag = MBEDTLS_ASN1_OID;
    purpose.buf.p = reinterpret_cast<unsigned char*>(const_cast<char*>(oid));
    purpose.buf.len = std::string_view(oid).size();
    note(mbedtls_x509write_crt_set_ext_key_usage(&crt_, &purpose));
  }

  void set_names(const CertificateRequest& request) {
    std::vector<std::vector<unsigned char>> octets;
    std::vector<mbedtls_x509_san_list> list;
    const auto add = [&](int type, std::vector<unsigned char> value) {
      octets.push_back(std::move(value));
      mbedtls_x509_san_list entry{};
      entry.node.type = type;
      entry.node.san.unstructured_name.tag = type;
      entry.node.san.unstructured_name.p = octets.back().data();
      entry.node.san.unstructured_name.len = octets.back().size();
      list.push_back(entry);
    };
    for (const std::string& name : request.dns_names) {
      add(MBEDTLS_X509_SAN_DNS_NAME, {name.begin(), name.end()});
    }
    for (const std::string& text : request.ip_addresses) {
      const auto address = base::parse_ip(text, 0);
      if (!address) note(MBEDTLS_ERR_X509_BAD_INPUT_DATA);
      if (address) add(MBEDTLS_X509_SAN_IP_ADDRESS, address->ip);
    }
    for (std::size_t i = 0; i + 1 < list.size(); ++i) list[i].next = &list[i + 1];
    if (!list.empty()) {
      note(mbedtls_x509write_crt_set_subject_alternative_name(&crt_, list.data()));
    }
  }

  void set_constraints(const CertificateRequest& request) {
    if (request.permitted_dns.empty()) return;
    const std::string der = write_dns_constraints(request.permitted_dns);
    note(mbedtls_x509write_crt_set_extension(
        &crt_, "\x55\x1d\x1e", 3, request.is_name_constraint_critical ? 1 : 0,
        reinterpret_cast<const unsigned char*>(der.data()), der.size()));
  }

  mbedtls_x509write_cert crt_{};
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
    const int code = mbedtls_pk_write_key_pem(&(*key)->pk, pem.data(), pem.size());
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
