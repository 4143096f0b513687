// The listeners of check_steps.h: whether smtpseal could listen, or who answers there instead.
#include <utility>

#include "app/check_advice.h"
#include "app/check_steps.h"
#include "app/format.h"
#include "app/listen_advice.h"
#include "app/listener_tls.h"
#include "app/usable_extensions.h"
#include "base/text.h"
#include "relay/outcome.h"

namespace app {

namespace {

// What a client would be offered; nothing where the smarthost did not say what it has.
std::optional<smtp::Extensions> expected_offer(const CheckListener& one,
                                               const CheckFindings& findings) {
  if (!findings.conversation.extensions) return std::nullopt;
  const bool is_encrypted = one.listener.tls == config::ClientTls::implicit;
  const smtp::Extensions usable =
      usable_extensions(*findings.conversation.extensions, findings.smarthost,
                        findings.conversation.handshake.has_value());
  return smtp::offer_to_client(usable, offer_policy(one.listener, {is_encrypted, true}));
}

// With how TLS comes into it, which is what most listeners differ in.
std::string described_offer(const CheckListener& one, const smtp::Extensions& offered) {
  // Clients are told the rest inside TLS.
  const bool is_rest_inside = offered.starttls && one.listener.tls == config::ClientTls::encrypt;
  if (is_rest_inside) {
    return "STARTTLS, and before it only " + describe_offer(offered, Lacking::untold);
  }
  std::string text = describe_offer(offered);
  if (offered.starttls) text.insert(0, "STARTTLS, ");
  if (one.listener.tls == config::ClientTls::implicit) text.insert(0, "TLS from the first byte; ");
  if (offered.auth_mechanisms.empty()) return text;
  return text + "; AUTH " + joined(offered.auth_mechanisms);
}

// --- who has the address

enum class Occupant {
  smtpseal,
  shy,       // smtpseal, which lets nobody in who shows no certificate
  refusing,  // smtpseal, with what it says instead of a greeting
  unknown,   // one that may be smtpseal
  stranger
};

const smtp::Reply* greeting_of(const CheckConversation& held) {
  if (held.exchanges.empty() || !held.exchanges.front().reply) return nullptr;
  return &*held.exchanges.front().reply;
}

// Whether these are words of ours: of relay/outcome.cc.
bool is_own_refusal(const smtp::Reply& greeting, const CheckFindings& findings) {
  const std::string text = greeting.summary();
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  if (greeting.code == 554) return has("not allowed here (listener key: allow)");
  if (greeting.code != 421) return false;
  return text == relay::too_many_sessions().summary() || text == relay::shutting_down().summary() ||
         has(findings.target()) || has("smarthost");
}

Occupant occupant_of(const CheckListener& one, const CheckFindings& findings) {
  if (!one.conversation) return Occupant::stranger;
  const CheckConversation& held = *one.conversation;
  if (is_with_smtpseal(held)) return Occupant::smtpseal;
  if (const smtp::Reply* greeting = greeting_of(held)) {
    if (greeting->is_positive()) return Occupant::stranger;
    return is_own_refusal(*greeting, findings) ? Occupant::refusing : Occupant::unknown;
  }
  const bool has_own_certificate = one.certificate && held.handshake &&
                                   !held.handshake->info.chain.empty() &&
                                   held.handshake->info.chain.front().pin == one.certificate->pin;
  if (has_own_certificate && !one.listener.client_ca.empty()) return Occupant::shy;
  // Nothing is said in plaintext to those who are turned away where TLS comes first, nor while the
  // smarthost is waited for.
  if (held.first_octets.empty()) return Occupant::unknown;
  const PeerKind kind = recognise_peer(held.first_octets);
  return kind == PeerKind::tls || kind == PeerKind::smtp ? Occupant::unknown : Occupant::stranger;
}

// Another listener than ours has the address.
CheckStep taken_step(const CheckListener& one) {
  std::string detail = "another program listens there";
  if (one.conversation) {
    if (const smtp::Reply* greeting = greeting_of(*one.conversation)) {
      detail += ": " + shown_reply(*greeting);
    }
  }
  std::string advice = advise_on_taken_address(one.endpoint.address);
  // Whoever has not chosen the port yet may choose another.
  if (one.place.empty()) {
    return make_step("listener", CheckStatus::warn, std::move(detail), std::move(advice));
  }
  return make_failure("listener", base::Fault::local, std::move(detail), std::move(advice));
}

CheckStep unknown_step(const CheckListener& one) {
  std::string detail = "taken, and it cannot be told whether by smtpseal";
  if (const smtp::Reply* greeting = greeting_of(*one.conversation)) {
    detail += ": " + shown_reply(*greeting);
  } else if (one.conversation->failure) {
    detail += ": " + base::printable(one.conversation->failure->detail, kShownReply);
  }
  return make_step("listener", CheckStatus::warn, std::move(detail),
                   advise_on_unknown_listener(one.endpoint.address));
}

CheckStep refusing_step(const CheckListener& one) {
  const smtp::Reply& said = *greeting_of(*one.conversation);
  const std::string detail = "a running smtpseal answers there: " + shown_reply(said);
  if (said.code == 554) return make_step("listener", CheckStatus::pass, detail);
  return make_step("listener", CheckStatus::warn, detail,
                   "It takes no mail at this moment: its log says more.");
}

CheckStep running_step(const CheckListener& one, const CheckFindings& findings) {
  const CheckConversation& held = *one.conversation;
  const std::optional<smtp::Extensions> expected = expected_offer(one, findings);
  CheckStep step = make_step("listener", CheckStatus::pass, "a running smtpseal answers there");
  if (!held.extensions) {
    step.status = CheckStatus::warn;
    step.detail += ", but not to EHLO";
    step.advice = "Look into its log.";
    return step;
  }
  step.more.push_back("offers " + described_offer(one, *held.extensions));
  if (expected && !(*held.extensions == *expected)) {
    step.status = CheckStatus::warn;
    step.more.push_back("with this configuration: " + described_offer(one, *expected));
    step.advice =
        "It runs with another configuration, or has not reached its smarthost yet. Reload it "
        "(SIGHUP) or start it again.";
  }
  return step;
}

CheckStep unbound_step(const CheckListener& one) {
  const base::Error& why = *one.bind_error;
  switch (listen_trouble(why)) {
    case ListenTrouble::forbidden:
      return make_step("listener", CheckStatus::warn, "this user may not listen there",
                       advise_on_forbidden_address(one.endpoint.address));
    case ListenTrouble::missing: {
      const std::string detail = "this machine does not have that address";
      // One of the default that is missing is passed over.
      if (one.place.empty()) return make_step("listener", CheckStatus::skip, detail);
      return make_failure("listener", why.fault, detail,
                          "Take it out of listen, " + one.place + ".");
    }
    case ListenTrouble::taken: return taken_step(one);
    case ListenTrouble::other: break;
  }
  return make_failure("listener", why.fault, base::printable(why.detail), {});
}

CheckStep free_step(const CheckListener& one, const CheckFindings& findings) {
  const bool is_any_port = one.endpoint.is_ip() && one.endpoint.address.port == 0;
  CheckStep step = make_step("listener", CheckStatus::pass,
                             is_any_port ? "smtpseal can listen there, at a port of the system's"
                                         : "free: smtpseal can listen there");
  if (const auto expected = expected_offer(one, findings)) {
    step.more.push_back("would offer " + described_offer(one, *expected));
  }
  return step;
}

CheckStep inherited_step(const CheckListener& one, const CheckFindings& findings) {
  CheckStep step =
      make_step("listener", CheckStatus::skip, "systemd passes it when smtpseal starts");
  if (const auto expected = expected_offer(one, findings)) {
    step.more.push_back("would offer " + described_offer(one, *expected));
  }
  return step;
}

CheckStep occupied_step(const CheckListener& one, const CheckFindings& findings) {
  switch (occupant_of(one, findings)) {
    case Occupant::smtpseal: return running_step(one, findings);
    case Occupant::shy:
      return make_step("listener", CheckStatus::pass,
                       "a running smtpseal answers there: it shows the certificate of this "
                       "configuration, and wants one of its clients (client_ca)");
    case Occupant::refusing: return refusing_step(one);
    case Occupant::unknown: return unknown_step(one);
    case Occupant::stranger: break;
  }
  return taken_step(one);
}

// `run` would not even start: whoever has the address now matters less.
void refuse_start(CheckStep& step, const config::Problem& problem) {
  step.more.insert(step.more.begin(), step.detail);
  step.status = CheckStatus::fail;
  step.fault = base::Fault::config;
  step.detail = base::printable(problem.to_string());
  step.advice = "smtpseal does not start, or reload, with this: correct it.";
}

// How long clients can go on.
void tell_expiry(CheckStep& step, const tls::CertificateFacts& own, base::WallTime now) {
  const std::int64_t days = tls::days_left(own, now);
  step.more.push_back("shows its clients a certificate until " + format_day(own.not_after) + ", " +
                      std::to_string(days) + (days == 1 ? " day" : " days") + " left");
  if (days >= kExpiryWarningDays || step.status == CheckStatus::fail) return;
  step.status = CheckStatus::warn;
  step.advice.append(step.advice.empty() ? "" : " ")
      .append("Renew the listener's certificate, and reload smtpseal (SIGHUP).");
}

void add_facts(CheckStep& step, const CheckListener& one, const CheckFindings& findings) {
  step.address = one.endpoint.to_string();
  if (one.endpoint.is_inherited()) return;
  step.facts = {{"is_free", !one.bind_error}};
  if (!one.bind_error) {
    step.facts.push_back({"is_running", false});
    return;
  }
  const Occupant who = occupant_of(one, findings);
  if (who != Occupant::unknown) step.facts.push_back({"is_running", who != Occupant::stranger});
}

}  // namespace

void add_listener_steps(CheckReport& report, const CheckFindings& findings) {
  for (const CheckListener& one : findings.listeners) {
    CheckStep step = one.endpoint.is_inherited() ? inherited_step(one, findings)
                     : !one.bind_error           ? free_step(one, findings)
                     : !one.conversation         ? unbound_step(one)
                                                 : occupied_step(one, findings);
    if (one.tls_problem) refuse_start(step, *one.tls_problem);
    if (one.users_problem) refuse_start(step, *one.users_problem);
    if (one.certificate) tell_expiry(step, *one.certificate, findings.now);
    add_facts(step, one, findings);
    report.steps.push_back(std::move(step));
  }
}

}  // namespace app
