// What `smtpseal check` has beyond the way to the smarthost: the lines it ends with, pins, and the
// listener's own side.
#include <string>

#include "e2e/check_fixture.h"

namespace support {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CheckMore : public CheckTest {};

// --- what it ends with

std::string joined_lines(const json& lines) {
  std::string text;
  for (const std::string line : lines) text += line + "\n";
  return text;
}

TEST_F(CheckMore, EndsWithLinesThatReallyWork) {
  const std::string lines = joined_lines(report()["configuration"]);
  const std::string file = directory_.write("tried.conf", lines);
  EXPECT_EQ(run_smtpseal({"check", "-c", file}).status, 0) << lines;
  const Process::Start start{
      smtpseal_program(), {"run", "-c", file, "--listen", "127.0.0.1:0"}, {}};
  Process seal(start);
  const std::string ready = seal.wait_for_error_line(
      [](const std::string& line) { return parse_log_line(line, "ready").has_value(); });
  const std::string listen = parse_log_line(ready, "ready")->field("listen");
  const Finished sent =
      run_smtpseal({"send", "--via", listen, "--from", "a@x.test", "--to", "b@y.test"});
  EXPECT_EQ(sent.status, 0) << sent.output << sent.errors;
  EXPECT_EQ(smarthost_->mails().size(), 1U);
  seal.signal(SIGTERM);
  EXPECT_EQ(seal.wait(), 0);
  is_mail_sent_ = true;
}

TEST_F(CheckMore, EndsWithLinesOfTheModeThatWasFoundToWork) {
  change([](Behavior& behavior) { behavior.is_implicit_tls = true; });
  const std::string file = directory_.write("tried.conf", joined_lines(report()["configuration"]));
  EXPECT_EQ(run_smtpseal({"check", "-c", file}).status, 0);
}

// --- pins

TEST_F(CheckMore, PrintsAPinThatWorksWhenItIsPasted) {
  const std::string pin = report()["certificates"][0]["pin"];
  config_.set("smarthost", "tls", "pin").set("smarthost", "pin", pin);
  config_.unset("smarthost", "ca_file").unset("smarthost", "verify_name");
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "pin"), "PASS");
  EXPECT_THAT(value["configuration"], testing::Contains("pin = " + pin));
  const std::string file = directory_.write("tried.conf", joined_lines(value["configuration"]));
  EXPECT_EQ(run_smtpseal({"check", "-c", file}).status, 0);
}

TEST_F(CheckMore, FailsOverAPinThatIsNotTheSmarthosts) {
  config_.set("smarthost", "tls", "pin");
  config_.set("smarthost", "pin", "sha256//" + std::string(43, 'A') + "=");
  config_.unset("smarthost", "ca_file").unset("smarthost", "verify_name");
  const json value = report();
  EXPECT_EQ(value["exit_status"], 77);
  EXPECT_EQ(status_of(value, "pin"), "FAIL");
  EXPECT_EQ(status_of(value, "ehlo-tls"), "PASS") << "what is behind it is looked at";
  EXPECT_THAT(text_of(value, "pin", "detail"),
              HasSubstr(value["certificates"][0]["pin"].get<std::string>()));
}

// --- the listener's own side

TEST_F(CheckMore, BindsTheListenersAddressesForAMoment) {
  const json value = report();
  EXPECT_EQ(status_of(value, "listener"), "PASS");
  EXPECT_EQ(status_of(json{{"steps", json::array()}}, "listener"), "");
}

TEST_F(CheckMore, KnowsARunningSmtpsealAtTheListenersAddress) {
  Smtpseal seal(directory_, config_);
  config_.set("listener", "listen", "127.0.0.1:" + std::to_string(seal.port()));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 0);
  EXPECT_EQ(status_of(value, "listener"), "PASS") << value.dump(2);
  EXPECT_THAT(text_of(value, "listener", "detail"), HasSubstr("a running smtpseal"));
  EXPECT_EQ(seal.stop(), 0);
}

TEST_F(CheckMore, FailsWhereAnotherProgramHasTheListenersAddress) {
  Behavior other;
  other.name = "mx.other.test";
  ScriptedSmarthost taken(other);
  config_.set("listener", "listen", "127.0.0.1:" + std::to_string(taken.port()));
  const json value = report();
  EXPECT_EQ(value["exit_status"], 71);
  EXPECT_THAT(text_of(value, "listener", "detail"),
              HasSubstr("another program listens there: 220 mx.other.test ESMTP"));
  EXPECT_FALSE(value["configuration"].empty()) << "the way to the smarthost is in order";
}

TEST_F(CheckMore, LeavesListenersAloneWhereOnlyAHostIsGiven) {
  const std::string target = "127.0.0.1:" + std::to_string(smarthost_->port());
  const Finished finished = run_smtpseal({"check", target, "--json"},
                                         {{"SMTPSEAL_SMARTHOST_CA_FILE", directory_.path("ca.pem")},
                                          {"SMTPSEAL_SMARTHOST_VERIFY_NAME", kSmarthostName}});
  EXPECT_EQ(status_of(json::parse(finished.output), "listener"), "");
}

}  // namespace
}  // namespace support
