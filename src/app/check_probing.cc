// The probes of check_conversation.h: a login (RFC 4954), an envelope without mail data.
#include <algorithm>
#include <array>
#include <utility>

#include "app/check_conversation.h"
#include "base/base64.h"

namespace app {

namespace {

// In the order of preference: one round trip, then two.
constexpr std::array<std::string_view, 2> kMechanisms = {"PLAIN", "LOGIN"};

// Nothing where the smarthost offers neither.
std::optional<std::string> choose_mechanism(const smtp::Extensions& offered) {
  const auto& there = offered.auth_mechanisms;
  for (const std::string_view mechanism : kMechanisms) {
    if (std::find(there.begin(), there.end(), mechanism) != there.end()) {
      return std::string(mechanism);
    }
  }
  return std::nullopt;
}

std::string listed(const std::vector<std::string>& mechanisms) {
  if (mechanisms.empty()) return "smarthost offers no AUTH";
  std::string text;
  for (const std::string& one : mechanisms) text.append(text.empty() ? "" : ", ").append(one);
  return "smarthost offers neither AUTH PLAIN nor LOGIN, which check can do, but " + text;
}

// RFC 4616 2: no authorisation identity, then who and what.
std::string plain_response(const CheckProbes& probes) {
  std::string message;
  message.push_back('\0');
  message.append(probes.user);
  message.push_back('\0');
  message.append(probes.password);
  return base::encode_base64(message);
}

}  // namespace

void CheckTalk::probe() {
  if (probes == nullptr || !held_.is_ready()) return;
  if (!probes->user.empty()) try_login();
  if (!held_.probe_failure && !probes->reverse_path.empty()) try_envelope();
}

void CheckTalk::try_login() {
  const tls::Verification verification =
      engine_ ? engine_->info().verification : tls::Verification::none;
  if (verification != tls::Verification::verified && verification != tls::Verification::pinned) {
    held_.probe_failure = {base::Fault::tls,
                           "not tried: a password is only given away inside TLS with a certificate "
                           "that was verified"};
    return;
  }
  const auto mechanism = choose_mechanism(*held_.extensions);
  if (!mechanism) {
    held_.probe_failure = {base::Fault::peer_refused, listed(held_.extensions->auth_mechanisms)};
    return;
  }
  const std::string shown = "AUTH " + *mechanism;
  const auto goes_on = [](const std::optional<smtp::Reply>& reply) {
    return reply && reply->code == 334;
  };
  if (*mechanism == "PLAIN") {
    // RFC 4954 4: with the initial response; a server that asks for it all the same gets it again.
    const std::string response = plain_response(*probes);
    if (goes_on(ask(smtp::Sent::auth, shown + " " + response, shown))) {
      static_cast<void>(ask(smtp::Sent::auth, response, shown + " (response)"));
    }
    return;
  }
  if (!goes_on(ask(smtp::Sent::auth, shown, shown))) return;
  const std::string user = base::encode_base64(probes->user);
  if (!goes_on(ask(smtp::Sent::auth, user, shown + " (user name)"))) return;
  static_cast<void>(
      ask(smtp::Sent::auth, base::encode_base64(probes->password), shown + " (password)"));
}

void CheckTalk::try_envelope() {
  const std::string mail = "MAIL FROM:" + probes->reverse_path;
  const auto taken = ask(smtp::Sent::mail, mail, mail);
  if (taken && taken->is_positive()) {
    for (const std::string& path : probes->forward_paths) {
      const std::string rcpt = "RCPT TO:" + path;
      if (!ask(smtp::Sent::rcpt, rcpt, rcpt)) break;
    }
  }
  if (!held_.probe_failure) static_cast<void>(ask(smtp::Sent::rset, "RSET", "RSET"));
}

// The reply to a command; nothing when there was none, and probe_failure says why.
std::optional<smtp::Reply> CheckTalk::ask(smtp::Sent what, std::string_view line,
                                          std::string_view shown) {
  shown_ = shown;
  session_.send(what, line, loop_.now());
  while (!held_.failure) {
    const smtp::ClientEvent event = session_.next_event();
    if (const auto* replied = std::get_if<smtp::from_smarthost::Replied>(&event)) {
      return replied->reply;
    }
    if (const auto* failed = std::get_if<smtp::from_smarthost::Failed>(&event)) {
      fail(failed->error);
      break;
    }
    flush();
    hear();
  }
  held_.probe_failure = std::exchange(held_.failure, std::nullopt);
  return std::nullopt;
}

}  // namespace app
