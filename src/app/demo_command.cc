// `smtpseal demo`: the whole thing on this machine, without a network.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "app/commands.h"
#include "app/demo_server_only.h"
#include "app/demo_story.h"
#include "app/listen_advice.h"
#include "platform/platform.h"

namespace app {

namespace {

constexpr const char* kDefaultListen = "127.0.0.1:2525";

// What standard output can show; COLUMNS speaks where it is no terminal.
Look look_of_stdout() {
  const platform::Terminal terminal = platform::stdout_terminal();
  Look look;
  look.has_colour = terminal.has_colour;
  look.has_utf8 = terminal.has_utf8;
  if (terminal.columns > 0) {
    look.columns = terminal.columns;
  } else if (const char* columns = std::getenv("COLUMNS")) {
    std::size_t value = 0;
    const auto parsed = std::from_chars(columns, columns + std::strlen(columns), value);
    if (parsed.ec == std::errc() && value > 0) look.columns = value;
  }
  return look;
}

ExitStatus report(const base::Error& error) {
  std::cerr << "smtpseal: " << error.detail << '\n' << advise_on_listening(error);
  const bool is_forbidden = error.detail.find("permission denied") != std::string::npos;
  return is_forbidden ? ExitStatus::refused : exit_status_of(error.fault);
}

ExitStatus run_server_only(net::Loop& loop, const net::SocketAddress& address) {
  DemoServerOnly server(loop, look_of_stdout());
  if (const auto started = server.start(address); !started) return report(started.error());
  loop.run();
  return server.status();
}

// As people can copy it into a shell: the name it was called by, if that needs no quotes.
std::string copyable(const std::string& program) {
  const bool is_plain = !program.empty() && std::all_of(program.begin(), program.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '.' || c == '_' || c == '-';
  });
  return is_plain ? program : "smtpseal";
}

ExitStatus run_story(net::Loop& loop, const Invocation& invocation) {
  DemoStory story(loop, look_of_stdout(), copyable(invocation.program), invocation.is_once);
  if (const auto started = story.start(); !started) return report(started.error());
  loop.run();
  story.settle();
  return story.status();
}

}  // namespace

ExitStatus demo_command(const Invocation& invocation) {
  if (invocation.via && !invocation.is_smarthost_only) {
    std::cerr << "smtpseal: --listen goes with --smarthost-only\n";
    return ExitStatus::usage;
  }
  if (invocation.is_once && invocation.is_smarthost_only) {
    std::cerr << "smtpseal: --once and --smarthost-only do not go together\n";
    return ExitStatus::usage;
  }
  const auto address = net::parse_socket_address(invocation.via.value_or(kDefaultListen));
  if (!address) {
    std::cerr << "smtpseal: --listen: " << address.error().detail << '\n';
    return ExitStatus::usage;
  }
  auto loop = net::Loop::make();
  if (!loop) return report(loop.error());
  return invocation.is_smarthost_only ? run_server_only(**loop, *address)
                                      : run_story(**loop, invocation);
}

}  // namespace app
