// The keys that say whose address mail bears: their values, and what they must have of each other.
#include <utility>

#include "base/text.h"
#include "config/codecs.h"
#include "config/draft.h"
#include "config/key_codecs.h"
#include "config/values.h"
#include "smtp/sender.h"

namespace config {
namespace {

using smtp::SenderMode;
using smtp::SenderOptions;

base::Error wrong(std::string detail) {
  return base::Error{base::Fault::config, std::move(detail)};
}

base::Result<std::string> parse_sender(std::string_view text) {
  if (!smtp::is_plain_address(text))
    return wrong("expected a mail address such as app@example.edu");
  const std::size_t at = text.find('@');
  const auto domain = parse_own_name(text.substr(at + 1));
  if (!domain) return domain.error();
  return std::string(text.substr(0, at + 1)) + *domain;
}

base::Result<std::string> parse_authorized_sender(std::string_view text) {
  if (!text.starts_with('@')) {
    auto address = parse_sender(text);
    return address ? address
                   : wrong(address.error().detail + ", or @example.edu for all of a domain");
  }
  const auto domain = parse_own_name(text.substr(1));
  return domain ? base::Result<std::string>("@" + *domain) : domain.error();
}

class SenderResolver {
 public:
  SenderResolver(const Draft& draft, ProblemList& problems)
      : draft_(draft), options_(draft.listener().sender), problems_(problems) {}

  void run() {
    // A word that was not understood is no reason to speak of others.
    if (is_misunderstood("sender_mode") || is_misunderstood("header_from")) return;
    if (!is_given("sender")) {
      check_unused();
    } else if (is_given("authorized_senders") && !is_conditional()) {
      problems_.add(draft_.place_of("authorized_senders"),
                    "authorized_senders has no effect: it needs sender_mode = if-unauthorized, or "
                    "header_from = if-unauthorized, or both");
    }
  }

 private:
  [[nodiscard]] bool is_given(std::string_view key) const { return draft_.find(key) != nullptr; }
  [[nodiscard]] bool is_misunderstood(std::string_view key) const {
    const Given* const given = draft_.find(key);
    return given != nullptr && !given->is_understood;
  }
  [[nodiscard]] bool is_conditional() const {
    return options_.envelope == SenderMode::if_unauthorized ||
           options_.header_from == SenderMode::if_unauthorized;
  }

  // Somebody believes that mail bears another address.
  void check_unused() {
    if (options_.envelope != SenderMode::force) complain_of("sender_mode");
    if (options_.header_from != SenderMode::keep) complain_of("header_from");
    if (is_given("authorized_senders")) complain_of("authorized_senders");
  }

  void complain_of(std::string_view key) {
    problems_.add(draft_.place_of(key),
                  std::string(key) + " needs sender = ADDRESS, the address that mail is to bear");
  }

  const Draft& draft_;
  const SenderOptions& options_;
  ProblemList& problems_;
};

}  // namespace

namespace codec {

Codec sender() {
  return value(field(&Listener::sender, &SenderOptions::address), parse_sender,
               [](const std::string& address) { return address; });
}

Codec authorized_senders() {
  return list(field(&Listener::sender, &SenderOptions::authorized), parse_authorized_sender,
              [](const std::string& address) { return address; });
}

Codec sender_match() {
  return list(field(&Smarthost::sender_match), parse_authorized_sender,
              [](const std::string& address) { return address; });
}

}  // namespace codec

void resolve_senders(const Draft& listener, ProblemList& problems) {
  SenderResolver(listener, problems).run();
}

}  // namespace config
