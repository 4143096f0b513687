#include "support/json_schema.h"

#include <fstream>
#include <set>

#include "support/patience.h"

namespace support {

namespace {

using nlohmann::json;

bool has_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  throw Failure("a type that is not known: " + type);
}

class Validator {
 public:
  explicit Validator(const json& root) : root_(root) {}

  void check(const json& schema, const json& value, const std::string& where) {
    for (const auto& [keyword, rule] : schema.items()) obey(keyword, rule, schema, value, where);
  }

  std::vector<std::string> faults;

 private:
  void note(const std::string& where, const std::string& what) {
    faults.push_back((where.empty() ? "/" : where) + ": " + what);
  }

  void obey(const std::string& keyword, const json& rule, const json& schema, const json& value,
            const std::string& where) {
    static const std::set<std::string> kRemarks = {"$schema", "$defs", "title", "description",
                                                   "additionalProperties"};
    if (kRemarks.contains(keyword)) return;
    if (keyword == "$ref") {
      check(root_.at(json::json_pointer(rule.get<std::string>().substr(1))), value, where);
    } else if (keyword == "type") {
      check_type(rule, value, where);
    } else if (keyword == "const") {
      if (value != rule) note(where, value.dump() + " is not " + rule.dump());
    } else if (keyword == "enum") {
      bool is_one = false;
      for (const json& one : rule) is_one = is_one || value == one;
      if (!is_one) note(where, value.dump() + " is none of " + rule.dump());
    } else if (keyword == "required") {
      for (const std::string name : rule) {
        if (!value.contains(name)) note(where, name + " is missing");
      }
    } else if (keyword == "items") {
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
        check(rule, value[i], where + "/" + std::to_string(i));
      }
    } else if (keyword == "properties") {
      check_properties(rule, schema.value("additionalProperties", true), value, where);
    } else {
      throw Failure("a keyword that is not known: " + keyword);
    }
  }

  void check_type(const json& rule, const json& value, const std::string& where) {
    bool is_one = false;
    for (const std::string type : rule.is_array() ? rule : json::array({rule})) {
      is_one = is_one || has_type(value, type);
    }
    if (!is_one) note(where, value.dump() + " is not of type " + rule.dump());
  }

  void check_properties(const json& known, bool may_have_others, const json& value,
                        const std::string& where) {
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.items()) {
      if (known.contains(name)) {
        check(known[name], member, where + "/" + name);
      } else if (!may_have_others) {
        note(where, name + " is not in the schema");
      }
    }
  }

  const json& root_;
};

}  // namespace

std::vector<std::string> schema_faults(const nlohmann::json& schema, const nlohmann::json& value) {
  Validator validator(schema);
  validator.check(schema, value, "");
  return validator.faults;
}

namespace {

json schema_of(const std::string& command) {
  std::ifstream file(std::string(SMTPSEAL_SCHEMAS) + "/" + command + ".schema.json");
  if (!file) throw Failure("cannot read the schema of " + command);
  return json::parse(file);
}

}  // namespace

nlohmann::json check_schema() { return schema_of("check"); }

nlohmann::json queue_schema(const std::string& definition) {
  json schema = schema_of("queue");
  if (definition.empty()) return schema;
  schema.erase("type");
  schema.erase("items");
  schema["$ref"] = "#/$defs/" + definition;
  return schema;
}

}  // namespace support
