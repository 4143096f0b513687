// The users of a listener and their passwords: the file that auth = file:PATH names.
//
// A line a user, `name:SCRAM-SHA-256$...`; empty lines and those that begin with # say nothing.
// Pure: whoever read the file hands its text in.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "smtp/scram_verifier.h"

namespace smtp {

// RFC 4616 2 speaks of up to 255 octets.
inline constexpr std::size_t kMaxUserName = 255;

// A name that may stand in the file: no colon, no control character, no space at its ends, and no #
// at its beginning. Fault::config with what is wrong.
[[nodiscard]] base::Result<void> check_user_name(std::string_view name);

class Users {
 public:
  struct Problem {
    std::size_t line = 0;  // from 1; 0: the file as a whole
    std::string message;   // without anything that is secret
  };
  // Everything that is wrong with the text; nothing: `users` has them all, at least one.
  [[nodiscard]] static std::vector<Problem> parse(std::string_view text, Users& users);

  struct Found {
    ScramVerifier verifier;
    bool is_known = false;
  };
  // A name that nobody has gets a verifier, too: always the same while the file is, like those of
  // others in what it costs, and one that no password fits. Neither what is said to a client nor
  // the time it takes tells which names there are.
  [[nodiscard]] base::Result<Found> find(std::string_view name, const base::Crypto& crypto) const;

  [[nodiscard]] std::size_t size() const { return verifiers_.size(); }

 private:
  std::map<std::string, ScramVerifier, std::less<>> verifiers_;
  std::string text_;  // what nobody else knows: the key to what unknown names get
};

}  // namespace smtp
