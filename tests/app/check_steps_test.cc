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
using Rule = tls::IdentityFault::Rule;

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
  EXPECT_THAT(detail, HasSubstr("the application must give it"));
  EXPECT_THAT(detail, HasSubstr("none of its own in this version"));
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

// --- TLS and certificates

TEST(CheckSteps, FailAtTlsWhenTheHandshakeFails) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  held.exchanges.resize(3);
  held.extensions.reset();
  held.handshake = CheckHandshake{error(base::Fault::tls, "no common version"), {}, 3};
  held.failure = held.handshake->error;
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "starttls").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "tls").status, CheckStatus::fail);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::skip);
}

TEST(CheckSteps, SayWhichVersionWouldWork) {
  CheckFindings findings = good_findings();
  findings.second_look = findings.conversation;
  findings.second_look->handshake->info.version = "TLSv1.2";
  CheckConversation& held = findings.conversation;
  held.exchanges.resize(3);
  held.extensions.reset();
  held.handshake = CheckHandshake{error(base::Fault::tls, "no common version"), {}, 3};
  held.failure = held.handshake->error;
  EXPECT_THAT(step_of(report_on(findings), "tls").advice, HasSubstr("tls_min = 1.2"));
}

TEST(CheckSteps, ShowWhatIsBehindACertificateThatIsRefused) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::trust, true, "issued by X, which is not trusted"}});
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "tls").detail, HasSubstr("TLSv1.3"));
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::fail);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "ehlo-tls").status, CheckStatus::pass);
  EXPECT_TRUE(report.extensions.has_value());
  EXPECT_EQ(report.certificates.size(), 1U);
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
  EXPECT_THAT(report.configuration, IsEmpty());
}

TEST(CheckSteps, SuspectAMissingIntermediateWhenTheLeafCameAlone) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::trust, true, "not trusted"}});
  EXPECT_THAT(step_of(report_on(findings), "trust").advice, HasSubstr("full chain"));
}

TEST(CheckSteps, SayThatCaFileStandsInForTheSystemsStore) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.ca_files = {"/x.pem"};
  refuse_certificate(findings, {{Rule::trust, true, "not trusted"}});
  EXPECT_THAT(step_of(report_on(findings), "trust").advice, HasSubstr("leave them out"));
}

TEST(CheckSteps, PutEachBrokenRuleWhereItBelongs) {
  CheckFindings findings = good_findings();
  findings.now = day(2028, 2, 1);
  refuse_certificate(findings, {{Rule::validity, true, "certificate expired on 2027-12-31"},
                                {Rule::name, true, "certificate is for a, not for b"}});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::fail);
  EXPECT_THAT(step_of(report, "certificate").detail, HasSubstr("expired on 2027-12-31"));
  EXPECT_THAT(step_of(report, "certificate").advice, HasSubstr("clock is wrong"));
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::fail);
  EXPECT_THAT(report.summary, HasSubstr("expired on 2027-12-31"));
}

TEST(CheckSteps, NameEveryFaultAtTheEnd) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::trust, true, "issued by X, which is not trusted"},
                                {Rule::name, true, "certificate is for a, not for b"}});
  EXPECT_EQ(report_on(findings).summary,
            "smtpseal cannot hand mail to smtp.example.edu:587: issued by X, which is not trusted; "
            "certificate is for a, not for b");
}

TEST(CheckSteps, NameTheKeyAndTheVariableThatHelp) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::trust, true, "not trusted"}, {Rule::name, true, "others"}});
  CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "trust").advice,
              HasSubstr("ca_file = FILE in [smarthost] (or SMTPSEAL_SMARTHOST_CA_FILE=FILE "));
  EXPECT_THAT(step_of(report, "name").advice, HasSubstr("SMTPSEAL_SMARTHOST_VERIFY_NAME=smtp."));
  findings.smarthost.name = "back-up";
  report = report_on(findings);
  EXPECT_THAT(step_of(report, "trust").advice, HasSubstr("ca_file = FILE in [smarthost back-up]"));
  EXPECT_THAT(step_of(report, "trust").advice, HasSubstr("SMTPSEAL_SMARTHOST_BACK_UP_CA_FILE="));
}

TEST(CheckSteps, LeaveToTheAdministratorWhatOnlyAnotherCertificateCures) {
  for (const char* why : {"certificate is not meant for a TLS server",
                          "certificate is signed with a hash that is no longer safe",
                          "certificate or its issuer's has too small a key (its own: RSA 1024)",
                          "certificate has a kind of key or signature that is not accepted"}) {
    CheckFindings findings = good_findings();
    refuse_certificate(findings, {{Rule::other, true, why}});
    const CheckStep step = step_of(report_on(findings), "trust");
    EXPECT_EQ(step.detail, why);
    EXPECT_THAT(step.advice, HasSubstr("it needs another certificate")) << why;
  }
}

TEST(CheckSteps, BlameTheChainForAnIssuerThatExpired) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::validity, false, "issuer's certificate expired"}});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::fail);
}

TEST(CheckSteps, SuggestTheNameTheCertificateCarries) {
  CheckFindings findings = good_findings();
  findings.conversation.handshake->info.chain[0].names = {"*.example.net", "mx.example.net"};
  refuse_certificate(findings, {{Rule::name, true, "certificate is for others"}});
  const std::string advice = step_of(report_on(findings), "name").advice;
  EXPECT_THAT(advice, HasSubstr("host = mx.example.net (or --smarthost mx.example.net)"));
  EXPECT_THAT(advice, HasSubstr("verify_name = mx.example.net"));
}

TEST(CheckSteps, SuggestAPinForACertificateThatVouchesForItself) {
  CheckFindings findings = good_findings();
  auto& leaf = findings.conversation.handshake->info.chain[0];
  leaf.issuer = leaf.subject;
  refuse_certificate(findings, {{Rule::trust, true, "certificate is self-signed"}});
  const std::string advice = step_of(report_on(findings), "trust").advice;
  EXPECT_THAT(advice, HasSubstr("get it from the smarthost's administrator by a way you trust"));
  EXPECT_THAT(advice, HasSubstr("confirm the pin printed above, and set tls = pin"));
}

TEST(CheckSteps, SayWhichFileOfOursCannotBeUsed) {
  CheckFindings findings = good_findings();
  findings.smarthost.client_identity.certificate = "/x/own.pem";
  findings.trust_error = error(base::Fault::config, "/x/own.pem: No such file or directory");
  EXPECT_THAT(step_of(report_on(findings), "configuration").advice,
              HasSubstr("Correct client_certificate"));
}

TEST(CheckSteps, WarnOfACertificateThatEndsSoon) {
  CheckFindings findings = good_findings();
  findings.now = day(2027, 12, 31) - std::chrono::days(kExpiryWarningDays - 1);
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::warn);
  EXPECT_THAT(step_of(report, "certificate").detail, HasSubstr("expires in 20 days"));
  EXPECT_TRUE(report.is_ok());
}

TEST(CheckSteps, DoNotWarnThreeWeeksBeforeTheEnd) {
  CheckFindings findings = good_findings();
  findings.now = day(2027, 12, 31) - std::chrono::days(kExpiryWarningDays);
  EXPECT_EQ(step_of(report_on(findings), "certificate").status, CheckStatus::pass);
}

TEST(CheckSteps, OnlyRemarkOnAnExpiredCertificateThatNobodyVerifies) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.level = tls::Level::encrypt;
  findings.now = day(2028, 2, 1);
  findings.conversation.handshake->info.faults = {{Rule::validity, true, "expired"}};
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::warn);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::skip);
  EXPECT_TRUE(report.is_ok());
}

// --- pins

// tls = pin with this one, which is not the one of the smarthost's certificate ("AAAA").
CheckFindings pinned(std::string pin) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.level = tls::Level::pin;
  findings.smarthost.tls.pins = {std::move(pin)};
  findings.conversation.handshake->info.verification = tls::Verification::pinned;
  return findings;
}

TEST(CheckSteps, SayThatThePinMatches) {
  const CheckReport report = report_on(pinned("sha256//AAAA"));
  EXPECT_EQ(step_of(report, "pin").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "pin").detail, "the smarthost has the pinned key");
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::skip);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::skip);
  EXPECT_THAT(report.summary, HasSubstr("TLSv1.3, key pinned"));
  EXPECT_THAT(report.configuration, testing::Contains("pin = sha256//AAAA"));
}

TEST(CheckSteps, SayWhichAuthorityHasThePinnedKey) {
  CheckFindings findings = pinned("sha256//BBBB");
  tls::CertificateFacts issuer = findings.conversation.handshake->info.chain[0];
  issuer.subject = "CN=Example CA";
  issuer.pin = "sha256//BBBB";
  findings.conversation.handshake->info.chain.push_back(issuer);
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "pin").detail, HasSubstr("an authority above it has the pinned key"));
  EXPECT_THAT(step_of(report, "pin").detail, HasSubstr("CN=Example CA"));
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::pass);
}

TEST(CheckSteps, FailWhereNoPinMatchesAndSayWhatThatMayMean) {
  CheckFindings findings = pinned("sha256//BBBB");
  refuse_certificate(findings, {{Rule::pin, true,
                                 "certificate has another key than those that are pinned: its own "
                                 "is sha256//AAAA"}});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "pin").status, CheckStatus::fail);
  EXPECT_THAT(step_of(report, "pin").detail, HasSubstr("its own is sha256//AAAA"));
  EXPECT_THAT(step_of(report, "pin").advice, HasSubstr("or somebody else answers in its place"));
  EXPECT_THAT(step_of(report, "pin").advice, HasSubstr("SMTPSEAL_SMARTHOST_PIN="));
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::skip);
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
  EXPECT_TRUE(report.configuration.empty()) << "a key that nobody confirmed is not recommended";
}

TEST(CheckSteps, HoldToPinsBesideVerifyingToo) {
  CheckFindings findings = pinned("sha256//BBBB");
  findings.smarthost.tls.level = tls::Level::verify;
  refuse_certificate(findings, {{Rule::pin, true, "certificate has another key"}});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "pin").status, CheckStatus::fail);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::pass);
}

TEST(CheckSteps, TellARefusalThatIsNobodysRule) {
  CheckFindings findings = pinned("sha256//AAAA");
  refuse_certificate(findings, {{Rule::validity, true, "certificate expired on 2027-12-31"}});
  EXPECT_FALSE(report_on(findings).is_ok()) << "by our clock it is valid";
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

}  // namespace
}  // namespace app
