// See users.h.
#include "smtp/users.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace smtp {

namespace {

using base::Hash;
using base::Result;

base::Error wrong(std::string what) { return {base::Fault::config, std::move(what)}; }

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

}  // namespace

Result<void> check_user_name(std::string_view name) {
  if (name.empty()) return wrong("the name is empty");
  if (name.size() > kMaxUserName) {
    return wrong("the name is longer than " + std::to_string(kMaxUserName) + " octets");
  }
  if (name.find(':') != std::string_view::npos) return wrong("a name cannot hold a colon");
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return wrong("a name cannot hold a control character");
  }
  if (name.front() == '#' || base::trimmed(name) != name) {
    return wrong("a name begins neither with # nor with a space, and ends in none");
  }
  if (!base::is_utf8(name)) return wrong("the name is not UTF-8");
  return {};
}

std::vector<Users::Problem> Users::parse(std::string_view text, Users& users) {
  std::vector<Problem> problems;
  users.verifiers_.clear();
  users.text_ = text;
  std::map<std::string, std::size_t, std::less<>> lines;
  std::size_t number = 0;
  for (std::string_view line : base::split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = base::trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      problems.push_back(
          {number, "expected NAME:HASH, as smtpseal password --user NAME prints it"});
      continue;
    }
    const std::string_view name = base::trimmed(line.substr(0, colon));
    auto verifier = parse_verifier(base::trimmed(line.substr(colon + 1)));
    if (const auto checked = check_user_name(name); !checked) {
      problems.push_back({number, checked.error().detail});
    } else if (!verifier) {
      problems.push_back({number, base::printable(name, 80) + ": " + verifier.error().detail});
    } else if (const auto [first, is_new] = lines.try_emplace(std::string(name), number); !is_new) {
      problems.push_back({number, base::printable(name, 80) + " is there already, in line " +
                                      std::to_string(first->second)});
    } else {
      users.verifiers_.emplace(name, std::move(verifier).value());
    }
  }
  if (problems.empty() && users.verifiers_.empty()) {
    problems.push_back({0, "names no user (smtpseal password --user NAME prints a line for it)"});
  }
  return problems;
}

Result<Users::Found> Users::find(std::string_view name, const base::Crypto& crypto) const {
  SMTPSEAL_CHECK(!verifiers_.empty());
  const auto known = verifiers_.find(name);
  // The same is calculated for all, so that it takes the same time.
  auto key = crypto.hmac(Hash::sha256, text_, name);
  if (!key) return key.error();
  std::size_t choice = 0;
  for (const char octet : key->substr(0, 4)) {
    choice = choice << 8U | static_cast<unsigned char>(octet);
  }
  const auto model =
      std::next(verifiers_.begin(), static_cast<std::ptrdiff_t>(choice % verifiers_.size()));
  ScramVerifier decoy;
  decoy.iterations = model->second.iterations;
  const std::size_t key_size = digest_size(Hash::sha256);
  const std::size_t salt_size = model->second.salt.size();
  const auto octets = crypto.pbkdf2(Hash::sha256, *key, "decoy", 1, salt_size + 2 * key_size);
  if (!octets) return octets.error();
  decoy.salt = octets->substr(0, salt_size);
  decoy.stored_key = octets->substr(salt_size, key_size);
  decoy.server_key = octets->substr(salt_size + key_size);
  if (known == verifiers_.end()) return Found{std::move(decoy), false};
  return Found{known->second, true};
}

}  // namespace smtp
