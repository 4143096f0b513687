// See listen_advice.h.
#include "app/listen_advice.h"

#include "platform/platform.h"

namespace app {

namespace {

constexpr std::string_view kForbidden = ": permission denied";
constexpr std::string_view kTaken = ": address already in use";
constexpr std::string_view kMissing = ": address not available";
constexpr std::string_view kNoFamily = ": address family not supported";

bool has(const base::Error& error, std::string_view words) {
  return error.detail.find(words) != std::string::npos;
}

// Of "cannot listen on 127.0.0.1:25: address already in use": "25".
std::string port_in(const base::Error& error) {
  const std::string address = error.detail.substr(0, error.detail.find(kTaken));
  return address.substr(address.rfind(':') + 1);
}

std::string advise_on_unix_socket(const base::Error& error) {
  constexpr std::string_view kNoFolder = ": no such file or directory";
  if (!has(error, kNoFolder) && !has(error, kForbidden)) return {};
  return "The folder must be there, and let the user that smtpseal runs as make files in it.\n"
         "Under systemd, RuntimeDirectory=smtpseal makes /run/smtpseal.\n";
}

}  // namespace

ListenTrouble listen_trouble(const base::Error& error) {
  if (has(error, kForbidden)) return ListenTrouble::forbidden;
  if (has(error, kTaken)) return ListenTrouble::taken;
  if (has(error, kMissing) || has(error, kNoFamily)) return ListenTrouble::missing;
  return ListenTrouble::other;
}

base::Error with_hint(base::Error error, const base::SocketAddress& address,
                      std::string_view place) {
  if (listen_trouble(error) != ListenTrouble::missing) return error;
  const bool is_ipv6_off = address.is_v6() && (address.is_loopback() || address.is_unspecified());
  error.detail += is_ipv6_off ? " (this machine has no IPv6" : " (this machine does not have it";
  if (!place.empty()) {
    error.detail += ": take " + address.to_string() + " out of listen, " + std::string(place);
  }
  error.detail += ')';
  return error;
}

std::string advise_on_listening(const base::Error& error) {
  if (has(error, "cannot listen on unix:")) return advise_on_unix_socket(error);
  switch (listen_trouble(error)) {
    case ListenTrouble::forbidden:
      return "Ports below 1024 need a privilege. Ways out:\n"
             "  - run it under systemd with AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
             "  - give the program the capability once, as root:\n"
             "      setcap cap_net_bind_service=+ep /path/to/smtpseal\n"
             "  - listen on another port: --listen 127.0.0.1:2525\n";
    case ListenTrouble::taken: {
      const std::string port = port_in(error);
      const std::string mail_server =
          port == "25" ? " (often a mail server: Postfix, Exim, sendmail)" : "";
      return "Another program listens there" + mail_server + ". Ways out:\n" +
             "  - see which, as root: " + platform::command_that_shows_listeners(port) + "\n" +
             "  - stop it, if nothing needs it\n"
             "  - listen on another port: --listen 127.0.0.1:" +
             (port == "2525" ? "2526" : "2525") + "\n";
    }
    case ListenTrouble::missing:
    case ListenTrouble::other: break;
  }
  return {};
}

}  // namespace app
