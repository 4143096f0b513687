// Credentials that smtpseal presents: their keys, and what must fit together.
#include "config/login.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "config/draft.h"
#include "config/key_codecs.h"

namespace config {

using base::Error;
using base::Fault;
using base::Result;
using smtp::Mechanism;
using smtp::SecretKind;

namespace {

constexpr std::array<std::string_view, 4> kSources = {"password_file", "password_command",
                                                      "token_file", "token_command"};

// What lies between the keys of one [smarthost].
class LoginResolver {
 public:
  LoginResolver(const Draft& draft, ProblemList& problems)
      : draft_(draft), login_(draft.smarthost().login), problems_(problems) {}

  void run() {
    for (const std::string_view key : kSources) {
      if (draft_.find(key) != nullptr) sources_.push_back(key);
    }
    if (!login_.is_configured()) {
      check_unused();
      return;
    }
    check_sources();
    check_mechanism();
    check_encryption();
  }

 private:
  void add(std::string_view key, std::string message) {
    problems_.add(draft_.place_of(key), std::move(message));
  }

  // A text that was not understood was reported already.
  [[nodiscard]] bool is_misread(std::string_view key) const {
    const Given* const given = draft_.find(key);
    return given != nullptr && !given->is_understood;
  }

  void check_unused() {
    if (is_misread("username") || is_misread("auth_mechanism")) return;
    if (!sources_.empty()) {
      add(sources_.front(),
          std::string(sources_.front()) + " needs username = NAME, the user that it is for");
    } else if (login_.mechanism) {
      add("auth_mechanism", setting() + " needs username = NAME, the user to log in as");
    }
  }

  void check_sources() {
    if (sources_.size() > 1) {
      add(sources_[1], std::string(sources_[1]) + " and " + std::string(sources_[0]) +
                           " do not go together: write one of them");
      return;
    }
    const bool is_external = login_.mechanism == Mechanism::external;
    if (is_external && !sources_.empty()) {
      add(sources_[0], std::string(sources_[0]) +
                           " has no effect with auth_mechanism = external, where the client "
                           "certificate says who we are");
    } else if (!is_external && sources_.empty()) {
      add("username",
          "username needs a password or a token: password_file = FILE or password_command = "
          "COMMAND, token_file = FILE or token_command = COMMAND");
    }
  }

  void check_mechanism() {
    if (!login_.mechanism) return;
    if (login_.mechanism == Mechanism::external) {
      if (draft_.find("client_certificate") != nullptr) return;
      add("auth_mechanism", setting() +
                                " needs client_certificate = FILE: it is what says who we "
                                "are");
      return;
    }
    if (sources_.size() != 1 || smtp::is_fit(*login_.mechanism, login_.kind())) return;
    const bool is_token = login_.kind() == SecretKind::token;
    add("auth_mechanism",
        setting() + (is_token ? " takes a password, and " : " takes a token, and ") +
            std::string(sources_[0]) + " is " + (is_token ? "a token" : "a password"));
  }

  // Whoever answers would get it.
  void check_encryption() {
    const tls::Level level = draft_.smarthost().tls.level;
    if (level == tls::Level::verify || level == tls::Level::pin || is_misread("tls")) return;
    add(draft_.find("username") != nullptr ? "username" : "auth_mechanism",
        "credentials need tls = verify or tls = pin: with tls = " +
            std::string(tls::to_string(level)) + " they would be given to whoever answers");
  }

  [[nodiscard]] std::string setting() const {
    return "auth_mechanism = " + base::lowered(smtp::to_string(*login_.mechanism));
  }

  const Draft& draft_;
  const Login& login_;
  std::vector<std::string_view> sources_;  // that were given
  ProblemList& problems_;
};

// "password", "token": whether somebody wants to write the secret itself down. Empty: no.
std::string_view kind_of_secret(std::string_view word) {
  for (const std::string_view each : {"password", "passwd", "pass", "secret"}) {
    if (base::iequals(word, each)) return "password";
  }
  return base::iequals(word, "token") ? "token" : "";
}

}  // namespace

SecretKind Login::kind() const {
  if (!password_file.empty() || !password_command.empty()) return SecretKind::password;
  if (!token_file.empty() || !token_command.empty()) return SecretKind::token;
  return SecretKind::none;
}

Result<std::string> parse_secret_path(std::string_view text) {
  if (!text.starts_with(kCredentialPrefix)) return std::string(text);
  const std::string_view name = text.substr(kCredentialPrefix.size());
  if (name.empty() || name == "." || name == ".." || name.find_first_of("/\\") != name.npos) {
    return Error{Fault::config,
                 "expected credential:NAME, the name of a file in $CREDENTIALS_DIRECTORY"};
  }
  return std::string(text);
}

Result<std::string> parse_username(std::string_view text) {
  if (const auto checked = smtp::check_credential(text); !checked) return checked.error();
  return std::string(text);
}

std::string hint_for_secret(std::string_view key) {
  const std::string kind(kind_of_secret(key));
  if (kind.empty()) return {};
  return "; secrets do not stand in a configuration: write " + kind + "_file = FILE or " + kind +
         "_command = COMMAND";
}

std::string hint_for_secret_variable(std::string_view name) {
  const std::size_t line = name.rfind('_');
  const std::string kind(kind_of_secret(line == name.npos ? name : name.substr(line + 1)));
  if (kind.empty()) return {};
  const std::string stem = base::uppered(std::string(name.substr(0, line + 1)) + kind);
  return "; the environment is no place for a secret, every child process has it: set " + stem +
         "_FILE or " + stem + "_COMMAND";
}

void resolve_login(const Draft& smarthost, ProblemList& problems) {
  LoginResolver(smarthost, problems).run();
}

namespace codec {

Codec auth_mechanism() {
  std::vector<Choice<std::optional<Mechanism>>> choices = {{"auto", std::nullopt}};
  static constexpr std::array<std::pair<std::string_view, Mechanism>, 8> kWords = {{
      {"plain", Mechanism::plain},
      {"login", Mechanism::login},
      {"cram-md5", Mechanism::cram_md5},
      {"scram-sha-1", Mechanism::scram_sha_1},
      {"scram-sha-256", Mechanism::scram_sha_256},
      {"xoauth2", Mechanism::xoauth2},
      {"oauthbearer", Mechanism::oauthbearer},
      {"external", Mechanism::external},
  }};
  for (const auto& [word, mechanism] : kWords) choices.push_back({word, mechanism});
  return choice(field(&Smarthost::login, &Login::mechanism), std::move(choices));
}

Codec secret_path(std::string Login::*member) {
  return value(field(&Smarthost::login, member), parse_secret_path,
               [](const std::string& path) { return path; });
}

Codec username() {
  return value(field(&Smarthost::login, &Login::username), parse_username,
               [](const std::string& name) { return name; });
}

}  // namespace codec

}  // namespace config
