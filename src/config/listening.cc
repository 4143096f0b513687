// What the keys of where a listener listens, and to whom, must have of each other.
#include <algorithm>

#include "config/draft.h"
#include "config/values.h"

namespace config {
namespace {

class ListeningCheck {
 public:
  ListeningCheck(const Draft& draft, ProblemList& problems, ProblemList& warnings)
      : draft_(draft), listener_(draft.listener()), problems_(problems), warnings_(warnings) {}

  void run() {
    check_reach();
    check_socket_mode();
    check_proxies();
  }

 private:
  // An allow list is for networks; who may use a Unix socket is said by its file. Where inherited
  // sockets are bound is seen when smtpseal starts: then they are held to the same.
  void check_reach() {
    const auto* reachable = find([](const auto& each) { return each.is_reachable(); });
    if (reachable != nullptr && draft_.find("allow") == nullptr) {
      problems_.add(draft_.place_of("listen"),
                    "listen = " + reachable->to_string() +
                        ": other machines can reach this address, so the networks that may "
                        "send through it must be written down (allow = 192.0.2.0/24, ...)");
      return;
    }
    const auto* open =
        find([](const auto& each) { return each.is_reachable() || each.is_inherited(); });
    if (open == nullptr) return;
    for (const base::Network& network : listener_.allow) {
      if (!network.is_everyone()) continue;
      warnings_.add(draft_.place_of("allow"), "allow = " + network.to_string() +
                                                  ": whoever can reach " + open->to_string() +
                                                  " may send mail through this smtpseal");
    }
  }

  void check_socket_mode() {
    if (listener_.socket_mode == kDefaultSocketMode) return;
    const bool has_file =
        std::any_of(listener_.listen.begin(), listener_.listen.end(),
                    [](const auto& each) { return each.is_unix() && !each.address.is_abstract(); });
    if (has_file) return;
    warnings_.add(draft_.place_of("socket_mode"),
                  "socket_mode = " + format_file_mode(listener_.socket_mode) +
                      " has no effect without listen = unix:/PATH");
  }

  // Whoever may send a header may claim to be anybody.
  void check_proxies() {
    const auto* network_place = find([](const auto& each) { return !each.is_unix(); });
    if (!listener_.proxy_protocol) {
      if (listener_.proxy_networks.empty()) return;
      warnings_.add(draft_.place_of("proxy_networks"),
                    "proxy_networks has no effect without proxy_protocol = yes");
      return;
    }
    if (listener_.proxy_networks.empty() && network_place != nullptr) {
      problems_.add(draft_.place_of("proxy_protocol"),
                    "proxy_protocol = yes needs proxy_networks = 192.0.2.1, ...: the proxies that "
                    "are believed when they say who the client is");
    }
    for (const base::Network& network : listener_.proxy_networks) {
      if (!network.is_everyone()) continue;
      warnings_.add(draft_.place_of("proxy_networks"),
                    "proxy_networks = " + network.to_string() +
                        ": whoever can reach this listener may claim to be any client");
    }
  }

  // The first endpoint that is such; null when none is.
  template <typename Predicate>
  [[nodiscard]] const base::Endpoint* find(Predicate is_such) const {
    const auto found = std::find_if(listener_.listen.begin(), listener_.listen.end(), is_such);
    return found == listener_.listen.end() ? nullptr : &*found;
  }

  const Draft& draft_;
  const Listener& listener_;
  ProblemList& problems_;
  ProblemList& warnings_;
};

}  // namespace

void check_listening(const Draft& listener, ProblemList& problems, ProblemList& warnings) {
  ListeningCheck(listener, problems, warnings).run();
}

}  // namespace config
