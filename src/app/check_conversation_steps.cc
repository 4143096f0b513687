// The conversation stage of check_steps.h: greeting, EHLO, STARTTLS, TLS, EHLO inside it, AUTH,
// QUIT.
#include <algorithm>
#include <array>
#include <utility>

#include "app/check_advice.h"
#include "app/check_steps.h"
#include "base/text.h"

namespace app {

namespace {

std::string step_name(const CheckExchange& exchange) {
  if (exchange.sent.empty()) return "greeting";
  if (exchange.sent == "STARTTLS") return "starttls";
  if (exchange.sent == "QUIT") return "quit";
  return exchange.is_sealed ? "ehlo-tls" : "ehlo";
}

std::vector<std::string> keywords_of(const smtp::Reply& ehlo) {
  std::vector<std::string> keywords;
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
    keywords.push_back(base::printable(ehlo.lines[i], kShownReply));
  }
  return keywords;
}

// Steps of the exchanges of one conversation.
class ExchangeSteps {
 public:
  ExchangeSteps(CheckReport& report, const CheckFindings& findings,
                const CheckConversation& conversation)
      : report_(report), findings_(findings), conversation_(conversation) {}

  void add(bool is_sealed) {
    for (const CheckExchange& exchange : conversation_.exchanges) {
      if (exchange.is_sealed != is_sealed || exchange.sent == "QUIT") continue;
      if (!is_probe(exchange)) add_one(exchange);
    }
  }

  // It is smtpseal itself that answers: nothing more is worth a word.
  void add_own_greeting() {
    const CheckExchange& greeting = conversation_.exchanges.front();
    push(greeting, make_failure("greeting", base::Fault::config,
                                shown_reply(*greeting.reply) + ": this is smtpseal itself, on this "
                                                               "machine",
                                advise_on_own_greeting()));
  }

  // How the conversation ended, where it could end well.
  void add_quit() {
    const CheckExchange& last = conversation_.exchanges.back();
    if (last.sent != "QUIT") return;
    if (last.reply) {
      push(last, make_step("quit", CheckStatus::pass, shown_reply(*last.reply)));
    } else {
      push(last, make_step("quit", CheckStatus::skip, "not answered, which does no harm"));
    }
  }

 private:
  // The conversation ended here, before TLS or after it.
  [[nodiscard]] bool is_fatal(const CheckExchange& exchange) const {
    const bool is_over_handshake = conversation_.handshake && conversation_.handshake->error;
    const bool is_last = &exchange == &conversation_.exchanges.back();
    return conversation_.failure && !is_over_handshake && is_last;
  }

  void add_one(const CheckExchange& exchange) {
    if (is_fatal(exchange)) {
      add_fatal(exchange);
    } else if (exchange.reply) {
      add_answered(exchange);
    }
  }

  void add_fatal(const CheckExchange& exchange) {
    const base::Error& why = *conversation_.failure;
    const bool is_positive_hello =
        exchange.reply && exchange.reply->is_positive() && step_name(exchange) == "ehlo";
    if (why.fault == base::Fault::tls_unavailable && is_positive_hello) {
      add_answered(exchange);
      report_.steps.push_back(
          make_failure("starttls", why.fault, why.detail, advise_on_missing_starttls(findings_)));
      return;
    }
    base::Fault fault = why.fault;
    std::string detail = base::printable(why.detail, kShownReply);
    const bool is_refusal = exchange.reply && exchange.reply->code >= 400;
    if (is_refusal) detail = shown_reply(*exchange.reply);
    const bool is_no_smtp = why.fault == base::Fault::peer_protocol && !exchange.reply &&
                            step_name(exchange) == "greeting";
    if (is_no_smtp) detail = "what answers there does not speak SMTP";
    // The session takes every refusal of service for one that will pass.
    if (is_refusal && exchange.reply->is_permanent() && fault == base::Fault::peer_unable) {
      fault = base::Fault::peer_refused;
    }
    CheckStep step = make_failure(step_name(exchange), fault, std::move(detail),
                                  advise_on_fatal(exchange, fault));
    const std::string& said =
        exchange.is_sealed ? conversation_.first_words : conversation_.first_octets;
    if (step.step == "greeting" && !exchange.reply && !said.empty()) {
      step.more.push_back("it said: " +
                          base::printable(said.substr(0, said.find_first_of("\r\n"))));
    }
    push(exchange, std::move(step));
  }

  [[nodiscard]] std::string advise_on_fatal(const CheckExchange& exchange,
                                            base::Fault fault) const {
    const std::string name = step_name(exchange);
    if (exchange.is_sealed && conversation_.failure) {
      std::string own = advise_on_own_certificate(findings_.smarthost, *conversation_.failure);
      if (!own.empty()) return own;
    }
    if (name == "greeting") return advise_on_greeting(findings_);
    if (fault == base::Fault::tls_unavailable) return advise_on_refused_starttls(findings_);
    if (fault == base::Fault::peer_refused) {
      return advise_on_refused_hello(findings_.smarthost);
    }
    return advise_on_failure({fault, {}});
  }

  void add_answered(const CheckExchange& exchange) {
    const std::string name = step_name(exchange);
    const smtp::Reply& reply = *exchange.reply;
    CheckStep step = make_step(name, CheckStatus::pass, shown_reply(reply));
    if (name == "greeting") {
      step.detail += ", " + in_ms(exchange.milliseconds);
      if (exchange.milliseconds > kSlowGreeting) {
        step.status = CheckStatus::warn;
        step.advice = advise_on_slow_greeting();
      }
    } else if (!reply.is_positive()) {
      step.status = CheckStatus::warn;
      step.advice = name == "starttls" ? advise_on_refused_starttls(findings_)
                                       : "HELO is used instead: old, but it works.";
    } else if (name != "starttls") {
      describe_hello(exchange, step);
    }
    push(exchange, std::move(step));
  }

  void describe_hello(const CheckExchange& exchange, CheckStep& step) const {
    const bool is_ehlo = exchange.sent.starts_with("EHLO");
    const smtp::Extensions offered =
        is_ehlo ? smtp::parse_extensions(*exchange.reply) : smtp::Extensions{};
    step.facts.push_back({"keywords", keywords_of(*exchange.reply)});
    step.detail = describe_offer(offered);
    if (exchange.is_sealed || !offered.starttls) return;
    if (findings_.smarthost.tls.level == tls::Level::none) {
      step.status = CheckStatus::warn;
      step.advice = advise_on_unused_starttls();
      return;
    }
    // What counts is said again inside TLS.
    step.detail = "offers STARTTLS";
    if (offered.auth_mechanisms.empty()) return;
    step.status = CheckStatus::warn;
    step.detail += ", but AUTH already before TLS";
    step.advice = advise_on_clear_auth();
  }

  void push(const CheckExchange& exchange, CheckStep step) {
    step.facts.insert(step.facts.begin(), {"ms", exchange.milliseconds});
    if (&conversation_ != &findings_.conversation) step.facts.push_back({"is_second_look", true});
    if (exchange.reply) {
      step.facts.insert(step.facts.begin() + 1,
                        {"code", static_cast<long long>(exchange.reply->code)});
    }
    report_.steps.push_back(std::move(step));
  }

  CheckReport& report_;
  const CheckFindings& findings_;
  const CheckConversation& conversation_;
};

// --- TLS

void add_handshake(CheckReport& report, const CheckFindings& findings) {
  const CheckHandshake& own = *findings.conversation.handshake;
  const auto& look = findings.second_look;
  const bool is_over_identity = findings.conversation.has_identity_failure();
  const bool is_seen_behind = look && look->handshake && !look->handshake->error;
  if (own.error && !is_over_identity) {
    report.steps.push_back(make_failure("tls", own.error->fault, base::printable(own.error->detail),
                                        advise_on_handshake(findings)));
    return;
  }
  const CheckHandshake& shown_one = own.error && is_seen_behind ? *look->handshake : own;
  const tls::SessionInfo& info = shown_one.info;
  CheckStep step = make_step("tls", CheckStatus::pass, "handshake up to the certificate");
  if (!info.version.empty()) {
    step.detail = info.version + ", " + info.cipher;
    if (!info.group.empty()) step.detail += ", " + info.group;
    step.detail += ", " + in_ms(shown_one.milliseconds);
    step.facts = {{"version", info.version}, {"cipher", info.cipher}};
    if (!info.group.empty()) step.facts.push_back({"group", info.group});
  }
  if (&shown_one != &own) {
    step.more.push_back(
        "(from a second connection, made only to look, without verifying: as are the steps "
        "inside TLS below)");
    step.facts.push_back({"is_second_look", true});
  }
  step.facts.push_back({"resumed", info.is_resumed});
  step.facts.push_back({"ms", shown_one.milliseconds});
  report.steps.push_back(std::move(step));
}

void add_unencrypted(CheckReport& report, const CheckFindings& findings) {
  const bool is_tried =
      std::any_of(findings.conversation.exchanges.begin(), findings.conversation.exchanges.end(),
                  [](const CheckExchange& exchange) { return exchange.sent == "STARTTLS"; });
  if (findings.smarthost.tls.level == tls::Level::none) {
    report.steps.push_back(make_step("starttls", CheckStatus::skip, "not used with tls = none"));
  } else if (!is_tried) {
    report.steps.push_back(make_step("starttls", CheckStatus::warn,
                                     "not offered: mail would go unencrypted",
                                     advise_on_missing_starttls(findings)));
  }
}

void add_auth(CheckReport& report, const CheckConversation& ready, bool is_own_login) {
  const auto& mechanisms = ready.extensions->auth_mechanisms;
  std::string list = joined(mechanisms);
  if (list.empty() && is_own_login) {
    list = "not offered, and smtpseal is to log in";
  } else if (list.empty()) {
    list = "not offered: the smarthost asks for no password";
  } else if (!ready.handshake) {
    list += ": never used without TLS";
  } else if (is_own_login) {
    list += ": smtpseal logs in itself";
  } else {
    list +=
        ": if it wants a login, the application gives it, and smtpseal passes it on, or smtpseal "
        "is given one of its own (username)";
  }
  CheckStep step = make_step("auth", CheckStatus::pass, std::move(list));
  step.facts = {{"mechanisms", mechanisms}};
  report.steps.push_back(std::move(step));
  report.extensions = ready.extensions;
}

}  // namespace

std::string describe_offer(const smtp::Extensions& offered, Lacking lacking) {
  const std::array<std::pair<bool, std::string>, 7> all = {{
      {offered.size, offered.max_size > 0 ? "SIZE " + std::to_string(offered.max_size) : "SIZE"},
      {offered.pipelining, "PIPELINING"},
      {offered.chunking, "CHUNKING"},
      {offered.eight_bit_mime, "8BITMIME"},
      {offered.smtputf8, "SMTPUTF8"},
      {offered.dsn, "DSN"},
      {offered.enhanced_status_codes, "ENHANCEDSTATUSCODES"},
  }};
  std::string there, missing;
  for (const auto& [is_offered, keyword] : all) {
    std::string& list = is_offered ? there : missing;
    list.append(list.empty() ? "" : ", ").append(keyword);
  }
  if (there.empty()) there = "no extensions";
  const bool is_told = lacking == Lacking::told && !missing.empty();
  return is_told ? there + "; not offered: " + missing : there;
}

void add_conversation_steps(CheckReport& report, const CheckFindings& findings) {
  const CheckConversation& held = findings.conversation;
  ExchangeSteps own(report, findings, held);
  if (is_with_smtpseal(held)) {
    own.add_own_greeting();
    return;
  }
  own.add(false);
  if (held.is_ready() && !held.handshake) add_unencrypted(report, findings);
  add_clock_step(report, findings);
  if (held.handshake) {
    add_handshake(report, findings);
    add_certificate_steps(report, findings);
    own.add(true);
  }
  // What stands behind a certificate that was refused, seen on a second connection.
  const bool is_seen_behind =
      held.has_identity_failure() && findings.second_look && findings.second_look->is_ready();
  if (is_seen_behind) {
    ExchangeSteps behind(report, findings, *findings.second_look);
    behind.add(true);
    add_auth(report, *findings.second_look, findings.smarthost.login.is_configured());
    behind.add_quit();
  }
  add_alternative_steps(report, findings);
  if (!held.is_ready()) return;
  add_auth(report, held, findings.smarthost.login.is_configured());
  add_probe_steps(report, findings);
  own.add_quit();
  add_resumption_step(report, findings);
}

}  // namespace app
