// The listener's own side, as it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"

namespace app {
namespace {

using testing::Contains;
using testing::HasSubstr;

base::Error cannot_listen(const std::string& why) {
  return {base::Fault::local, "cannot listen on 127.0.0.1:2525: " + why};
}

// A findings with one listener, which `change` makes what it is.
CheckReport report_with(const std::function<void(CheckListener&)>& change) {
  CheckFindings findings = good_findings();
  CheckListener one;
  one.address = address("127.0.0.1:2525");
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
  findings.listeners[0].address = address("127.0.0.1:2525");
  EXPECT_EQ(step_of(report_on(findings), "listener").status, CheckStatus::pass);
  EXPECT_EQ(report_on(findings).exit_status(), ExitStatus::unavailable);
}

}  // namespace
}  // namespace app
