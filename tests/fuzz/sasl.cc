// SASL both ways, and what passwords are kept in: our login at a smarthost that says anything
// (smtp/client_login, sasl_client, sasl_scram), a client that says anything to ours
// (smtp/sasl_server), lines of a users file (smtp/users, scram_verifier), base64.
//
// The input: an octet that says which, then lines. Of a smarthost: codes and challenges; behind "~"
// a challenge that is to be put into base64. Of a client: what follows AUTH, then responses, which
// behind "~" are put into base64, too.
#include <algorithm>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/base64.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "smtp/client_login.h"
#include "smtp/limits.h"
#include "smtp/sasl_server.h"
#include "smtp/scram_verifier.h"
#include "smtp/users.h"
#include "tls/crypto.h"

namespace {

constexpr std::string_view kPassword = "correct horse battery";
constexpr std::string_view kUser = "joe";
constexpr int kMostLines = 30;

// Its nonces are known, so that a corpus can answer them, and its PBKDF2 is done in no time.
class QuickCrypto final : public base::Crypto {
 public:
  base::Result<std::string> digest(base::Hash hash, std::string_view octets) const override {
    return tls::crypto().digest(hash, octets);
  }
  base::Result<std::string> hmac(base::Hash hash, std::string_view key,
                                 std::string_view octets) const override {
    return tls::crypto().hmac(hash, key, octets);
  }
  base::Result<std::string> pbkdf2(base::Hash hash, std::string_view password,
                                   std::string_view salt, unsigned iterations,
                                   std::size_t size) const override {
    FUZZ_EXPECT(iterations <= smtp::kMaxIterations);
    if (size != base::digest_size(hash)) {
      return tls::crypto().pbkdf2(hash, password, salt, 1, size);  // no key: octets for a decoy
    }
    return tls::crypto().hmac(hash, password, salt);
  }
  base::Result<std::string> random(std::size_t size) const override {
    return std::string(size, 'n');
  }
};

const QuickCrypto& quick() {
  static const QuickCrypto crypto;
  return crypto;
}

// "~text" stands for what base64 makes of it.
std::string said(std::string_view line) {
  return line.starts_with('~') ? base::encode_base64(line.substr(1)) : std::string(line);
}

// --- we log in

void expect_line(const std::string& line, bool is_secret_allowed) {
  FUZZ_EXPECT(line.size() + 2 <= smtp::kMaxAuthLine);
  for (const char c : line) FUZZ_EXPECT(c >= ' ' && c <= '~');
  FUZZ_EXPECT(line.find(kPassword) == std::string::npos);
  if (is_secret_allowed) return;
  const std::string_view response = std::string_view(line).substr(line.rfind(' ') + 1);
  const auto octets = base::decode_base64(response);
  if (octets) FUZZ_EXPECT(octets->find(kPassword) == std::string::npos);
}

void try_login(fuzz::Input& input) {
  smtp::Login login;
  const bool is_token = input.flag();
  login.credentials.username = kUser;
  login.credentials.kind = is_token ? smtp::SecretKind::token : smtp::SecretKind::password;
  login.credentials.secret = base::Secret(std::string(kPassword));
  login.crypto = &quick();
  std::vector<std::string> offered;
  for (const std::string_view word : base::split(input.line(), ' ')) offered.emplace_back(word);
  smtp::ClientLogin session(std::move(login), std::move(offered));
  smtp::ClientLogin::Step step = session.begin();
  unsigned exchanged = 0;
  bool is_signed = false;
  while (const auto* say = std::get_if<smtp::ClientLogin::Say>(&step)) {
    const std::string_view mechanism = session.mechanism();
    const bool hides = mechanism.starts_with("SCRAM") || mechanism == "CRAM-MD5";
    expect_line(say->line, !hides);
    FUZZ_EXPECT(session.shown().find(kPassword) == std::string::npos);
    FUZZ_EXPECT(++exchanged <=
                smtp::ClientLogin::kMaxMechanisms * (smtp::ClientLogin::kMaxRounds + 3U));
    if (input.is_over()) return;
    const std::string_view line = input.line();
    smtp::Reply reply;
    const std::uint64_t code = base::parse_number(line.substr(0, 3)).value_or(334);
    reply.code = static_cast<int>(std::clamp<std::uint64_t>(code, 200, 599));
    const std::string text = said(line.substr(std::min<std::size_t>(4, line.size())));
    reply.lines.push_back(text);
    if (line.find("~v=") != std::string_view::npos) is_signed = true;
    step = session.on_reply(reply);
  }
  if (const auto* error = std::get_if<base::Error>(&step)) {
    FUZZ_EXPECT(session.trouble() != smtp::LoginTrouble::none);
    FUZZ_EXPECT_SAYING(error->detail.find(kPassword) == std::string::npos, error->detail);
    FUZZ_EXPECT(base::printable(error->detail, 4096) == error->detail);
    return;
  }
  FUZZ_EXPECT(session.trouble() == smtp::LoginTrouble::none);
  // Whoever did not show that it knows the password is not believed.
  if (session.mechanism().starts_with("SCRAM")) FUZZ_EXPECT(is_signed);
}

// --- a client logs in here

const smtp::Users& users() {
  static const smtp::Users all = [] {
    const auto verifier = smtp::make_verifier(kPassword, "salt", 4096, quick());
    smtp::Users made;
    const auto problems =
        smtp::Users::parse(std::string(kUser) + ":" + smtp::format_verifier(*verifier), made);
    FUZZ_EXPECT(problems.empty());
    return made;
  }();
  return all;
}

void expect_fit(const smtp::Reply& reply) {
  FUZZ_EXPECT(reply.lines.size() == 1 && reply.lines[0].size() < smtp::kMaxAuthLine);
  FUZZ_EXPECT(base::printable(reply.lines[0], smtp::kMaxAuthLine) == reply.lines[0]);
}

void try_server(fuzz::Input& input) {
  const bool has_users = input.flag();
  smtp::SaslServer server(has_users ? &users() : nullptr, "seal.test", quick());
  const std::string_view first = input.line();
  const std::size_t space = first.find(' ');
  const std::string mechanism = base::uppered(first.substr(0, space));
  const auto& offered = has_users ? smtp::mechanisms_of_users(true) : smtp::mechanisms_of_any();
  // No other reaches it.
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end()) return;
  std::string argument = mechanism;
  if (space != std::string_view::npos) argument += " " + said(first.substr(space + 1));
  smtp::SaslStep step = server.begin(argument);
  bool is_right = false;
  for (int lines = 0; lines < kMostLines; ++lines) {
    if (const auto* end = std::get_if<smtp::SaslEnd>(&step)) {
      expect_fit(end->reply);
      if (end->reply.code != 235 || !has_users) return;
      FUZZ_EXPECT(end->user == kUser);
      // By saying the password, or by a proof, which nobody comes upon by chance.
      FUZZ_EXPECT(is_right || mechanism == "SCRAM-SHA-256");
      return;
    }
    if (const auto* check = std::get_if<smtp::SaslCheck>(&step)) {
      const auto verdict =
          smtp::is_password_of(check->found.verifier, check->password.view(), quick());
      FUZZ_EXPECT(verdict.is_ok());
      is_right = *verdict;
      FUZZ_EXPECT(is_right == (check->found.is_known && check->password.view() == kPassword));
      step = server.settle(verdict);
      continue;
    }
    expect_fit(std::get<smtp::SaslChallenge>(step).reply);
    if (input.is_over()) return;
    step = server.respond(said(input.line()));
  }
  FUZZ_EXPECT(!"an exchange without end");
}

// --- what is kept

void try_users(std::string_view text) {
  smtp::Users made;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const auto problems = smtp::Users::parse(text, made);
  for (const smtp::Users::Problem& problem : problems) {
    FUZZ_EXPECT(problem.line <= lines && !problem.message.empty());
    FUZZ_EXPECT(base::printable(problem.message, 4096) == problem.message);
  }
  if (problems.empty()) FUZZ_EXPECT(made.size() > 0 && made.find("nobody", quick()).is_ok());
}

void try_verifier(std::string_view text) {
  const auto verifier = smtp::parse_verifier(text);
  if (!verifier) {
    FUZZ_EXPECT(base::printable(verifier.error().detail, 4096) == verifier.error().detail);
    return;
  }
  FUZZ_EXPECT(verifier->iterations >= smtp::kMinIterations &&
              verifier->iterations <= smtp::kMaxIterations);
  FUZZ_EXPECT(!verifier->salt.empty() && verifier->salt.size() <= smtp::kMaxSaltSize);
  const auto again = smtp::parse_verifier(smtp::format_verifier(*verifier));
  FUZZ_EXPECT(again.is_ok() && *again == *verifier);
}

void try_base64(std::string_view text) {
  FUZZ_EXPECT(base::decode_base64(base::encode_base64(text)) == text);
  const auto octets = base::decode_base64(text);
  if (!octets) return;
  // Bits that stand for nothing may differ; nothing else.
  const std::string again = base::encode_base64(*octets);
  FUZZ_EXPECT(again.size() == text.size() && base::decode_base64(again) == octets);
}

}  // namespace

FUZZ_TARGET(sasl) {
  switch (input.below(5)) {
    case 0: return try_login(input);
    case 1: return try_server(input);
    case 2: return try_users(input.rest());
    case 3: return try_verifier(input.rest());
    default: return try_base64(input.rest());
  }
}
