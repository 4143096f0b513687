// TLS as four buffers and a state: ciphertext in, ciphertext out, plaintext in, plaintext out.
//
// An engine knows no socket, clock or file; whoever owns it moves the bytes. The library behind it
// is known to the files called mbedtls_* alone. A context holds what connections share (trust,
// versions, certificate) and outlives its engines.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace tls {

// Postfix's words. `pin` is checked against SubjectPublicKeyInfo digests.
enum class Level { none, may, encrypt, pin, verify };
enum class Version { tls12, tls13 };

[[nodiscard]] constexpr std::string_view to_string(Level level) {
  switch (level) {
    case Level::none: return "none";
    case Level::may: return "may";
    case Level::encrypt: return "encrypt";
    case Level::pin: return "pin";
    case Level::verify: return "verify";
  }
  return "verify";
}

// A certificate of our own with its key; see identity_files.h.
struct Identity {
  std::string certificate_pem;  // leaf first, then intermediates
  std::string key_pem;

  [[nodiscard]] bool is_empty() const { return certificate_pem.empty() && key_pem.empty(); }
  friend bool operator==(const Identity&, const Identity&) = default;
};

// A system that judges the chains of servers itself, in place of a list of authorities that could
// be loaded: it may have more authorities than it lists, and fetch what a chain lacks. That takes
// its time, so it is asked by whoever owns the engine, and never on an event loop.
struct SystemJudge {
  std::string_view name;  // "the trust store of Windows"
  // `chain` as the peer sent it, in DER, the leaf first. Fault::tls with why it is not trusted, in
  // words. May be called from any thread.
  base::Result<void> (*judge)(const std::vector<std::string>& chain,
                              const std::string& server_name) = nullptr;
};
// Nothing where trust is a list of authorities.
[[nodiscard]] const SystemJudge* system_judge();

// What a connection must meet to count as secured; from the configuration.
struct ClientOptions {
  Level level = Level::verify;
  Version min_version = Version::tls12;
  std::string verify_name;            // DNS name or IP address the certificate must carry
  std::vector<std::string> ca_files;  // both empty: the system's trust store
  std::vector<std::string> ca_dirs;
  const SystemJudge* judge = nullptr;  // who decides then, if it is not a list
  // "sha256//BASE64" of the SubjectPublicKeyInfos of which the peer or an authority above it must
  // have one. With Level::pin they decide alone, with Level::verify on top of all else.
  std::vector<std::string> pins;
  Identity identity;  // shown to a smarthost that asks for one, where not empty
};

struct ServerOptions {
  std::string certificate_pem;  // leaf first, then intermediates
  std::string key_pem;
  Version min_version = Version::tls12;
  std::optional<Version> max_version;  // for tests of old peers
  // Clients are asked for a certificate where this is not empty: PEM files with the authorities
  // that may have issued it. One that does not hold up, or is not there, ends the handshake if it
  // is demanded; else it shows in SessionInfo alone.
  std::vector<std::string> client_ca_files;
  bool is_client_certificate_demanded = false;
};

// How far the peer's identity was established.
enum class Verification { none, unverified, pinned, verified };

[[nodiscard]] constexpr std::string_view to_string(Verification verification) {
  switch (verification) {
    case Verification::none: return "none";
    case Verification::unverified: return "unverified";
    case Verification::pinned: return "pinned";
    case Verification::verified: return "verified";
  }
  return "none";
}

struct CertificateFacts {
  std::string subject;  // "CN=mail.example.edu, O=Example", printable
  std::string issuer;
  base::WallTime not_before;
  base::WallTime not_after;
  std::string key;                 // "RSA 2048", "EC secp256r1"
  std::string pin;                 // "sha256//BASE64" of the SubjectPublicKeyInfo
  std::vector<std::string> names;  // SANs: dNSName as they stand, iPAddress in text form
};

// Whole days from `now` until it expires; negative once it has.
[[nodiscard]] constexpr std::int64_t days_left(const CertificateFacts& certificate,
                                               base::WallTime now) {
  return std::chrono::floor<std::chrono::days>(certificate.not_after - now).count();
}

// A rule that the peer's certificate, or one above it, did not meet.
struct IdentityFault {
  enum class Rule {
    trust,     // no authority that is trusted stands behind it
    validity,  // expired, or not valid yet
    name,      // it is for somebody else
    pin,       // no key of it or of its issuers is pinned
    other,     // name constraints, purpose, a weak key or signature
  };
  Rule rule = Rule::other;
  bool is_leaf = true;  // the peer's own certificate, not one above it
  std::string detail;   // "certificate expired on 2026-01-31"
};

// Facts of an established connection, for logs and `check`. On a server's side the peer is the
// client: without a client_ca, or where the client showed no certificate, verification is `none`
// and the chain is empty.
struct SessionInfo {
  std::string version;  // "TLSv1.3"
  std::string cipher;   // IANA name, "TLS_AES_128_GCM_SHA256"
  std::string group;    // of the key exchange, "X25519", "P-256"; none in a resumed TLS 1.2 session
  bool is_resumed = false;
  Verification verification = Verification::none;
  std::string verified_by;  // what decided: "system trust store /etc/ssl/...", "pin sha256//..."
  bool is_bound_by_dates = false;  // once its certificate has expired, the peer will be refused
  std::string server_name;         // the name that was asked for (SNI, on a server's side)
  std::vector<CertificateFacts> chain;  // as the peer sent it, leaf first
  std::vector<IdentityFault> faults;    // why it was not verified; also where nobody demands that
};

enum class State {
  handshaking,
  judging,  // somebody outside judges the peer's chain: see SystemJudge
  established,
  closed,
  failed
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Ciphertext that arrived. Everything that can be done with it is done before this returns:
  // look at state(), output() and plaintext() after it.
  virtual void receive(std::string_view ciphertext) = 0;
  // The peer closed its side of the TCP connection. Without a close_notify before it, an
  // established engine fails (truncation).
  virtual void receive_eof() = 0;
  // Plaintext for the peer; encrypted into output() at once. Only when established; a
  // server also once the client ended its side: it may wait for a reply (RFC 8446 6.1).
  virtual void send(std::string_view plaintext) = 0;
  // Starts the handshake of a client (a server waits). Call once, first.
  virtual void start() = 0;
  // Sends close_notify. Harmless in every state.
  virtual void close() = 0;

  [[nodiscard]] virtual State state() const = 0;
  // Ciphertext to write, valid until the next call that is not const.
  [[nodiscard]] virtual std::string_view output() const = 0;
  virtual void consume_output(std::size_t count) = 0;
  // Plaintext to read, likewise.
  [[nodiscard]] virtual std::string_view plaintext() const = 0;
  virtual void consume_plaintext(std::size_t count) = 0;

  // While judging: the chain to be judged, in DER, the leaf first, and then the verdict on it,
  // which is one fault more or none. Our own rules were met already. Nothing that was to be sent
  // since the chain was seen has come to output(): it does with a good verdict, and never without
  // one.
  [[nodiscard]] virtual const std::vector<std::string>& chain_to_judge() const {
    static const std::vector<std::string> kNone;
    return kNone;
  }
  virtual void take_verdict(const base::Result<void>& verdict) { static_cast<void>(verdict); }

  // Why state() is failed: Fault::tls up to the end of the handshake, also for a connection cut in
  // it; Fault::connection later. In words: "certificate expired on 2026-01-31", "certificate is for
  // other.example.edu, not for mail.example.edu", "smarthost sent something that is not TLS".
  [[nodiscard]] virtual const base::Error& error() const = 0;
  // A session that was kept was offered to the peer. Some peers break off over that, and a
  // handshake without it may succeed.
  [[nodiscard]] virtual bool has_offered_session() const { return false; }
  // Valid once established; the chain and the faults also after a failed verification.
  [[nodiscard]] virtual const SessionInfo& info() const = 0;
};

enum class Resumption { allowed, never };

class ClientContext {
 public:
  virtual ~ClientContext() = default;
  [[nodiscard]] std::unique_ptr<Engine> make_engine() { return make_engine(Resumption::allowed); }
  [[nodiscard]] virtual std::unique_ptr<Engine> make_engine(Resumption resumption) = 0;
  // The same demands on another peer, whose certificate must carry `verify_name`: with tickets of
  // its own, for one peer's must not be shown to another. Trust is not loaded again; either may
  // outlive the other. Fault::config for a name that cannot be.
  [[nodiscard]] virtual base::Result<std::unique_ptr<ClientContext>> for_peer(
      const std::string& verify_name) const = 0;
  // Where trust comes from: "system trust store /etc/ssl/certs/ca-certificates.crt (144
  // certificates)".
  [[nodiscard]] virtual const std::string& trust_source() const = 0;
  // Who judges the chains of engines that are judging; null where none ever is.
  [[nodiscard]] virtual const SystemJudge* judge() const = 0;
};

class ServerContext {
 public:
  virtual ~ServerContext() = default;
  [[nodiscard]] virtual std::unique_ptr<Engine> make_engine() = 0;
};

// Errors: Fault::config naming the file and what is wrong with it (missing, unreadable, no
// certificate in it, one bad block among good ones), at start and not at the first mail.
[[nodiscard]] base::Result<std::unique_ptr<ClientContext>> make_client_context(
    const ClientOptions& options);
[[nodiscard]] base::Result<std::unique_ptr<ServerContext>> make_server_context(
    const ServerOptions& options);

// "Mbed TLS 3.6.7"
[[nodiscard]] std::string library_version();

}  // namespace tls
