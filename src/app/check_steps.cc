// See check_steps.h.
#include "app/check_steps.h"

#include <algorithm>
#include <array>
#include <utility>

#include "app/check_advice.h"
#include "app/wire.h"
#include "base/text.h"
#include "config/values.h"

namespace app {

namespace {

// --- configuration

void add_configuration(CheckReport& report, const CheckFindings& findings) {
  const config::Smarthost& smarthost = findings.smarthost;
  if (findings.trust_error) {
    report.steps.push_back(make_failure("configuration", findings.trust_error->fault,
                                        findings.trust_error->detail,
                                        advise_on_trust_store(smarthost, *findings.trust_error)));
    return;
  }
  std::string detail = findings.target() + ", mode = " + std::string(mode_word(smarthost.mode)) +
                       ", tls = " + std::string(tls::to_string(smarthost.tls.level));
  const bool was_found = !findings.found_by.empty() && !findings.lookup_error;
  if (was_found) detail += ", found by " + findings.found_by;
  report.steps.push_back(make_step("configuration", CheckStatus::pass, std::move(detail)));
  bool is_level_told = false;
  for (const std::string& warning : findings.warnings) {
    std::string advice;
    if (!std::exchange(is_level_told, true)) advice = advise_on_level(smarthost.tls.level);
    report.steps.push_back(
        make_step("configuration", CheckStatus::warn, warning, std::move(advice)));
  }
}

// --- DNS

// "A 192.0.2.1, 192.0.2.2; AAAA 2001:db8::1", "A 192.0.2.1; no AAAA"
std::string described(const std::vector<base::SocketAddress>& addresses) {
  std::vector<std::string> v4, v6;
  for (const base::SocketAddress& address : addresses) {
    (address.is_v6() ? v6 : v4).push_back(address.host());
  }
  const std::string a = v4.empty() ? "no A" : "A " + joined(v4);
  const std::string aaaa = v6.empty() ? "no AAAA" : "AAAA " + joined(v6);
  return a + "; " + aaaa;
}

void add_lookup(CheckReport& report, const CheckFindings& findings) {
  const std::string& host = findings.smarthost.hosts.front();
  if (findings.lookup_error) {
    report.steps.push_back(make_failure(
        "dns", findings.lookup_error->fault, base::printable(findings.lookup_error->detail),
        findings.found_by.empty() ? advise_on_lookup(host)
                                  : advise_on_domain(config::host_item(host).name)));
  } else if (base::parse_ip(host, 0)) {
    report.steps.push_back(
        make_step("dns", CheckStatus::skip, host + " is an address: nothing to look up"));
  } else {
    const bool is_slow = findings.lookup_milliseconds > kSlowLookup;
    report.steps.push_back(make_step(
        "dns", is_slow ? CheckStatus::warn : CheckStatus::pass,
        host + " is " + described(findings.addresses) + ", " + in_ms(findings.lookup_milliseconds),
        is_slow ? advise_on_slow_lookup() : std::string()));
  }
  std::vector<std::string> addresses;
  for (const base::SocketAddress& address : findings.addresses) addresses.push_back(address.host());
  report.steps.back().facts = {{"addresses", std::move(addresses)},
                               {"ms", findings.lookup_milliseconds}};
}

// --- connect

CheckStep connect_step(const CheckFindings& findings, const CheckConnect& connect) {
  const bool is_reached = findings.walked.has_value();
  CheckStep step;
  if (!connect.error) {
    const bool is_used = findings.walked == connect.address;
    step = make_step("connect", CheckStatus::pass, "connected " + in_ms(connect.milliseconds));
    if (is_used && findings.connects.size() > 1) step.detail += ", used from here on";
  } else {
    const ConnectTrouble trouble = classify_connect_trouble(*connect.error);
    std::string advice = advise_on_connect(findings, trouble);
    // The step names the address already.
    std::string words = base::printable(
        without_address(connect.error->detail, connect.address.host(), connect.address.port));
    if (!is_reached) {
      step = make_failure("connect", connect.error->fault, std::move(words), std::move(advice));
    } else if (trouble == ConnectTrouble::no_route) {
      step = make_step("connect", CheckStatus::skip, std::move(words));
    } else {
      step = make_step("connect", CheckStatus::warn, std::move(words), std::move(advice));
    }
  }
  step.address = connect.address.to_string();
  step.facts = {{"ms", connect.milliseconds}, {"is_walked", findings.walked == connect.address}};
  return step;
}

void add_connects(CheckReport& report, const CheckFindings& findings) {
  for (const CheckConnect& connect : findings.connects) {
    report.steps.push_back(connect_step(findings, connect));
  }
  if (!findings.walked) add_alternative_steps(report, findings);
}

// --- the end

// "FILE", or the files that are looked for.
std::string where_to_write(const CheckFindings& findings) {
  if (!findings.config_file.empty()) return findings.config_file;
  std::string text;
  for (const std::string& file : config::default_files()) {
    text.append(text.empty() ? "" : " or ").append(file);
  }
  return text;
}

bool has_step(const CheckReport& report, std::string_view name) {
  return std::any_of(report.steps.begin(), report.steps.end(),
                     [&](const CheckStep& step) { return step.step == name; });
}

bool has_failed(const CheckReport& report, std::string_view name) {
  return std::any_of(report.steps.begin(), report.steps.end(), [&](const CheckStep& step) {
    return step.step == name && step.status == CheckStatus::fail;
  });
}

std::vector<std::string_view> main_steps(const CheckReport& report) {
  if (report.mode == config::Mode::implicit) {
    return {"dns",  "connect",  "tls",      "certificate", "trust",
            "name", "greeting", "ehlo-tls", "auth"};
  }
  if (report.level == tls::Level::none) return {"dns", "connect", "greeting", "ehlo", "auth"};
  return {"dns",         "connect", "greeting", "ehlo",     "starttls", "tls",
          "certificate", "trust",   "name",     "ehlo-tls", "auth"};
}

// Every failure in a few words, each once. Addresses only where they differ in what failed.
std::string summarise_failures(const CheckReport& report) {
  const CheckStep& first = *report.first_failure();
  bool is_alike = true;
  for (const CheckStep& step : report.steps) {
    const bool is_addressed = !step.address.empty() && step.status == CheckStatus::fail;
    if (is_addressed && step.detail != first.detail) is_alike = false;
  }
  std::vector<std::string> told;
  for (const CheckStep& step : report.steps) {
    if (step.status != CheckStatus::fail) continue;
    std::string words = step.detail;
    if (!step.address.empty() && !is_alike) words = step.address + ": " + words;
    if (step.step == "listener") words = "listener " + step.address + ": " + step.detail;
    if (step.step == "login") words = "login: " + step.detail;
    if (step.step == "certificate") words = "certificate " + words;
    if (std::find(told.begin(), told.end(), words) == told.end()) told.push_back(std::move(words));
  }
  std::string text;
  for (const std::string& words : told) text.append(text.empty() ? "" : "; ").append(words);
  return text;
}

// "TLSv1.3, certificate verified"
std::string describe_security(const CheckFindings& findings) {
  const auto& handshake = findings.conversation.handshake;
  if (!handshake) return "UNENCRYPTED";
  switch (handshake->info.verification) {
    case tls::Verification::verified: return handshake->info.version + ", certificate verified";
    case tls::Verification::pinned: return handshake->info.version + ", key pinned";
    case tls::Verification::unverified:
    case tls::Verification::none: break;
  }
  return handshake->info.version + ", certificate NOT verified";
}

std::string summarise_success(const CheckReport& report, const CheckFindings& findings) {
  const std::string security = describe_security(findings);
  if (!report.is_ok()) {
    return "the way to " + report.target + " is in order (" + security + "), BUT " +
           summarise_failures(report);
  }
  const auto& handshake = findings.conversation.handshake;
  std::string text =
      "smtpseal can hand mail to " + report.target + (handshake ? " over " : " ") + security;
  const auto& extensions = findings.conversation.extensions;
  if (has_step(report, "login")) {
    text += "; the login works";
  } else if (handshake && extensions && !extensions->auth_mechanisms.empty()) {
    text += "; if it wants a login, the application must give it";
  }
  const auto warnings =
      std::count_if(report.steps.begin(), report.steps.end(),
                    [](const CheckStep& step) { return step.status == CheckStatus::warn; });
  if (warnings == 0) return text;
  return text + " (" + std::to_string(warnings) + (warnings == 1 ? " warning)" : " warnings)");
}

}  // namespace

CheckStep make_step(std::string name, CheckStatus status, std::string detail, std::string advice) {
  CheckStep step;
  step.step = std::move(name);
  step.status = status;
  step.detail = std::move(detail);
  step.advice = std::move(advice);
  return step;
}

CheckStep make_failure(std::string name, base::Fault fault, std::string detail,
                       std::string advice) {
  CheckStep step =
      make_step(std::move(name), CheckStatus::fail, std::move(detail), std::move(advice));
  step.fault = fault;
  return step;
}

std::string_view mode_word(config::Mode mode) {
  return mode == config::Mode::implicit ? "implicit" : "starttls";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::string shown_reply(const smtp::Reply& reply) {
  return base::printable(reply.summary(), kShownReply);
}

std::string in_ms(long long milliseconds) { return "in " + std::to_string(milliseconds) + " ms"; }

CheckReport begin_report(const CheckFindings& findings) {
  CheckReport report;
  report.target = findings.target();
  report.mode = findings.smarthost.mode;
  report.level = findings.smarthost.tls.level;
  report.now = findings.now;
  return report;
}

void add_steps(CheckReport& report, CheckStage stage, const CheckFindings& findings) {
  switch (stage) {
    case CheckStage::configuration: add_configuration(report, findings); break;
    case CheckStage::lookup: add_lookup(report, findings); break;
    case CheckStage::connect: add_connects(report, findings); break;
    case CheckStage::conversation: add_conversation_steps(report, findings); break;
    case CheckStage::listeners: add_listener_steps(report, findings); break;
  }
}

void add_unreached(CheckReport& report) {
  if (report.path_failure() == nullptr) return;
  for (const std::string_view name : main_steps(report)) {
    if (has_step(report, name)) continue;
    report.steps.push_back(
        make_step(std::string(name), CheckStatus::skip, std::string(kNotReached)));
  }
}

void conclude(CheckReport& report, const CheckFindings& findings) {
  if (report.path_failure() == nullptr) {
    report.summary = summarise_success(report, findings);
    // With a login that fails no mail goes, however much else is in order.
    if (findings.smarthost.login.is_configured() && has_failed(report, "login")) return;
    report.configuration_title = "Configuration that works, for " + where_to_write(findings) + ":";
    report.configuration = format_smarthost_lines(findings.smarthost);
    return;
  }
  report.summary =
      "smtpseal cannot hand mail to " + report.target + ": " + summarise_failures(report);
  add_unreached(report);
  const CheckAlternative* remedy = findings.remedy();
  if (remedy == nullptr) return;
  report.configuration_title = "This configuration works; it was tried:";
  report.configuration = format_smarthost_lines(remedy->smarthost);
}

std::vector<std::string> format_smarthost_lines(const config::Smarthost& smarthost) {
  std::vector<std::string> lines = {
      smarthost.name.empty() ? "[smarthost]" : "[smarthost " + smarthost.name + "]",
      "host = " + config::format_list(smarthost.hosts), "port = " + std::to_string(smarthost.port),
      "mode = " + std::string(mode_word(smarthost.mode)),
      "tls = " + std::string(tls::to_string(smarthost.tls.level))};
  const tls::ClientOptions& options = smarthost.tls;
  const auto add = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) lines.push_back(key + " = " + value);
  };
  if (!smarthost.ehlo_name.empty()) add("ehlo_name", smarthost.ehlo_name);
  if (options.min_version == tls::Version::tls13) add("tls_min", "1.3");
  if (options.level != tls::Level::none) {
    add("client_certificate", smarthost.client_identity.certificate);
    add("client_key", smarthost.client_identity.key);
    add("client_key_passphrase_file", smarthost.client_identity.passphrase_file);
    add("client_key_passphrase_command", smarthost.client_identity.passphrase_command);
  }
  // What has no effect with a level is left out: `run` would warn of it.
  const bool is_verifying = options.level == tls::Level::verify;
  if (is_verifying) {
    add("ca_file", config::format_list(options.ca_files));
    add("ca_dir", config::format_list(options.ca_dirs));
  }
  if (is_verifying || options.level == tls::Level::pin) {
    add("pin", config::format_list(options.pins));
    add("verify_name", options.verify_name);
  }
  const config::Login& login = smarthost.login;
  add("username", login.username);
  add("password_file", login.password_file);
  add("password_command", login.password_command);
  add("token_file", login.token_file);
  add("token_command", login.token_command);
  if (login.mechanism) add("auth_mechanism", base::lowered(smtp::to_string(*login.mechanism)));
  return lines;
}

}  // namespace app
