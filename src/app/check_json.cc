// The report as JSON: contrib/schema/check.schema.json describes it.
#include <nlohmann/json.hpp>

#include "app/check_report.h"
#include "app/check_steps.h"
#include "app/format.h"

namespace app {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

Json to_json(const CheckStep& step) {
  Json json = {{"step", step.step}};
  if (!step.address.empty()) json["address"] = step.address;
  json["status"] = to_string(step.status);
  json["detail"] = step.detail;
  if (!step.advice.empty()) json["advice"] = step.advice;
  if (step.fault) json["fault"] = base::to_string(*step.fault);
  for (const auto& [key, value] : step.facts) {
    std::visit([&, name = key](const auto& fact) { json[name] = fact; }, value);
  }
  return json;
}

Json to_json(const tls::CertificateFacts& certificate, base::WallTime now) {
  return {{"subject", certificate.subject},
          {"issuer", certificate.issuer},
          {"not_before", format_timestamp(certificate.not_before)},
          {"not_after", format_timestamp(certificate.not_after)},
          {"days_left", days_until(certificate.not_after, now)},
          {"key", certificate.key},
          {"pin", certificate.pin},
          {"names", certificate.names}};
}

Json to_json(const smtp::Extensions& offered) {
  Json json = {{"size", offered.size ? Json(offered.max_size) : Json(false)},
               {"pipelining", offered.pipelining},
               {"chunking", offered.chunking},
               {"binarymime", offered.binarymime},
               {"8bitmime", offered.eight_bit_mime},
               {"smtputf8", offered.smtputf8},
               {"dsn", offered.dsn},
               {"enhancedstatuscodes", offered.enhanced_status_codes},
               {"auth", offered.auth_mechanisms}};
  return json;
}

Json to_json(const CheckReport& report) {
  Json steps = Json::array();
  for (const CheckStep& step : report.steps) steps.push_back(to_json(step));
  Json certificates = Json::array();
  for (const auto& one : report.certificates) certificates.push_back(to_json(one, report.now));
  return {{"smtpseal_check", kSchemaVersion},
          {"smarthost", report.target},
          {"mode", mode_word(report.mode)},
          {"tls", tls::to_string(report.level)},
          {"ok", report.is_ok()},
          {"exit_status", static_cast<int>(report.exit_status())},
          {"summary", report.summary},
          {"steps", std::move(steps)},
          {"certificates", std::move(certificates)},
          {"extensions", report.extensions ? to_json(*report.extensions) : Json::object()},
          {"configuration", report.configuration}};
}

// Texts are printable already; whatever is not is replaced rather than thrown about.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string format_json(const std::vector<CheckReport>& reports) {
  Json json = to_json(reports.front());
  for (std::size_t i = 1; i < reports.size(); ++i) {
    if (json["ok"] == true && !reports[i].is_ok()) {
      json["ok"] = false;
      json["exit_status"] = static_cast<int>(reports[i].exit_status());
    }
    json["more"].push_back(to_json(reports[i]));
  }
  return dump(json);
}

std::string format_json(const std::vector<config::Problem>& problems) {
  CheckReport report;
  for (const config::Problem& problem : problems) {
    CheckStep step;
    step.step = "configuration";
    step.status = CheckStatus::fail;
    step.detail = problem.to_string();
    step.fault = base::Fault::config;
    report.steps.push_back(std::move(step));
  }
  report.summary = "the configuration cannot be used";
  Json json = to_json(report);
  for (const char* unknown : {"smarthost", "mode", "tls"}) json[unknown] = nullptr;
  return dump(json);
}

}  // namespace app
