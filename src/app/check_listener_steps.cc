// The listeners of check_steps.h: whether smtpseal could listen, or who answers there instead.
#include <utility>

#include "app/check_advice.h"
#include "app/check_steps.h"
#include "app/listen_advice.h"
#include "app/listener_tls.h"
#include "base/text.h"

namespace app {

namespace {

// What a client would be offered; nothing where the smarthost did not say what it has.
std::optional<smtp::Extensions> expected_offer(const CheckListener& one,
                                               const CheckFindings& findings) {
  if (!findings.conversation.extensions) return std::nullopt;
  const bool is_encrypted = one.listener.tls == config::ClientTls::implicit;
  return smtp::offer_to_client(*findings.conversation.extensions,
                               offer_policy(one.listener, is_encrypted));
}

std::string with_auth(const smtp::Extensions& offered) {
  const std::string text = describe_offer(offered);
  if (offered.auth_mechanisms.empty()) return text;
  return text + "; AUTH " + joined(offered.auth_mechanisms);
}

// Another listener than ours has the address.
CheckStep taken_step(const CheckListener& one) {
  std::string detail = "another program listens there";
  if (one.conversation && !one.conversation->exchanges.empty() &&
      one.conversation->exchanges.front().reply) {
    detail += ": " + shown_reply(*one.conversation->exchanges.front().reply);
  }
  std::string advice = advise_on_taken_port(one.address);
  // Whoever has not chosen the port yet may choose another.
  if (one.place.empty()) {
    return make_step("listener", CheckStatus::warn, std::move(detail), std::move(advice));
  }
  return make_failure("listener", base::Fault::local, std::move(detail), std::move(advice));
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
  step.more.push_back("offers " + with_auth(*held.extensions));
  if (expected && !(*held.extensions == *expected)) {
    step.status = CheckStatus::warn;
    step.more.push_back("with this configuration: " + with_auth(*expected));
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
                       advise_on_forbidden_port());
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

CheckStep listener_step(const CheckListener& one, const CheckFindings& findings) {
  if (!one.bind_error) {
    CheckStep step =
        make_step("listener", CheckStatus::pass,
                  one.address.port == 0 ? "smtpseal can listen there, at a port of the system's"
                                        : "free: smtpseal can listen there");
    if (const auto expected = expected_offer(one, findings)) {
      step.more.push_back("would offer " + with_auth(*expected));
    }
    return step;
  }
  if (one.conversation && is_with_smtpseal(*one.conversation)) return running_step(one, findings);
  return one.conversation ? taken_step(one) : unbound_step(one);
}

}  // namespace

void add_listener_steps(CheckReport& report, const CheckFindings& findings) {
  for (const CheckListener& one : findings.listeners) {
    CheckStep step = listener_step(one, findings);
    const bool is_running =
        one.bind_error && one.conversation && is_with_smtpseal(*one.conversation);
    step.address = one.address.to_string();
    step.facts = {{"is_free", !one.bind_error}, {"is_running", is_running}};
    report.steps.push_back(std::move(step));
  }
}

}  // namespace app
