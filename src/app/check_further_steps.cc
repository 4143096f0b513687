// The steps of check_steps.h that go beyond one plain conversation: the clock, probes of a login
// and of an envelope, the second connection, and other ways into the smarthost.
#include <algorithm>
#include <utility>

#include "app/check_advice.h"
#include "app/check_clock.h"
#include "app/check_steps.h"
#include "app/format.h"
#include "base/text.h"

namespace app {

namespace {

// "2026-11-26 16:09 UTC"
std::string to_the_minute(base::WallTime time) {
  std::string text = format_timestamp(time).substr(0, std::string_view("2026-11-26T16:09").size());
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text + " UTC";
}

// --- probes

std::string probe_step_name(const CheckExchange& exchange) {
  if (exchange.sent.starts_with("AUTH")) return "login";
  if (exchange.sent.starts_with("MAIL")) return "mail-from";
  if (exchange.sent.starts_with("RCPT")) return "rcpt-to";
  return "rset";
}

base::Fault fault_of(const smtp::Reply& refusal) {
  if (refusal.is_permanent()) return base::Fault::peer_refused;
  return refusal.is_transient() ? base::Fault::peer_unable : base::Fault::peer_protocol;
}

// Of a dialogue the last exchange tells: the others are steps of the same login.
bool is_followed_by_auth(const CheckConversation& held, std::size_t index) {
  return index + 1 < held.exchanges.size() && held.exchanges[index].sent.starts_with("AUTH") &&
         held.exchanges[index + 1].sent.starts_with("AUTH");
}

CheckStep probe_step(const CheckConversation& held, const CheckExchange& exchange,
                     bool is_logged_in) {
  const std::string name = probe_step_name(exchange);
  if (!exchange.reply) {
    const base::Error why = held.probe_failure.value_or(base::Error{base::Fault::connection, ""});
    return make_failure(name, why.fault, base::printable(why.detail), advise_on_probe(why));
  }
  if (name == "login" && held.login_failure) {
    const base::Error& why = *held.login_failure;
    return make_failure(name, why.fault, base::printable(why.detail), advise_on_failure(why));
  }
  const smtp::Reply& reply = *exchange.reply;
  // "RCPT TO:<b@example.org>" is told apart from its neighbours by its path.
  const std::size_t colon = exchange.sent.find(':');
  const std::string what =
      colon == std::string::npos ? exchange.sent : exchange.sent.substr(colon + 1);
  const std::string detail = base::printable(what) + ": " + shown_reply(reply);
  CheckStep step = make_step(name, CheckStatus::pass, detail);
  if (!reply.is_positive()) {
    step = make_failure(
        name, fault_of(reply), detail,
        name == "login" ? advise_on_login(reply) : advise_on_envelope(reply, is_logged_in));
  }
  step.facts = {{"ms", exchange.milliseconds}, {"code", static_cast<long long>(reply.code)}};
  return step;
}

// --- other ways

std::string describe_working(const CheckAlternative& one) {
  std::string text = "works";
  if (const auto& handshake = one.conversation.handshake) {
    text += ": " + handshake->info.version;
    text += ", certificate " + std::string(tls::to_string(handshake->info.verification));
  }
  const auto& mechanisms = one.conversation.extensions->auth_mechanisms;
  if (!mechanisms.empty()) text += "; offers AUTH " + joined(mechanisms);
  return text;
}

CheckStep alternative_step(const CheckAlternative& one) {
  const std::string& host = one.smarthost.hosts.front();
  const bool is_v6 = host.find(':') != std::string::npos;
  const std::string mode = "mode = " + std::string(mode_word(one.smarthost.mode));
  CheckStep step;
  if (one.connect_error) {
    step = make_step("alternative", CheckStatus::skip, base::printable(one.connect_error->detail));
  } else if (one.works()) {
    step = make_step("alternative", CheckStatus::pass, mode + " " + describe_working(one));
  } else {
    const std::string why =
        one.conversation.failure ? one.conversation.failure->detail : std::string("no mail");
    step = make_step("alternative", CheckStatus::skip,
                     mode + " fails: " + base::printable(why, kShownReply));
  }
  step.address = (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(one.smarthost.port);
  step.facts = {{"mode", std::string(mode_word(one.smarthost.mode))},
                {"port", static_cast<long long>(one.smarthost.port)},
                {"is_reached", !one.connect_error},
                {"works", one.works()}};
  return step;
}

}  // namespace

bool is_probe(const CheckExchange& exchange) {
  for (const std::string_view verb : {"AUTH", "MAIL", "RCPT", "RSET"}) {
    if (exchange.sent.starts_with(verb)) return true;
  }
  return false;
}

void add_clock_step(CheckReport& report, const CheckFindings& findings) {
  const ClockEvidence evidence = judge_clock(findings);
  const std::string own = "this machine says " + to_the_minute(findings.now);
  switch (evidence.kind) {
    case ClockEvidence::Kind::none: return;
    case ClockEvidence::Kind::confirmed:
      report.steps.push_back(
          make_step("clock", CheckStatus::pass, own + ", and the smarthost's greeting the same"));
      break;
    case ClockEvidence::Kind::differs:
      report.steps.push_back(
          make_step("clock", CheckStatus::warn,
                    own + ", the smarthost's greeting " + to_the_minute(*evidence.theirs),
                    "One of the two clocks is wrong. " + advise_on_clock()));
      break;
    case ClockEvidence::Kind::too_early:
      report.steps.push_back(make_step("clock", CheckStatus::warn,
                                       own + ", when smtpseal was not made yet",
                                       "It is wrong. " + advise_on_clock()));
      break;
  }
  report.steps.back().facts = {{"now", format_timestamp(findings.now)}};
  if (evidence.theirs) {
    report.steps.back().facts.push_back({"theirs", format_timestamp(*evidence.theirs)});
  }
}

void add_probe_steps(CheckReport& report, const CheckFindings& findings) {
  const CheckConversation& held = findings.conversation;
  bool has_any = false, is_logged_in = false;
  for (std::size_t i = 0; i < held.exchanges.size(); ++i) {
    const CheckExchange& exchange = held.exchanges[i];
    if (!is_probe(exchange) || is_followed_by_auth(held, i)) continue;
    has_any = true;
    const bool is_positive = exchange.reply && exchange.reply->is_positive();
    if (exchange.sent.starts_with("AUTH")) is_logged_in = is_positive;
    // smtpseal leads every reuse of a connection with RSET.
    if (exchange.sent == "RSET" && is_positive) continue;
    report.steps.push_back(probe_step(held, exchange, is_logged_in));
  }
  if (has_any || !held.probe_failure) return;
  report.steps.push_back(make_failure("login", held.probe_failure->fault,
                                      held.probe_failure->detail,
                                      advise_on_probe(*held.probe_failure)));
}

void add_resumption_step(CheckReport& report, const CheckFindings& findings) {
  if (!findings.again) return;
  const auto& handshake = findings.again->conversation.handshake;
  const auto& failure = findings.again->connect_error ? findings.again->connect_error
                                                      : findings.again->conversation.failure;
  CheckStep step;
  if (failure) {
    step = make_step("resumption", CheckStatus::warn,
                     "a second connection failed: " + base::printable(failure->detail),
                     advise_on_again());
  } else {
    const bool is_resumed = handshake && handshake->info.is_resumed;
    const long long ms = handshake ? handshake->milliseconds : 0;
    step = make_step("resumption", CheckStatus::pass,
                     is_resumed ? "a second connection resumed the TLS session, " + in_ms(ms)
                                : "the smarthost resumes no TLS session: each new connection "
                                  "takes a full handshake, " +
                                      in_ms(ms));
    step.facts = {{"resumed", is_resumed}, {"ms", ms}};
  }
  report.steps.push_back(std::move(step));
}

void add_alternative_steps(CheckReport& report, const CheckFindings& findings) {
  for (const CheckAlternative& one : findings.alternatives) {
    report.steps.push_back(alternative_step(one));
  }
}

}  // namespace app
