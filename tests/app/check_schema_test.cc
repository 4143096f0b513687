// The JSON report and its schema, contrib/schema/check.schema.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/check_fixture.h"
#include "support/json_schema.h"

namespace app {
namespace {

using nlohmann::json;

TEST(CheckJson, KeepsToItsSchema) {
  const json schema = support::check_schema();
  CheckFindings refused = good_findings();
  refuse_certificate(refused, {{tls::IdentityFault::Rule::trust, true, "not trusted"}});
  CheckFindings lost = good_findings();
  lost.lookup_error = base::Error{base::Fault::unreachable, "no such host"};
  const std::string problems = format_json(std::vector<config::Problem>{{"f:1", "unknown key"}});
  for (const std::string& text :
       {format_json({report_on(good_findings())}), format_json({report_on(refused)}),
        format_json({report_on(lost), report_on(good_findings())}), problems}) {
    EXPECT_THAT(support::schema_faults(schema, json::parse(text)), testing::IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace app
