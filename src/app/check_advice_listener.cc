// What to do about a listener's address that cannot be had: see check_advice.h.
#include "app/check_advice.h"
#include "platform/platform.h"

namespace app {

namespace {

// The command that shows who listens there, in backticks.
std::string shows_listeners(const base::SocketAddress& address) {
  const std::string command =
      address.is_unix() ? platform::command_that_shows_unix_listeners(address.path)
                        : platform::command_that_shows_listeners(std::to_string(address.port));
  return '`' + command + '`';
}

}  // namespace

std::string advise_on_taken_address(const base::SocketAddress& address) {
  if (address.is_unix()) {
    return "See which, as root: " + shows_listeners(address) +
           ". Stop it if nothing needs it, or let smtpseal listen at another path.";
  }
  const bool is_mail_port = address.port == 25;
  return "See which, as root: " + shows_listeners(address) +
         (is_mail_port ? ", often a mail server such as Postfix" : "") +
         ". Stop it if nothing needs it, or let smtpseal listen elsewhere: listen = 127.0.0.1:" +
         (address.port == 2525 ? "2526" : "2525") + ".";
}

std::string advise_on_unknown_listener(const base::SocketAddress& address) {
  return "If smtpseal runs with this configuration, its log says why it turned this command away; "
         "else see who listens there, as root: " +
         shows_listeners(address) + ".";
}

std::string advise_on_forbidden_address(const base::SocketAddress& address) {
  if (address.is_unix()) {
    return "The folder must let the user that smtpseal runs as make files in it (systemd: "
           "RuntimeDirectory=smtpseal makes /run/smtpseal).";
  }
  return "Ports below 1024 need a privilege: have the service manager give it (systemd: "
         "AmbientCapabilities=CAP_NET_BIND_SERVICE), or let smtpseal listen elsewhere: listen = "
         "127.0.0.1:2525.";
}

}  // namespace app
