// Steps beyond one conversation: probes, the second connection, other ways in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"

namespace app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

base::Error error(base::Fault fault, std::string detail) { return {fault, std::move(detail)}; }

// --- the second connection

TEST(Resumption, IsSeenOnASecondConnection) {
  CheckFindings findings = good_findings();
  findings.again = CheckAgain{std::nullopt, good_conversation()};
  findings.again->conversation.handshake->info.is_resumed = true;
  findings.again->conversation.handshake->milliseconds = 9;
  const CheckStep step = step_of(report_on(findings), "resumption");
  EXPECT_EQ(step.status, CheckStatus::pass);
  EXPECT_EQ(step.detail, "a second connection resumed the TLS session, in 9 ms");
}

TEST(Resumption, IsNoFaultWhereTheSmarthostHasNone) {
  CheckFindings findings = good_findings();
  findings.again = CheckAgain{std::nullopt, good_conversation()};
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "resumption").detail, HasSubstr("a full handshake"));
  EXPECT_EQ(step_of(report, "resumption").status, CheckStatus::pass);
}

TEST(Resumption, WarnsOfASecondConnectionThatFails) {
  CheckFindings findings = good_findings();
  findings.again = CheckAgain{error(base::Fault::unreachable, "connection refused"), {}};
  CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "resumption").status, CheckStatus::warn);
  EXPECT_THAT(step_of(report, "resumption").advice, HasSubstr("max_connections = 1"));
  EXPECT_TRUE(report.is_ok());
  findings.again = CheckAgain{};
  findings.again->conversation.failure = error(base::Fault::peer_unable, "answered with 421");
  report = report_on(findings);
  EXPECT_THAT(step_of(report, "resumption").detail, HasSubstr("answered with 421"));
}

// --- probes

// With these exchanges before QUIT.
CheckFindings probed(std::vector<CheckExchange> exchanges) {
  CheckFindings findings = good_findings();
  auto& all = findings.conversation.exchanges;
  all.insert(all.end() - 1, exchanges.begin(), exchanges.end());
  return findings;
}

TEST(Probes, ShowTheAnswersToSenderAndRecipients) {
  const CheckReport report =
      report_on(probed({{"MAIL FROM:<a@x.example>", true, reply(250, {"2.1.0 ok"}), 1},
                        {"RCPT TO:<b@y.example>", true, reply(250, {"2.1.5 ok"}), 2},
                        {"RCPT TO:<c@y.example>", true, reply(550, {"5.1.1 unknown"}), 3},
                        {"RSET", true, reply(250, {"2.0.0 reset"}), 1}}));
  EXPECT_EQ(step_of(report, "mail-from").detail, "<a@x.example>: 250 2.1.0 ok");
  EXPECT_EQ(step_of(report, "rcpt-to").status, CheckStatus::pass);
  ASSERT_NE(report.first_failure(), nullptr);
  EXPECT_EQ(report.first_failure()->detail, "<c@y.example>: 550 5.1.1 unknown");
  EXPECT_EQ(report.exit_status(), ExitStatus::unavailable);
  EXPECT_EQ(step_of(report, "rset").step, "") << "is not worth a line when all is well";
  EXPECT_EQ(report.summary,
            "the way to smtp.example.edu:587 is in order (TLSv1.3, certificate verified), BUT "
            "<c@y.example>: 550 5.1.1 unknown");
}

TEST(Probes, SuggestALoginWhereRelayingIsDenied) {
  const auto advice = [](int code, std::string text) {
    return step_of(report_on(probed({{"MAIL FROM:<a@x>", true, reply(code, {text}), 1}})),
                   "mail-from")
        .advice;
  };
  EXPECT_THAT(advice(530, "5.7.0 Authentication required"), HasSubstr("--auth-user NAME"));
  EXPECT_THAT(advice(550, "5.7.1 relaying denied"), HasSubstr("--auth-user NAME"));
  EXPECT_THAT(advice(450, "4.7.1 greylisted"), HasSubstr("try again in a few minutes"));
  EXPECT_THAT(advice(554, "5.7.1 no"), HasSubstr("administrator"));
}

TEST(Probes, TellALoginThatWorks) {
  const CheckReport report =
      report_on(probed({{"AUTH LOGIN", true, reply(334, {"VXNlcm5hbWU6"}), 1},
                        {"AUTH LOGIN (user name)", true, reply(334, {"UGFzc3dvcmQ6"}), 1},
                        {"AUTH LOGIN (password)", true, reply(235, {"2.7.0 welcome"}), 1}}));
  EXPECT_EQ(step_of(report, "login").status, CheckStatus::pass);
  EXPECT_THAT(step_of(report, "login").detail, HasSubstr("235 2.7.0 welcome"));
  EXPECT_THAT(report.summary, HasSubstr("the login works"));
}

TEST(Probes, ExitWithRefusedForAWrongPassword) {
  const CheckReport report =
      report_on(probed({{"AUTH PLAIN", true, reply(535, {"5.7.8 bad credentials"}), 1}}));
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
  EXPECT_THAT(step_of(report, "login").advice, HasSubstr("password is wrong"));
}

// A password that was only tried (--auth-user) is the application's; that of the configuration is
// part of it.
TEST(Probes, CallNoConfigurationWorkingWhoseLoginFails) {
  CheckFindings findings = probed({{"AUTH PLAIN", true, reply(535, {"5.7.8 no"}), 1}});
  EXPECT_FALSE(report_on(findings).configuration.empty());
  findings.smarthost.login.username = "joe";
  const CheckReport report = report_on(findings);
  EXPECT_TRUE(report.configuration.empty());
  EXPECT_EQ(report.configuration_title, "");
}

TEST(Probes, ExitWithTemporaryForALoginThatCannotBeCheckedNow) {
  const CheckReport report =
      report_on(probed({{"AUTH PLAIN", true, reply(454, {"4.7.0 try later"}), 1}}));
  EXPECT_EQ(report.exit_status(), ExitStatus::temporary);
}

TEST(Probes, SayWhyALoginWasNotTried) {
  CheckFindings findings = good_findings();
  findings.conversation.probe_failure = error(base::Fault::tls, "not tried: not verified");
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "login").detail, "not tried: not verified");
  EXPECT_THAT(step_of(report, "login").advice, HasSubstr("--tls verify"));
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
}

TEST(Probes, SayWhatWasNotAnswered) {
  CheckFindings findings = probed({{"MAIL FROM:<a@x>", true, std::nullopt, 1}});
  findings.conversation.probe_failure = error(base::Fault::connection, "smarthost closed it");
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "mail-from").detail, "smarthost closed it");
  EXPECT_EQ(report.exit_status(), ExitStatus::unavailable);
}

// --- other ways in

CheckFindings unreachable_at_25() {
  CheckFindings findings = good_findings();
  findings.smarthost.port = 25;
  findings.connects[0].error = error(base::Fault::unreachable, "no answer in 15 s");
  findings.walked.reset();
  return findings;
}

CheckAlternative alternative(std::uint16_t port, config::Mode mode) {
  CheckAlternative one;
  one.smarthost = good_findings().smarthost;
  one.smarthost.port = port;
  one.smarthost.mode = mode;
  one.conversation = good_conversation();
  return one;
}

TEST(OtherWays, SayThatPort25IsBlockedAndEndWithWhatWorks) {
  CheckFindings findings = unreachable_at_25();
  findings.alternatives = {alternative(587, config::Mode::starttls),
                           alternative(465, config::Mode::implicit)};
  findings.alternatives[1].connect_error = error(base::Fault::unreachable, "no answer in 5 s");
  const CheckReport report = report_on(findings);
  EXPECT_THAT(step_of(report, "connect").advice,
              HasSubstr("Port 25 is blocked on the way out, as in many networks. Use port = 587 "
                        "with mode = starttls: that works"));
  EXPECT_EQ(step_of(report, "alternative").detail,
            "mode = starttls works: TLSv1.3, certificate verified; offers AUTH PLAIN, LOGIN");
  EXPECT_EQ(step_of(report, "alternative").address, "smtp.example.edu:587");
  EXPECT_THAT(report.configuration, ElementsAre("[smarthost]", "host = smtp.example.edu",
                                                "port = 587", "mode = starttls", "tls = verify"));
  EXPECT_EQ(report.exit_status(), ExitStatus::unavailable);
}

TEST(OtherWays, DoNotEndWithOneThatDoesNotMeetTheLevel) {
  CheckFindings findings = unreachable_at_25();
  findings.alternatives = {alternative(587, config::Mode::starttls)};
  findings.alternatives[0].conversation.extensions.reset();
  findings.alternatives[0].conversation.failure = error(base::Fault::tls, "certificate expired");
  const CheckReport report = report_on(findings);
  EXPECT_EQ(step_of(report, "alternative").detail, "mode = starttls fails: certificate expired");
  EXPECT_THAT(step_of(report, "connect").advice, HasSubstr("at ports 587 of it stands below"));
  EXPECT_TRUE(report.configuration.empty());
}

TEST(OtherWays, SayWhenEveryPortIsShut) {
  CheckFindings findings = unreachable_at_25();
  findings.alternatives = {alternative(587, config::Mode::starttls),
                           alternative(465, config::Mode::implicit)};
  for (auto& one : findings.alternatives) {
    one.connect_error = error(base::Fault::unreachable, "connection refused");
  }
  EXPECT_THAT(step_of(report_on(findings), "connect").advice,
              HasSubstr("No connection can be made to its ports 587 and 465 either"));
}

TEST(OtherWays, AreWorthALookWhereStarttlsIsMissing) {
  CheckFindings findings = good_findings();
  findings.smarthost.port = 25;
  cut_after(findings.conversation, 2,
            error(base::Fault::tls_unavailable, "smarthost does not offer STARTTLS"));
  findings.conversation.exchanges[1].reply = reply(250, {"smtp.example.edu", "PIPELINING"});
  findings.alternatives = {alternative(465, config::Mode::implicit)};
  EXPECT_THAT(step_of(report_on(findings), "starttls").advice,
              HasSubstr("Use port = 465 with mode = implicit: that works"));
}

}  // namespace
}  // namespace app
