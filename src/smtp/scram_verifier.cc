// See scram_verifier.h.
#include "smtp/scram_verifier.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/text.h"
#include "smtp/scram_keys.h"

namespace smtp {

namespace {

using base::Error;
using base::Fault;
using base::Hash;
using base::Result;

constexpr std::string_view kScheme = "SCRAM-SHA-256";

Error wrong(std::string what) { return {Fault::config, std::move(what)}; }

// What stands before the first `separator`, taken off together with it; nothing without one.
std::optional<std::string_view> take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view piece = text.substr(0, at);
  text.remove_prefix(at + 1);
  return piece;
}

Result<ScramVerifier> derive(std::string_view password, std::string salt, unsigned iterations,
                             const base::Crypto& crypto) {
  auto keys = derive_scram_keys(Hash::sha256, password, salt, iterations, crypto);
  if (!keys) return keys.error();
  return ScramVerifier{iterations, std::move(salt), std::move(keys.value().stored_key),
                       std::move(keys.value().server_key)};
}

}  // namespace

Result<ScramVerifier> parse_verifier(std::string_view text) {
  const std::string form = "expected SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY";
  const auto scheme = take_until(text, '$');
  if (!scheme) return wrong(form);
  if (!base::iequals(*scheme, kScheme)) {
    return wrong(
        "only hashes of the form SCRAM-SHA-256$... are understood (smtpseal password "
        "makes them)");
  }
  const auto iterations = take_until(text, ':');
  const auto salt_text = take_until(text, '$');
  const auto stored_text = take_until(text, ':');
  if (!iterations || !salt_text || !stored_text) return wrong(form);
  const auto count = base::parse_number(*iterations);
  if (!count || *count < kMinIterations || *count > kMaxIterations) {
    return wrong("expected from " + std::to_string(kMinIterations) + " to " +
                 std::to_string(kMaxIterations) + " iterations");
  }
  auto salt = base::decode_base64(*salt_text);
  auto stored_key = base::decode_base64(*stored_text);
  auto server_key = base::decode_base64(text);
  if (!salt || !stored_key || !server_key) return wrong("salt and keys must be base64");
  if (salt->empty() || salt->size() > kMaxSaltSize) {
    return wrong("expected a salt of 1 to " + std::to_string(kMaxSaltSize) + " octets");
  }
  const std::size_t size = digest_size(Hash::sha256);
  if (stored_key->size() != size || server_key->size() != size) {
    return wrong("expected keys of 32 octets");
  }
  return ScramVerifier{static_cast<unsigned>(*count), *std::move(salt), *std::move(stored_key),
                       *std::move(server_key)};
}

std::string format_verifier(const ScramVerifier& verifier) {
  std::string text(kScheme);
  text.append("$").append(std::to_string(verifier.iterations));
  text.append(":").append(base::encode_base64(verifier.salt));
  text.append("$").append(base::encode_base64(verifier.stored_key));
  text.append(":").append(base::encode_base64(verifier.server_key));
  return text;
}

Result<ScramVerifier> make_verifier(std::string_view password, std::string salt,
                                    unsigned iterations, const base::Crypto& crypto) {
  return derive(password, std::move(salt), iterations, crypto);
}

Result<bool> is_password_of(const ScramVerifier& verifier, std::string_view password,
                            const base::Crypto& crypto) {
  const auto derived = derive(password, verifier.salt, verifier.iterations, crypto);
  if (!derived) return derived.error();
  return base::equals_in_constant_time(derived->stored_key, verifier.stored_key);
}

}  // namespace smtp
