// What differs from system to system, behind one header; one source file per system.
#pragma once

#include <string>
#include <string_view>

namespace platform {

// This machine's full name as far as it is known without asking the network; the short one else.
[[nodiscard]] std::string host_fqdn();

// A line of the sd_notify protocol ("READY=1") to the service manager, where one waits for it.
// Trouble is ignored: the service manager has its own time-out.
void notify_service_manager(std::string_view state);

// Whether standard error goes to the systemd journal (which adds time stamps by itself).
[[nodiscard]] bool is_stderr_journal();

// No core file may hold mail or secrets.
void forbid_core_dumps();

}  // namespace platform
