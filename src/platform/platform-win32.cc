// Windows: see platform.h.
#include "platform/platform.h"

#include <winsock2.h>
#include <windows.h>

#include <array>

namespace platform {

std::string host_fqdn() {
  std::array<char, 256> buffer{};
  DWORD size = static_cast<DWORD>(buffer.size());
  if (!GetComputerNameExA(ComputerNameDnsFullyQualified, buffer.data(), &size)) return "localhost";
  return std::string(buffer.data(), size);
}

void notify_service_manager(std::string_view) {}

bool is_stderr_journal() { return false; }

void forbid_core_dumps() { SetErrorMode(SEM_NOGPFAULTERRORBOX); }

}  // namespace platform
