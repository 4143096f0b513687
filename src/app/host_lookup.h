// What srv:DOMAIN or mx:DOMAIN leads to: looked up in the background, believed as long as the DNS
// says, within bounds, and beyond while the DNS does not answer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/hosts.h"
#include "net/background.h"
#include "net/dns.h"
#include "net/loop.h"
#include "relay/host_health.h"

namespace app {

// Asks the DNS, in a thread that may wait.
using AskDns = std::function<base::Result<net::DnsAnswer>(const std::string& name, net::DnsType)>;

// That of the system.
[[nodiscard]] inline AskDns ask_system_dns() {
  return [](const std::string& name, net::DnsType type) { return net::look_up_dns(name, type); };
}

struct DnsQuestion {
  std::string name;
  net::DnsType type = net::DnsType::mx;
};

// What is asked for an item that is looked up: "_submission._tcp.DOMAIN" with STARTTLS (RFC 6186),
// "_submissions._tcp.DOMAIN" with implicit TLS (RFC 8314 5.1), or the domain itself.
[[nodiscard]] DnsQuestion question_of(const config::Smarthost& smarthost,
                                      const config::HostItem& item);

// The hosts that an answer names, in the order it came in, ranked by priority. Without MX records
// that is the domain itself (RFC 5321 5.1). Fault::unreachable when the domain has no such service,
// or says so (RFC 2782 and RFC 7505: a target of ".").
[[nodiscard]] base::Result<std::vector<relay::Target>> targets_of(
    const config::Smarthost& smarthost, const std::string& item, const net::DnsAnswer& answer);

// What is known of an item, and how long that is to be believed.
class KnownHosts {
 public:
  // Whatever the DNS says, an answer is asked for again no sooner than this, and no later than
  // that.
  static constexpr base::Duration kLeastTtl = std::chrono::seconds(30);
  static constexpr base::Duration kMostTtl = std::chrono::hours(1);

  KnownHosts(const config::Smarthost& smarthost, std::string item)
      : smarthost_(smarthost), item_(std::move(item)) {}

  void take(const base::Result<net::DnsAnswer>& answer, base::Instant now);
  [[nodiscard]] bool is_due(base::Instant now) const { return !due_ || now >= *due_; }
  // Whether there was an answer, or an error in its place.
  [[nodiscard]] bool was_asked() const { return due_.has_value(); }

  [[nodiscard]] const config::Smarthost& smarthost() const { return smarthost_; }
  [[nodiscard]] const std::string& item() const { return item_; }
  // Those of the last answer there was.
  [[nodiscard]] const std::vector<relay::Target>& targets() const { return targets_; }
  // Why there was none the last time, or nothing in it.
  [[nodiscard]] const std::optional<base::Error>& failure() const { return failure_; }

 private:
  const config::Smarthost& smarthost_;
  std::string item_;
  std::vector<relay::Target> targets_;
  std::optional<base::Error> failure_;
  std::optional<base::Instant> due_;
};

class HostLookupEvents {
 public:
  virtual void on_lookup_done() = 0;

 protected:
  ~HostLookupEvents() = default;
};

class HostLookup final : net::BackgroundEvents {
 public:
  HostLookup(net::Loop& loop, AskDns ask, const config::Smarthost& smarthost, std::string item,
             HostLookupEvents& events);

  // Begins another look-up when it is time for one.
  void refresh();
  [[nodiscard]] bool is_running() const { return running_ != nullptr; }
  [[nodiscard]] const KnownHosts& known() const { return known_; }

 private:
  void on_background_done(base::Result<void> result) override;

  net::Loop& loop_;
  AskDns ask_;
  KnownHosts known_;
  HostLookupEvents& events_;
  std::unique_ptr<net::Background> running_;
  std::shared_ptr<base::Result<net::DnsAnswer>> answer_;  // of the one that runs
};

}  // namespace app
