// See sasl_scram.h.
#include "smtp/sasl_scram.h"

#include <utility>

#include "base/base64.h"
#include "base/text.h"
#include "smtp/scram_keys.h"

namespace smtp {

using base::Error;
using base::Fault;
using base::Result;

namespace {

// 144 bits, which are 24 characters of base64 (RFC 5802 5.1 asks for a value that nobody can
// guess).
constexpr std::size_t kNonceOctets = 18;
constexpr std::string_view kGs2Header = "n,,";  // no channel binding, no other identity
constexpr std::string_view kGs2HeaderInBase64 = "biws";
constexpr std::size_t kMaxComplaint = 80;

Error broken(const std::string& why) {
  return {Fault::peer_protocol, "smarthost broke the protocol of AUTH SCRAM: " + why};
}

// The value of "r=..." where attribute `name` stands first in what is left of a message, which
// goes on behind it.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  const std::size_t end = rest.find(',');
  const std::string_view value = rest.substr(2, end == rest.npos ? rest.npos : end - 2);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  return value;
}

bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return true;
}

}  // namespace

std::string sasl_name(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '=') {
      text += "=3D";
    } else if (c == ',') {
      text += "=2C";
    } else {
      text += c;
    }
  }
  return text;
}

ScramClient::ScramClient(base::Hash hash, const Credentials& credentials,
                         const base::Crypto& crypto)
    : hash_(hash),
      name_(sasl_name(credentials.username)),
      password_(credentials.secret),
      crypto_(crypto) {}

Result<std::optional<std::string>> ScramClient::begin() {
  const auto octets = crypto_.random(kNonceOctets);
  if (!octets) return octets.error();
  nonce_ = base::encode_base64(octets.value());
  return std::optional<std::string>(std::string(kGs2Header) + "n=" + name_ + ",r=" + nonce_);
}

Result<std::string> ScramClient::respond(std::string_view challenge) {
  switch (state_) {
    case State::first: return prove(challenge);
    case State::proof_sent: return check_signature(challenge);
    case State::verified: break;
  }
  return broken("it goes on after its signature");
}

Result<void> ScramClient::finish() {
  if (state_ == State::verified) return {};
  return Error{Fault::login,
               "the smarthost says that we are logged in without proving that it knows our "
               "password (AUTH SCRAM): it is not believed"};
}

// RFC 5802 7: r=, s=, i=, then extensions. "m=" stands for one that must be understood.
Result<ScramClient::Offer> ScramClient::parse_first(std::string_view message) const {
  if (message.starts_with("m=")) return broken("it asks for an extension");
  Offer offer;
  const auto nonce = take_attribute(message, 'r');
  const auto salt = take_attribute(message, 's');
  const auto iterations = take_attribute(message, 'i');
  if (!nonce || !salt || !iterations) return broken("its first message is incomplete");
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size() || !is_printable(*nonce)) {
    return broken("its nonce does not continue ours");
  }
  const auto octets = base::decode_base64(*salt);
  if (!octets || octets->empty()) return broken("its salt is not base64");
  const auto count = base::parse_number(*iterations);
  if (!count || *count == 0) return broken("its iteration count is no number");
  if (*count < kMinScramIterations || *count > kMaxScramIterations) {
    return Error{Fault::login, "the smarthost wants " + std::to_string(*count) +
                                   " iterations of SCRAM, where from " +
                                   std::to_string(kMinScramIterations) + " to " +
                                   std::to_string(kMaxScramIterations) +
                                   " are accepted (RFC 7677 4): set another auth_mechanism"};
  }
  offer.nonce = *nonce;
  offer.salt = *octets;
  offer.iterations = static_cast<unsigned>(*count);
  return offer;
}

Result<std::string> ScramClient::prove(std::string_view first_message) {
  const auto offer = parse_first(first_message);
  if (!offer) return offer.error();
  std::string final_message = "c=" + std::string(kGs2HeaderInBase64) + ",r=" + offer.value().nonce;
  const std::string auth_message =
      "n=" + name_ + ",r=" + nonce_ + ',' + std::string(first_message) + ',' + final_message;
  const auto proof = calculate(offer.value(), auth_message);
  if (!proof) return proof.error();
  state_ = State::proof_sent;
  return final_message + ",p=" + base::encode_base64(proof.value());
}

// RFC 5802 3. Whatever fails, fails in the library: nothing here can be empty.
Result<std::string> ScramClient::calculate(const Offer& offer, const std::string& auth_message) {
  auto keys = derive_scram_keys(hash_, password_.view(), offer.salt, offer.iterations, crypto_);
  if (!keys) return keys.error();
  const auto client_signature = crypto_.hmac(hash_, keys.value().stored_key, auth_message);
  if (!client_signature) return client_signature.error();
  auto server_signature = crypto_.hmac(hash_, keys.value().server_key, auth_message);
  if (!server_signature) return server_signature.error();
  server_signature_ = std::move(server_signature).value();
  base::wipe(keys.value().stored_key);
  std::string proof(keys.value().client_key.view());
  for (std::size_t i = 0; i < proof.size(); ++i) {
    proof[i] = static_cast<char>(proof[i] ^ client_signature.value()[i]);
  }
  return proof;
}

// Answered with an empty line: the server says 235 then (RFC 4954 4).
Result<std::string> ScramClient::check_signature(std::string_view message) {
  if (const auto error = take_attribute(message, 'e')) {
    complaint_ = base::printable(*error, kMaxComplaint);
    return std::string();
  }
  const auto signature = take_attribute(message, 'v');
  const auto octets = signature ? base::decode_base64(*signature) : std::nullopt;
  if (!octets) return broken("its last message has no signature");
  if (!base::equals_in_constant_time(*octets, server_signature_)) {
    return Error{Fault::login,
                 "the smarthost does not know our password: its signature is wrong (AUTH SCRAM)"};
  }
  state_ = State::verified;
  return std::string();
}

}  // namespace smtp
