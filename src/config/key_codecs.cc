// The values that need a reader of their own.
#include "config/key_codecs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/text.h"
#include "config/codecs.h"
#include "config/values.h"

namespace config::codec {
namespace {

using base::Result;

base::Error wrong(std::string detail) {
  return base::Error{base::Fault::config, std::move(detail)};
}

// "file:PATH"; nothing when the text is something else.
std::optional<Result<std::string>> file_target(std::string_view text) {
  constexpr std::string_view kPrefix = "file:";
  if (!base::istarts_with(text, kPrefix)) return std::nullopt;
  if (text.size() == kPrefix.size()) return Result<std::string>(wrong("expected file:PATH"));
  return Result<std::string>(std::string(text.substr(kPrefix.size())));
}

}  // namespace

std::string expected_one_of(std::string_view text, const std::vector<std::string_view>& words) {
  std::string sentence = words.size() == 1 ? "expected " : "expected one of ";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) sentence += ", ";
    sentence += words[i];
  }
  const std::string_view near = base::nearest(base::lowered(text), words);
  if (!near.empty()) sentence += "; did you mean " + std::string(near) + "?";
  return sentence;
}

void add_wrong_item(Reading& reading, std::string_view item, std::string_view why,
                    std::size_t count) {
  if (!reading.wrong.empty()) reading.wrong += "; ";
  // Alone, it was named as the value already.
  if (count > 1) reading.wrong += base::printable(item, 80) + ": ";
  reading.wrong += why;
}

Codec later_word(std::vector<std::string_view> now, std::vector<std::string_view> then) {
  Codec codec;
  codec.read = [now = std::move(now), then = std::move(then)](std::string_view text, Section&) {
    const auto is_text = [text](std::string_view word) { return base::iequals(word, text); };
    if (std::any_of(now.begin(), now.end(), is_text)) return understood();
    if (std::any_of(then.begin(), then.end(), is_text)) return unavailable();
    return misunderstood(expected_one_of(text, now.empty() ? then : now));
  };
  return codec;
}

Result<bool> socket_address(std::string_view text) {
  const auto address = base::parse_socket_address(text);
  return address ? Result<bool>(true) : Result<bool>(address.error());
}

Codec own_name() {
  return value(field(&General::hostname), parse_own_name,
               [](const std::string& name) { return name; });
}

Codec log_target() {
  Codec codec;
  codec.read = [](std::string_view text, Section& section) {
    General& general = std::get<General>(section);
    if (const auto path = file_target(text)) {
      if (!*path) return misunderstood(path->error().detail);
      general.log_target = LogTargetKind::file;
      general.log_file = **path;
      return understood();
    }
    if (base::iequals(text, "stderr")) {
      general.log_target = LogTargetKind::stderr_stream;
      return understood();
    }
    if (base::iequals(text, "syslog") || base::iequals(text, "eventlog")) return unavailable();
    return misunderstood(expected_one_of(text, {"stderr", "file:PATH"}));
  };
  codec.print = [](const Section& section) -> std::string {
    const General& general = std::get<General>(section);
    return general.log_target == LogTargetKind::file ? "file:" + general.log_file : "stderr";
  };
  return codec;
}

Codec workers() {
  return value(
      field(&General::workers),
      [](std::string_view text) { return parse_workers(text, base::kCanSharePorts); },
      [](unsigned count) { return std::to_string(count); });
}

// Addresses; sockets of other kinds are known and not yet available.
Codec listen() {
  Codec codec = list(field(&Listener::listen), base::parse_socket_address,
                     [](const base::SocketAddress& address) { return address.to_string(); });
  codec.read = [](std::string_view text, Section& section) {
    const auto items = parse_list(text);
    if (!items) return misunderstood(items.error().detail);
    Reading reading;
    std::vector<base::SocketAddress> addresses;
    for (const std::string& item : *items) {
      if (base::istarts_with(item, "unix:") || base::istarts_with(item, "systemd:")) {
        if (item.back() == ':') {
          add_wrong_item(reading, item, "expected unix:PATH or systemd:NAME", items->size());
        }
        reading.is_available = false;
        reading.missing = item.substr(0, item.find(':') + 1);
        continue;
      }
      auto address = base::parse_socket_address(item);
      if (address) {
        addresses.push_back(std::move(*address));
      } else {
        add_wrong_item(reading, item, address.error().detail, items->size());
      }
    }
    std::get<Listener>(section).listen = std::move(addresses);
    return reading;
  };
  return codec;
}

Codec allow() {
  return list(field(&Listener::allow), base::Network::parse,
              [](const base::Network& network) { return network.to_string(); });
}

Codec client_auth() {
  Codec codec = choice(field(&Listener::auth), {{"passthrough", ClientAuth::passthrough},
                                                {"any", ClientAuth::any},
                                                {"off", ClientAuth::off}});
  codec.read = [read = codec.read](std::string_view text, Section& section) {
    Listener& listener = std::get<Listener>(section);
    if (const auto path = file_target(text)) {
      if (!*path) return misunderstood(path->error().detail);
      listener.auth = ClientAuth::file;
      listener.users_file = **path;
      return understood();
    }
    Reading reading = read(text, section);
    if (!reading.wrong.empty()) {
      reading.wrong = expected_one_of(text, {"passthrough", "any", "off", "file:PATH"});
    }
    return reading;
  };
  codec.print = [print = codec.print](const Section& section) {
    const Listener& listener = std::get<Listener>(section);
    return listener.auth == ClientAuth::file ? "file:" + listener.users_file : print(section);
  };
  return codec;
}

Codec hosts() {
  Codec codec =
      list(field(&Smarthost::hosts), parse_host, [](const std::string& host) { return host; });
  codec.read = [](std::string_view text, Section& section) {
    auto items = parse_list(text);
    if (!items) return misunderstood(items.error().detail);
    Reading reading;
    for (const std::string& item : *items) {
      const bool is_looked_up = base::istarts_with(item, "srv:") || base::istarts_with(item, "mx:");
      const auto host = parse_host(is_looked_up ? item.substr(item.find(':') + 1) : item);
      if (!host) add_wrong_item(reading, item, host.error().detail, items->size());
      if (!is_looked_up) continue;
      reading.is_available = false;
      reading.missing = item.substr(0, item.find(':') + 1);
    }
    if (items->size() > 1) {
      reading.is_available = false;
      reading.missing = "more than one host";
    }
    std::get<Smarthost>(section).hosts = std::move(*items);
    return reading;
  };
  return codec;
}

Codec ehlo_name() {
  Codec codec = name_or("hostname", field(&Smarthost::ehlo_name), parse_own_name);
  codec.read = [read = codec.read](std::string_view text, Section& section) {
    return text == "client" ? unavailable() : read(text, section);
  };
  return codec;
}

Codec verify_name() {
  return name_or("host", field(&Smarthost::tls, &tls::ClientOptions::verify_name),
                 parse_certificate_name);
}

}  // namespace config::codec
