// See sasl_server.h: PLAIN, LOGIN, and what is common. SCRAM stands in sasl_server_scram.cc.
#include "smtp/sasl_server.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/text.h"

namespace smtp {

namespace {

// What clients know LOGIN's questions by; some look for exactly these.
constexpr std::string_view kAskUser = "Username:";
constexpr std::string_view kAskPassword = "Password:";

bool holds_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

// The decoded text of a response; "=" is an empty one (RFC 4954 4).
std::optional<std::string> decoded(std::string_view response) {
  if (response == "=") return std::string();
  return base::decode_base64(response);
}

}  // namespace

const std::vector<std::string>& mechanisms_of_users(bool is_private) {
  static const std::vector<std::string> all = {"SCRAM-SHA-256", "PLAIN", "LOGIN"};
  static const std::vector<std::string> silent = {"SCRAM-SHA-256"};
  return is_private ? all : silent;
}

const std::vector<std::string>& mechanisms_of_any() {
  static const std::vector<std::string> all = {"PLAIN", "LOGIN", "CRAM-MD5"};
  return all;
}

SaslStep SaslServer::begin(std::string_view argument) {
  const std::size_t space = argument.find(' ');
  mechanism_ = argument.substr(0, space);
  const bool has_initial = space != std::string_view::npos;
  if (users_ == nullptr) return begin_unchecked(has_initial);
  const bool is_login = mechanism_ == "LOGIN";
  if (!has_initial)
    return is_login ? challenge(State::user, kAskUser) : challenge(State::message, "");
  state_ = is_login ? State::user : State::message;
  return respond(argument.substr(space + 1));
}

SaslStep SaslServer::begin_unchecked(bool has_initial) {
  if (mechanism_ == "CRAM-MD5") {
    const auto nonce = crypto_.random(16);
    if (!nonce) return fail(nonce.error());
    std::string unique;
    for (const char octet : *nonce) unique += std::to_string(static_cast<unsigned char>(octet));
    return challenge(State::message, "<" + unique + "@" + std::string(hostname_) + ">");
  }
  if (mechanism_ == "LOGIN") {
    return has_initial ? challenge(State::password, kAskPassword)
                       : challenge(State::user, kAskUser);
  }
  if (has_initial) return accept();
  return challenge(State::message, "");
}

SaslStep SaslServer::respond(std::string_view line) {
  if (line == "*") {
    state_ = State::over;
    return SaslEnd{Reply::make(501, "5.7.0", "Authentication cancelled"), {}, "cancelled", false};
  }
  if (users_ == nullptr) return respond_unchecked();
  std::optional<std::string> message = decoded(line);
  if (!message) return malformed("the response is not base64");
  SaslStep step = take(*message);
  base::wipe(*message);
  return step;
}

SaslStep SaslServer::respond_unchecked() {
  if (state_ == State::user) return challenge(State::password, kAskPassword);
  return accept();
}

SaslStep SaslServer::take(const std::string& message) {
  switch (state_) {
    case State::user: return take_user(message);
    case State::password: return check(message);
    case State::message: return mechanism_ == "PLAIN" ? take_plain(message) : take_first(message);
    case State::proof: return take_proof(message);
    case State::acknowledgement:
      return message.empty() ? accept() : malformed("expected an empty line");
    case State::begun:
    case State::checking:
    case State::over: break;
  }
  return malformed("no response is due");
}

// RFC 4616 2: [authzid] NUL authcid NUL passwd
SaslStep SaslServer::take_plain(std::string_view message) {
  const std::vector<std::string_view> parts = base::split(message, '\0');
  if (parts.size() != 3) return malformed("expected an identity, a user and a password");
  user_ = parts[1];
  // To act for somebody else is not for our users.
  if (!parts[0].empty() && parts[0] != parts[1]) return refuse("it asked to act for another user");
  return check(parts[2]);
}

SaslStep SaslServer::take_user(std::string_view name) {
  user_ = name;
  return challenge(State::password, kAskPassword);
}

SaslStep SaslServer::check(std::string_view password) {
  if (holds_control(user_) || holds_control(password)) {
    return malformed("the user name or the password holds a control character");
  }
  auto found = users_->find(user_, crypto_);
  if (!found) return fail(found.error());
  found_ = std::move(found).value();
  state_ = State::checking;
  return SaslCheck{user_, base::Secret(std::string(password)), found_};
}

SaslStep SaslServer::settle(const base::Result<bool>& is_right) {
  if (!is_right) return fail(is_right.error());
  if (!found_.is_known) return refuse("no such user");
  return *is_right ? accept() : refuse("wrong password");
}

SaslStep SaslServer::challenge(State next, std::string_view text) {
  state_ = next;
  return SaslChallenge{Reply::make(334, "", base::encode_base64(text))};
}

SaslStep SaslServer::accept() {
  state_ = State::over;
  return SaslEnd{Reply::make(235, "2.7.0", "Authentication successful"), user_, {}, false};
}

// One answer to all, as RFC 4954 6 words it: whether there is such a user is not for everybody.
SaslStep SaslServer::refuse(std::string why) {
  state_ = State::over;
  return SaslEnd{Reply::make(535, "5.7.8", "Authentication credentials invalid"),
                 found_.is_known ? user_ : std::string(), std::move(why), true};
}

SaslStep SaslServer::malformed(std::string_view what) {
  state_ = State::over;
  return SaslEnd{Reply::make(501, "5.5.2", what), {}, std::string(what), false};
}

SaslStep SaslServer::fail(const base::Error& error) {
  state_ = State::over;
  return SaslEnd{
      Reply::make(454, "4.7.0", "Temporary authentication failure"), {}, error.detail, false};
}

}  // namespace smtp
