// Every key of the configuration, as data: its section, how its text is read into the section's
// struct and checked, how the struct's value is written as text.
//
// The table's order is the order of `smtpseal config` and of the documentation. A key of a later
// version is known and checked here all the same, so that a file does not change its meaning when
// the version comes. Knows nothing of where texts come from nor of how keys depend on each other.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace config {

enum class Kind { smtpseal, listener, smarthost };
inline constexpr Kind kKinds[] = {Kind::smtpseal, Kind::listener, Kind::smarthost};

// The word in the section's heading.
[[nodiscard]] std::string_view to_string(Kind kind);

// A section under construction; which alternative is its Kind.
using Section = std::variant<General, Listener, Smarthost>;
[[nodiscard]] Section make_section(Kind kind, const std::string& name);

// What became of a text.
struct Reading {
  std::string wrong;         // what would be right; empty when the text was understood
  bool is_available = true;  // whether this version can do what it asks for
};

struct Key {
  Kind kind = Kind::smtpseal;
  std::string_view name;
  bool is_list = false;  // repeated flags add up
  // Checks the text (never empty, trimmed) and puts the value into the section.
  std::function<Reading(std::string_view, Section&)> read;
  // The section's value as text; empty when it is not set. Without it the text itself is the value.
  std::function<std::string(const Section&)> print;
  std::string_view default_text;     // where there is no print
  bool is_default_available = true;  // a file may write the default down
};

// All of them, in the order of the documentation.
[[nodiscard]] const std::vector<Key>& keys();
[[nodiscard]] std::vector<const Key*> keys_of(Kind kind);
// Null when there is none.
[[nodiscard]] const Key* find_key(Kind kind, std::string_view name);

}  // namespace config
