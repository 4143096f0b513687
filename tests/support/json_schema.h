// As much of JSON Schema (2020-12) as the schemas of contrib/schema use.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace support {

// What is wrong with `value`, each as "/steps/3/status: why"; empty when it keeps to the schema.
// Throws Failure when the schema uses a keyword that is not known here: it would not be checked.
[[nodiscard]] std::vector<std::string> schema_faults(const nlohmann::json& schema,
                                                     const nlohmann::json& value);

// The schema of `smtpseal check --json`.
[[nodiscard]] nlohmann::json check_schema();
// The schema of `smtpseal queue --json`: of list, or of that which `definition` (in its $defs)
// names.
[[nodiscard]] nlohmann::json queue_schema(const std::string& definition = "");

}  // namespace support
