// Findings of `smtpseal check` as tests want them: a smarthost that is all right, to be changed in
// one point.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "app/check_findings.h"
#include "app/check_report.h"
#include "app/check_steps.h"

namespace app {

inline base::WallTime day(int year, unsigned month, unsigned of_month) {
  return std::chrono::sys_days(std::chrono::year_month_day(
      std::chrono::year(year), std::chrono::month(month), std::chrono::day(of_month)));
}

inline smtp::Reply reply(int code, std::vector<std::string> lines) {
  return {code, std::move(lines)};
}

inline tls::SessionInfo good_session() {
  tls::SessionInfo info;
  info.version = "TLSv1.3";
  info.cipher = "TLS_AES_128_GCM_SHA256";
  info.verification = tls::Verification::verified;
  info.server_name = "smtp.example.edu";
  tls::CertificateFacts leaf;
  leaf.subject = "CN=smtp.example.edu";
  leaf.issuer = "CN=Example CA";
  leaf.not_before = day(2027, 1, 1);
  leaf.not_after = day(2027, 12, 31);
  leaf.key = "EC 256";
  leaf.pin = "sha256//AAAA";
  leaf.names = {"smtp.example.edu", "mail.example.edu"};
  info.chain = {leaf};
  return info;
}

inline CheckConversation good_conversation() {
  const smtp::Reply ehlo =
      reply(250, {"smtp.example.edu", "PIPELINING", "SIZE 1000", "AUTH PLAIN LOGIN"});
  CheckConversation held;
  held.first_octets = "220 smtp.example.edu ESMTP\r\n";
  held.exchanges = {
      {"", false, reply(220, {"smtp.example.edu ESMTP"}), 12},
      {"EHLO app.example.org", false, reply(250, {"smtp.example.edu", "STARTTLS"}), 3},
      {"STARTTLS", false, reply(220, {"2.0.0 go ahead"}), 4},
      {"EHLO app.example.org", true, ehlo, 5},
      {"QUIT", true, reply(221, {"2.0.0 bye"}), 6},
  };
  held.handshake = CheckHandshake{std::nullopt, good_session(), 30};
  held.extensions = smtp::parse_extensions(ehlo);
  return held;
}

inline base::SocketAddress address(std::string_view text) {
  return base::parse_socket_address(text).value();
}

inline CheckFindings good_findings() {
  CheckFindings findings;
  findings.smarthost.hosts = {"smtp.example.edu"};
  findings.smarthost.port = 587;
  findings.now = day(2027, 6, 1);
  findings.trust_source = "system trust store /etc/ca.pem (144 certificates)";
  findings.lookup_milliseconds = 7;
  findings.addresses = {address("192.0.2.1:587")};
  findings.connects = {{address("192.0.2.1:587"), std::nullopt, 20}};
  findings.walked = address("192.0.2.1:587");
  findings.conversation = good_conversation();
  return findings;
}

// The conversation ends after `count` exchanges, the last of which has no reply.
inline void cut_after(CheckConversation& held, std::size_t count, base::Error why) {
  held.exchanges.resize(count);
  held.exchanges.back().reply.reset();
  held.extensions.reset();
  const bool had_tls = std::any_of(held.exchanges.begin(), held.exchanges.end(),
                                   [](const auto& exchange) { return exchange.is_sealed; });
  if (!had_tls) held.handshake.reset();
  held.failure = std::move(why);
}

// The certificate is refused, for `faults`; the second look finds all the rest in order.
inline void refuse_certificate(CheckFindings& findings, std::vector<tls::IdentityFault> faults) {
  findings.second_look = findings.conversation;
  findings.second_look->handshake->info.verification = tls::Verification::unverified;
  CheckConversation& held = findings.conversation;
  held.exchanges.resize(3);
  held.extensions.reset();
  tls::SessionInfo& info = held.handshake->info;
  info.version.clear();
  info.cipher.clear();
  info.faults = std::move(faults);
  held.handshake->error = base::Error{base::Fault::tls, info.faults.front().detail};
  held.failure = held.handshake->error;
}

// Through all stages, as the walk would go.
inline CheckReport report_on(const CheckFindings& findings) {
  CheckReport report = begin_report(findings);
  add_steps(report, CheckStage::configuration, findings);
  if (!findings.trust_error) {
    add_steps(report, CheckStage::lookup, findings);
    if (!findings.lookup_error) {
      add_steps(report, CheckStage::connect, findings);
      if (findings.walked) add_steps(report, CheckStage::conversation, findings);
    }
  }
  add_steps(report, CheckStage::listeners, findings);
  conclude(report, findings);
  return report;
}

// The first step of that name; a step with an empty name when there is none.
inline CheckStep step_of(const CheckReport& report, std::string_view name) {
  for (const CheckStep& step : report.steps) {
    if (step.step == name) return step;
  }
  return {};
}

}  // namespace app
