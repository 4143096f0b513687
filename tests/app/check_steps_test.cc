// From findings to steps: what passes, what fails by whose fault, and what is advised.
#include "app/check_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"

namespace app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

base::Error error(base::Fault fault, std::string detail) { return {fault, std::move(detail)}; }

TEST(CheckSteps, PassAllTheWayWithAGoodSmarthost) {
  const CheckReport report = report_on(good_findings());
  for (const CheckStep& step : report.steps) {
    EXPECT_EQ(step.status, CheckStatus::pass) << step.step << ": " << step.detail;
    EXPECT_THAT(step.advice, IsEmpty()) << step.step;
  }
  EXPECT_EQ(report.exit_status(), ExitStatus::ok);
  EXPECT_EQ(step_of(report, "ehlo-tls").detail,
            "SIZE 1000, PIPELINING; not offered: CHUNKING, 8BITMIME, SMTPUTF8, DSN, "
            "ENHANCEDSTATUSCODES");
}

// --- configuration, DNS, connect

TEST(CheckSteps, WarnOfAWeakLevelAndSayWhatToUse) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.level = tls::Level::encrypt;
  findings.warnings = {"--tls: tls = encrypt: nobody's identity is checked"};
  const CheckReport report = report_on(findings);
  EXPECT_EQ(report.steps[1].status, CheckStatus::warn);
  EXPECT_THAT(report.steps[1].advice, HasSubstr("tls = verify"));
  EXPECT_TRUE(report.is_ok());
}

TEST(CheckSteps, FailWhenTheTrustStoreCannotBeUsed) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.ca_files = {"/x.pem"};
  findings.trust_error = error(base::Fault::config, "/x.pem: No such file or directory");
  const CheckReport report = report_on(findings);
  EXPECT_EQ(report.exit_status(), ExitStatus::config);
  EXPECT_THAT(step_of(report, "configuration").advice, HasSubstr("ca_file"));
  EXPECT_EQ(step_of(report, "dns").status, CheckStatus::skip);
}

TEST(CheckSteps, SkipTheLookUpOfAnAddress) {
  CheckFindings findings = good_findings();
  findings.smarthost.hosts = {"192.0.2.1"};
  EXPECT_EQ(step_of(report_on(findings), "dns").status, CheckStatus::skip);
}

TEST(CheckSteps, WarnOfASlowLookUp) {
  CheckFindings findings = good_findings();
  findings.lookup_milliseconds = kSlowLookup + 1;
  EXPECT_EQ(step_of(report_on(findings), "dns").status, CheckStatus::warn);
}

TEST(CheckSteps, WarnOfAnAddressThatFailsBesideOneThatConnects) {
  CheckFindings findings = good_findings();
  findings.connects.push_back(
      {address("192.0.2.2:587"),
       error(base::Fault::unreachable, "192.0.2.2:587: 192.0.2.2 connection refused"), 1});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(report.steps[3].status, CheckStatus::warn);
  EXPECT_EQ(report.steps[3].detail, "connection refused");
  EXPECT_EQ(report.steps[3].address, "192.0.2.2:587");
  EXPECT_TRUE(report.is_ok());
}

TEST(CheckSteps, SkipAnAddressWithoutARouteBesideOneThatConnects) {
  CheckFindings findings = good_findings();
  findings.connects.push_back(
      {address("[2001:db8::1]:587"), error(base::Fault::unreachable, "network is unreachable"), 1});
  EXPECT_EQ(report_on(findings).steps[3].status, CheckStatus::skip);
}

CheckReport report_on_unreachable(std::uint16_t port, std::string why) {
  CheckFindings findings = good_findings();
  findings.smarthost.port = port;
  findings.connects[0].error = error(base::Fault::unreachable, std::move(why));
  findings.walked.reset();
  return report_on(findings);
}

TEST(CheckSteps, SuggestTheSubmissionPortsWherePort25IsRefused) {
  const CheckReport report = report_on_unreachable(25, "connection refused");
  EXPECT_EQ(report.exit_status(), ExitStatus::unavailable);
  EXPECT_THAT(step_of(report, "connect").advice, HasSubstr("smtp.example.edu:587`"));
  EXPECT_THAT(step_of(report, "connect").advice,
              HasSubstr("smtp.example.edu:465 --mode implicit`"));
}

TEST(CheckSteps, SayThatNetworksBlockPort25WhereItTimesOut) {
  EXPECT_THAT(step_of(report_on_unreachable(25, "no answer in 15 s"), "connect").advice,
              HasSubstr("block port 25"));
}

TEST(CheckSteps, NameTheAddressOnceThatCannotBeReached) {
  CheckFindings findings = good_findings();
  findings.smarthost.hosts = {"192.0.2.1"};
  findings.connects[0].error =
      error(base::Fault::unreachable, "192.0.2.1:587: 192.0.2.1 connection refused");
  findings.walked.reset();
  EXPECT_EQ(report_on(findings).summary,
            "smtpseal cannot hand mail to 192.0.2.1:587: connection refused");
}

TEST(CheckSteps, NameEachAddressWhereTheyFailInDifferentWays) {
  CheckFindings findings = good_findings();
  findings.connects[0].error = error(base::Fault::unreachable, "connection refused");
  findings.connects.push_back(
      {address("192.0.2.2:587"), error(base::Fault::unreachable, "no answer in 15 s"), 15000});
  findings.walked.reset();
  EXPECT_EQ(report_on(findings).summary,
            "smtpseal cannot hand mail to smtp.example.edu:587: 192.0.2.1:587: connection refused; "
            "192.0.2.2:587: no answer in 15 s");
}

TEST(CheckSteps, DoNotSuggestThePortThatJustFailed) {
  EXPECT_THAT(step_of(report_on_unreachable(587, "connection refused"), "connect").advice,
              Not(HasSubstr(":587")));
}

// --- greeting, EHLO, STARTTLS

TEST(CheckSteps, ShowTheWordsOfARefusedGreeting) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 1, error(base::Fault::peer_unable, "connecting was answered with 554"));
  held.exchanges[0].reply = reply(554, {"5.7.1 blocked"});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "greeting").detail, "554 5.7.1 blocked");
  EXPECT_EQ(report.exit_status(), ExitStatus::unavailable);
  EXPECT_EQ(step_of(report, "ehlo").status, CheckStatus::skip);
}

TEST(CheckSteps, ExitWithTemporaryForATransientGreeting) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 1, error(base::Fault::peer_unable, "connecting was answered with 421"));
  held.exchanges[0].reply = reply(421, {"4.3.2 busy"});
  EXPECT_EQ(report_on(findings).exit_status(), ExitStatus::temporary);
}

TEST(CheckSteps, RecogniseTlsWhereAGreetingWasExpected) {
  CheckFindings findings = good_findings();
  findings.alternatives = {{findings.smarthost, std::nullopt, findings.conversation}};
  findings.alternatives[0].smarthost.mode = config::Mode::implicit;
  findings.is_tls_where_plaintext_was_expected = true;
  cut_after(findings.conversation, 1, error(base::Fault::tls, "waits for TLS"));
  findings.conversation.first_octets.clear();
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "greeting").advice, HasSubstr("mode = implicit"));
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
  EXPECT_THAT(report.configuration, ElementsAre("[smarthost]", "host = smtp.example.edu",
                                                "port = 587", "mode = implicit", "tls = verify"));
}

TEST(CheckSteps, OfferNoConfigurationThatFailedWhenItWasTried) {
  CheckFindings findings = good_findings();
  findings.is_tls_where_plaintext_was_expected = true;
  cut_after(findings.conversation, 1, error(base::Fault::tls, "waits for TLS"));
  findings.alternatives = {{findings.smarthost, std::nullopt, findings.conversation}};
  EXPECT_THAT(report_on(findings).configuration, IsEmpty());
}

TEST(CheckSteps, RecogniseAnotherProtocolAndShowWhatItSaid) {
  CheckFindings findings = good_findings();
  cut_after(findings.conversation, 1, error(base::Fault::peer_protocol, "a line is no reply"));
  findings.conversation.first_octets = "SSH-2.0-x\x1b[2J\r\n";
  const CheckStep step = step_of(report_on(findings), "greeting");
  EXPECT_EQ(step.detail, "what answers there does not speak SMTP");
  EXPECT_THAT(step.advice, HasSubstr("SSH"));
  EXPECT_THAT(step.more, ElementsAre("it said: SSH-2.0-x?[2J"));
}

// A smtpseal that answers on this machine, as its ServerSession speaks.
CheckFindings findings_of_smtpseal() {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 2, error(base::Fault::tls_unavailable, "smarthost does not offer STARTTLS"));
  held.exchanges[0].reply = reply(220, {"app.example.org ESMTP"});
  held.exchanges[1].reply = reply(250, {"app.example.org", "PIPELINING"});
  held.is_on_this_machine = true;
  held.farewell = reply(221, {"2.0.0 app.example.org closing"});
  return findings;
}

TEST(CheckSteps, RecogniseSmtpsealItself) {
  const CheckReport report = report_on(findings_of_smtpseal());
  EXPECT_EQ(step_of(report, "greeting").status, CheckStatus::fail);
  EXPECT_THAT(report.summary, HasSubstr("this is smtpseal itself, on this machine"));
  EXPECT_THAT(step_of(report, "greeting").advice, HasSubstr("in a circle"));
  EXPECT_EQ(step_of(report, "starttls").status, CheckStatus::skip);
  EXPECT_EQ(report.exit_status(), ExitStatus::config);
}

TEST(CheckSteps, TakeNobodyElseForSmtpseal) {
  CheckFindings elsewhere = findings_of_smtpseal();
  elsewhere.conversation.is_on_this_machine = false;
  EXPECT_EQ(report_on(elsewhere).exit_status(), ExitStatus::refused);
  CheckFindings other = findings_of_smtpseal();
  other.conversation.farewell = reply(221, {"2.0.0 Bye"});
  EXPECT_EQ(report_on(other).exit_status(), ExitStatus::refused);
  CheckFindings talkative = findings_of_smtpseal();
  talkative.conversation.exchanges[0].reply = reply(220, {"app.example.org ESMTP Postfix"});
  EXPECT_EQ(report_on(talkative).exit_status(), ExitStatus::refused);
  CheckFindings silent = findings_of_smtpseal();
  silent.conversation.farewell.reset();
  EXPECT_EQ(report_on(silent).exit_status(), ExitStatus::refused);
}

TEST(CheckSteps, MakeTheSmarthostsWordsPrintable) {
  CheckFindings findings = good_findings();
  findings.conversation.exchanges[0].reply = reply(220, {"evil \x1b[31m\x07 ESMTP"});
  EXPECT_THAT(step_of(report_on(findings), "greeting").detail, Not(HasSubstr("\x1b")));
}

TEST(CheckSteps, FailAtStarttlsWhenItIsNotOffered) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 2, error(base::Fault::tls_unavailable, "smarthost does not offer STARTTLS"));
  held.exchanges[1].reply = reply(250, {"smtp.example.edu", "PIPELINING"});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "ehlo").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "starttls").status, CheckStatus::fail);
  EXPECT_THAT(step_of(report, "starttls").advice, HasSubstr("465 --mode implicit"));
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
}

TEST(CheckSteps, RecogniseAFirewallThatMasksStarttls) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 2, error(base::Fault::tls_unavailable, "smarthost does not offer STARTTLS"));
  held.exchanges[1].reply = reply(250, {"smtp.example.edu", "XXXXXXXA"});
  EXPECT_THAT(step_of(report_on(findings), "starttls").advice, HasSubstr("inspect esmtp"));
}

TEST(CheckSteps, ShowTheWordsOfARefusedStarttls) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 3, error(base::Fault::tls_unavailable, "smarthost refuses STARTTLS"));
  held.exchanges[2].reply = reply(454, {"4.7.0 TLS not available"});
  EXPECT_EQ(step_of(report_on(findings), "starttls").detail, "454 4.7.0 TLS not available");
}

TEST(CheckSteps, WarnAgainstAConnectionThatIsTamperedWith) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  cut_after(held, 3, error(base::Fault::tls, "data in plaintext behind the reply to STARTTLS"));
  held.exchanges[2].reply = reply(220, {"go"});
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "starttls").detail, HasSubstr("in plaintext behind"));
  EXPECT_THAT(step_of(report, "starttls").advice, HasSubstr("Do not send mail this way"));
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
}

TEST(CheckSteps, WarnOfAuthBeforeTls) {
  CheckFindings findings = good_findings();
  findings.conversation.exchanges[1].reply =
      reply(250, {"smtp.example.edu", "STARTTLS", "AUTH PLAIN"});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "ehlo").status, CheckStatus::warn);
  EXPECT_TRUE(report.is_ok());
}

TEST(CheckSteps, FailWhereTheConnectionIsLostInsideTls) {
  CheckFindings findings = good_findings();
  cut_after(findings.conversation, 4, error(base::Fault::connection, "smarthost closed"));
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "ehlo-tls").status, CheckStatus::fail);
  EXPECT_EQ(report.exit_status(), ExitStatus::unavailable);
}

TEST(CheckSteps, CallMailUnencryptedWhenItWouldBe) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.level = tls::Level::may;
  CheckConversation& held = findings.conversation;
  held.handshake.reset();
  held.exchanges = {held.exchanges[0],
                    {"EHLO x", false, reply(250, {"smtp.example.edu", "AUTH PLAIN"}), 1}};
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "starttls").status, CheckStatus::warn);
  EXPECT_THAT(report.summary, HasSubstr("UNENCRYPTED"));
  EXPECT_THAT(step_of(report, "auth").detail, HasSubstr("never used without TLS"));
}

TEST(CheckSteps, SayWhoMustGiveALoginThatIsOffered) {
  const std::string detail = step_of(report_on(good_findings()), "auth").detail;
  EXPECT_THAT(detail, HasSubstr("PLAIN, LOGIN"));
  EXPECT_THAT(detail, HasSubstr("the application gives it"));
  EXPECT_THAT(detail, HasSubstr("is given one of its own (username)"));
  EXPECT_THAT(report_on(good_findings()).summary, HasSubstr("the application must give it"));
  CheckFindings findings = good_findings();
  findings.conversation.extensions->auth_mechanisms.clear();
  EXPECT_THAT(report_on(findings).summary, Not(HasSubstr("login")));
}

TEST(CheckSteps, TakeAMissingGoodbyeForHarmless) {
  CheckFindings findings = good_findings();
  findings.conversation.exchanges.back().reply.reset();
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "quit").status, CheckStatus::skip);
  EXPECT_TRUE(report.is_ok());
}

// --- the end

TEST(CheckSteps, GoThroughTlsFirstInImplicitMode) {
  CheckFindings findings = good_findings();
  findings.smarthost.mode = config::Mode::implicit;
  CheckConversation& held = findings.conversation;
  held.exchanges = {
      {"", true, reply(220, {"smtp.example.edu"}), 1}, held.exchanges[3], held.exchanges[4]};
  std::vector<std::string> names;
  for (const CheckStep& step : report_on(findings).steps) names.push_back(step.step);
  EXPECT_THAT(names, ElementsAre("configuration", "dns", "connect", "tls", "certificate", "trust",
                                 "name", "greeting", "ehlo-tls", "auth", "quit"));
}

TEST(CheckSteps, RecognisePlaintextOnATlsPort) {
  CheckFindings findings = good_findings();
  findings.smarthost.mode = config::Mode::implicit;
  CheckConversation& held = findings.conversation;
  held.exchanges.clear();
  held.extensions.reset();
  held.handshake = CheckHandshake{error(base::Fault::tls, "speaks plaintext SMTP"), {}, 3};
  held.failure = held.handshake->error;
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "tls").advice, HasSubstr("mode = starttls"));
  EXPECT_EQ(step_of(report, "starttls").step, "");
}

TEST(CheckSteps, WriteNoTrustWhereNothingIsVerified) {
  config::Smarthost smarthost;
  smarthost.hosts = {"a.example"};
  smarthost.tls.level = tls::Level::encrypt;
  smarthost.tls.ca_files = {"/a.pem"};
  smarthost.tls.verify_name = "b.example";
  EXPECT_THAT(format_smarthost_lines(smarthost),
              ElementsAre("[smarthost]", "host = a.example", "port = 25", "mode = starttls",
                          "tls = encrypt"));
}

TEST(CheckSteps, WriteEveryLineThatIsNotADefault) {
  config::Smarthost smarthost;
  smarthost.name = "backup";
  smarthost.hosts = {"a.example"};
  smarthost.port = 465;
  smarthost.mode = config::Mode::implicit;
  smarthost.tls.min_version = tls::Version::tls13;
  smarthost.tls.ca_files = {"/a.pem", "/b.pem"};
  smarthost.tls.verify_name = "b.example";
  EXPECT_THAT(format_smarthost_lines(smarthost),
              ElementsAre("[smarthost backup]", "host = a.example", "port = 465", "mode = implicit",
                          "tls = verify", "tls_min = 1.3", "ca_file = /a.pem, /b.pem",
                          "verify_name = b.example"));
}

TEST(CheckSteps, WriteWhereASecretIsAndNeverWhatItIs) {
  config::Smarthost smarthost;
  smarthost.hosts = {"a.example"};
  smarthost.login.username = "joe";
  smarthost.login.token_command = "get-token joe";
  smarthost.login.mechanism = smtp::Mechanism::xoauth2;
  EXPECT_THAT(
      format_smarthost_lines(smarthost),
      ElementsAre("[smarthost]", "host = a.example", "port = 25", "mode = starttls", "tls = verify",
                  "username = joe", "token_command = get-token joe", "auth_mechanism = xoauth2"));
}

}  // namespace
}  // namespace app
