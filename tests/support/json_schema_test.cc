// The schema validator of the tests is itself worth a test.
#include "support/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/patience.h"

namespace support {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const json kSchema = json::parse(R"({
  "$ref": "#/$defs/thing",
  "$defs": {"thing": {
    "type": "object",
    "required": ["name"],
    "additionalProperties": false,
    "properties": {
      "name": {"type": ["string", "null"]},
      "colour": {"enum": ["red", "blue"]},
      "version": {"const": 1},
      "parts": {"type": "array", "items": {"$ref": "#/$defs/thing"}}
    }
  }}
})");

TEST(JsonSchema, IsContentWithWhatKeepsToIt) {
  const json value = {{"name", nullptr}, {"colour", "red"}, {"parts", {{{"name", "a"}}}}};
  EXPECT_THAT(schema_faults(kSchema, value), IsEmpty());
}

TEST(JsonSchema, FindsEveryFaultAndItsPlace) {
  const json value = {{"colour", "green"}, {"version", 2}, {"parts", {{{"name", 3}}}}, {"x", 1}};
  EXPECT_THAT(
      schema_faults(kSchema, value),
      ElementsAre("/colour: \"green\" is none of [\"red\",\"blue\"]",
                  "/parts/0/name: 3 is not of type [\"string\",\"null\"]", "/version: 2 is not 1",
                  "/: x is not in the schema", "/: name is missing"));
}

TEST(JsonSchema, RefusesAKeywordThatItWouldNotCheck) {
  EXPECT_THROW(static_cast<void>(schema_faults(json{{"minimum", 1}}, json(1))), Failure);
}

}  // namespace
}  // namespace support
