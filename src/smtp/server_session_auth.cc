// The client's AUTH (RFC 4954): handed on, but for what is no AUTH; see server_session.h.
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "smtp/server_session.h"

namespace smtp {

namespace {

constexpr std::string_view kLogin = "LOGIN";
// "Username:" and "Password:". No RFC describes LOGIN; servers word its prompts as they please
// ("User Name", "username:"), and some devices hang up over all but these.
constexpr std::array<std::string_view, 2> kLoginPrompts = {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"};

bool is_base64_line(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  });
}

}  // namespace

std::optional<Reply> ServerSession::refusal_of_auth(std::string_view mechanism) const {
  const auto out_of_place = [](std::string_view why) { return Reply::make(503, "5.5.1", why); };
  if (options_.auth_requires_tls && !is_tls_up_) {
    // RFC 4954 6.
    return Reply::make(538, "5.7.11", "Encryption required: issue a STARTTLS command first");
  }
  const auto& offered = offered_.auth_mechanisms;
  if (offered.empty()) return Reply::make(502, "5.5.1", "AUTH is not offered");
  if (!has_hello_ || !may_use_extensions()) return out_of_place("EHLO first");
  if (is_authenticated_) return out_of_place("authenticated already");
  if (has_mail_) return out_of_place("not inside a mail transaction");
  if (mechanism.empty()) return Reply::make(501, "5.5.4", "AUTH needs a mechanism");
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end()) {
    return Reply::make(504, "5.5.4", "mechanism not offered");
  }
  return std::nullopt;
}

ServerEvent ServerSession::on_auth(const SplitCommand& command) {
  const std::size_t space = std::min(command.argument.find(' '), command.argument.size());
  std::string mechanism = base::uppered(command.argument.substr(0, space));
  const std::string_view initial = base::trimmed(command.argument.substr(space));
  if (const auto refusal = refusal_of_auth(mechanism)) return refuse_command(*refusal);
  if (!is_base64_line(initial)) {
    return refuse_command(Reply::make(501, "5.5.2", "the initial response is not base64"));
  }
  use_extension();
  login_prompts_.reset();
  login_user_.reset();
  if (mechanism == kLogin) {
    if (is_strict() && !initial.empty()) {
      return refuse_command(Reply::make(501, "5.5.4", "LOGIN takes no initial response"));
    }
    login_prompts_ = 0;
  }
  owed_ = Owed::auth;
  if (initial.empty()) return from_client::Auth{std::move(mechanism)};
  if (login_prompts_) {
    // Not every server knows a LOGIN that begins with the user; every one asks for it. So the user
    // is given when it is asked for, and the client hears of the password's prompt only.
    tolerate(Tolerance::login_with_user);
    login_user_ = std::string(initial == "=" ? std::string_view() : initial);  // RFC 4954 4
    return from_client::Auth{std::move(mechanism)};
  }
  return from_client::Auth{mechanism.append(" ").append(initial)};
}

ServerEvent ServerSession::on_auth_response(const Line& line) {
  is_auth_response_due_ = false;
  owed_ = Owed::auth;
  const std::string_view text = base::trimmed(line.text);
  from_client::AuthResponse response{std::string(text), std::nullopt};
  if (line.is_too_long) {
    response.fault = Reply::make(500, "5.5.6", "Authentication Exchange line is too long");
  } else if (line.has_nul || line.has_bare_cr || (text != "*" && !is_base64_line(text))) {
    response.fault = Reply::make(501, "5.5.2", "the response is not base64");
  }
  // What is not base64 must not reach the smarthost; cancelling makes it say 501 (RFC 4954 4).
  if (response.fault) response.line = "*";
  return response;
}

ServerEvent ServerSession::give_login_user() {
  owed_ = Owed::auth;
  return from_client::AuthResponse{*std::exchange(login_user_, std::nullopt), std::nullopt};
}

void ServerSession::settle_auth(const Reply& reply) {
  owed_ = Owed::nothing;
  if (reply.is_intermediate() && login_user_) {
    is_login_user_due_ = true;
    if (login_prompts_) ++*login_prompts_;
    return;
  }
  is_auth_response_due_ = reply.is_intermediate();
  say(is_auth_response_due_ ? challenge(reply) : reply);
  if (!is_auth_response_due_) login_user_.reset();
  if (reply.is_positive()) is_authenticated_ = true;
  if (reply.is_permanent()) ++errors_;
}

// The prompts of LOGIN have an order and no other meaning, so they may be put in the words that
// every device knows.
Reply ServerSession::challenge(const Reply& reply) {
  if (is_strict() || !login_prompts_ || *login_prompts_ >= kLoginPrompts.size()) return reply;
  const Reply usual = Reply::make(reply.code, "", kLoginPrompts[(*login_prompts_)++]);
  if (usual != reply) tolerate(Tolerance::odd_login_prompt);
  return usual;
}

}  // namespace smtp
