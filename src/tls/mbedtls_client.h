// What a client context shares with its engines, and the engines.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tls/identity.h"
#include "tls/mbedtls_chain.h"
#include "tls/mbedtls_engine.h"
#include "tls/mbedtls_identity.h"

namespace tls::mbed {

// A session that may be resumed, and what was found out about the peer when it was made.
struct Ticket {
  std::unique_ptr<Session> session;
  SessionInfo info;
  base::WallTime until;
};

// What the contexts of several peers have in common; not changed once it is there.
struct ClientPolicy {
  SslConfig config;
  OwnIdentity identity;
  Certificates trust;
  std::string trust_source;
};

// What a client context shares with its engines: all of one peer, name and policy, so that no
// ticket is ever used under another.
struct ClientShared {
  ClientOptions options;
  ReferenceName reference;
  std::shared_ptr<ClientPolicy> policy;
  std::deque<Ticket> tickets;  // newest last

  // Whether there is somebody that the smarthost must prove to be.
  [[nodiscard]] bool is_demanding() const {
    return options.level == Level::verify || options.level == Level::pin;
  }
  // Whether somebody outside decides on trust.
  [[nodiscard]] bool has_judge() const {
    return options.level == Level::verify && options.judge != nullptr && options.ca_files.empty() &&
           options.ca_dirs.empty();
  }
};

class ClientEngine final : public EngineBase {
 public:
  ClientEngine(ClientShared& shared, Resumption resumption);

  [[nodiscard]] bool has_offered_session() const override { return offered_ != nullptr; }
  [[nodiscard]] const std::vector<std::string>& chain_to_judge() const override {
    return chain_to_judge_;
  }
  void take_verdict(const base::Result<void>& verdict) override;

 private:
  static int on_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                            std::uint32_t* flags) noexcept;

  // The library's faults with a certificate become ours.
  void judge(mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags);
  void judge_by_pins_alone(mbedtls_x509_crt& leaf, std::uint32_t& flags);
  void hand_over(const mbedtls_x509_crt& leaf);
  void demand_pin(std::uint32_t& flags);
  // Another look at a chain that leads to nobody who is trusted: perhaps in another order it does.
  void judge_in_order(const mbedtls_x509_crt& chain, std::uint32_t& flags);
  // Where nothing is verified: what would stand against the leaf as such.
  void look_at_leaf();
  void judge_peer();

  // The newest that is still good. It is used once (RFC 8446 C.4).
  void offer_ticket();
  // What the library has of this session, with what is known of the peer.
  void keep_ticket();

  [[nodiscard]] bool accept_first_octets() override;
  void on_ticket() override { keep_ticket(); }
  void on_failed_handshake(int code) override;
  void on_established() override;
  [[nodiscard]] base::Error handshake_error(int code) const override;

  ClientShared& shared_;
  ChainJudge judge_;
  std::string verified_by_;
  std::vector<std::string> chain_to_judge_;
  std::uint32_t issuer_flags_ = 0;   // what stands against the leaf's issuers
  std::unique_ptr<Ticket> offered_;  // without its session
  base::WallTime until_;             // when this session's tickets go bad
};

}  // namespace tls::mbed
