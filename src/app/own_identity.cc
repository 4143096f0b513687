// See own_identity.h.
#include "app/own_identity.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "platform/command.h"

namespace app {

namespace {

base::Error without_passphrase(const std::string& where, const std::string& why) {
  return {base::Fault::config, where + ": " + why};
}

// Nothing when none is named.
base::Result<std::optional<std::string>> passphrase_of(const tls::IdentityFiles& files) {
  if (!files.passphrase_file.empty()) {
    const auto text = tls::read_secret_file(files.passphrase_file);
    if (!text) return text.error();
    auto line = tls::first_line(*text);
    if (!line) return without_passphrase(files.passphrase_file, "its first line is empty");
    return line;
  }
  if (files.passphrase_command.empty()) return std::optional<std::string>();
  const auto text = platform::output_of(files.passphrase_command, kPassphrasePatience);
  const std::string where(kPassphraseCommand);
  if (!text) return without_passphrase(where, text.error().detail);
  auto line = tls::first_line(*text);
  if (!line) return without_passphrase(where, "printed nothing in its first line");
  return line;
}

base::Result<tls::Identity> load_identity(const tls::IdentityFiles& files, tls::Purpose purpose) {
  if (files.is_empty()) return tls::Identity();
  const auto passphrase = passphrase_of(files);
  if (!passphrase) return passphrase.error();
  return tls::load_identity(files, *passphrase, purpose, std::chrono::system_clock::now());
}

}  // namespace

const base::Result<tls::Identity>& OwnIdentities::load(const tls::IdentityFiles& files,
                                                       tls::Purpose purpose) {
  for (const Loaded& each : loaded_) {
    if (each.files == files && each.purpose == purpose) return each.identity;
  }
  return loaded_.emplace_back(Loaded{files, purpose, load_identity(files, purpose)}).identity;
}

}  // namespace app
