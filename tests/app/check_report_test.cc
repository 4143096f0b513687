// How a report of `smtpseal check` looks: text in 80 columns, and JSON.
#include "app/check_report.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/check_fixture.h"
#include "base/text.h"

namespace app {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

CheckStep step(std::string name, CheckStatus status, std::string detail, std::string advice = {}) {
  return make_step(std::move(name), status, std::move(detail), std::move(advice));
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

TEST(WrapText, KeepsShortTextOnOneLine) {
  EXPECT_EQ(wrap_text("a few words", 4, 20), "a few words");
}

TEST(WrapText, BreaksBetweenWordsAndIndents) {
  EXPECT_EQ(wrap_text("one two three four", 2, 10), "one two\n  three\n  four");
}

TEST(WrapText, FillsALineToItsLastColumn) { EXPECT_EQ(wrap_text("abc def", 3, 10), "abc def"); }

TEST(WrapText, BreaksOneColumnBeforeItIsTooLate) {
  EXPECT_EQ(wrap_text("abc defg", 3, 10), "abc\n   defg");
}

TEST(WrapText, LeavesAWordThatFitsNowhereInOnePiece) {
  EXPECT_EQ(wrap_text("a abcdefghijkl b", 2, 8), "a\n  abcdefghijkl\n  b");
}

TEST(WrapText, CountsCharactersAndNotOctets) { EXPECT_EQ(wrap_text("äöü äöü", 0, 7), "äöü äöü"); }

TEST(WrapText, KeepsACommandInBackQuotesTogether) {
  EXPECT_EQ(wrap_text("Try `a b c`. Then", 0, 9), "Try\n`a b c`.\nThen");
}

TEST(WrapText, GivesNothingForNothing) { EXPECT_EQ(wrap_text("   ", 3, 10), ""); }

TEST(CheckText, HasStatusLabelAndDetailOnOneLine) {
  const std::vector<CheckStep> steps = {step("starttls", CheckStatus::pass, "220 go")};
  EXPECT_EQ(format_steps(steps, false), "PASS  STARTTLS       220 go\n");
}

TEST(CheckText, PutsAdviceUnderAWarning) {
  const std::vector<CheckStep> steps = {step("dns", CheckStatus::warn, "slow", "Do this.")};
  EXPECT_EQ(format_steps(steps, false),
            "WARN  DNS            slow\n                     -> Do this.\n");
}

TEST(CheckText, NamesTheAddressOfAStep) {
  std::vector<CheckStep> steps = {step("connect", CheckStatus::pass, "connected in 3 ms")};
  steps[0].address = "[2001:db8::1]:587";
  EXPECT_EQ(format_steps(steps, false),
            "PASS  connect        [2001:db8::1]:587: connected in 3 ms\n");
}

TEST(CheckText, SaysTheSameAdviceOnceInARow) {
  const std::vector<CheckStep> steps = {step("connect", CheckStatus::fail, "a", "Same."),
                                        step("connect", CheckStatus::fail, "b", "Same."),
                                        step("connect", CheckStatus::fail, "c", "Other.")};
  const std::string text = format_steps(steps, false);
  EXPECT_EQ(text.find("Same."), text.rfind("Same."));
  EXPECT_THAT(text, HasSubstr("Other."));
}

TEST(CheckText, PutsStepsThatWereNotReachedOnOneLine) {
  const std::vector<CheckStep> steps = {
      step("tls", CheckStatus::skip, std::string(kNotReached)),
      step("ehlo-tls", CheckStatus::skip, std::string(kNotReached))};
  EXPECT_EQ(format_steps(steps, false), "SKIP  the rest       not reached: TLS, EHLO in TLS\n");
}

TEST(CheckText, ShowsAStepSkippedForAReasonOnItsOwn) {
  const std::vector<CheckStep> steps = {step("trust", CheckStatus::skip, "not verified")};
  EXPECT_EQ(format_steps(steps, false), "SKIP  trust          not verified\n");
}

TEST(CheckText, ColoursTheStatusAlone) {
  const std::vector<CheckStep> steps = {step("dns", CheckStatus::fail, "x")};
  EXPECT_EQ(format_steps(steps, true), "\x1b[1;31mFAIL\x1b[0m  DNS            x\n");
  EXPECT_THAT(format_steps(steps, false), Not(HasSubstr("\x1b")));
}

TEST(CheckText, FitsInEightyColumns) {
  CheckFindings findings = good_findings();
  CheckReport report = report_on(findings);
  EXPECT_LE(widest_line(format_steps(report.steps, false)), kReportColumns);
  EXPECT_LE(widest_line(format_conclusion(report, false)), kReportColumns);

  findings.connects[0].error = base::Error{base::Fault::unreachable, "connection refused"};
  findings.walked.reset();
  report = report_on(findings);
  EXPECT_LE(widest_line(format_steps(report.steps, false)), kReportColumns);
  EXPECT_LE(widest_line(format_conclusion(report, false)), kReportColumns);
}

TEST(CheckText, EndsWithTheConfigurationThatWorks) {
  const std::string text = format_conclusion(report_on(good_findings()), false);
  EXPECT_THAT(text, StartsWith("\nOK  smtpseal can hand mail to smtp.example.edu:587"));
  EXPECT_THAT(text, EndsWith("\nConfiguration that works, for " + config::default_files()[0] +
                             " or " + config::default_files()[1] +
                             ":\n\n  [smarthost]\n"
                             "  host = smtp.example.edu\n  port = 587\n"
                             "  mode = starttls\n  tls = verify\n"));
}

TEST(CheckText, NamesTheFileThatTheConfigurationIsFor) {
  CheckFindings findings = good_findings();
  findings.config_file = "/x/y.conf";
  EXPECT_THAT(format_conclusion(report_on(findings), false),
              HasSubstr("\nConfiguration that works, for /x/y.conf:\n"));
}

TEST(CheckText, PrintsThePinToPasteInOnePiece) {
  CheckFindings findings = good_findings();
  const std::string pin = "sha256//" + std::string(43, 'A') + "=";
  findings.conversation.handshake->info.chain[0].pin = pin;
  const std::string text = format_steps(report_on(findings).steps, false);
  EXPECT_THAT(text, HasSubstr(" pin = " + pin + "\n"));
  EXPECT_LE(widest_line(text), kReportColumns);
}

TEST(CheckReport, ExitsByTheFaultOfTheFirstFailure) {
  CheckReport report;
  EXPECT_EQ(report.exit_status(), ExitStatus::ok);
  report.steps = {step("dns", CheckStatus::warn, "x"),
                  make_failure("tls", base::Fault::tls, "x", ""),
                  make_failure("ehlo-tls", base::Fault::peer_protocol, "x", "")};
  EXPECT_EQ(report.exit_status(), ExitStatus::refused);
}

TEST(CheckReport, MapsEveryFaultToItsStatus) {
  const auto status_of = [](base::Fault fault) {
    CheckReport report;
    report.steps = {make_failure("x", fault, "x", "")};
    return static_cast<int>(report.exit_status());
  };
  EXPECT_EQ(status_of(base::Fault::unreachable), 69);
  EXPECT_EQ(status_of(base::Fault::connection), 69);
  EXPECT_EQ(status_of(base::Fault::peer_refused), 69);
  EXPECT_EQ(status_of(base::Fault::peer_unable), 75);
  EXPECT_EQ(status_of(base::Fault::peer_protocol), 76);
  EXPECT_EQ(status_of(base::Fault::tls), 77);
  EXPECT_EQ(status_of(base::Fault::tls_unavailable), 77);
  EXPECT_EQ(status_of(base::Fault::config), 78);
}

TEST(CheckJson, HasEveryFieldOfTheSchema) {
  const json value = json::parse(format_json({report_on(good_findings())}));
  EXPECT_EQ(value["smtpseal_check"], 1);
  EXPECT_EQ(value["smarthost"], "smtp.example.edu:587");
  EXPECT_EQ(value["mode"], "starttls");
  EXPECT_EQ(value["tls"], "verify");
  EXPECT_EQ(value["ok"], true);
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_THAT(value["summary"].get<std::string>(), HasSubstr("certificate verified"));
  EXPECT_TRUE(value["steps"].is_array());
  EXPECT_EQ(value["configuration"][1], "host = smtp.example.edu");
  EXPECT_FALSE(value.contains("more"));
}

TEST(CheckJson, DescribesEachStep) {
  const json value = json::parse(format_json({report_on(good_findings())}));
  std::vector<std::string> names;
  for (const json& one : value["steps"]) names.push_back(one["step"]);
  EXPECT_THAT(names,
              ElementsAre("configuration", "dns", "connect", "greeting", "ehlo", "starttls", "tls",
                          "certificate", "trust", "name", "ehlo-tls", "auth", "quit"));
  EXPECT_EQ(value["steps"][1]["addresses"], json({"192.0.2.1"}));
  EXPECT_EQ(value["steps"][2]["address"], "192.0.2.1:587");
  EXPECT_EQ(value["steps"][2]["status"], "PASS");
  EXPECT_EQ(value["steps"][3]["code"], 220);
  EXPECT_EQ(value["steps"][3]["ms"], 12);
  EXPECT_EQ(value["steps"][6]["version"], "TLSv1.3");
  EXPECT_EQ(value["steps"][11]["mechanisms"], json({"PLAIN", "LOGIN"}));
}

TEST(CheckJson, GivesFaultAndAdviceOfAFailure) {
  CheckFindings findings = good_findings();
  findings.lookup_error = base::Error{base::Fault::unreachable, "smtp.example.edu: no such host"};
  findings.addresses.clear();
  const json value = json::parse(format_json({report_on(findings)}));
  EXPECT_EQ(value["ok"], false);
  EXPECT_EQ(value["exit_status"], 69);
  EXPECT_EQ(value["steps"][1]["fault"], "unreachable");
  EXPECT_THAT(value["steps"][1]["advice"].get<std::string>(), HasSubstr("spelling"));
  EXPECT_EQ(value["steps"][2]["status"], "SKIP");
  EXPECT_EQ(value["extensions"], json::object());
  EXPECT_EQ(value["configuration"], json::array());
}

TEST(CheckJson, ListsCertificatesWithTheirDays) {
  const json value = json::parse(format_json({report_on(good_findings())}));
  const json& leaf = value["certificates"][0];
  EXPECT_EQ(leaf["subject"], "CN=smtp.example.edu");
  EXPECT_EQ(leaf["not_after"], "2027-12-31T00:00:00.000Z");
  EXPECT_EQ(leaf["days_left"], 213);
  EXPECT_EQ(leaf["names"], json({"smtp.example.edu", "mail.example.edu"}));
}

TEST(CheckJson, TellsSizeFromNoSize) {
  CheckFindings findings = good_findings();
  EXPECT_EQ(json::parse(format_json({report_on(findings)}))["extensions"]["size"], 1000);
  findings.conversation.extensions->size = false;
  EXPECT_EQ(json::parse(format_json({report_on(findings)}))["extensions"]["size"], false);
}

TEST(CheckJson, SpeaksForAllSmarthostsAtTheTop) {
  CheckFindings bad = good_findings();
  bad.trust_error = base::Error{base::Fault::config, "no trust"};
  const json value = json::parse(format_json({report_on(good_findings()), report_on(bad)}));
  EXPECT_EQ(value["ok"], false);
  EXPECT_EQ(value["exit_status"], 78);
  ASSERT_EQ(value["more"].size(), 1U);
  EXPECT_EQ(value["more"][0]["ok"], false);
}

TEST(CheckJson, SurvivesTextThatIsNotUtf8) {
  CheckReport report;
  report.steps = {step("greeting", CheckStatus::pass, "220 \xff\xfe")};
  EXPECT_TRUE(json::accept(format_json({report})));
}

TEST(CheckJson, ReportsABrokenConfigurationWithEveryProblem) {
  const json value = json::parse(
      format_json(std::vector<config::Problem>{{"f:1", "unknown key"}, {"f:2", "bad value"}}));
  EXPECT_EQ(value["ok"], false);
  EXPECT_EQ(value["exit_status"], 78);
  EXPECT_EQ(value["smarthost"], nullptr);
  ASSERT_EQ(value["steps"].size(), 2U);
  EXPECT_EQ(value["steps"][1]["detail"], "f:2: bad value");
}

}  // namespace
}  // namespace app
