#include "tls/verdict.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/extensions.h"

namespace tls {
namespace {

using std::chrono::sys_days;
using testing::HasSubstr;
using Rule = IdentityFault::Rule;

constexpr const char* kTrust = "ca_file /etc/x.pem (1 certificate)";

Examined certificate(std::vector<std::string> names = {"mail.u.test"}) {
  Examined examined;
  examined.facts.subject = "CN=mail";
  examined.facts.issuer = "CN=Root";
  examined.facts.key = "RSA 1024";
  examined.facts.not_before = sys_days(std::chrono::year(2026) / 3 / 1);
  examined.facts.not_after = sys_days(std::chrono::year(2026) / 1 / 31);
  examined.names.dns = std::move(names);
  return examined;
}

Verdict verdict_for(std::string_view name = "mail.u.test") {
  return {parse_reference_name(name), std::string(name), kTrust};
}

// What is said of a leaf with that one finding.
IdentityFault fault_of(Finding finding) {
  Verdict verdict = verdict_for();
  Examined leaf = certificate();
  leaf.findings = {finding};
  verdict.take_leaf(leaf);
  EXPECT_EQ(verdict.faults().size(), 1U);
  return verdict.faults().empty() ? IdentityFault() : verdict.faults().front();
}

TEST(Verdict, HasNothingAgainstAGoodChain) {
  Verdict verdict = verdict_for();
  verdict.take_issuer(certificate({}));
  verdict.take_leaf(certificate());
  EXPECT_TRUE(verdict.faults().empty());
}

TEST(Verdict, TellsWhatTheLibraryFound) {
  EXPECT_EQ(fault_of(Finding::expired).detail, "certificate expired on 2026-01-31");
  EXPECT_EQ(fault_of(Finding::expired).rule, Rule::validity);
  EXPECT_EQ(fault_of(Finding::not_yet_valid).detail, "certificate is not valid before 2026-03-01");
  EXPECT_EQ(fault_of(Finding::untrusted).rule, Rule::trust);
  EXPECT_THAT(fault_of(Finding::weak_hash).detail, HasSubstr("SHA-1"));
  EXPECT_THAT(fault_of(Finding::weak_key).detail, HasSubstr("RSA 1024"));
  EXPECT_THAT(fault_of(Finding::foreign_key).detail, HasSubstr("RSA 1024"));
  EXPECT_THAT(fault_of(Finding::other_purpose).detail, HasSubstr("not meant for a TLS server"));
  EXPECT_EQ(fault_of(Finding::unknown).rule, Rule::other);
}

TEST(Verdict, NamesTheAuthorityThatIsMissing) {
  EXPECT_EQ(fault_of(Finding::untrusted).detail,
            "certificate is issued by an authority that is not in the "
            "ca_file /etc/x.pem (1 certificate): CN=Root");
  Verdict verdict = verdict_for();
  Examined leaf = certificate();
  leaf.facts.issuer = leaf.facts.subject;
  leaf.findings = {Finding::untrusted};
  verdict.take_leaf(leaf);
  EXPECT_EQ(verdict.summary(),
            "certificate is self-signed and not in the ca_file /etc/x.pem (1 certificate)");
}

TEST(Verdict, TellsTheLeafFromItsIssuers) {
  Verdict verdict = verdict_for();
  Examined issuer = certificate({});
  issuer.findings = {Finding::expired};
  verdict.take_issuer(issuer);
  verdict.take_leaf(certificate());
  ASSERT_EQ(verdict.faults().size(), 1U);
  EXPECT_FALSE(verdict.faults()[0].is_leaf);
  EXPECT_EQ(verdict.faults()[0].detail, "issuer's certificate expired on 2026-01-31");
}

TEST(Verdict, NamesTheIssuerThatMayNotIssueForTlsServers) {
  Verdict verdict = verdict_for();
  Examined issuer = certificate({});
  issuer.facts.subject = "CN=Mail Signers";
  issuer.findings = {Finding::other_purpose};
  verdict.take_issuer(issuer);
  verdict.take_leaf(certificate());
  EXPECT_EQ(verdict.summary(),
            "issuer's certificate is not meant for TLS servers (its extended key usage "
            "lacks serverAuth): CN=Mail Signers");
}

TEST(Verdict, TellsForWhomACertificateIs) {
  Verdict verdict = verdict_for();
  verdict.take_leaf(certificate({"a.test", "b.test"}));
  EXPECT_EQ(verdict.summary(), "certificate is for a.test, b.test, not for mail.u.test");
  EXPECT_TRUE(verdict.has(Rule::name));
  EXPECT_FALSE(verdict.has(Rule::trust));
}

TEST(Verdict, ExplainsThatCommonNamesDoNotCount) {
  Verdict verdict = verdict_for();
  verdict.take_leaf(certificate({}));
  EXPECT_THAT(verdict.summary(), HasSubstr("no subjectAltName"));
  EXPECT_THAT(verdict.summary(), HasSubstr("CN=mail"));
}

TEST(Verdict, TellsWhatKindsOfNamesThereAreInstead) {
  Verdict verdict = verdict_for();
  Examined leaf = certificate({});
  leaf.names.others = {kUriTag, kMailAddressTag, kUriTag};
  verdict.take_leaf(leaf);
  EXPECT_EQ(verdict.summary(),
            "certificate names no host (its subjectAltName holds other kinds of names only: URI, "
            "mail address; its subject CN=mail does not count), so it is not for mail.u.test");
}

TEST(Verdict, TellsAnAddressThatIsWrittenAsADnsName) {
  Verdict verdict = verdict_for("127.0.0.1");
  verdict.take_leaf(certificate({"127.0.0.1"}));
  EXPECT_EQ(
      verdict.summary(),
      "certificate names 127.0.0.1 as a DNS name, not as an IP address, so it is not for that "
      "address");
  EXPECT_TRUE(verdict.has(Rule::name));
  Verdict other = verdict_for("127.0.0.2");
  other.take_leaf(certificate({"127.0.0.1"}));
  EXPECT_EQ(other.summary(), "certificate is for 127.0.0.1, not for 127.0.0.2");
}

TEST(Verdict, ListsAllFaults) {
  Verdict verdict = verdict_for();
  Examined leaf = certificate({"a.test"});
  leaf.findings = {Finding::expired};
  verdict.take_leaf(leaf);
  EXPECT_EQ(verdict.summary(),
            "certificate expired on 2026-01-31; certificate is for a.test, not for mail.u.test");
}

TEST(Verdict, HoldsIssuersToTheirNameConstraints) {
  Examined issuer = certificate({});
  issuer.constraints = parse_name_constraints(write_name_constraints({"example.com"}));
  Verdict strict = verdict_for();
  strict.take_issuer(issuer);
  strict.take_leaf(certificate());
  EXPECT_THAT(strict.summary(), HasSubstr("name constraints"));
  Verdict content = verdict_for("mail.example.com");
  content.take_issuer(issuer);
  content.take_leaf(certificate({"mail.example.com"}));
  EXPECT_TRUE(content.faults().empty());
}

TEST(Verdict, AppliesExclusionsToTheNameAWildcardStandsFor) {
  Examined issuer = certificate({});
  issuer.constraints.excluded_dns = {"mail.u.test"};
  Verdict verdict = verdict_for();
  verdict.take_issuer(issuer);
  verdict.take_leaf(certificate({"*.u.test"}));
  EXPECT_THAT(verdict.summary(), HasSubstr("name constraints"));
}

TEST(Verdict, DoesNotMissTrustWhereNobodyIsTrusted) {
  Verdict verdict(parse_reference_name("mail.u.test"), "mail.u.test", "");
  Examined leaf = certificate();
  leaf.findings = {Finding::untrusted};
  verdict.take_leaf(leaf);
  EXPECT_TRUE(verdict.faults().empty());
}

}  // namespace
}  // namespace tls
