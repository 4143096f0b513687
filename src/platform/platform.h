// What differs from system to system, behind one header; one source file per system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace platform {

// This machine's full name as far as it is known without asking the network; the short one else.
[[nodiscard]] std::string host_fqdn();

// A line of the sd_notify protocol ("READY=1") to the service manager, where one waits for it.
// Trouble is ignored: the service manager has its own time-out.
void notify_service_manager(std::string_view state);

// Whether standard error goes to the systemd journal (which adds time stamps by itself).
[[nodiscard]] bool is_stderr_journal();

// Opens the null device in place of each closed one of standard input, output and error: what is
// opened next would take its number, and read or receive what is not meant for it. To be called
// before anything else. False when that is impossible.
[[nodiscard]] bool open_standard_streams();

// No core file may hold mail or secrets.
void forbid_core_dumps();

// Lets this process have so many descriptors open, as far as the system permits: how many it may
// have now. Nothing where they have no limit of their own.
[[nodiscard]] std::optional<std::uint64_t> allow_descriptors(std::uint64_t wanted);

// Keeps a little free memory from going back to the system and being asked for again at every piece
// of mail data. To be called before there are threads.
void keep_some_free_memory();
// Gives back what a crowd of clients left free.
void give_back_free_memory();

// What is known of standard output, for commands that draw on it.
struct Terminal {
  bool is_terminal = false;
  unsigned columns = 0;     // 0: unknown
  bool has_colour = false;  // understands ANSI sequences, and nobody asked for none (NO_COLOR)
  bool has_utf8 = false;
};
// Switches ANSI sequences on where that must be asked for.
[[nodiscard]] Terminal stdout_terminal();

// Whether somebody types what is read from standard input.
[[nodiscard]] bool is_stdin_terminal();

// The first line of standard input, without its end: a secret. At a terminal `prompt` asks for it,
// on standard error, and what is typed is not shown; Ctrl-C and Ctrl-D give up. Fault::local when
// there is none, or when it is longer than any password.
[[nodiscard]] base::Result<std::string> read_secret(std::string_view prompt);

// What to type in to see which program listens on a TCP port.
[[nodiscard]] std::string command_that_shows_listeners(std::string_view port);
// The same for a Unix socket.
[[nodiscard]] std::string command_that_shows_unix_listeners(std::string_view path);

// A new folder that only this user can enter, where temporary files go; its path. The caller
// removes it. Fault::storage when it cannot be made.
[[nodiscard]] base::Result<std::string> make_private_folder(std::string_view prefix);
// Removes a folder and the files in it, but no folder in it. False when something is left.
[[nodiscard]] bool remove_private_folder(const std::string& path);

}  // namespace platform
