#include "base/secret.h"

#include <utility>

#include "base/crypto.h"

namespace base {

void wipe(std::string& text) {
  text.resize(text.capacity());
  // Volatile: compilers leave out what is written to memory that nobody reads again.
  volatile char* octets = text.data();
  for (std::size_t i = 0; i < text.size(); ++i) octets[i] = 0;
  text.clear();
}

// A short string keeps its characters in itself: what was moved from still has them.
Secret::Secret(std::string&& text) : text_(text) { wipe(text); }

Secret::Secret(Secret&& other) noexcept { text_.swap(other.text_); }

Secret& Secret::operator=(Secret other) noexcept {
  text_.swap(other.text_);
  return *this;
}

bool operator==(const Secret& a, const Secret& b) {
  return equals_in_constant_time(a.text_, b.text_);
}

}  // namespace base
