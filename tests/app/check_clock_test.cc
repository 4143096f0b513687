// The date in a greeting, and what it says about our own clock.
#include "app/check_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"

namespace app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using Rule = tls::IdentityFault::Rule;

const base::WallTime kAfternoon = day(2026, 11, 26) + hours(16) + minutes(9) + seconds(7);

TEST(FindDate, ReadsItAsServersWriteIt) {
  for (const char* greeting :
       {"220 a.example.edu ESMTP Exim 4.96 Thu, 26 Nov 2026 16:09:07 +0000",
        "220 a.example.edu ESMTP Sendmail 8.17/8.17; Thu, 26 Nov 2026 17:09:07 +0100 (CET)",
        "220 a.example.edu Microsoft ESMTP MAIL Service ready at 26 Nov 2026 11:09:07 EST",
        "220 at 26 Nov 2026 16:09:07 GMT, welcome"}) {
    EXPECT_EQ(find_date(greeting), kAfternoon) << greeting;
  }
  EXPECT_EQ(find_date("220 a, 1 Feb 2026 00:00 -0030"), day(2026, 2, 1) + minutes(30));
}

TEST(FindDate, TakesNothingElseForOne) {
  for (const char* greeting :
       {"220 a.example.edu ESMTP", "", "220 26 Nov 2026 16:09:07", "220 26 Nov 26 16:09:07 +0000",
        "220 31 Feb 2026 16:09:07 +0000", "220 26 Nov 2026 24:09:07 +0000",
        "220 26 Nov 2026 16:09:07 +0", "220 -1 Nov 2026 16:09:07 +0000",
        "220 26 Nov 2026 16:09:07 CET", "220 0 Nov 2026 16:09:07 +0000"}) {
    EXPECT_FALSE(find_date(greeting)) << greeting;
  }
}

CheckFindings greeted_on(const std::string& date) {
  CheckFindings findings = good_findings();
  findings.conversation.exchanges[0].reply = reply(220, {"smtp.example.edu ESMTP " + date});
  return findings;
}

TEST(Clock, IsConfirmedByAGreetingOfTheSameTime) {
  const CheckReport report = report_on(greeted_on("Tue, 1 Jun 2027 00:01:00 +0000"));
  EXPECT_EQ(step_of(report, "clock").status, CheckStatus::pass);
  EXPECT_THAT(step_of(report, "clock").detail, HasSubstr("2027-06-01 00:00 UTC"));
}

TEST(Clock, IsDoubtedWhenTheGreetingSaysAnotherTime) {
  const CheckReport report = report_on(greeted_on("Tue, 1 Jun 2027 00:06:00 +0000"));
  EXPECT_EQ(step_of(report, "clock").status, CheckStatus::warn);
  EXPECT_THAT(step_of(report, "clock").detail, HasSubstr("2027-06-01 00:06 UTC"));
  EXPECT_THAT(step_of(report, "clock").advice, HasSubstr("NTP"));
  EXPECT_TRUE(report.is_ok());
}

TEST(Clock, IsNotMentionedWithoutEvidence) {
  EXPECT_EQ(step_of(report_on(good_findings()), "clock").step, "");
}

TEST(Clock, OfAMachineWithoutBatteryIsBlamed) {
  CheckFindings findings = good_findings();
  findings.now = base::WallTime{} + hours(1);
  refuse_certificate(findings, {{Rule::validity, true, "not valid before 2027-01-01"}});
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "clock").detail, HasSubstr("1970-01-01"));
  EXPECT_EQ(step_of(report, "certificate").status, CheckStatus::fail);
  EXPECT_THAT(step_of(report, "certificate").advice,
              HasSubstr("This machine's clock is wrong: it says 1970-01-01"));
}

TEST(Clock, IsBlamedWhereTheCertificateIsValidByTheSmarthosts) {
  CheckFindings findings = greeted_on("Tue, 1 Jun 2027 00:00:00 +0000");
  findings.now = day(2029, 6, 1);
  refuse_certificate(findings, {{Rule::validity, true, "expired on 2027-12-31"}});
  EXPECT_THAT(step_of(report_on(findings), "certificate").advice,
              HasSubstr("it says 2029-06-01, the smarthost's greeting says 2027-06-01, and on that "
                        "day the certificate is valid"));
}

TEST(Clock, IsClearedWhereTheSmarthostAgrees) {
  CheckFindings findings = greeted_on("Tue, 1 Jun 2028 00:00:00 +0000");
  findings.now = day(2028, 6, 1);
  refuse_certificate(findings, {{Rule::validity, true, "expired on 2027-12-31"}});
  EXPECT_THAT(step_of(report_on(findings), "certificate").advice,
              HasSubstr("This machine's clock is right"));
  findings.conversation.exchanges[0].reply = reply(220, {"x ESMTP 1 Jan 2026 00:00:00 GMT"});
  findings.second_look.reset();
  findings.now = day(2026, 12, 1);
  findings.conversation.exchanges[0].reply = reply(220, {"x ESMTP 1 Dec 2026 00:00:00 GMT"});
  EXPECT_THAT(step_of(report_on(findings), "certificate").advice,
              HasSubstr("put it in too early. This machine's clock is right"));
}

TEST(Clock, ReadsTheGreetingBehindARefusedCertificate) {
  CheckFindings findings = greeted_on("Tue, 1 Jun 2027 00:00:00 +0000");
  refuse_certificate(findings, {{Rule::trust, true, "not trusted"}});
  findings.conversation.exchanges.clear();  // as with implicit TLS
  EXPECT_EQ(judge_clock(findings).kind, ClockEvidence::Kind::confirmed);
}

}  // namespace
}  // namespace app
