// The fixture of `smtpseal check`'s tests: a smarthost that is in order, to be changed in one
// point, and the report about it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/certificates.h"
#include "support/config_text.h"
#include "support/json_schema.h"
#include "support/scripted_smarthost.h"
#include "support/smtpseal_process.h"
#include "support/temp_dir.h"

namespace support {

class CheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Behavior behavior;
    behavior.tls = good_server_context();
    begin(behavior);
  }

  void TearDown() override {
    smarthost_->stop();
    for (const std::string& each : smarthost_->journal().complaints()) ADD_FAILURE() << each;
    for (const ConnectionRecord& record : smarthost_->journal().records()) {
      const std::string all = record.received(false) + record.received(true);
      if (!is_probed_ && !is_mail_sent_) {
        EXPECT_EQ(all.find("MAIL"), std::string::npos) << "check sent mail";
      }
      if (!is_mail_sent_) {
        EXPECT_EQ(all.find("DATA\r\n"), std::string::npos) << "check sent mail data";
      }
    }
  }

  void begin(Behavior behavior) {
    smarthost_ = std::make_unique<ScriptedSmarthost>(std::move(behavior));
    config_.set("smtpseal", "hostname", "seal.client.test")
        .set("listener", "listen", "127.0.0.1:0")
        .set("smarthost", "host", "127.0.0.1")
        .set("smarthost", "port", std::to_string(smarthost_->port()))
        .set("smarthost", "verify_name", kSmarthostName)
        .set("smarthost", "ca_file",
             directory_.write("ca.pem", trusted_authority().certificate_pem()));
  }

  void change(const std::function<void(Behavior&)>& how) {
    Behavior behavior = smarthost_->behavior();
    how(behavior);
    smarthost_->set_behavior(std::move(behavior));
  }

  void present(const tls::CertificateRequest& request,
               tls::Authority& authority = trusted_authority()) {
    change([&](Behavior& behavior) { behavior.tls = server_context(request, authority); });
  }

  // `input`: of standard input.
  Finished check(std::vector<std::string> more = {}, const std::string& input = {}) {
    Process::Start start;
    start.program = smtpseal_program();
    start.arguments = {"check", "-c", directory_.write("check.conf", config_.text())};
    start.arguments.insert(start.arguments.end(), more.begin(), more.end());
    if (!input.empty()) start.input_file = directory_.write("input", input);
    return run(std::move(start));
  }

  // The JSON report, whose exit status must be that of the program.
  nlohmann::json report(std::vector<std::string> more = {}, const std::string& input = {}) {
    more.push_back("--json");
    const Finished finished = check(std::move(more), input);
    EXPECT_EQ(finished.errors, "");
    nlohmann::json value = nlohmann::json::parse(finished.output);
    EXPECT_THAT(schema_faults(check_schema(), value), testing::IsEmpty());
    EXPECT_EQ(value["exit_status"], finished.status);
    EXPECT_EQ(value["ok"], finished.status == 0);
    return value;
  }

  // The status of a step; of the worst where there are several.
  static std::string status_of(const nlohmann::json& report, const std::string& name) {
    const std::map<std::string, int> badness = {
        {"", 0}, {"PASS", 1}, {"SKIP", 2}, {"WARN", 3}, {"FAIL", 4}};
    std::string worst;
    for (const nlohmann::json& step : report["steps"]) {
      const std::string status = step["status"];
      if (step["step"] == name && badness.at(status) > badness.at(worst)) worst = status;
    }
    return worst;
  }
  static std::string text_of(const nlohmann::json& report, const std::string& name,
                             const char* field) {
    for (const nlohmann::json& step : report["steps"]) {
      if (step["step"] == name) return step.value(field, "");
    }
    return {};
  }

  TempDir directory_;
  ConfigText config_;
  std::unique_ptr<ScriptedSmarthost> smarthost_;
  bool is_probed_ = false;     // MAIL may be said
  bool is_mail_sent_ = false;  // by somebody else than check
};

}  // namespace support
