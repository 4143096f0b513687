// SCRAM-SHA-256 (RFC 5802, RFC 7677): see sasl_server.h.
//
// Messages are bounded by the line they come in, and what a client may add to them is passed over
// (RFC 5802 5.1), but for what says that it must not be.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/text.h"
#include "smtp/sasl_server.h"

namespace smtp {

namespace {

using base::Hash;

constexpr std::size_t kNonceSize = 18;  // octets, 24 characters
constexpr std::size_t kMaxNonce = 256;  // characters, of a client's

// "x=value" as an attribute `name`; nothing when it is another.
std::optional<std::string_view> attribute(std::string_view text, char name) {
  if (text.size() < 2 || text[0] != name || text[1] != '=') return std::nullopt;
  return text.substr(2);
}

// RFC 5802 5.1: "=2C" is a comma, "=3D" an equals sign; nothing else may follow "=".
std::optional<std::string> decode_name(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      name.push_back(text[i]);
      continue;
    }
    const std::string_view code = text.substr(i, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    name.push_back(code == "=2C" ? ',' : '=');
    i += 2;
  }
  return name;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNonce &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string out(a);
  for (std::size_t i = 0; i < out.size() && i < b.size(); ++i) {
    out[i] = static_cast<char>(out[i] ^ b[i]);
  }
  return out;
}

}  // namespace

// client-first-message: gs2-cbind-flag "," [authzid] "," [mext] username "," nonce [...]
SaslStep SaslServer::take_first(std::string_view message) {
  const std::vector<std::string_view> parts = base::split(message, ',');
  if (parts.size() < 4) return malformed("expected SCRAM's first message");
  // "p=": it demands a channel binding, which was not offered.
  if (parts[0] != "n" && parts[0] != "y") return malformed("channel binding is not offered");
  gs2_header_ = std::string(parts[0]) + "," + std::string(parts[1]) + ",";
  client_first_bare_ = message.substr(gs2_header_.size());
  const auto name = attribute(parts[2], 'n');
  const auto nonce = attribute(parts[3], 'r');
  if (!name || !nonce || !is_nonce(*nonce)) return malformed("expected SCRAM's first message");
  const auto user = decode_name(*name);
  if (!user || !check_user_name(*user)) return malformed("the user name is none");
  user_ = *user;
  if (!parts[1].empty()) {
    const auto identity = attribute(parts[1], 'a');
    if (!identity) return malformed("expected SCRAM's first message");
    if (decode_name(*identity) != user_) return refuse("it asked to act for another user");
  }
  return answer_first(std::string(*nonce));
}

SaslStep SaslServer::answer_first(const std::string& client_nonce) {
  auto found = users_->find(user_, crypto_);
  if (!found) return fail(found.error());
  found_ = std::move(found).value();
  const auto random = crypto_.random(kNonceSize);
  if (!random) return fail(random.error());
  nonce_ = client_nonce + base::encode_base64(*random);
  server_first_ = "r=" + nonce_ + ",s=" + base::encode_base64(found_.verifier.salt) +
                  ",i=" + std::to_string(found_.verifier.iterations);
  return challenge(State::proof, server_first_);
}

// client-final-message: channel-binding "," nonce [...] "," proof
SaslStep SaslServer::take_proof(std::string_view message) {
  const std::size_t last = message.rfind(",p=");
  if (last == std::string_view::npos) return malformed("expected SCRAM's last message");
  const std::string_view without_proof = message.substr(0, last);
  const auto proof = base::decode_base64(message.substr(last + 3));
  const std::vector<std::string_view> parts = base::split(without_proof, ',');
  if (!proof || parts.size() < 2) return malformed("expected SCRAM's last message");
  if (attribute(parts[0], 'c') != base::encode_base64(gs2_header_) ||
      attribute(parts[1], 'r') != nonce_) {
    return refuse("it answered another challenge");
  }
  const ScramVerifier& verifier = found_.verifier;
  const std::string auth_message =
      client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  const auto signature = crypto_.hmac(Hash::sha256, verifier.stored_key, auth_message);
  if (!signature) return fail(signature.error());
  const auto stored_key = crypto_.digest(Hash::sha256, exclusive_or(*proof, *signature));
  if (!stored_key) return fail(stored_key.error());
  const bool is_right = base::equals_in_constant_time(*stored_key, verifier.stored_key);
  if (!found_.is_known) return refuse("no such user");
  if (!is_right) return refuse("wrong password");
  const auto server_signature = crypto_.hmac(Hash::sha256, verifier.server_key, auth_message);
  if (!server_signature) return fail(server_signature.error());
  return challenge(State::acknowledgement, "v=" + base::encode_base64(*server_signature));
}

}  // namespace smtp
