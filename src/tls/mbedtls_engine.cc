// The only file that knows mbedTLS: engines, contexts, what the library finds in certificates, and
// the authority of the demo and the tests. Everything that can be said without mbedTLS is said
// elsewhere: which chain is good and why not in verdict, names in identity, files in trust_store.
//
// Written against 3.6 LTS with what 4.x kept; the few places where the two differ are together at
// the top. The library never sees a socket: it reads from one queue and writes to another.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>

#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/text.h"
#include "tls/alerts.h"
#include "tls/authority.h"
#include "tls/certificate_text.h"
#include "tls/cpu.h"
#include "tls/extensions.h"
#include "tls/identity.h"
#include "tls/name_constraints.h"
#include "tls/pem.h"
#include "tls/tickets.h"
#include "tls/tls_engine.h"
#include "tls/trust_store.h"
#include "tls/verdict.h"

static_assert(MBEDTLS_VERSION_NUMBER >= 0x03060700 && MBEDTLS_VERSION_NUMBER != 0x04010000,
              "3.6.6 and 4.1.0 cannot talk to TLS 1.2 servers that sign with RSA-PSS");

// packagefiles/mbedtls/smtpseal_peer_certificate.c
extern "C" unsigned long smtpseal_peer_certificates_read(void);

namespace tls {

namespace {

using base::Error;
using base::Fault;

// --- what differs between 3.6 and 4.x ---

#if MBEDTLS_VERSION_MAJOR < 4
void use_random(mbedtls_ssl_config& config) {
  mbedtls_ssl_conf_rng(&config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
}
int parse_key(mbedtls_pk_context& key, const std::string& pem) {
  return mbedtls_pk_parse_key(&key, reinterpret_cast<const unsigned char*>(pem.c_str()),
                              pem.size() + 1, nullptr, 0, mbedtls_psa_get_random,
                              MBEDTLS_PSA_RANDOM_STATE);
}
int check_pair(const mbedtls_pk_context& with_public, const mbedtls_pk_context& with_private) {
  return mbedtls_pk_check_pair(&with_public, &with_private, mbedtls_psa_get_random,
                               MBEDTLS_PSA_RANDOM_STATE);
}
int write_certificate(mbedtls_x509write_cert& certificate, unsigned char* buffer,
                      std::size_t size) {
  return mbedtls_x509write_crt_der(&certificate, buffer, size, mbedtls_psa_get_random,
                                   MBEDTLS_PSA_RANDOM_STATE);
}
int set_up_tickets(mbedtls_ssl_ticket_context& tickets, std::uint32_t seconds) {
  return mbedtls_ssl_ticket_setup(&tickets, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE,
                                  MBEDTLS_CIPHER_AES_256_GCM, seconds);
}
// The fatal alert that was just received. 3.6 has no function for it.
int received_alert(const mbedtls_ssl_context& ssl) { return ssl.MBEDTLS_PRIVATE(in_msg)[1]; }
// Lists that are made when they are first asked for, without a lock.
void make_lists() {
  static_cast<void>(mbedtls_ssl_list_ciphersuites());
  static_cast<void>(mbedtls_ecp_grp_id_list());
}
#else
void use_random(mbedtls_ssl_config&) {}
int parse_key(mbedtls_pk_context& key, const std::string& pem) {
  return mbedtls_pk_parse_key(&key, reinterpret_cast<const unsigned char*>(pem.c_str()),
                              pem.size() + 1, nullptr, 0);
}
int check_pair(const mbedtls_pk_context& with_public, const mbedtls_pk_context& with_private) {
  return mbedtls_pk_check_pair(&with_public, &with_private);
}
int write_certificate(mbedtls_x509write_cert& certificate, unsigned char* buffer,
                      std::size_t size) {
  return mbedtls_x509write_crt_der(&certificate, buffer, size);
}
int set_up_tickets(mbedtls_ssl_ticket_context& tickets, std::uint32_t seconds) {
  constexpr psa_key_bits_t kKeyBits = 256;
  return mbedtls_ssl_ticket_setup(&tickets, PSA_ALG_GCM, PSA_KEY_TYPE_AES, kKeyBits, seconds);
}
int received_alert(const mbedtls_ssl_context& ssl) { return mbedtls_ssl_get_fatal_alert(&ssl); }
void make_lists() { static_cast<void>(mbedtls_ssl_list_ciphersuites()); }
#endif

// --- the library's language and ours ---

std::string words_of(int code) {
  std::array<char, 160> text{};
  mbedtls_strerror(code, text.data(), text.size());
  return text.data();
}

Error library_error(Fault fault, std::string_view what, int code) {
  return {fault, std::string(what) + ": " + words_of(code)};
}

Error psa_error(std::string_view what, psa_status_t status) {
  return {Fault::local, std::string(what) + ": PSA status " + std::to_string(status)};
}

std::string_view view_of(const mbedtls_x509_buf& buffer) {
  if (buffer.p == nullptr) return {};
  return {reinterpret_cast<const char*>(buffer.p), buffer.len};
}

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Once a process, before anything else of the library and for all threads: everything of TLS 1.3
// goes through PSA, whose keys and random numbers have locks of their own; what the library makes
// once without a lock is made here (seeding makes the tables of AES, and finds out about the CPU).
base::Result<void> start_library() {
  static const psa_status_t kStatus = [] {
    make_lists();
    return psa_crypto_init();
  }();
  if (kStatus == PSA_SUCCESS) return {};
  return psa_error("cannot start the TLS library", kStatus);
}

// One of the library's structures, freed in the end.
template <typename T, void (*init)(T*), void (*release)(T*)>
struct Owned {
  T raw{};

  Owned() { init(&raw); }
  ~Owned() { release(&raw); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
};
using SslConfig = Owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free>;
using Certificates = Owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using Key = Owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using TicketKeys =
    Owned<mbedtls_ssl_ticket_context, mbedtls_ssl_ticket_init, mbedtls_ssl_ticket_free>;
using Session = Owned<mbedtls_ssl_session, mbedtls_ssl_session_init, mbedtls_ssl_session_free>;

// --- what is offered and accepted ---

// AEAD and forward secrecy only (RFC 9325 4.2), what the CPU does fastest first.
const int* cipher_suites() {
  using Suites = std::array<int, 10>;
  static constexpr Suites kAesFirst = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                       MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                       MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                       MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                       MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                       MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                       MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                       0};
  static constexpr Suites kChaChaFirst = {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                          0};
  return has_aes_instructions() ? kAesFirst.data() : kChaChaFirst.data();
}

// X25519 costs a third of P-256 here. P-384 is for peers without either; P-521 for TLS 1.2 servers
// whose certificate has such a key: they are told so by this list, too (RFC 8422 5.1).
constexpr std::array<std::uint16_t, 5> kGroups = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

constexpr std::array<std::uint16_t, 10> kSignatures = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE};

mbedtls_ssl_protocol_version version_number(Version version) {
  return version == Version::tls13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
}

base::Result<void> configure(mbedtls_ssl_config& config, int endpoint, Version least) {
  const int code = mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return library_error(Fault::local, "cannot configure TLS", code);
  use_random(config);
  mbedtls_ssl_conf_min_tls_version(&config, version_number(least));
  mbedtls_ssl_conf_ciphersuites(&config, cipher_suites());
  mbedtls_ssl_conf_groups(&config, kGroups.data());
  mbedtls_ssl_conf_sig_algs(&config, kSignatures.data());
  // RSA of 2048 bits and more, curves of 256 and more, SHA-256 and more.
  mbedtls_ssl_conf_cert_profile(&config, &mbedtls_x509_crt_profile_next);
  return {};
}

// --- certificates ---

std::string distinguished_name(const mbedtls_x509_name& name) {
  std::array<char, 1024> text{};
  if (mbedtls_x509_dn_gets(text.data(), text.size(), &name) < 0) return "(unreadable name)";
  return base::printable(text.data());
}

base::WallTime wall_time(const mbedtls_x509_time& time) {
  return to_wall_time({time.year, static_cast<unsigned>(time.mon), static_cast<unsigned>(time.day),
                       time.hour, time.min, time.sec});
}

PresentedNames presented_names(const mbedtls_x509_crt& certificate) {
  PresentedNames names;
  const mbedtls_x509_sequence* entry = &certificate.subject_alt_names;
  for (; entry != nullptr && entry->buf.p != nullptr; entry = entry->next) {
    const std::string_view octets = view_of(entry->buf);
    if (entry->buf.tag == kDnsNameTag) {
      names.dns.emplace_back(octets);
    } else if (entry->buf.tag == kIpAddressTag) {
      names.ip.emplace_back(octets.begin(), octets.end());
    } else {
      names.others.push_back(static_cast<unsigned char>(entry->buf.tag));
    }
  }
  return names;
}

std::string pin_of(const mbedtls_x509_crt& certificate) {
  std::array<std::uint8_t, 32> digest{};
  std::size_t length = 0;
  const psa_status_t status =
      psa_hash_compute(PSA_ALG_SHA_256, certificate.pk_raw.p, certificate.pk_raw.len, digest.data(),
                       digest.size(), &length);
  return status == PSA_SUCCESS ? format_pin(digest) : std::string();
}

CertificateFacts facts_of(const mbedtls_x509_crt& certificate) {
  CertificateFacts facts;
  facts.subject = distinguished_name(certificate.subject);
  facts.issuer = distinguished_name(certificate.issuer);
  facts.not_before = wall_time(certificate.valid_from);
  facts.not_after = wall_time(certificate.valid_to);
  facts.key = describe_key(view_of(certificate.pk_raw));
  facts.pin = pin_of(certificate);
  facts.names = describe_names(presented_names(certificate));
  return facts;
}

std::vector<CertificateFacts> facts_of_all(const mbedtls_x509_crt* chain) {
  std::vector<CertificateFacts> facts;
  for (; chain != nullptr; chain = chain->next) facts.push_back(facts_of(*chain));
  return facts;
}

// mbedTLS does not know the extension.
NameConstraints constraints_of(const mbedtls_x509_crt& certificate) {
  const auto value = find_extension(view_of(certificate.v3_ext), kNameConstraints);
  return value ? parse_name_constraints(*value) : NameConstraints();
}

// Where in a verified chain a certificate stands.
enum class Place { anchor, between, leaf };

// Whether its key usages, where it has any, let it stand there in the chain of a TLS server. The
// extended ones of an authority bind all that it issues; the anchor is trusted as it is. Whether an
// authority may sign certificates the library looks at itself.
bool serves_tls(const mbedtls_x509_crt& certificate, Place place) {
  if (place == Place::anchor) return true;
  const bool may_sign =
      place != Place::leaf ||
      mbedtls_x509_crt_check_key_usage(&certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0;
  return may_sign && mbedtls_x509_crt_check_extended_key_usage(&certificate, kServerAuth.data(),
                                                               kServerAuth.size()) == 0;
}

// Whether the library could not make out a certificate that the peer sent.
bool is_unreadable_certificate(int code) {
  const int kind = -(-code & 0xff80);  // without what the layer below adds
  return kind <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && kind >= MBEDTLS_ERR_X509_SIG_MISMATCH;
}

std::vector<Finding> findings_of(std::uint32_t flags) {
  struct Meaning {
    std::uint32_t flags;
    Finding finding;
  };
  constexpr std::array<Meaning, 7> kMeanings = {{
      {MBEDTLS_X509_BADCERT_NOT_TRUSTED, Finding::untrusted},
      {MBEDTLS_X509_BADCERT_EXPIRED, Finding::expired},
      {MBEDTLS_X509_BADCERT_FUTURE, Finding::not_yet_valid},
      {MBEDTLS_X509_BADCERT_BAD_MD, Finding::weak_hash},
      {MBEDTLS_X509_BADCERT_BAD_KEY, Finding::weak_key},
      {MBEDTLS_X509_BADCERT_BAD_PK, Finding::foreign_key},
      {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
           MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
       Finding::other_purpose},
  }};
  std::vector<Finding> findings;
  for (const Meaning& meaning : kMeanings) {
    if ((flags & meaning.flags) != 0) findings.push_back(meaning.finding);
    flags &= ~meaning.flags;
  }
  if (flags != 0) findings.push_back(Finding::unknown);
  return findings;
}

Examined examine(const mbedtls_x509_crt& certificate, std::uint32_t flags, Place place) {
  Examined examined{facts_of(certificate),
                    presented_names(certificate),
                    constraints_of(certificate),
                    findings_of(flags),
                    {}};
  const bool is_told = (flags & MBEDTLS_X509_BADCERT_EXT_KEY_USAGE) != 0;
  if (!is_told && !serves_tls(certificate, place)) {
    examined.findings.push_back(Finding::other_purpose);
  }
  // The handshake lets all extensions pass (smtpseal_peer_certificate.c); an anchor's were looked
  // at when it was loaded.
  if (place != Place::anchor) {
    examined.extension_fault = extension_fault(view_of(certificate.v3_ext));
  }
  return examined;
}

// Lets an authority have the critical extensions that mbedTLS does not know and we do.
int on_unknown_extension(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf* oid, int,
                         const unsigned char* value, const unsigned char* end) noexcept {
  const std::string_view der(reinterpret_cast<const char*>(value),
                             static_cast<std::size_t>(end - value));
  const std::string_view id = view_of(*oid);
  const bool is_heeded =
      is_understood(id) && (id != kNameConstraints || !parse_name_constraints(der).is_malformed);
  return is_heeded ? 0 : MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

// Our own certificate is for others to judge.
int on_own_extension(void*, const mbedtls_x509_crt*, const mbedtls_x509_buf*, int,
                     const unsigned char*, const unsigned char*) noexcept {
  return 0;
}

AddCertificate adder_to(mbedtls_x509_crt& list, mbedtls_x509_crt_ext_cb_t on_extension) {
  return [&list, on_extension](std::string_view der) -> std::optional<std::string> {
    const int code = mbedtls_x509_crt_parse_der_with_ext_cb(&list, octets_of(der), der.size(), 1,
                                                            on_extension, nullptr);
    return code == 0 ? std::nullopt : std::optional<std::string>(words_of(code));
  };
}

// --- engines ---

class EngineBase : public Engine {
 public:
  // `peer`: what the other side is called in errors.
  EngineBase(const mbedtls_ssl_config& config, std::string_view peer) : peer_(peer) {
    const int code = mbedtls_ssl_setup(&ssl_.raw, &config);
    if (code != 0) fail(library_error(Fault::local, "cannot set TLS up", code));
    mbedtls_ssl_set_bio(&ssl_.raw, this, on_send, on_receive, nullptr);
    mbedtls_ssl_set_user_data_p(&ssl_.raw, this);
  }

  void start() override { advance(); }

  void receive(std::string_view ciphertext) override {
    if (is_over()) return;
    incoming_.append(ciphertext);
    advance();
  }

  void receive_eof() override {
    has_eof_ = true;
    advance();
  }

  void send(std::string_view plaintext) override {
    while (state_ == State::established && !plaintext.empty()) {
      const int code = mbedtls_ssl_write(&ssl_.raw, octets_of(plaintext), plaintext.size());
      // The output queue takes everything: there is nothing to wait for.
      SMTPSEAL_CHECK(code != MBEDTLS_ERR_SSL_WANT_WRITE && code != MBEDTLS_ERR_SSL_WANT_READ);
      if (code > 0) {
        plaintext.remove_prefix(static_cast<std::size_t>(code));
      } else {
        fail(library_error(Fault::connection, "TLS connection lost", code));
      }
    }
  }

  void close() override {
    if (state_ != State::established) return;
    state_ = State::closed;
    incoming_.clear();
    // The alert is the last thing written; whether it arrives does not matter any more.
    static_cast<void>(mbedtls_ssl_close_notify(&ssl_.raw));
  }

  [[nodiscard]] State state() const override { return state_; }
  [[nodiscard]] std::string_view output() const override { return outgoing_.view(); }
  void consume_output(std::size_t count) override { outgoing_.consume(count); }
  [[nodiscard]] std::string_view plaintext() const override { return plaintext_.view(); }
  void consume_plaintext(std::size_t count) override { plaintext_.consume(count); }
  [[nodiscard]] const Error& error() const override { return error_; }
  [[nodiscard]] const SessionInfo& info() const override { return info_; }

 protected:
  // Called before the library sees the first octets of the peer, until it returns true or fails.
  [[nodiscard]] virtual bool accept_first_octets() { return true; }
  virtual void on_established() {}
  virtual void on_failed_handshake() {}
  // The peer gave a ticket for a session to come (TLS 1.3).
  virtual void on_ticket() {}
  // What to say about a handshake that failed with `code`, where the peer's side is not to blame.
  [[nodiscard]] virtual Error handshake_error(int code) const = 0;

  void fail(Error error) {
    state_ = State::failed;
    error_ = std::move(error);
    incoming_.clear();
  }

  [[nodiscard]] std::string peer(std::string_view does) const {
    return std::string(peer_).append(does);
  }

  [[nodiscard]] mbedtls_ssl_context& ssl() { return ssl_.raw; }
  [[nodiscard]] const mbedtls_ssl_context& ssl() const { return ssl_.raw; }

  base::ByteQueue incoming_;
  SessionInfo info_;
  bool has_eof_ = false;
  bool has_shown_certificate_ = false;  // the peer, in this handshake

 private:
  static int on_send(void* self, const unsigned char* octets, std::size_t length) noexcept {
    static_cast<EngineBase*>(self)->outgoing_.append(
        {reinterpret_cast<const char*>(octets), length});
    return static_cast<int>(length);
  }

  static int on_receive(void* raw, unsigned char* octets, std::size_t length) noexcept {
    auto* const self = static_cast<EngineBase*>(raw);
    const std::size_t count = std::min(length, self->incoming_.size());
    if (count == 0) {
      self->is_starved_ = true;
      return self->has_eof_ ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    }
    std::copy_n(self->incoming_.view().data(), count, reinterpret_cast<char*>(octets));
    self->incoming_.consume(count);
    return static_cast<int>(count);
  }

  [[nodiscard]] bool is_over() const { return state_ == State::failed || state_ == State::closed; }

  void advance() {
    if (is_over()) return;
    is_starved_ = false;
    // The library may stop to say something although more is there to be read (a session ticket).
    // Each time it has taken at least one octet of what it had buffered, which bounds this.
    for (std::size_t left = incoming_.size() + MBEDTLS_SSL_IN_CONTENT_LEN; left > 0; --left) {
      const bool goes_on = state_ == State::handshaking ? shake_hands() : decrypt();
      if (!goes_on || is_over() || is_starved_) return;
    }
    fail({Fault::connection, peer(" sends TLS messages without end")});
  }

  // Each returns false when it waits for more octets.
  bool shake_hands() {
    if (!has_looked_) {
      has_looked_ = !incoming_.is_empty() && accept_first_octets();
      if (is_over() || (!has_looked_ && !incoming_.is_empty() && !has_eof_)) return false;
    }
    const unsigned long read_before = smtpseal_peer_certificates_read();
    const int code = mbedtls_ssl_handshake(&ssl_.raw);
    if (smtpseal_peer_certificates_read() != read_before) has_shown_certificate_ = true;
    if (code == MBEDTLS_ERR_SSL_WANT_READ) return true;
    if (code != 0) {
      on_failed_handshake();
      fail(failed_handshake(code));
      return false;
    }
    state_ = State::established;
    info_.version = mbedtls_ssl_get_version(&ssl_.raw);
    info_.cipher = iana_cipher_name(mbedtls_ssl_get_ciphersuite(&ssl_.raw));
    on_established();
    return true;
  }

  bool decrypt() {
    std::array<unsigned char, MBEDTLS_SSL_IN_CONTENT_LEN> octets;
    const int code = mbedtls_ssl_read(&ssl_.raw, octets.data(), octets.size());
    if (code > 0) {
      plaintext_.append(
          {reinterpret_cast<const char*>(octets.data()), static_cast<std::size_t>(code)});
      return true;
    }
    if (code == MBEDTLS_ERR_SSL_WANT_READ) return true;
    if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
      on_ticket();
      return true;
    }
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      state_ = State::closed;
      incoming_.clear();
      return false;
    }
    fail(lost_connection(code));
    return false;
  }

  [[nodiscard]] Error failed_handshake(int code) const {
    if (code == MBEDTLS_ERR_SSL_CONN_EOF || code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      return {Fault::tls, peer(" closed the connection in the TLS handshake")};
    }
    if (code != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) return handshake_error(code);
    const int alert = received_alert(ssl_.raw);
    const std::string meaning = alert_meaning(alert);
    return {Fault::tls, peer(" broke the TLS handshake off with the alert ") + alert_name(alert) +
                            (meaning.empty() ? "" : " (" + meaning + ")")};
  }

  [[nodiscard]] Error lost_connection(int code) const {
    switch (code) {
      case 0:
      case MBEDTLS_ERR_SSL_CONN_EOF:
        return {Fault::connection, peer(" cut the connection without ending TLS")};
      case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return {Fault::connection,
                peer(" broke TLS off with the alert ") + alert_name(received_alert(ssl_.raw))};
      case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
        return {Fault::connection,
                peer(" sent a TLS message that is not supported (new keys, or a request for a "
                     "certificate)")};
      default: return library_error(Fault::connection, "TLS connection lost", code);
    }
  }

  Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> ssl_;
  std::string_view peer_;
  base::ByteQueue outgoing_;
  base::ByteQueue plaintext_;
  State state_ = State::handshaking;
  Error error_;
  bool has_looked_ = false;
  bool is_starved_ = false;  // the library wanted more octets than there were
};

// --- the client's side ---

// A session that may be resumed, and what was found out about the peer when it was made.
struct Ticket {
  std::unique_ptr<Session> session;
  SessionInfo info;
  base::WallTime until;
};

// What a client context shares with its engines: all of one smarthost, name and policy, so that no
// ticket is ever used under another.
struct ClientShared {
  ClientOptions options;
  ReferenceName reference;
  SslConfig config;
  Certificates trust;
  std::string trust_source;
  std::deque<Ticket> tickets;  // newest last

  [[nodiscard]] bool is_verifying() const { return options.level == Level::verify; }
};

class ClientEngine final : public EngineBase {
 public:
  ClientEngine(ClientShared& shared, Resumption resumption)
      : EngineBase(shared.config.raw, "smarthost"),
        shared_(shared),
        verdict_(shared.reference, shared.options.verify_name, shared.trust_source) {
    info_.server_name = shared.options.verify_name;
    if (state() == State::failed) return;
    mbedtls_ssl_set_verify(&ssl(), on_certificate, this);
    // Addresses are never sent as SNI (RFC 6066 3). Null says that on purpose: with nothing set,
    // the library refuses to verify.
    const std::string& name = shared.reference.dns;
    const int code = mbedtls_ssl_set_hostname(&ssl(), name.empty() ? nullptr : name.c_str());
    if (code != 0) {
      fail(library_error(Fault::config, "verify_name", code));
      return;
    }
    if (resumption == Resumption::allowed) offer_ticket();
  }

  [[nodiscard]] bool has_offered_session() const override { return offered_ != nullptr; }

 private:
  static int on_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                            std::uint32_t* flags) noexcept {
    static_cast<ClientEngine*>(self)->judge(*certificate, depth, *flags);
    return 0;
  }

  // From the top of the verified chain down to the leaf, which is depth 0 and followed by what else
  // the peer sent. `flags` are the library's faults with it: ours are added.
  void judge(const mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags) {
    // Ours alone decides on the name.
    flags &= ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_CN_MISMATCH);
    const std::size_t faults_before = verdict_.faults().size();
    if (depth > 0) {
      const bool is_anchor = is_at_top_ && (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) == 0;
      verdict_.take_issuer(examine(certificate, flags, is_anchor ? Place::anchor : Place::between));
    } else {
      info_.chain = facts_of_all(&certificate);
      verdict_.take_leaf(examine(certificate, flags, Place::leaf));
    }
    is_at_top_ = false;
    info_.faults = verdict_.faults();
    if (info_.faults.size() == faults_before || flags != 0) return;
    flags |= verdict_.has(IdentityFault::Rule::name) ? MBEDTLS_X509_BADCERT_CN_MISMATCH
                                                     : MBEDTLS_X509_BADCERT_OTHER;
  }

  // Where nothing is verified: what would stand against the leaf as such.
  void look_at_leaf() {
    const mbedtls_x509_crt* const leaf = mbedtls_ssl_get_peer_cert(&ssl());
    if (leaf == nullptr) return;
    std::uint32_t flags = 0;
    if (mbedtls_x509_time_is_past(&leaf->valid_to) != 0) flags |= MBEDTLS_X509_BADCERT_EXPIRED;
    if (mbedtls_x509_time_is_future(&leaf->valid_from) != 0) flags |= MBEDTLS_X509_BADCERT_FUTURE;
    judge(*leaf, 0, flags);
  }

  [[nodiscard]] bool accept_first_octets() override {
    constexpr std::size_t kRecordHeader = 5;
    const std::string_view octets = incoming_.view().substr(0, kRecordHeader);
    if (octets.size() < kRecordHeader && !has_eof_) return false;
    const bool is_text = std::all_of(octets.begin(), octets.end(), [](char c) {
      return (c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n';
    });
    if (!is_text) return true;
    // What it said came without TLS: it goes into no error, since errors become replies.
    fail({Fault::tls, octets.starts_with("220")
                          ? "smarthost speaks plaintext SMTP where TLS was expected: use mode = "
                            "starttls, or the port for implicit TLS"
                          : "smarthost sent plaintext where TLS was expected"});
    return false;
  }

  // The newest that is still good. It is used once (RFC 8446 C.4).
  void offer_ticket() {
    const base::WallTime now = std::chrono::system_clock::now();
    while (!shared_.tickets.empty()) {
      const Ticket ticket = std::move(shared_.tickets.back());
      shared_.tickets.pop_back();
      if (now >= ticket.until) continue;
      // One the library does not take is none; the handshake is a full one then.
      if (mbedtls_ssl_set_session(&ssl(), &ticket.session->raw) != 0) continue;
      offered_ = std::make_unique<Ticket>(Ticket{nullptr, ticket.info, ticket.until});
      return;
    }
  }

  void on_ticket() override { keep_ticket(); }

  // A ticket may be what the peer did not like: the next connections begin from nothing.
  void on_failed_handshake() override {
    if (offered_) shared_.tickets.clear();
  }

  // What the library has of this session, with what is known of the peer.
  void keep_ticket() {
    Ticket ticket{std::make_unique<Session>(), info_, until_};
    if (mbedtls_ssl_get_session(&ssl(), &ticket.session->raw) != 0) return;
    shared_.tickets.push_back(std::move(ticket));
    if (shared_.tickets.size() > kMaxTickets) shared_.tickets.pop_front();
  }

  void on_established() override {
    const bool is_tls12 = mbedtls_ssl_get_version_number(&ssl()) == MBEDTLS_SSL_VERSION_TLS1_2;
    const bool is_resumed = offered_ && !has_shown_certificate_;
    if (is_resumed) {
      // The keys are those of a session in which this very policy was met.
      info_.is_resumed = true;
      info_.chain = offered_->info.chain;
      info_.faults = offered_->info.faults;
      info_.verification = offered_->info.verification;
      info_.verified_by = offered_->info.verified_by;
      until_ = offered_->until;
    } else {
      judge_peer();
      until_ = resumable_until(info_.chain, std::chrono::system_clock::now(),
                               is_tls12 ? kMaxTls12TicketAge : kMaxTicketAge);
    }
    // In TLS 1.2 a ticket has come by now, if any; in TLS 1.3 it is still to come. Who offers a
    // session offers its version alone: a peer that was not asked for TLS 1.3 is asked the next
    // time.
    if (is_tls12 && (is_resumed || !offered_)) keep_ticket();
  }

  void judge_peer() {
    if (!shared_.is_verifying()) {
      info_.verification = Verification::unverified;
      look_at_leaf();
      return;
    }
    // The library calls judge() for every chain it accepts, and fails on the flags it leaves.
    SMTPSEAL_CHECK(!info_.chain.empty() && verdict_.faults().empty());
    info_.verification = Verification::verified;
    info_.verified_by = shared_.trust_source;
  }

  [[nodiscard]] Error handshake_error(int code) const override {
    if (!verdict_.faults().empty() && shared_.is_verifying()) {
      return {Fault::tls, verdict_.summary()};
    }
    if (is_unreadable_certificate(code)) {
      return library_error(Fault::tls, "smarthost sent a certificate that cannot be read", code);
    }
    switch (code) {
      case MBEDTLS_ERR_X509_FATAL_ERROR: return {Fault::tls, "certificate chain is too long"};
      case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return {Fault::tls, "smarthost offers no TLS version that is accepted (tls_min)"};
      case MBEDTLS_ERR_SSL_INVALID_RECORD:
      case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
        return {Fault::tls, "smarthost sent something that is not TLS"};
      default: return library_error(Fault::tls, "TLS handshake failed", code);
    }
  }

  ClientShared& shared_;
  Verdict verdict_;
  std::unique_ptr<Ticket> offered_;  // without its session
  base::WallTime until_;             // when this session's tickets go bad
  bool is_at_top_ = true;            // of the chain that judge() is walked down
};

class MbedClientContext final : public ClientContext {
 public:
  explicit MbedClientContext(std::unique_ptr<ClientShared> shared) : shared_(std::move(shared)) {}
  using ClientContext::make_engine;
  [[nodiscard]] std::unique_ptr<Engine> make_engine(Resumption resumption) override {
    return std::make_unique<ClientEngine>(*shared_, resumption);
  }
  [[nodiscard]] const std::string& trust_source() const override { return shared_->trust_source; }

 private:
  std::unique_ptr<ClientShared> shared_;
};

base::Result<void> check_options(const ClientOptions& options, const ReferenceName& reference) {
  constexpr std::size_t kMaxName = 253;  // RFC 1035 2.3.4, without the dots at both ends
  if (options.level == Level::pin) {
    return Error{Fault::config, "tls = pin is not available in this version"};
  }
  if (options.level == Level::verify && reference.dns.empty() && !reference.is_ip()) {
    return Error{Fault::config, "verify_name: there is no name to verify"};
  }
  if (reference.dns.size() > kMaxName) {
    return Error{Fault::config, "verify_name: is longer than a host name can be"};
  }
  return {};
}

// --- the server's side ---

struct ServerShared {
  SslConfig config;
  Certificates certificate;
  Key key;
  TicketKeys tickets;
};

class ServerEngine final : public EngineBase {
 public:
  explicit ServerEngine(const ServerShared& shared) : EngineBase(shared.config.raw, "client") {}

  // The library calls this once the ClientHello was read.
  static int on_client_hello(mbedtls_ssl_context* ssl) noexcept {
    auto* const self = static_cast<ServerEngine*>(mbedtls_ssl_get_user_data_p(ssl));
    std::size_t length = 0;
    const unsigned char* const name = mbedtls_ssl_get_hs_sni(ssl, &length);
    if (name != nullptr) {
      self->info_.server_name.assign(reinterpret_cast<const char*>(name), length);
    }
    return 0;
  }

 private:
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

// Clients may resume their sessions. The keys of tickets change as often as the tickets run out.
base::Result<void> offer_tickets(ServerShared& shared) {
  constexpr std::uint32_t kLifetime = 3600;  // seconds; RFC 8446 4.6.1 allows seven days
  const int code = set_up_tickets(shared.tickets.raw, kLifetime);
  if (code != 0) return library_error(Fault::local, "cannot make keys for session tickets", code);
  mbedtls_ssl_conf_session_tickets_cb(&shared.config.raw, mbedtls_ssl_ticket_write,
                                      mbedtls_ssl_ticket_parse, &shared.tickets.raw);
  return {};
}

base::Result<void> load_identity(ServerShared& shared, const ServerOptions& options) {
  const auto added = add_certificates(options.certificate_pem, "the certificate",
                                      adder_to(shared.certificate.raw, on_own_extension));
  if (!added) return added;
  int code = parse_key(shared.key.raw, options.key_pem);
  if (code != 0) return library_error(Fault::config, "the key", code);
  code = check_pair(shared.certificate.raw.pk, shared.key.raw);
  if (code != 0) return Error{Fault::config, "the key is not that of the certificate"};
  code = mbedtls_ssl_conf_own_cert(&shared.config.raw, &shared.certificate.raw, &shared.key.raw);
  if (code != 0) return library_error(Fault::config, "the certificate", code);
  return {};
}

}  // namespace

base::Result<std::unique_ptr<ClientContext>> make_client_context(const ClientOptions& options) {
  if (const auto started = start_library(); !started) return started.error();
  auto shared = std::make_unique<ClientShared>();
  shared->options = options;
  shared->reference = parse_reference_name(options.verify_name);
  const auto checked = check_options(options, shared->reference);
  if (!checked) return checked.error();
  mbedtls_ssl_config& config = shared->config.raw;
  const auto done = configure(config, MBEDTLS_SSL_IS_CLIENT, options.min_version);
  if (!done) return done.error();
  mbedtls_ssl_conf_session_tickets(&config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
      &config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  if (shared->is_verifying()) {
    auto source = load_trust(options.ca_files, options.ca_dirs,
                             adder_to(shared->trust.raw, on_unknown_extension));
    if (!source) return source.error();
    shared->trust_source = std::move(source).value();
    mbedtls_ssl_conf_ca_chain(&config, &shared->trust.raw, nullptr);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
  }
  return std::unique_ptr<ClientContext>(std::make_unique<MbedClientContext>(std::move(shared)));
}

base::Result<std::unique_ptr<ServerContext>> make_server_context(const ServerOptions& options) {
  if (const auto started = start_library(); !started) return started.error();
  auto shared = std::make_unique<ServerShared>();
  mbedtls_ssl_config& config = shared->config.raw;
  const auto done = configure(config, MBEDTLS_SSL_IS_SERVER, options.min_version);
  if (!done) return done.error();
  if (options.max_version) {
    mbedtls_ssl_conf_max_tls_version(&config, version_number(*options.max_version));
  }
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
  mbedtls_ssl_conf_cert_cb(&config, ServerEngine::on_client_hello);
  if (const auto loaded = load_identity(*shared, options); !loaded) return loaded.error();
  if (const auto offered = offer_tickets(*shared); !offered) return offered.error();
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
