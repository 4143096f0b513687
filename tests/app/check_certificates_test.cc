// TLS, the chain one by one, who verified it or by which rule it failed, and pins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"

namespace app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Rule = tls::IdentityFault::Rule;

base::Error error(base::Fault fault, std::string detail) { return {fault, std::move(detail)}; }

TEST(CheckCertificates, FailAtTlsWhenTheHandshakeFails) {
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

TEST(CheckCertificates, SayWhichVersionWouldWork) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.min_version = tls::Version::tls13;
  findings.second_look = findings.conversation;
  findings.second_look->handshake->info.version = "TLSv1.2";
  CheckConversation& held = findings.conversation;
  held.exchanges.resize(3);
  held.extensions.reset();
  held.handshake = CheckHandshake{error(base::Fault::tls, "no common version"), {}, 3};
  held.failure = held.handshake->error;
  EXPECT_THAT(step_of(report_on(findings), "tls").advice, HasSubstr("tls_min = 1.2"));
}

TEST(CheckCertificates, ShowWhatIsBehindACertificateThatIsRefused) {
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

TEST(CheckCertificates, SuspectAMissingIntermediateWhenTheLeafCameAlone) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::trust, true, "not trusted"}});
  EXPECT_THAT(step_of(report_on(findings), "trust").advice, HasSubstr("full chain"));
}

TEST(CheckCertificates, SayThatCaFileStandsInForTheSystemsStore) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.ca_files = {"/x.pem"};
  refuse_certificate(findings, {{Rule::trust, true, "not trusted"}});
  EXPECT_THAT(step_of(report_on(findings), "trust").advice, HasSubstr("leave them out"));
}

TEST(CheckCertificates, PutEachBrokenRuleWhereItBelongs) {
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

TEST(CheckCertificates, NameEveryFaultAtTheEnd) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::trust, true, "issued by X, which is not trusted"},
                                {Rule::name, true, "certificate is for a, not for b"}});
  EXPECT_EQ(report_on(findings).summary,
            "smtpseal cannot hand mail to smtp.example.edu:587: issued by X, which is not trusted; "
            "certificate is for a, not for b");
}

TEST(CheckCertificates, NameTheKeyAndTheVariableThatHelp) {
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

TEST(CheckCertificates, LeaveToTheAdministratorWhatOnlyAnotherCertificateCures) {
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

TEST(CheckCertificates, BlameTheChainForAnIssuerThatExpired) {
  CheckFindings findings = good_findings();
  refuse_certificate(findings, {{Rule::validity, false, "issuer's certificate expired"}});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::fail);
}

TEST(CheckCertificates, SuggestTheNameTheCertificateCarries) {
  CheckFindings findings = good_findings();
  findings.conversation.handshake->info.chain[0].names = {"*.example.net", "mx.example.net"};
  refuse_certificate(findings, {{Rule::name, true, "certificate is for others"}});
  const std::string advice = step_of(report_on(findings), "name").advice;
  EXPECT_THAT(advice, HasSubstr("host = mx.example.net (or --smarthost mx.example.net)"));
  EXPECT_THAT(advice, HasSubstr("verify_name = mx.example.net"));
}

TEST(CheckCertificates, SuggestAPinForACertificateThatVouchesForItself) {
  CheckFindings findings = good_findings();
  auto& leaf = findings.conversation.handshake->info.chain[0];
  leaf.issuer = leaf.subject;
  refuse_certificate(findings, {{Rule::trust, true, "certificate is self-signed"}});
  const std::string advice = step_of(report_on(findings), "trust").advice;
  EXPECT_THAT(advice, HasSubstr("get it from the smarthost's administrator by a way you trust"));
  EXPECT_THAT(advice, HasSubstr("confirm the pin printed above, and set tls = pin"));
}

TEST(CheckCertificates, SayWhichFileOfOursCannotBeUsed) {
  CheckFindings findings = good_findings();
  findings.smarthost.client_identity.certificate = "/x/own.pem";
  findings.trust_error = error(base::Fault::config, "/x/own.pem: No such file or directory");
  EXPECT_THAT(step_of(report_on(findings), "configuration").advice,
              HasSubstr("Correct client_certificate"));
}

TEST(CheckCertificates, WarnOfACertificateThatEndsSoon) {
  CheckFindings findings = good_findings();
  findings.now = day(2027, 12, 31) - std::chrono::days(kExpiryWarningDays - 1);
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::warn);
  EXPECT_THAT(step_of(report, "certificate").detail, HasSubstr("expires in 20 days"));
  EXPECT_TRUE(report.is_ok());
}

TEST(CheckCertificates, DoNotWarnThreeWeeksBeforeTheEnd) {
  CheckFindings findings = good_findings();
  findings.now = day(2027, 12, 31) - std::chrono::days(kExpiryWarningDays);
  EXPECT_EQ(step_of(report_on(findings), "certificate").status, CheckStatus::pass);
}

TEST(CheckCertificates, OnlyRemarkOnAnExpiredCertificateThatNobodyVerifies) {
  CheckFindings findings = good_findings();
  findings.smarthost.tls.level = tls::Level::encrypt;
  findings.now = day(2028, 2, 1);
  findings.conversation.handshake->info.faults = {{Rule::validity, true, "expired"}};
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::warn);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::skip);
  EXPECT_TRUE(report.is_ok());
}

std::string advice_on_alert(const std::string& name, std::string own_certificate) {
  CheckFindings findings = good_findings();
  CheckConversation& held = findings.conversation;
  held.exchanges.resize(3);
  held.extensions.reset();
  held.handshake->error =
      error(base::Fault::tls, "smarthost broke the TLS handshake off with the alert " + name);
  held.handshake->info = {};
  held.failure = held.handshake->error;
  findings.smarthost.client_identity.certificate = std::move(own_certificate);
  return step_of(report_on(findings), "tls").advice;
}

TEST(CheckCertificates, SayWhatToDoAboutAnAlert) {
  EXPECT_THAT(advice_on_alert("certificate_required", ""),
              HasSubstr("client_certificate = FILE in [smarthost]"));
  EXPECT_THAT(advice_on_alert("unknown_ca", "/x/own.pem"),
              HasSubstr("does not accept our certificate, /x/own.pem"));
  EXPECT_THAT(advice_on_alert("protocol_version", ""), HasSubstr("TLS 1.1 at best"));
  EXPECT_THAT(advice_on_alert("handshake_failure", ""),
              HasSubstr("why the handshake ended. If it wants to see a certificate of this"));
}

TEST(CheckCertificates, SayWhatIsWantedThoughItIsToldAfterTheHandshakeOnly) {
  const base::Error why =
      error(base::Fault::connection, "smarthost broke TLS off with the alert certificate_required");
  CheckFindings findings = good_findings();
  cut_after(findings.conversation, 4, why);
  EXPECT_THAT(step_of(report_on(findings), "ehlo-tls").advice,
              HasSubstr("wants to see a certificate of this machine"));
  // With implicit TLS it is the greeting that does not come.
  findings = good_findings();
  findings.smarthost.mode = config::Mode::implicit;
  CheckConversation& held = findings.conversation;
  held.exchanges = {{"", true, std::nullopt, 1}};
  held.first_octets = "\x16\x03\x03 cipher";
  held.extensions.reset();
  held.failure = why;
  const CheckStep step = step_of(report_on(findings), "greeting");
  EXPECT_THAT(step.advice, HasSubstr("wants to see a certificate of this machine"));
  EXPECT_TRUE(step.more.empty()) << "what was encrypted is not for the eyes";
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

TEST(CheckCertificates, SayThatThePinMatches) {
  const CheckReport report = report_on(pinned("sha256//AAAA"));
  EXPECT_EQ(step_of(report, "pin").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "pin").detail, "the smarthost has the pinned key");
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::skip);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::skip);
  EXPECT_THAT(report.summary, HasSubstr("TLSv1.3, key pinned"));
  EXPECT_THAT(report.configuration, testing::Contains("pin = sha256//AAAA"));
}

TEST(CheckCertificates, SayWhichAuthorityHasThePinnedKey) {
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

TEST(CheckCertificates, FailWhereNoPinMatchesAndSayWhatThatMayMean) {
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

TEST(CheckCertificates, HoldToPinsBesideVerifyingToo) {
  CheckFindings findings = pinned("sha256//BBBB");
  findings.smarthost.tls.level = tls::Level::verify;
  refuse_certificate(findings, {{Rule::pin, true, "certificate has another key"}});
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "pin").status, CheckStatus::fail);
  EXPECT_EQ(step_of(report, "trust").status, CheckStatus::pass);
  EXPECT_EQ(step_of(report, "name").status, CheckStatus::pass);
}

TEST(CheckCertificates, TellARefusalThatIsNobodysRule) {
  CheckFindings findings = pinned("sha256//AAAA");
  refuse_certificate(findings, {{Rule::validity, true, "certificate expired on 2027-12-31"}});
  EXPECT_FALSE(report_on(findings).is_ok()) << "by our clock it is valid";
}

}  // namespace
}  // namespace app
