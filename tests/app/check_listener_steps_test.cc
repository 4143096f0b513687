// The listener's own side, as it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"
#include "relay/outcome.h"

namespace app {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

base::Error cannot_listen(const std::string& why) {
  return {base::Fault::local, "cannot listen on 127.0.0.1:2525: " + why};
}

// A findings with one listener, which `change` makes what it is.
CheckReport report_with(const std::function<void(CheckListener&)>& change) {
  CheckFindings findings = good_findings();
  CheckListener one;
  one.endpoint = address("127.0.0.1:2525");
  one.place = "/etc/x.conf:3";
  change(one);
  findings.listeners = {one};
  CheckReport report = report_on(findings);
  return report;
}

// Who answers there speaks as smtpseal does, and offers this.
void speak_as_smtpseal(CheckListener& one, std::vector<std::string> keywords) {
  keywords.insert(keywords.begin(), "app.example.org");
  const smtp::Reply ehlo = reply(250, keywords);
  CheckConversation held;
  held.is_on_this_machine = true;
  held.exchanges = {{"", false, reply(220, {"app.example.org ESMTP"}), 1},
                    {"EHLO app.example.org", false, ehlo, 1},
                    {"QUIT", false, reply(221, {"2.0.0 app.example.org closing"}), 1}};
  held.farewell = held.exchanges.back().reply;
  held.extensions = smtp::parse_extensions(ehlo);
  one.bind_error = cannot_listen("address already in use");
  one.conversation = held;
}

TEST(ListenerStep, SaysThatAnAddressIsFreeAndWhatWouldBeOffered) {
  const CheckStep step = step_of(report_with([](CheckListener&) {}), "listener");
  EXPECT_EQ(step.status, CheckStatus::pass);
  EXPECT_EQ(step.address, "127.0.0.1:2525");
  EXPECT_THAT(step.detail, HasSubstr("free"));
  EXPECT_THAT(step.more, Contains(HasSubstr("would offer SIZE 1000, PIPELINING")));
  EXPECT_THAT(step.more, Contains(HasSubstr("AUTH PLAIN, LOGIN")));
}

// What `run` offers where it logs in itself, or where AUTH would go in the clear: none.
TEST(ListenerStep, OffersNoLoginThatRunWouldNotOffer) {
  CheckFindings own_login = good_findings();
  own_login.smarthost.login.username = "joe";
  CheckFindings no_tls = good_findings();
  no_tls.smarthost.tls.level = tls::Level::none;
  no_tls.conversation.handshake.reset();
  for (CheckFindings findings : {own_login, no_tls}) {
    CheckListener free;
    free.endpoint = address("127.0.0.1:2525");
    CheckListener running = free;
    speak_as_smtpseal(running, {"PIPELINING", "SIZE 1000", "ENHANCEDSTATUSCODES"});
    findings.listeners = {free, running};
    for (const CheckStep& step : report_on(findings).steps) {
      if (step.step != "listener") continue;
      EXPECT_EQ(step.status, CheckStatus::pass) << step.detail;
      EXPECT_THAT(step.more, Contains(HasSubstr("offer")));
      EXPECT_THAT(step.more, Not(Contains(HasSubstr("AUTH"))));
    }
  }
}

TEST(ListenerStep, PassesWhereARunningSmtpsealOffersWhatItShould) {
  const CheckReport report = report_with([](CheckListener& one) {
    speak_as_smtpseal(one, {"PIPELINING", "SIZE 1000", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"});
  });
  const CheckStep step = step_of(report, "listener");
  EXPECT_EQ(step.status, CheckStatus::pass) << step.more[0] << "\n" << step.more.back();
  EXPECT_THAT(step.detail, HasSubstr("a running smtpseal answers there"));
}

TEST(ListenerStep, WarnsWhereARunningSmtpsealOffersSomethingElse) {
  const CheckReport report = report_with([](CheckListener& one) {
    speak_as_smtpseal(one, {"PIPELINING", "SIZE 10"});
  });
  const CheckStep step = step_of(report, "listener");
  EXPECT_EQ(step.status, CheckStatus::warn);
  EXPECT_THAT(step.more, Contains(HasSubstr("with this configuration: SIZE 1000")));
  EXPECT_THAT(step.advice, HasSubstr("SIGHUP"));
  EXPECT_TRUE(report.is_ok());
}

TEST(ListenerStep, FailsWhereAnotherProgramHasAnAddressThatIsWrittenDown) {
  const CheckReport report = report_with([](CheckListener& one) {
    one.bind_error = cannot_listen("address already in use");
    one.conversation.emplace();
    one.conversation->exchanges = {{"", false, reply(220, {"mx ESMTP Postfix"}), 1}};
  });
  const CheckStep step = step_of(report, "listener");
  EXPECT_EQ(step.status, CheckStatus::fail);
  EXPECT_EQ(step.detail, "another program listens there: 220 mx ESMTP Postfix");
  EXPECT_THAT(step.advice, HasSubstr("listen = 127.0.0.1:2526"));
  EXPECT_EQ(report.exit_status(), ExitStatus::os_error);
  EXPECT_THAT(report.summary, HasSubstr("BUT listener 127.0.0.1:2525: another program"));
}

// Whoever answers there says this and no more.
CheckStep step_where_is_said(const smtp::Reply& greeting) {
  return step_of(report_with([&](CheckListener& one) {
                   one.bind_error = cannot_listen("address already in use");
                   one.conversation.emplace();
                   one.conversation->first_octets = greeting.summary();
                   one.conversation->exchanges = {{"", false, greeting, 1}};
                 }),
                 "listener");
}

TEST(ListenerStep, KnowsARunningSmtpsealThatTurnsThisMachineAway) {
  const CheckStep step = step_where_is_said(relay::not_allowed("127.0.0.1"));
  EXPECT_EQ(step.status, CheckStatus::pass);
  EXPECT_THAT(step.detail, HasSubstr("a running smtpseal answers there: 554 5.7.1 clients at"));
}

TEST(ListenerStep, KnowsARunningSmtpsealThatTakesNoMailNow) {
  const base::Error down{base::Fault::unreachable, "smtp.example.edu:587: connection refused"};
  for (const smtp::Reply& said :
       {relay::closing_outcome(down), relay::too_many_sessions(), relay::shutting_down()}) {
    const CheckStep step = step_where_is_said(said);
    EXPECT_EQ(step.status, CheckStatus::warn);
    EXPECT_THAT(step.detail, HasSubstr("a running smtpseal answers there: 421 "));
  }
}

TEST(ListenerStep, SaysSoWhereItCannotBeToldWhoAnswers) {
  const CheckStep step = step_where_is_said(reply(554, {"no"}));
  EXPECT_EQ(step.status, CheckStatus::warn);
  EXPECT_THAT(step.detail, HasSubstr("cannot be told whether by smtpseal: 554 no"));
  EXPECT_THAT(step.advice, Not(HasSubstr("Stop it")));
  EXPECT_THAT(step.facts, Not(Contains(testing::Field(&CheckFact::first, "is_running"))));
}

// TLS that begins and ends without a word of SMTP, where clients must show a certificate.
CheckStep step_where_tls_shows(const std::string& pin) {
  return step_of(report_with([&](CheckListener& one) {
                   one.bind_error = cannot_listen("address already in use");
                   one.listener.tls = config::ClientTls::implicit;
                   one.listener.client_ca = {"/x/devices.pem"};
                   one.certificate.emplace();
                   one.certificate->pin = "sha256//AAAA";
                   one.certificate->not_after = day(2028, 1, 1);
                   one.conversation.emplace();
                   one.conversation->first_octets = "\x16\x03\x03";
                   one.conversation->handshake = CheckHandshake{std::nullopt, good_session(), 1};
                   one.conversation->handshake->info.chain.at(0).pin = pin;
                   one.conversation->failure = base::Error{base::Fault::connection, "closed"};
                 }),
                 "listener");
}

TEST(ListenerStep, KnowsARunningSmtpsealByItsCertificateWhereItWantsOneOfClients) {
  EXPECT_EQ(step_where_tls_shows("sha256//AAAA").status, CheckStatus::pass);
  EXPECT_THAT(step_where_tls_shows("sha256//AAAA").detail, HasSubstr("a running smtpseal"));
  EXPECT_EQ(step_where_tls_shows("sha256//BBBB").status, CheckStatus::warn);
  EXPECT_THAT(step_where_tls_shows("sha256//BBBB").detail, HasSubstr("cannot be told"));
}

TEST(ListenerStep, AdvisesOnUnixSocketsAsSuch) {
  const auto step_for = [](const std::string& trouble, bool has_answer) {
    return step_of(report_with([&](CheckListener& one) {
                     one.endpoint = *base::parse_unix_path("/run/smtpseal/smtp");
                     one.bind_error = cannot_listen(trouble);
                     if (!has_answer) return;
                     one.conversation.emplace();
                     one.conversation->exchanges = {{"", false, reply(220, {"other"}), 1}};
                   }),
                   "listener");
  };
  const CheckStep taken = step_for("address already in use, a process listens there", true);
  EXPECT_EQ(taken.address, "unix:/run/smtpseal/smtp");
  EXPECT_EQ(taken.status, CheckStatus::fail);
  EXPECT_THAT(taken.advice, HasSubstr("another path"));
  EXPECT_THAT(step_for("permission denied", false).advice, HasSubstr("RuntimeDirectory=smtpseal"));
  const CheckStep other = step_for("a file stands there that is no socket", false);
  EXPECT_EQ(other.status, CheckStatus::fail);
  EXPECT_THAT(other.detail, HasSubstr("no socket"));
}

TEST(ListenerStep, FailsWhereRunWouldRefuseItsTls) {
  const CheckReport report = report_with([](CheckListener& one) {
    one.tls_problem = config::Problem{"/etc/x.conf:5", "certificate = x.pem: expired", true, false};
  });
  const CheckStep step = step_of(report, "listener");
  EXPECT_EQ(step.status, CheckStatus::fail);
  EXPECT_EQ(step.detail, "/etc/x.conf:5: certificate = x.pem: expired");
  EXPECT_EQ(report.exit_status(), ExitStatus::config);
}

TEST(ListenerStep, WarnsOfACertificateThatSoonExpires) {
  const auto step_with = [](base::WallTime until) {
    return step_of(report_with([&](CheckListener& one) {
                     one.certificate.emplace();
                     one.certificate->not_after = until;
                   }),
                   "listener");
  };
  EXPECT_EQ(step_with(day(2027, 12, 1)).status, CheckStatus::pass);
  const CheckStep soon = step_with(day(2027, 6, 6));
  EXPECT_EQ(soon.status, CheckStatus::warn);
  EXPECT_THAT(soon.more, Contains(HasSubstr("until 2027-06-06, 5 days left")));
  EXPECT_THAT(soon.advice, HasSubstr("Renew the listener's certificate"));
}

// What a listener with this TLS would offer.
std::string offer_with(config::ClientTls tls) {
  const CheckStep step =
      step_of(report_with([&](CheckListener& one) { one.listener.tls = tls; }), "listener");
  return step.more.empty() ? "" : step.more.front();
}

TEST(ListenerStep, TellsHowTlsBegins) {
  EXPECT_THAT(offer_with(config::ClientTls::none), StartsWith("would offer SIZE"));
  EXPECT_THAT(offer_with(config::ClientTls::may), StartsWith("would offer STARTTLS, SIZE"));
  EXPECT_THAT(offer_with(config::ClientTls::implicit),
              StartsWith("would offer TLS from the first byte; SIZE"));
  EXPECT_EQ(offer_with(config::ClientTls::encrypt),
            "would offer STARTTLS, and before it only PIPELINING, ENHANCEDSTATUSCODES");
}

TEST(ListenerStep, OnlyWarnsOfADefaultAddressThatIsTaken) {
  const CheckReport report = report_with([](CheckListener& one) {
    one.place.clear();
    one.bind_error = cannot_listen("address already in use");
  });
  EXPECT_EQ(step_of(report, "listener").status, CheckStatus::warn);
  EXPECT_TRUE(report.is_ok());
}

TEST(ListenerStep, WarnsWithoutThePrivilegeForALowPort) {
  const CheckReport report =
      report_with([](CheckListener& one) { one.bind_error = cannot_listen("permission denied"); });
  EXPECT_EQ(step_of(report, "listener").status, CheckStatus::warn);
  EXPECT_THAT(step_of(report, "listener").advice, HasSubstr("CAP_NET_BIND_SERVICE"));
}

TEST(ListenerStep, SkipsADefaultAddressThatTheMachineLacks) {
  const auto lack = [](CheckListener& one) {
    one.bind_error = cannot_listen("address not available");
  };
  EXPECT_EQ(step_of(report_with(lack), "listener").status, CheckStatus::fail);
  EXPECT_THAT(step_of(report_with(lack), "listener").advice, HasSubstr("/etc/x.conf:3"));
  const auto lack_default = [&](CheckListener& one) {
    lack(one);
    one.place.clear();
  };
  EXPECT_EQ(step_of(report_with(lack_default), "listener").status, CheckStatus::skip);
}

TEST(ListenerStep, IsToldWhereTheSmarthostCannotBeReached) {
  CheckFindings findings = good_findings();
  findings.connects[0].error = base::Error{base::Fault::unreachable, "connection refused"};
  findings.walked.reset();
  findings.conversation = {};
  findings.listeners.emplace_back();
  findings.listeners[0].endpoint = address("127.0.0.1:2525");
  EXPECT_EQ(step_of(report_on(findings), "listener").status, CheckStatus::pass);
  EXPECT_EQ(report_on(findings).exit_status(), ExitStatus::unavailable);
}

}  // namespace
}  // namespace app
