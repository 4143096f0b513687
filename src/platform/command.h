// Commands that print a secret (a passphrase out of a keyring, say).
#pragma once

#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/result.h"

namespace platform {

// What it may print, on standard output and on standard error each.
inline constexpr std::size_t kMaxCommandOutput = 64UL * 1024;

// Runs a command line by the shell (/bin/sh, cmd.exe) and returns its standard output. It gets an
// empty standard input, and is ended together with all that it began when it takes longer than
// `patience`. Fault::config with its status and what it said on standard error when it fails.
[[nodiscard]] base::Result<std::string> output_of(const std::string& command,
                                                  base::Duration patience);

// What became of a command, with the beginning of what it said on standard error.
[[nodiscard]] std::string with_words_of_command(std::string what, std::string_view errors);

}  // namespace platform
