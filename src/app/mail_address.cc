#include "app/mail_address.h"

#include "base/text.h"
#include "smtp/path.h"

namespace app {

base::Result<std::string> parse_mail_address(const std::string& text, bool is_reverse) {
  const std::string whole = text.starts_with('<') ? text : "<" + text + ">";
  // Dots that RFC 5321 does not want in a local part are some devices' daily bread; nothing else is
  // mended here.
  auto parsed = smtp::parse_path(whole, is_reverse, smtp::Syntax::tolerant);
  const auto* path = std::get_if<smtp::ParsedPath>(&parsed);
  if (path == nullptr || path->path != whole) {
    return base::Error{base::Fault::config, base::printable(text) + " is no mail address"};
  }
  return path->path;
}

}  // namespace app
