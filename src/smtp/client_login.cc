// See client_login.h.
#include "smtp/client_login.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/text.h"
#include "smtp/limits.h"

namespace smtp {

using base::Error;
using base::Fault;

namespace {

// How much of the smarthost's own words stands in a reply to a client.
constexpr std::size_t kMaxWords = 200;

// That this mechanism will not do, whatever the password: unknown, too weak, wants encryption, or
// commands and parameters that are not understood (RFC 4954 4 and 6).
bool is_about_mechanism(int code) {
  return code == 500 || code == 501 || code == 502 || code == 503 || code == 504 || code == 534 ||
         code == 538;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

void blot_out(std::string& text, std::string_view secret) {
  constexpr std::size_t kLeast = 4;  // shorter ones are part of any text
  if (secret.size() < kLeast) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "***");
  }
}

}  // namespace

ClientLogin::ClientLogin(Login login, std::vector<std::string> offered)
    : login_(std::move(login)), offered_(std::move(offered)), left_(candidates()) {
  std::reverse(left_.begin(), left_.end());
}

std::vector<Mechanism> ClientLogin::candidates() const {
  std::vector<Mechanism> usable = usable_mechanisms(offered_, login_.credentials.kind);
  std::erase_if(usable, [&](Mechanism each) {
    return login_.mechanism ? each != *login_.mechanism : each == Mechanism::external;
  });
  return usable;
}

std::string ClientLogin::why_none() const {
  if (offered_.empty()) {
    return "the smarthost offers no AUTH, and mail does not go without the login that is "
           "configured";
  }
  const bool is_token = login_.credentials.kind == SecretKind::token;
  const std::string wanted = login_.mechanism ? std::string(to_string(*login_.mechanism))
                             : is_token       ? "OAUTHBEARER or XOAUTH2, which take a token"
                                              : "that takes a password";
  return "the smarthost offers no AUTH " + wanted + ", only " +
         base::printable(joined(offered_), kMaxWords);
}

ClientLogin::Step ClientLogin::begin() {
  if (left_.empty()) return fail(LoginTrouble::not_tried, {Fault::login, why_none()});
  return try_next();
}

ClientLogin::Step ClientLogin::try_next() {
  const Mechanism mechanism = left_.back();
  left_.pop_back();
  ++tried_;
  rounds_ = 0;
  initial_.reset();
  name_ = to_string(mechanism);
  sasl_ = make_sasl_client(mechanism, login_.credentials, *login_.crypto);
  auto initial = sasl_->begin();
  if (!initial) return fail(LoginTrouble::not_tried, initial.error());
  shown_ = "AUTH " + std::string(name_);
  // Of a smarthost that hangs up over it nobody knows whether it counts.
  trouble_ = LoginTrouble::put_off;
  if (!initial.value()) return Say{shown_};
  std::string response = *std::move(initial).value();
  // RFC 4954 4: "=" is an empty one; one that does not fit into the command waits for the 334.
  std::string encoded = response.empty() ? "=" : base::encode_base64(response);
  if (shown_.size() + 1 + encoded.size() + 2 <= kMaxAuthCommand) {
    base::wipe(response);
    return say(shown_ + ' ', std::move(encoded));
  }
  initial_ = base::Secret(std::move(response));
  base::wipe(encoded);
  return Say{shown_};
}

ClientLogin::Say ClientLogin::say(std::string command, std::string encoded) {
  command += encoded;
  // Of the others one is the secret, and none needs to be hidden.
  if (encoded.size() > said_.view().size()) said_ = base::Secret(std::move(encoded));
  return Say{std::move(command)};
}

ClientLogin::Step ClientLogin::on_reply(const Reply& reply) {
  if (reply.is_intermediate() && !cancelled_) return on_challenge(reply);
  if (cancelled_) return fail(LoginTrouble::put_off, *cancelled_);
  if (!reply.is_positive()) return on_refusal(reply);
  if (const auto proven = sasl_->finish(); !proven) {
    return fail(LoginTrouble::put_off, proven.error());
  }
  trouble_ = LoginTrouble::none;
  sasl_.reset();
  login_.credentials.secret = base::Secret();
  said_ = base::Secret();
  return Done{};
}

ClientLogin::Step ClientLogin::on_challenge(const Reply& reply) {
  shown_ = "AUTH " + std::string(name_) + " (response)";
  if (++rounds_ > kMaxRounds) {
    return cancel({Fault::peer_protocol,
                   "smarthost does not come to an end with AUTH " + std::string(name_)});
  }
  if (initial_) {
    std::string response(initial_->view());
    initial_.reset();
    return say_response(std::move(response));
  }
  std::string challenge;
  if (!sasl_->has_opaque_challenges()) {
    auto octets = base::decode_base64(base::trimmed(reply.lines.back()));
    if (!octets) {
      return cancel({Fault::peer_protocol, "smarthost sent a challenge to AUTH " +
                                               std::string(name_) + " that is not base64"});
    }
    challenge = *std::move(octets);
    // It is the reason of a refusal, and is shown.
    const bool is_reason = login_.credentials.kind == SecretKind::token;
    if (is_reason) challenge = without_secrets(std::move(challenge));
  }
  auto response = sasl_->respond(challenge);
  if (!response) return cancel(response.error());
  return say_response(std::move(response).value());
}

ClientLogin::Step ClientLogin::say_response(std::string response) {
  std::string line = base::encode_base64(response);
  base::wipe(response);
  if (line.size() + 2 <= kMaxAuthLine) return say({}, std::move(line));
  base::wipe(line);
  return cancel({Fault::config, "the password or token is longer than AUTH can carry (" +
                                    std::to_string(kMaxAuthLine) + " octets in base64)"});
}

// RFC 4954 4: the server answers with 501.
ClientLogin::Step ClientLogin::cancel(Error why) {
  cancelled_ = std::move(why);
  shown_ = "AUTH " + std::string(name_) + " (cancelled)";
  return Say{"*"};
}

ClientLogin::Step ClientLogin::on_refusal(const Reply& reply) {
  const std::string said = words_of(reply);
  if (reply.is_transient()) {
    return fail(LoginTrouble::put_off,
                {Fault::login, "the smarthost cannot check our login now: " + said});
  }
  if (is_about_mechanism(reply.code) && !left_.empty() && tried_ < kMaxMechanisms) {
    return try_next();
  }
  std::string detail = "the smarthost refused our login: " + said;
  // Servers offer what they cannot do for users of whom they have no password in the clear.
  const bool is_over_secret = name_ == "CRAM-MD5" || name_.starts_with("SCRAM");
  const bool has_plain = std::find(left_.begin(), left_.end(), Mechanism::plain) != left_.end();
  if (is_over_secret && has_plain) detail += "; auth_mechanism = plain may do";
  return fail(LoginTrouble::refused, {Fault::login, std::move(detail)});
}

ClientLogin::Step ClientLogin::fail(LoginTrouble trouble, Error error) {
  trouble_ = trouble;
  return error;
}

std::string ClientLogin::without_secrets(std::string text) const {
  blot_out(text, said_.view());
  const std::string_view secret = login_.credentials.secret.view();
  std::string encoded = base::encode_base64(secret);
  blot_out(text, encoded);
  base::wipe(encoded);
  blot_out(text, secret);
  return text;
}

Reply ClientLogin::without_secrets(Reply reply) const {
  for (std::string& line : reply.lines) line = without_secrets(std::move(line));
  return reply;
}

std::string ClientLogin::words_of(const Reply& reply) const {
  const std::string said = without_secrets(reply.summary());
  std::string text = base::printable(said, kMaxWords) + " (AUTH " + std::string(name_);
  const std::string complaint = sasl_->complaint();
  if (!complaint.empty()) text += ", which it answered with " + complaint;
  return text + ')';
}

}  // namespace smtp
