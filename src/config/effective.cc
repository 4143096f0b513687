// The configuration in force, key by key: for people, for `--json`, and as a file.
#include <utility>

#include "base/text.h"
#include "config/draft.h"

namespace config {
namespace {

constexpr std::string_view kUnavailable = "not available in this version";

// A remark on a default that was made up from circumstances.
std::string note_on_default(const Key& key, const Sources& sources, const std::string& value) {
  if (key.kind != Kind::smtpseal || key.name != "hostname") return {};
  if (base::iequals(value, sources.host_fqdn)) return {};
  return "this machine tells no full name; set hostname to one that the smarthost takes";
}

EffectiveValue effective_value(const Key& key, const Draft& draft, const Sources& sources) {
  EffectiveValue value;
  value.section = draft.label();
  value.key = std::string(key.name);
  const Given* const given = draft.find(key.name);
  if (given == nullptr) {
    value.value = key.print ? key.print(draft.section) : std::string(key.default_text);
    value.origin = "default";
    value.note = note_on_default(key, sources, value.value);
    value.is_available = key.is_default_available;
    return value;
  }
  value.is_default = false;
  value.is_available = given->is_available;
  value.origin = given->origin;
  // What this version cannot do it has no value for, only the text.
  const bool is_text = !given->is_available || !key.print;
  value.value = is_text ? given->text : key.print(draft.section);
  if (!given->is_available) value.note = kUnavailable;
  return value;
}

}  // namespace

std::vector<EffectiveValue> effective_values(Drafts& drafts, const Sources& sources) {
  std::vector<EffectiveValue> values;
  for (const Kind kind : kKinds) {
    for (const Draft* draft : drafts.of(kind)) {
      for (const Key* key : keys_of(kind)) {
        values.push_back(effective_value(*key, *draft, sources));
      }
    }
  }
  return values;
}

std::string format_values(const Loaded& loaded) {
  std::string text = "# The configuration in force";
  if (!loaded.config.file.empty()) text += ", from " + base::printable(loaded.config.file);
  text += ".\n# It could be loaded in place of its sources. Values without a note are defaults.\n";
  if (!loaded.unavailable.empty()) {
    text += "# It asks for what is not available in this version: run refuses it.\n";
  }
  std::string section;
  for (const EffectiveValue& value : loaded.values) {
    if (value.section != section) {
      section = value.section;
      text += "\n[" + section + "]\n";
    }
    // A default of a later version is not written down: that would be asking for it.
    if (value.is_default && !value.is_available) continue;
    if (!value.is_default || !value.note.empty()) {
      text += "# " + base::printable(value.origin);
      if (!value.note.empty()) text += ": " + value.note;
      text += '\n';
    }
    if (value.value.empty()) text += "# ";
    text += value.key + " =" + (value.value.empty() ? "" : ' ' + value.value) + '\n';
  }
  return text;
}

}  // namespace config
