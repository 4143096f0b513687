// Where libFuzzer comes in: one target a program.
#include <cstddef>
#include <cstdint>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input({reinterpret_cast<const char*>(data), size});
  fuzz::targets().front().run(input);
  return 0;
}
