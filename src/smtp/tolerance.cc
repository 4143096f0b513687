#include "smtp/tolerance.h"

#include <bit>

namespace smtp {

std::string_view to_string(Tolerance tolerance) {
  switch (tolerance) {
    case Tolerance::early_talk: return "talk before the greeting";
    case Tolerance::no_hello: return "no HELO or EHLO";
    case Tolerance::no_hello_name: return "no name behind HELO or EHLO";
    case Tolerance::odd_hello_name: return "odd name behind HELO or EHLO";
    case Tolerance::extension_after_helo: return "use of an extension after HELO";
    case Tolerance::out_of_turn: return "commands sent without waiting for a reply";
    case Tolerance::bare_lf: return "line that ends in a bare LF";
    case Tolerance::space_before_colon: return "space before the colon";
    case Tolerance::space_after_colon: return "space after the colon";
    case Tolerance::space_in_path: return "space inside the angle brackets";
    case Tolerance::no_angle_brackets: return "no angle brackets";
    case Tolerance::stray_dot: return "stray dot in the local part";
    case Tolerance::stray_argument: return "argument where none belongs";
    case Tolerance::login_with_user: return "AUTH LOGIN with the user in it";
    case Tolerance::odd_login_prompt: return "odd prompt of the smarthost to AUTH LOGIN";
  }
  return "";
}

std::vector<Tolerance> Tolerances::list() const {
  std::vector<Tolerance> all;
  for (std::uint32_t left = bits_; left != 0; left &= left - 1) {
    all.push_back(static_cast<Tolerance>(std::countr_zero(left)));
  }
  return all;
}

}  // namespace smtp
