// Decisions of a client without manners (relay/choices.h), out of a fuzzer's bytes.
#pragma once

#include "fuzz/input.h"
#include "relay/choices.h"

namespace fuzz {

class ByteChoices final : public relay::Choices {
 public:
  explicit ByteChoices(Input& input) : input_(input) {}
  // Behind the last byte: whatever ends things, and no trouble (chance() is false).
  [[nodiscard]] unsigned next() override { return input_.is_over() ? 99 : input_.byte(); }
  [[nodiscard]] bool is_over() const override { return input_.is_over(); }

 private:
  Input& input_;
};

}  // namespace fuzz
