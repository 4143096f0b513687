// Windows: see platform.h.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include <io.h>
#include <windows.h>
#include <winsock2.h>

#include "platform/platform.h"

namespace platform {

std::string host_fqdn() {
  std::array<char, 256> buffer{};
  DWORD size = static_cast<DWORD>(buffer.size());
  if (!GetComputerNameExA(ComputerNameDnsFullyQualified, buffer.data(), &size)) return "localhost";
  return std::string(buffer.data(), size);
}

void notify_service_manager(std::string_view) {}

bool is_stderr_journal() { return false; }

bool open_standard_streams() {
  for (const auto& [stream, mode] :
       {std::pair{stdin, "r"}, std::pair{stdout, "w"}, std::pair{stderr, "w"}}) {
    // Both are negative for a stream that the process was started without.
    const int fd = _fileno(stream);
    if (fd >= 0 && _get_osfhandle(fd) >= 0) continue;
    FILE* opened = nullptr;
    if (freopen_s(&opened, "NUL", mode, stream) != 0) return false;
  }
  return true;
}

void forbid_core_dumps() { SetErrorMode(SEM_NOGPFAULTERRORBOX); }

std::optional<std::uint64_t> allow_descriptors(std::uint64_t) { return std::nullopt; }

void keep_some_free_memory() {}
void give_back_free_memory() {}

Terminal stdout_terminal() {
  Terminal terminal;
  const HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
  DWORD mode = 0;
  terminal.is_terminal = GetConsoleMode(output, &mode) != 0;
  terminal.has_utf8 = GetConsoleOutputCP() == CP_UTF8;
  if (!terminal.is_terminal) return terminal;
  const char* no_colour = std::getenv("NO_COLOR");
  terminal.has_colour = (no_colour == nullptr || *no_colour == '\0') &&
                        SetConsoleMode(output, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
  CONSOLE_SCREEN_BUFFER_INFO info{};
  if (GetConsoleScreenBufferInfo(output, &info) != 0) {
    terminal.columns = static_cast<unsigned>(info.srWindow.Right - info.srWindow.Left + 1);
  }
  return terminal;
}

bool is_stdin_terminal() {
  DWORD mode = 0;
  return GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &mode) != 0;
}

base::Result<std::string> read_secret(std::string_view prompt) {
  constexpr int kMaxSecret = 1024;
  const HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  DWORD mode = 0;
  const bool is_console = GetConsoleMode(input, &mode) != 0;
  if (is_console) {
    std::fprintf(stderr, "%.*s", static_cast<int>(prompt.size()), prompt.data());
    SetConsoleMode(input, mode & ~static_cast<DWORD>(ENABLE_ECHO_INPUT));
  }
  std::string secret;
  int octet = EOF;
  while ((octet = std::getchar()) != EOF && octet != '\n' && secret.size() <= kMaxSecret) {
    secret.push_back(static_cast<char>(octet));
  }
  if (is_console) {
    SetConsoleMode(input, mode);
    std::fputc('\n', stderr);
  }
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.size() > kMaxSecret) return base::Error{base::Fault::local, "is too long"};
  if (secret.empty()) return base::Error{base::Fault::local, "none was given"};
  return secret;
}

std::string command_that_shows_listeners(std::string_view port) {
  return "netstat -abno -p TCP | findstr :" + std::string(port);
}

std::string command_that_shows_unix_listeners(std::string_view) { return "netstat -abno"; }

base::Result<std::string> make_private_folder(std::string_view prefix) {
  std::error_code error;
  // The user's own, which Windows lets nobody else into.
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::random_device random;
  for (int attempt = 0; attempt < 16 && !error; ++attempt) {
    const std::filesystem::path path =
        parent / (std::string(prefix) + "-" + std::to_string(random()));
    if (std::filesystem::create_directory(path, error)) return path.string();
  }
  return base::Error{base::Fault::storage, "cannot make a temporary folder: " +
                                               (error ? error.message() : "names taken")};
}

bool remove_private_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return !error;
}

}  // namespace platform
