// `smtpseal check` against a smarthost that is in order, or wrong in one way.
#include <chrono>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "e2e/check_fixture.h"

namespace support {
namespace {

using nlohmann::json;
using std::chrono::hours;
using testing::HasSubstr;
using testing::Not;

class Check : public CheckTest {};

TEST_F(Check, PassesAGoodSmarthostStepByStep) {
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  for (const json& step : value["steps"]) EXPECT_NE(step["status"], "FAIL") << step;
  EXPECT_EQ(text_of(value, "tls", "version"), "TLSv1.3");
  EXPECT_EQ(text_of(value, "tls", "group"), "X25519");
  EXPECT_EQ(value["extensions"]["size"], 52428800);
  EXPECT_EQ(value["extensions"]["pipelining"], true);
  EXPECT_EQ(value["extensions"]["chunking"], false);
  ASSERT_EQ(value["certificates"].size(), 1U);
  EXPECT_EQ(value["certificates"][0]["names"], json({kSmarthostName}));
  EXPECT_EQ(value["certificates"][0]["days_left"], 29);
  EXPECT_EQ(value["configuration"][1], "host = 127.0.0.1");
}

TEST_F(Check, SaysOurNameAndGoodbye) {
  report();
  smarthost_->wait_until_idle();
  // Once to look at everything, once more to resume.
  ASSERT_EQ(smarthost_->connections(), 2U);
  for (const ConnectionRecord& record : smarthost_->journal().records()) {
    EXPECT_EQ(record.received(false), "EHLO seal.client.test\r\nSTARTTLS\r\n");
    EXPECT_EQ(record.received(true), "EHLO seal.client.test\r\nQUIT\r\n");
  }
}

TEST_F(Check, IsReadableInEightyColumnsWithoutColour) {
  const Finished finished = check();
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.errors, "");
  EXPECT_THAT(finished.output, Not(HasSubstr("\x1b")));
  EXPECT_THAT(finished.output, HasSubstr("PASS  trust "));
  EXPECT_THAT(finished.output, HasSubstr("\nOK  smtpseal can hand mail to 127.0.0.1:"));
  EXPECT_THAT(finished.output, HasSubstr("\n  verify_name = smarthost.test\n"));
  std::istringstream lines(finished.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(directory_.path()) != std::string::npos) continue;  // a path is never broken
    EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST_F(Check, FailsOverACertificateThatExpiredAndShowsTheRest) {
  tls::CertificateRequest request = good_request();
  request.not_after = std::chrono::system_clock::now() - hours(24);
  request.not_before = request.not_after - hours(240);
  present(request);
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "certificate"), "FAIL");
  EXPECT_EQ(status_of(value, "trust"), "PASS");
  EXPECT_EQ(status_of(value, "name"), "PASS");
  EXPECT_EQ(status_of(value, "ehlo-tls"), "PASS");
  EXPECT_EQ(text_of(value, "tls", "version"), "TLSv1.3");
  EXPECT_EQ(value["certificates"].size(), 1U);
  EXPECT_EQ(value["extensions"]["dsn"], true);
}

TEST_F(Check, WarnsOfACertificateThatEndsSoon) {
  tls::CertificateRequest request = good_request();
  request.not_after = std::chrono::system_clock::now() + hours(24 * 5);
  present(request);
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "certificate"), "WARN");
}

TEST_F(Check, FailsOverAWrongNameAndSuggestsTheRightOne) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"mail.example.net"};
  present(request);
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "trust"), "PASS");
  EXPECT_EQ(status_of(value, "name"), "FAIL");
  EXPECT_THAT(text_of(value, "name", "advice"), HasSubstr("verify_name = mail.example.net"));
}

TEST_F(Check, FailsOverAnAuthorityThatIsNotTrusted) {
  present(good_request(), foreign_authority());
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "trust"), "FAIL");
  EXPECT_EQ(status_of(value, "name"), "PASS");
  EXPECT_THAT(text_of(value, "trust", "advice"), HasSubstr("ca_file"));
}

TEST_F(Check, FailsWhereStarttlsIsNotOffered) {
  change([](Behavior& behavior) { behavior.clear_keywords = {"PIPELINING"}; });
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "ehlo"), "PASS");
  EXPECT_EQ(status_of(value, "starttls"), "FAIL");
  EXPECT_EQ(status_of(value, "tls"), "SKIP");
}

TEST_F(Check, ShowsTheWordsWithWhichStarttlsIsRefused) {
  smarthost_->on(Point::starttls, always("454 4.7.0 TLS not available\r\n"));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(text_of(value, "starttls", "detail"), "454 4.7.0 TLS not available");
}

TEST_F(Check, DistrustsBytesBehindTheReplyToStarttls) {
  smarthost_->on(Point::starttls, always("220 go\r\n250 evil\r\n"));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "starttls"), "FAIL");
}

TEST_F(Check, FindsTlsOnAPlaintextPortAndTriesIt) {
  change([](Behavior& behavior) { behavior.is_implicit_tls = true; });
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "greeting"), "FAIL");
  EXPECT_THAT(text_of(value, "greeting", "advice"), HasSubstr("mode = implicit"));
  EXPECT_EQ(value["configuration"][3], "mode = implicit");
}

TEST_F(Check, FindsPlaintextOnATlsPortAndTriesIt) {
  config_.set("smarthost", "mode", "implicit");
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "tls"), "FAIL");
  EXPECT_THAT(text_of(value, "tls", "advice"), HasSubstr("mode = starttls"));
  EXPECT_EQ(value["configuration"][3], "mode = starttls");
}

TEST_F(Check, PassesImplicitTls) {
  change([](Behavior& behavior) { behavior.is_implicit_tls = true; });
  config_.set("smarthost", "mode", "implicit");
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "greeting"), "PASS");
  EXPECT_EQ(status_of(value, "starttls"), "");
}

TEST_F(Check, FailsWhereNothingListens) {
  smarthost_->go_down();
  const json value = report();
  EXPECT_EQ(value["exit_status"], 69);
  EXPECT_EQ(status_of(value, "connect"), "FAIL");
  EXPECT_THAT(text_of(value, "connect", "advice"), HasSubstr("Nothing accepts connections"));
  EXPECT_THAT(text_of(value, "connect", "advice"), HasSubstr("587"));
  EXPECT_EQ(status_of(value, "auth"), "SKIP");
}

TEST_F(Check, ShowsTheWordsOfASmarthostThatDoesNotWantUs) {
  smarthost_->on(Point::greeting, always("554 5.7.1 blocked, see example.org\r\n"));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 69);
  EXPECT_EQ(text_of(value, "greeting", "detail"), "554 5.7.1 blocked, see example.org");
}

TEST_F(Check, ExitsWithTemporaryWhenTheSmarthostIsBusy) {
  smarthost_->on(Point::greeting, always("421 4.3.2 busy\r\n", Then::close));
  EXPECT_EQ(report()["exit_status"], 75);
}

TEST_F(Check, ExitsWithProtocolWhenItIsNoMailServer) {
  smarthost_->on(Point::greeting, always("SSH-2.0-OpenSSH_9.2\r\n", Then::close));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 76);
  EXPECT_THAT(text_of(value, "greeting", "advice"), HasSubstr("SSH"));
}

TEST_F(Check, SurvivesAReplyMeantForTheTerminal) {
  smarthost_->on(Point::greeting, always("220 \x1b]0;owned\x07\x1b[2J\r\n"));
  const Finished finished = check();
  EXPECT_THAT(finished.output, Not(HasSubstr("\x1b")));
  EXPECT_THAT(finished.output, Not(HasSubstr("\x07")));
}

TEST_F(Check, FailsWhereTheConnectionIsCutInTheHandshake) {
  smarthost_->on(Point::starttls, always("220 go\r\n", Then::close));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "starttls"), "PASS");
  EXPECT_EQ(status_of(value, "tls"), "FAIL");
}

TEST_F(Check, FailsWhereTheConnectionIsCutInsideTls) {
  smarthost_->on(Point::sealed_ehlo, always("", Then::close));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 69);
  EXPECT_EQ(status_of(value, "name"), "PASS");
  EXPECT_EQ(status_of(value, "ehlo-tls"), "FAIL");
}

TEST_F(Check, WarnsButPassesWithTlsNone) {
  change([](Behavior& behavior) { behavior.clear_keywords = {"PIPELINING"}; });
  config_.set("smarthost", "tls", "none").unset("smarthost", "ca_file");
  config_.unset("smarthost", "verify_name");
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "configuration"), "WARN");
  EXPECT_THAT(value["summary"].get<std::string>(), HasSubstr("UNENCRYPTED"));
}

TEST_F(Check, NamesATrustFileThatIsNotThere) {
  config_.set("smarthost", "ca_file", directory_.path("nothing.pem"));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 78);
  EXPECT_THAT(text_of(value, "configuration", "detail"), HasSubstr("nothing.pem"));
}

TEST_F(Check, TellsEveryProblemOfABrokenConfiguration) {
  config_.set("smarthost", "colour", "blue").set("smarthost", "port", "many");
  const Finished finished = check({"--json"});
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("colour"));
  EXPECT_THAT(finished.errors, HasSubstr("port"));
  EXPECT_EQ(json::parse(finished.output)["steps"].size(), 2U);
}

TEST_F(Check, TakesItsTargetFromTheCommandLine) {
  const std::string ca = directory_.path("ca.pem");
  const std::string target = "127.0.0.1:" + std::to_string(smarthost_->port());
  const Finished finished = run_smtpseal(
      {"check", target, "--json"},
      {{"SMTPSEAL_SMARTHOST_CA_FILE", ca}, {"SMTPSEAL_SMARTHOST_VERIFY_NAME", kSmarthostName}});
  EXPECT_EQ(finished.status, 0) << finished.output << finished.errors;
  EXPECT_EQ(json::parse(finished.output)["smarthost"], target);
}

// Somebody who answers as smtpseal would: STARTTLS is not offered.
void speak_as_smtpseal(ScriptedSmarthost& smarthost) {
  smarthost.on(Point::greeting, always("220 app.example.org ESMTP\r\n"));
  smarthost.on(Point::ehlo, always("250-app.example.org\r\n250 PIPELINING\r\n"));
  smarthost.on(Point::quit, always("221 2.0.0 app.example.org closing\r\n", Then::close));
}

TEST_F(Check, RefusesAListenerOfItsOwnThatWasWrittenDown) {
  config_.set("listener", "listen", "127.0.0.1:" + std::to_string(smarthost_->port()));
  const Finished finished = check();
  EXPECT_EQ(finished.status, 78);
  EXPECT_THAT(finished.errors, HasSubstr("this smtpseal itself"));
}

TEST_F(Check, LooksWhoAnswersWhereTheListenerIsOnlyImplied) {
  const std::string file = directory_.write("implied.conf", "[smarthost]\nhost = 127.0.0.1\n");
  const Finished finished = run_smtpseal({"check", "-c", file, "--json"});
  EXPECT_EQ(finished.errors, "");
  EXPECT_EQ(json::parse(finished.output)["smarthost"], "127.0.0.1:25");
}

TEST_F(Check, RefusesASmtpsealThatAnswers) {
  speak_as_smtpseal(*smarthost_);
  const json value = report();
  EXPECT_EQ(value["exit_status"], 78);
  EXPECT_THAT(text_of(value, "greeting", "detail"), HasSubstr("this is smtpseal itself"));
}

TEST_F(Check, RefusesASmtpsealThatAnswersWithoutTlsToo) {
  speak_as_smtpseal(*smarthost_);
  config_.set("smarthost", "tls", "none").unset("smarthost", "ca_file");
  config_.unset("smarthost", "verify_name");
  EXPECT_EQ(report()["exit_status"], 78);
}

TEST_F(Check, TellsAllThatIsWrongWithACertificate) {
  tls::CertificateRequest request = good_request();
  request.dns_names = {"mail.example.net"};
  present(request, foreign_authority());
  const std::string summary = report()["summary"];
  EXPECT_THAT(summary, HasSubstr("not in the ca_file"));
  EXPECT_THAT(summary, HasSubstr("mail.example.net"));
}

// --- more than one connection

TEST_F(Check, SaysWhetherSessionsAreResumed) {
  const json value = report();
  for (const json& step : value["steps"]) {
    if (step["step"] != "resumption" && step["step"] != "tls") continue;
    EXPECT_EQ(step["resumed"], step["step"] == "resumption") << step;
  }
  EXPECT_EQ(status_of(value, "resumption"), "PASS");
}

TEST_F(Check, WarnsOfASmarthostThatWantsNoSecondConnection) {
  smarthost_->on(Point::greeting, [](const Situation& now) -> std::optional<Answer> {
    if (now.wire.number() == 0) return std::nullopt;
    return Answer{"421 4.7.0 too many connections\r\n", Then::close};
  });
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "resumption"), "WARN");
}

TEST_F(Check, RefusesATargetThatIsNone) {
  EXPECT_EQ(run_smtpseal({"check", "not a host"}).status, 64);
}

}  // namespace
}  // namespace support
