// Where a client without manners takes its decisions from: a generator with a seed in tests, the
// bytes of a fuzzer elsewhere.
#pragma once

#include <random>

namespace relay {

class Choices {
 public:
  virtual ~Choices() = default;
  [[nodiscard]] virtual unsigned next() = 0;
  // There will be no more that mean anything.
  [[nodiscard]] virtual bool is_over() const { return false; }

  bool chance(unsigned percent) { return next() % 100 < percent; }
  unsigned below(unsigned limit) { return next() % limit; }
};

class RandomChoices final : public Choices {
 public:
  explicit RandomChoices(unsigned seed) : random_(seed) {}
  [[nodiscard]] unsigned next() override { return static_cast<unsigned>(random_()); }

 private:
  std::mt19937 random_;
};

}  // namespace relay
