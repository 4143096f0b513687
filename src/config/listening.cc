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
  }

 private:
  // An allow list is for networks; who may use a Unix socket is said by its file.
  void check_reach() {
    const auto outside = std::find_if(listener_.listen.begin(), listener_.listen.end(),
                                      [](const auto& each) { return each.is_reachable(); });
    if (outside == listener_.listen.end()) return;
    const std::string setting = "listen = " + outside->to_string();
    if (draft_.find("allow") == nullptr) {
      problems_.add(draft_.place_of("listen"),
                    setting +
                        ": other machines can reach this address, so the networks that may "
                        "send through it must be written down (allow = 192.0.2.0/24, ...)");
      return;
    }
    for (const base::Network& network : listener_.allow) {
      if (!network.is_everyone()) continue;
      warnings_.add(draft_.place_of("allow"), "allow = " + network.to_string() +
                                                  ": whoever can reach " + outside->to_string() +
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
