// A configuration file under construction.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace support {

class ConfigText {
 public:
  // Replaces the key's value. `section` as in the file's heading: "listener", "smarthost backup".
  ConfigText& set(const std::string& section, const std::string& key, const std::string& value) {
    for (auto& [name, keys] : sections_) {
      if (name == section) {
        keys[key] = value;
        return *this;
      }
    }
    sections_.push_back({section, {{key, value}}});
    return *this;
  }
  ConfigText& unset(const std::string& section, const std::string& key) {
    for (auto& [name, keys] : sections_) {
      if (name == section) keys.erase(key);
    }
    return *this;
  }

  // Takes the whole section away.
  ConfigText& drop(const std::string& section) {
    std::erase_if(sections_, [&](const auto& each) { return each.first == section; });
    return *this;
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& [name, keys] : sections_) {
      out += "[" + name + "]\n";
      for (const auto& [key, value] : keys) out += key + " = " + value + "\n";
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::map<std::string, std::string>>> sections_;
};

}  // namespace support
