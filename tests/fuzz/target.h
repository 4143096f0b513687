// A fuzz target: a function that takes any bytes, and ends the program when something is wrong.
//
// FUZZ_TARGET(name) { ... } defines one, with `input` as what it is given. regression_test.cc runs
// all of them over their corpora, built with any compiler; libfuzzer_entry.cc hands one to
// libFuzzer.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"

namespace fuzz {

struct Target {
  std::string_view name;
  void (*run)(Input& input);
};

// All that this program was linked with.
inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

struct Registration {
  explicit Registration(Target target) { targets().push_back(target); }
};

[[noreturn]] inline void found(const char* file, int line, const char* what,
                               std::string_view detail = {}) {
  std::fprintf(stderr, "%s:%d: this does not hold: %s\n%.*s\n", file, line, what,
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all.append("  ").append(line).append("\n");
  return all;
}

}  // namespace fuzz

#define FUZZ_TARGET(name)                                                                       \
  static void fuzz_##name(::fuzz::Input& input);                                                \
  static const ::fuzz::Registration registration_of_##name(::fuzz::Target{#name, fuzz_##name}); \
  static void fuzz_##name([[maybe_unused]] ::fuzz::Input& input)

#define FUZZ_EXPECT(condition) \
  ((condition) ? static_cast<void>(0) : ::fuzz::found(__FILE__, __LINE__, #condition))
// With text that tells more.
#define FUZZ_EXPECT_SAYING(condition, detail) \
  ((condition) ? static_cast<void>(0) : ::fuzz::found(__FILE__, __LINE__, #condition, detail))
