// A configuration file that lives as long as a test, and what loading it gave.
#pragma once

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "config/config.h"

namespace config {

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("smtpseal-config-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "smtpseal.conf").string();
    sources_.host_fqdn = "app.example.edu";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(std::string_view text) const {
    std::ofstream file(path_, std::ios::binary);
    file << text;
    ASSERT_TRUE(file.good());
  }

  // Loads a file of this text, beside what sources_ already holds.
  LoadResult load_text(std::string_view text) {
    write(text);
    sources_.file = path_;
    return load(sources_);
  }

  // The same for a text that has to be right.
  Loaded load_right(std::string_view text) { return right(load_text(text)); }
  Loaded load_right() { return right(load(sources_)); }

  // "LINE: message" of everything that is wrong with a text; "NAME: message" outside the file.
  std::vector<std::string> problems_of(std::string_view text) {
    return lines(load_text(text).problems);
  }
  std::vector<std::string> problems() { return lines(load(sources_).problems); }
  std::vector<std::string> warnings_of(std::string_view text) {
    return lines(load_right(text).warnings);
  }
  std::vector<std::string> unavailable_of(std::string_view text) {
    return lines(load_right(text).unavailable);
  }

  void set_variable(const std::string& name, const std::string& value) {
    sources_.environment[name] = value;
  }
  void add_flag(const std::string& flag, const std::string& section, const std::string& key,
                const std::string& value) {
    sources_.flags.push_back({section, key, value, flag});
  }

  std::vector<std::string> lines(const std::vector<Problem>& problems) const {
    std::vector<std::string> texts;
    for (const Problem& problem : problems) {
      std::string text = problem.to_string();
      const std::size_t line = path_.size() + 1;
      const bool has_line =
          text.starts_with(path_ + ':') && text.find_first_of("0123456789", line) == line;
      if (has_line) text.erase(0, line);
      texts.push_back(std::move(text));
    }
    return texts;
  }

  std::filesystem::path folder_;
  std::string path_;
  Sources sources_;

 private:
  Loaded right(LoadResult result) const {
    for (const std::string& line : lines(result.problems)) ADD_FAILURE() << line;
    return result.loaded ? std::move(*result.loaded) : Loaded{};
  }
};

// The least that is a whole configuration.
inline constexpr std::string_view kSmarthost = "[smarthost]\nhost = smtp.example.edu\n";

// The value in force; a failure when the key is not listed.
inline EffectiveValue value_of(const Loaded& loaded, std::string_view section,
                               std::string_view key) {
  for (const EffectiveValue& value : loaded.values) {
    if (value.section == section && value.key == key) return value;
  }
  ADD_FAILURE() << "no value for " << key << " in [" << section << ']';
  return {};
}

}  // namespace config
