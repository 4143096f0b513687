// The kinds of values that keys have, each as a pair of functions over one field of a section.
//
// Private to keys.cc: split off so that the table there can be read as a table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/keys.h"
#include "config/values.h"

namespace config::codec {

// Where a value is kept: a member of a section, or a member of a member.
template <typename S, typename T>
struct Direct {
  using Section = S;
  using Value = T;
  T S::*member;
  T& in(S& section) const { return section.*member; }
  const T& in(const S& section) const { return section.*member; }
};
template <typename S, typename A, typename T>
struct Nested {
  using Section = S;
  using Value = T;
  A S::*outer;
  T A::*member;
  T& in(S& section) const { return section.*outer.*member; }
  const T& in(const S& section) const { return section.*outer.*member; }
};
template <typename S, typename T>
constexpr Direct<S, T> field(T S::*member) {
  return {member};
}
template <typename S, typename A, typename T>
constexpr Nested<S, A, T> field(A S::*outer, T A::*member) {
  return {outer, member};
}

// The part of a Key that depends on the kind of value.
struct Codec {
  std::function<Reading(std::string_view, Section&)> read;
  std::function<std::string(const Section&)> print;
  bool is_list = false;
};

inline Reading understood() { return {}; }
inline Reading misunderstood(std::string what_would_be_right) {
  return Reading{std::move(what_would_be_right), true};
}
inline Reading unavailable() { return Reading{{}, false}; }

// A value whose text `parse` turns into a Result<Value> and `format` back.
template <typename F, typename Parse, typename Format>
Codec value(F field, Parse parse, Format format) {
  using S = typename F::Section;
  Codec codec;
  codec.read = [field, parse](std::string_view text, Section& section) {
    auto parsed = parse(text);
    if (!parsed) return misunderstood(parsed.error().detail);
    field.in(std::get<S>(section)) = static_cast<typename F::Value>(std::move(*parsed));
    return understood();
  };
  codec.print = [field, format](const Section& section) -> std::string {
    return format(field.in(std::get<S>(section)));
  };
  return codec;
}

template <typename F>
Codec flag(F field) {
  return value(field, parse_bool, format_bool);
}

template <typename F>
Codec number(F field, std::uint64_t least, std::uint64_t most) {
  return value(
      field, [least, most](std::string_view text) { return parse_number_in(text, least, most); },
      [](typename F::Value value) { return std::to_string(value); });
}

// A duration or a size between two bounds, both included.
template <typename F, typename T, typename Parse, typename Format>
Codec quantity(F field, T least, T most, Parse parse, Format format) {
  const auto bounded = [least, most, parse, format](std::string_view text) -> base::Result<T> {
    auto parsed = parse(text);
    if (parsed && (*parsed < least || *parsed > most)) {
      return base::Error{base::Fault::config,
                         "expected something from " + format(least) + " to " + format(most)};
    }
    return parsed;
  };
  return value(field, bounded, format);
}

template <typename F>
Codec duration(F field, base::Duration least, base::Duration most) {
  return quantity(field, least, most, parse_duration, format_duration);
}

template <typename F>
Codec size(F field, std::uint64_t least, std::uint64_t most) {
  return quantity(field, least, most, parse_size, format_size);
}

// Free text, a path for one.
inline base::Result<std::string> any_text(std::string_view text) { return std::string(text); }

template <typename F>
Codec text(F field) {
  return value(field, any_text, [](const std::string& value) { return value; });
}

// What is wrong with one item of a list of `count`, beside what is wrong with those before it.
void add_wrong_item(Reading& reading, std::string_view item, std::string_view why,
                    std::size_t count);

// A list whose items `parse` reads and `format` writes.
template <typename F, typename Parse, typename Format>
Codec list(F field, Parse parse, Format format) {
  using S = typename F::Section;
  Codec codec;
  codec.is_list = true;
  codec.read = [field, parse](std::string_view text, Section& section) {
    const auto items = parse_list(text);
    if (!items) return misunderstood(items.error().detail);
    typename F::Value values;
    Reading reading;
    for (const std::string& item : *items) {
      auto parsed = parse(item);
      if (parsed) {
        values.push_back(std::move(*parsed));
      } else {
        add_wrong_item(reading, item, parsed.error().detail, items->size());
      }
    }
    field.in(std::get<S>(section)) = std::move(values);
    return reading;
  };
  codec.print = [field, format](const Section& section) {
    std::vector<std::string> items;
    for (const auto& item : field.in(std::get<S>(section))) items.push_back(format(item));
    return format_list(items);
  };
  return codec;
}

// A list of free texts, paths for one.
template <typename F>
Codec texts(F field) {
  return list(field, any_text, [](const std::string& value) { return value; });
}

// One word of several, and what it stands for.
template <typename V>
struct Choice {
  std::string_view word;
  V value;
  bool is_available = true;
};

// "expected one of a, b, c", and the nearest of them. Words of a later version are not among them:
// nobody is to be led to what is not there.
std::string expected_one_of(std::string_view text, const std::vector<std::string_view>& words);

template <typename F>
Codec choice(F field, std::vector<Choice<typename F::Value>> choices) {
  using S = typename F::Section;
  Codec codec;
  codec.read = [field, choices](std::string_view text, Section& section) {
    std::vector<std::string_view> words;
    for (const auto& each : choices) {
      if (each.is_available) words.push_back(each.word);
      if (!base::iequals(each.word, text)) continue;
      field.in(std::get<S>(section)) = each.value;
      return each.is_available ? understood() : unavailable();
    }
    return misunderstood(expected_one_of(text, words));
  };
  codec.print = [field, choices](const Section& section) -> std::string {
    for (const auto& each : choices) {
      if (each.value == field.in(std::get<S>(section))) return std::string(each.word);
    }
    return {};
  };
  return codec;
}

// A name for which `word` stands for the default, an empty field.
template <typename F, typename Parse>
Codec name_or(std::string_view word, F field, Parse parse) {
  using S = typename F::Section;
  Codec codec;
  codec.read = [word, field, parse](std::string_view text, Section& section) {
    std::string& name = field.in(std::get<S>(section));
    if (text == word) {
      name.clear();
      return understood();
    }
    auto parsed = parse(text);
    if (!parsed) return misunderstood(parsed.error().detail);
    name = std::move(*parsed);
    return understood();
  };
  codec.print = [word, field](const Section& section) {
    const std::string& name = field.in(std::get<S>(section));
    return name.empty() ? std::string(word) : name;
  };
  return codec;
}

// Keys of later versions: checked, kept as text only.

// Any text that `check` (returning a Result) is content with; asked for, it is unavailable.
template <typename Check>
Codec later(Check check, bool is_list = false) {
  Codec codec;
  codec.is_list = is_list;
  codec.read = [check](std::string_view text, Section&) {
    const auto checked = check(text);
    return checked ? unavailable() : misunderstood(checked.error().detail);
  };
  return codec;
}

// A word, of which only those of `now` are available; nobody is told those of `then`, unless there
// are no others.
Codec later_word(std::vector<std::string_view> now, std::vector<std::string_view> then);

}  // namespace config::codec
