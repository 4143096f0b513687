// Every fuzz target over every file of its corpus, and over what becomes of those by a few thousand
// changes, always the same ones: with any compiler, in any build.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fuzz/target.h"

namespace fuzz {
namespace {

namespace fs = std::filesystem;

struct Case {
  Target target;
  fs::path file;
};

fs::path corpus_of(const Target& target) { return fs::path(SMTPSEAL_CORPUS) / target.name; }

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const Target& target : targets()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(corpus_of(target), ignored)) {
      all.push_back({target, entry.path()});
    }
  }
  std::sort(all.begin(), all.end(), [](const Case& a, const Case& b) { return a.file < b.file; });
  return all;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void run(const Target& target, const std::string& bytes) {
  Input input(bytes);
  target.run(input);
}

std::string test_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    name.push_back(std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_');
  }
  return name;
}

class Corpus : public ::testing::TestWithParam<Case> {};

TEST_P(Corpus, IsTaken) { run(GetParam().target, read(GetParam().file)); }

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, ::testing::ValuesIn(all_cases()), [](const auto& tested) {
  return test_name(std::string(tested.param.target.name) + "_" + tested.param.file.stem().string());
});

// Octets that mean something somewhere.
constexpr std::string_view kTelling("\r\n\r\n.\0 <>:;=,\"\\-@\x80\xff\x16\x03", 21);

class Targets : public ::testing::TestWithParam<Target> {
 protected:
  std::mt19937 random_{20261126};

  std::size_t below(std::size_t limit) { return random_() % std::max<std::size_t>(limit, 1); }

  std::string changed(std::string bytes, const std::string& other) {
    for (std::size_t count = 1 + below(4); count > 0; --count) {
      const std::size_t at = below(bytes.size() + 1);
      switch (below(5)) {
        case 0: bytes.insert(at, 1, kTelling[below(kTelling.size())]); break;
        case 1: bytes.erase(at, 1 + below(8)); break;
        case 2: bytes.insert(at, bytes.substr(below(bytes.size()), below(40))); break;
        case 3: bytes.insert(at, other.substr(below(other.size()), below(60))); break;
        default:
          if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
          break;
      }
    }
    return bytes;
  }
};

TEST_P(Targets, SurviveChangesToTheirCorpus) {
  constexpr int kChanges = 1000;
  std::vector<std::string> seeds;
  for (const Case& each : all_cases()) {
    if (each.target.name == GetParam().name) seeds.push_back(read(each.file));
  }
  ASSERT_FALSE(seeds.empty()) << "a target without a corpus: " << GetParam().name;
  for (int i = 0; i < kChanges; ++i) {
    run(GetParam(), changed(seeds[below(seeds.size())], seeds[below(seeds.size())]));
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Targets, ::testing::ValuesIn(targets()), [](const auto& tested) {
  return test_name(std::string(tested.param.name));
});

}  // namespace
}  // namespace fuzz
