// `smtpseal password`: a password becomes the line that a file of users has for it.
#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

#include "app/commands.h"
#include "base/secret.h"
#include "platform/platform.h"
#include "smtp/users.h"
#include "tls/crypto.h"

namespace app {

namespace {

ExitStatus refuse(ExitStatus status, const std::string& what) {
  std::cerr << "smtpseal: password: " << what << '\n';
  return status;
}

base::Result<base::Secret> ask(std::string_view prompt) {
  auto text = platform::read_secret(prompt);
  if (!text) {
    return base::Error{text.error().fault,
                       "the password, on the first line of standard input: " + text.error().detail};
  }
  return base::Secret(std::move(text).value());
}

// Whoever cannot see what is typed types it twice.
base::Result<base::Secret> read_password() {
  auto password = ask("Password (it is not shown): ");
  if (!password || !platform::is_stdin_terminal()) return password;
  const auto again = ask("Once more: ");
  if (!again) return again.error();
  if (!(*again == *password)) return base::Error{base::Fault::local, "the two passwords differ"};
  return password;
}

bool holds_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

}  // namespace

ExitStatus password_command(const Invocation& invocation) {
  const std::string& user = invocation.user;
  if (!user.empty()) {
    if (const auto checked = smtp::check_user_name(user); !checked) {
      return refuse(ExitStatus::usage, "--user: " + checked.error().detail);
    }
  }
  const auto password = read_password();
  if (!password) return refuse(ExitStatus::data, password.error().detail);
  // No client could ever say it (RFC 4954 4, RFC 4013 2.3).
  if (holds_control(password->view())) {
    return refuse(ExitStatus::data, "the password holds a control character");
  }
  auto salt = tls::crypto().random(smtp::kOwnSaltSize);
  if (!salt) return refuse(ExitStatus::os_error, salt.error().detail);
  const auto verifier = smtp::make_verifier(password->view(), std::move(salt).value(),
                                            smtp::kOwnIterations, tls::crypto());
  if (!verifier) return refuse(ExitStatus::os_error, verifier.error().detail);
  std::cout << user << (user.empty() ? "" : ":") << smtp::format_verifier(*verifier) << '\n';
  return ExitStatus::ok;
}

}  // namespace app
