// The texts of file, environment and flags, each put to its section and key.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "config/draft.h"
#include "config/ini_file.h"
#include "tls/files.h"

namespace config {
namespace {

// A name stands in the environment and in logs; with the kind before it, it must also be shorter
// than what inih keeps of a heading.
constexpr std::size_t kMaxSectionName = 32;

constexpr std::string_view kVariablePrefix = "SMTPSEAL_";
constexpr std::string_view kVariableRule =
    "unknown variable; they are called SMTPSEAL_SECTION_KEY, such as SMTPSEAL_LISTENER_LISTEN";

bool is_name_char(char c) {
  const char lower = base::to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::optional<Kind> find_kind(std::string_view word) {
  for (const Kind kind : kKinds) {
    if (word == to_string(kind)) return kind;
  }
  return std::nullopt;
}

std::vector<std::string_view> key_names(Kind kind) {
  std::vector<std::string_view> names;
  for (const Key* key : keys_of(kind)) names.push_back(key->name);
  return names;
}

// "unknown key 'hots' in [smarthost]; did you mean host?" The text given is not repeated: it may be
// a password.
std::string unknown_key(const Draft& draft, std::string_view name) {
  std::string message = "unknown key \"" + std::string(name) + "\" in [" + draft.label() + ']';
  if (const std::string hint = hint_for_secret(name); !hint.empty()) return message + hint;
  const std::string near = suggestion(base::lowered(name), key_names(draft.kind));
  if (!near.empty()) return message + near;
  for (const Kind kind : kKinds) {
    if (find_key(kind, name) != nullptr) {
      return message + "; it belongs in [" + std::string(to_string(kind)) + ']';
    }
  }
  return message;
}

class Gatherer {
 public:
  Gatherer(const Sources& sources, ProblemList& problems, ProblemList& warnings)
      : sources_(sources), problems_(problems), warnings_(warnings) {}

  Drafts run() {
    drafts_.sections.push_back(make_draft(Kind::smtpseal, {}, Place{}));
    add_file();
    for (const Kind kind : {Kind::listener, Kind::smarthost}) {
      if (drafts_.of(kind).empty()) drafts_.sections.push_back(make_draft(kind, {}, Place{}));
    }
    for (Draft& draft : drafts_.sections) {
      if (draft.place.text.empty()) {
        draft.place.text = drafts_.file.empty() ? "configuration" : drafts_.file;
      }
    }
    add_environment();
    add_flags();
    return std::move(drafts_);
  }

 private:
  static Draft make_draft(Kind kind, std::string name, Place place) {
    Draft draft;
    draft.kind = kind;
    draft.section = make_section(kind, name);
    draft.name = std::move(name);
    draft.place = std::move(place);
    return draft;
  }

  // --- the file

  void add_file() {
    const std::optional<std::string> path = find_file();
    if (!path) return;
    drafts_.file = *path;
    const auto text = read_file(*path);
    if (!text) {
      problems_.add(Place{*path, 0}, text.error().detail);
      drafts_.is_complete = false;
      return;
    }
    const IniFile file = parse_ini(*text, *path, problems_);
    drafts_.is_complete = file.is_complete;
    for (const IniSection& section : file.sections) add_section(section);
  }

  std::optional<std::string> find_file() const {
    if (sources_.file) return sources_.file;
    for (const std::string& path : sources_.search) {
      // One that is there and cannot be looked at is chosen: opening it tells why.
      if (tls::facts_of_file(path).kind != tls::FileKind::none) return path;
    }
    return std::nullopt;
  }

  void add_section(const IniSection& section) {
    Draft* const draft = open_section(section);
    if (draft == nullptr) {
      drafts_.is_complete = false;
      return;
    }
    for (const IniEntry& entry : section.entries) {
      const Place place = Place::in_file(drafts_.file, entry.line);
      const Key* const key = find_key(draft->kind, entry.key);
      if (key == nullptr) {
        problems_.add(place, unknown_key(*draft, entry.key));
      } else if (const Given* const first = draft->find(key->name)) {
        problems_.add(
            place, entry.key + " was already given at line " + std::to_string(first->place.line));
      } else if (entry.value.empty()) {
        problems_.add(place, entry.key + " has no value: leave the line out for the default");
        draft->given[key->name] = Given{{}, place, place.text};
      } else {
        draft->given[key->name] = Given{entry.value, place, place.text};
      }
    }
  }

  // The draft that a heading opens; null when the heading is wrong.
  Draft* open_section(const IniSection& section) {
    const Place place = Place::in_file(drafts_.file, section.line);
    const std::size_t space = section.heading.find_first_of(" \t");
    const std::string word = section.heading.substr(0, space);
    const std::string name =
        space == std::string::npos
            ? std::string()
            : std::string(base::trimmed(std::string_view(section.heading).substr(space)));
    const std::optional<Kind> kind = find_kind(word);
    if (!kind) {
      std::vector<std::string_view> words;
      for (const Kind each : kKinds) words.push_back(to_string(each));
      problems_.add(place, "unknown section [" + section.heading + ']' +
                               suggestion(base::lowered(word), words));
      return nullptr;
    }
    if (!is_name_right(*kind, name, place)) return nullptr;
    if (*kind == Kind::smtpseal && drafts_.general().place.text.empty()) {
      drafts_.general().place = place;
      return &drafts_.general();
    }
    if (Draft* const first = find_section(*kind, name)) {
      // Read on: what stands in it may be wrong too.
      problems_.add(place, '[' + section.heading + "] was already there at line " +
                               std::to_string(first->place.line));
      return first;
    }
    drafts_.sections.push_back(make_draft(*kind, name, place));
    return &drafts_.sections.back();
  }

  bool is_name_right(Kind kind, const std::string& name, const Place& place) {
    if (name.empty()) return true;
    if (kind == Kind::smtpseal) {
      problems_.add(place, "[smtpseal] has no name: there is only one");
      return false;
    }
    if (name.size() <= kMaxSectionName && std::all_of(name.begin(), name.end(), is_name_char)) {
      return true;
    }
    problems_.add(
        place,
        "the name of a section has at most " + std::to_string(kMaxSectionName) +
            " letters, digits, - and _: " + name +
            (name.find_first_of("\"'") == std::string::npos ? "" : "; write it without quotes"));
    return false;
  }

  // Two names that differ only in case, - and _ are one: the environment could not tell them apart.
  Draft* find_section(Kind kind, std::string_view name) {
    for (Draft* draft : drafts_.of(kind)) {
      if (variable_part(draft->name) == variable_part(name)) return draft;
    }
    return nullptr;
  }

  // --- environment and flags

  // The section that a source means which gives no name; null when that is not clear.
  Draft* unnamed_section(Kind kind) {
    Draft* const unnamed = find_section(kind, "");
    if (unnamed != nullptr) return unnamed;
    const std::vector<Draft*> all = drafts_.of(kind);
    return all.size() == 1 ? all.front() : nullptr;
  }

  static std::string variable_part(std::string_view text) {
    std::string part = base::uppered(text);
    std::replace(part.begin(), part.end(), '-', '_');
    return part;
  }

  struct Target {
    Draft* draft = nullptr;  // null: several sections, and it does not say which
    const Key* key = nullptr;
  };

  // Every variable that means something. Those without a section's name come first and win.
  std::map<std::string, Target, std::less<>> variables() {
    std::map<std::string, Target, std::less<>> names;
    const std::string prefix(kVariablePrefix);
    for (const Key& key : keys()) {
      const std::string kind_part = variable_part(to_string(key.kind)) + '_';
      const Target target{unnamed_section(key.kind), &key};
      names.emplace(prefix + kind_part + variable_part(key.name), target);
      if (key.kind == Kind::smtpseal) names.emplace(prefix + variable_part(key.name), target);
    }
    for (Draft& draft : drafts_.sections) {
      if (draft.name.empty()) continue;
      const std::string section_part =
          prefix + variable_part(to_string(draft.kind)) + '_' + variable_part(draft.name) + '_';
      for (const Key* key : keys_of(draft.kind)) {
        names.emplace(section_part + variable_part(key->name), Target{&draft, key});
      }
    }
    return names;
  }

  void add_environment() {
    const auto known = variables();
    std::map<std::pair<const Draft*, const Key*>, std::string> seen;
    for (const auto& [name, value] : sources_.environment) {
      if (!base::istarts_with(name, kVariablePrefix)) continue;
      const Place place{name, 0};
      const auto found = known.find(base::uppered(name));
      if (found == known.end()) {
        if (!is_made_by_kubernetes(name, value)) add_unknown_variable(known, name);
        continue;
      }
      if (value.empty()) continue;
      const Target& target = found->second;
      if (target.draft == nullptr) {
        add_ambiguous(place, target.key->kind);
        continue;
      }
      const auto [first, is_new] = seen.emplace(std::pair(target.draft, target.key), name);
      if (!is_new) {
        problems_.add(place, "means the same as " + first->second + ": set one of them");
        continue;
      }
      give(*target.draft, *target.key, value, place, "environment " + name);
    }
  }

  void add_unknown_variable(const std::map<std::string, Target, std::less<>>& known,
                            const std::string& name) {
    const std::string upper = base::uppered(name);
    // What names one of our sections means us and is wrong; anything else may belong to whoever
    // starts smtpseal (SMTPSEAL_HOME, say), and stopping for it would help nobody.
    ProblemList& list = names_a_section(upper) ? problems_ : warnings_;
    const std::string hint = hint_for_secret_variable(name);
    list.add(Place{name, 0}, std::string(kVariableRule) +
                                 (hint.empty() ? suggestion_for_variable(known, upper) : hint));
  }

  // Only what follows the prefix is compared: it would make strangers look alike.
  static std::string suggestion_for_variable(
      const std::map<std::string, Target, std::less<>>& known, const std::string& upper_name) {
    const std::string_view word = std::string_view(upper_name).substr(kVariablePrefix.size());
    std::vector<std::string_view> names;
    for (const auto& [each, target] : known) {
      const std::string_view rest = std::string_view(each).substr(kVariablePrefix.size());
      // The section was left out.
      if (rest.ends_with(word) && word == variable_part(target.key->name)) {
        return "; did you mean " + each + '?';
      }
      names.push_back(rest);
    }
    const std::string_view near = base::nearest(word, names);
    if (near.empty()) return {};
    return "; did you mean " + std::string(kVariablePrefix) + std::string(near) + '?';
  }

  static bool names_a_section(std::string_view upper_name) {
    for (const Kind kind : {Kind::smtpseal, Kind::listener, Kind::smarthost}) {
      const std::string section =
          std::string(kVariablePrefix) + variable_part(to_string(kind)) + '_';
      if (upper_name.starts_with(section)) return true;
    }
    return false;
  }

  // For a service called smtpseal, or smtpseal-something, Kubernetes puts these into every pod of
  // the namespace.
  static bool is_made_by_kubernetes(std::string_view name, std::string_view value) {
    if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos) {
      return true;
    }
    if (name.ends_with("_PORT") && value.find("://") != std::string_view::npos) return true;
    const std::size_t port = name.find("_PORT_");
    if (port == std::string_view::npos) return false;
    const std::string_view rest = name.substr(port + 6);
    const std::size_t end = rest.find('_');
    return end != std::string_view::npos && base::parse_number(rest.substr(0, end)).has_value();
  }

  void add_ambiguous(const Place& place, Kind kind) {
    const std::string word(to_string(kind));
    std::string names;
    for (const Draft* draft : drafts_.of(kind)) names += (names.empty() ? "" : ", ") + draft->name;
    problems_.add(place, "there are several [" + word + "] sections (" + names +
                             "): it is not clear which one is meant; in the environment write "
                             "SMTPSEAL_" +
                             base::uppered(word) + "_NAME_KEY");
  }

  void add_flags() {
    std::map<std::pair<const Draft*, const Key*>, std::string> texts;
    for (const Sources::Flag& flag : sources_.flags) {
      const Place place{flag.flag, 0};
      const std::optional<Kind> kind = find_kind(flag.section);
      const Key* const key = kind ? find_key(*kind, flag.key) : nullptr;
      SMTPSEAL_CHECK(key != nullptr);  // the command line knows its own keys
      Draft* const draft = unnamed_section(*kind);
      if (draft == nullptr) {
        add_ambiguous(place, *kind);
        continue;
      }
      const auto [text, is_new] = texts.emplace(std::pair(draft, key), flag.value);
      if (!is_new && !key->is_list) {
        problems_.add(place, "was already given");
        continue;
      }
      if (!is_new) text->second += ", " + flag.value;
      give(*draft, *key, text->second, place, "flag " + flag.flag);
    }
  }

  // Takes the place of what sources of lower rank gave.
  void give(Draft& draft, const Key& key, std::string_view text, const Place& place,
            std::string origin) {
    std::string value(base::trimmed(text));
    std::string why = why_not_a_value(value);
    if (value.empty()) why = "has no value";
    if (!why.empty()) {
      problems_.add(place, std::string(key.name) + ": " + why);
      value.clear();
    }
    draft.given[key.name] = Given{std::move(value), place, std::move(origin)};
  }

  const Sources& sources_;
  ProblemList& problems_;
  ProblemList& warnings_;
  Drafts drafts_;
};

}  // namespace

std::vector<Draft*> Drafts::of(Kind kind) {
  std::vector<Draft*> found;
  for (Draft& draft : sections) {
    if (draft.kind == kind) found.push_back(&draft);
  }
  return found;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view near = base::nearest(word, candidates);
  return near.empty() ? std::string() : "; did you mean " + std::string(near) + '?';
}

Drafts gather(const Sources& sources, ProblemList& problems, ProblemList& warnings) {
  return Gatherer(sources, problems, warnings).run();
}

}  // namespace config
