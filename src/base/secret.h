// Text that is nobody's business: a password, a token.
//
// It is overwritten before its memory is given back, and there is no way to print it by accident:
// no conversion to text, no operator<<. What view() gives is for the wire and for cryptography.
#pragma once

#include <string>
#include <string_view>

namespace base {

// Overwrites what stands in `text`, its spare capacity included, and empties it.
void wipe(std::string& text);

class Secret {
 public:
  Secret() = default;
  // Takes the text over and wipes what it was taken from.
  explicit Secret(std::string&& text);
  ~Secret() { wipe(text_); }

  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;

  [[nodiscard]] std::string_view view() const { return text_; }
  [[nodiscard]] bool is_empty() const { return text_.empty(); }

  friend bool operator==(const Secret& a, const Secret& b);

 private:
  std::string text_;
};

}  // namespace base
