// SCRAM, the client's side (RFC 5802, RFC 7677), without channel binding.
//
// The server learns nothing that it could use to log in elsewhere, and has to prove that it knows
// the password: its signature is checked, and a server that leaves it out is not believed. The
// intermediate keys are wiped; channel binding (-PLUS) needs what the TLS library does not tell.
#pragma once

#include <string>
#include <string_view>

#include "smtp/sasl_client.h"

namespace smtp {

// "," and "=" of a name are written "=2C" and "=3D" (RFC 5802 5.1).
[[nodiscard]] std::string sasl_name(std::string_view name);

class ScramClient final : public SaslClient {
 public:
  ScramClient(base::Hash hash, const Credentials& credentials, const base::Crypto& crypto);

  [[nodiscard]] base::Result<std::optional<std::string>> begin() override;
  [[nodiscard]] base::Result<std::string> respond(std::string_view challenge) override;
  [[nodiscard]] base::Result<void> finish() override;
  [[nodiscard]] std::string complaint() const override { return complaint_; }

 private:
  enum class State { first, proof_sent, verified };

  struct Offer {  // what the server's first message says
    std::string nonce;
    std::string salt;
    unsigned iterations = 0;
  };
  [[nodiscard]] base::Result<Offer> parse_first(std::string_view message) const;
  [[nodiscard]] base::Result<std::string> prove(std::string_view first_message);
  // The client's proof; the server's signature is kept.
  [[nodiscard]] base::Result<std::string> calculate(const Offer& offer,
                                                    const std::string& auth_message);
  [[nodiscard]] base::Result<std::string> check_signature(std::string_view message);

  base::Hash hash_;
  std::string name_;
  base::Secret password_;
  const base::Crypto& crypto_;
  State state_ = State::first;
  std::string nonce_;
  std::string server_signature_;
  std::string complaint_;
};

}  // namespace smtp
