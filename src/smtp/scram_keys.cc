// See scram_keys.h.
#include "smtp/scram_keys.h"

#include <utility>

namespace smtp {

base::Result<ScramKeys> derive_scram_keys(base::Hash hash, std::string_view password,
                                          std::string_view salt, unsigned iterations,
                                          const base::Crypto& crypto) {
  auto salted = crypto.pbkdf2(hash, password, salt, iterations, base::digest_size(hash));
  if (!salted) return salted.error();
  const base::Secret salted_password(std::move(salted).value());
  auto client_key = crypto.hmac(hash, salted_password.view(), "Client Key");
  if (!client_key) return client_key.error();
  base::Secret client(std::move(client_key).value());
  auto stored_key = crypto.digest(hash, client.view());
  if (!stored_key) return stored_key.error();
  auto server_key = crypto.hmac(hash, salted_password.view(), "Server Key");
  if (!server_key) return server_key.error();
  return ScramKeys{std::move(client), std::move(stored_key).value(), std::move(server_key).value()};
}

}  // namespace smtp
