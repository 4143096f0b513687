// The values that need a reader of their own.
#include "config/key_codecs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "config/codecs.h"
#include "config/hosts.h"
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

// The process may be started anywhere, and `smtpseal queue` elsewhere: a relative path would be
// two.
Codec spool_folder() {
  const auto whole_path = [](std::string_view text) -> Result<std::string> {
#ifdef _WIN32
    const bool is_whole = text.size() > 2 && (text[1] == ':' || text.starts_with("\\\\"));
#else
    const bool is_whole = text.starts_with('/');
#endif
    while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
    if (!is_whole || text.size() == 1) return wrong("expected the whole path of a folder");
    return std::string(text);
  };
  return value(field(&General::spool, &relay::SpoolOptions::folder), whole_path,
               [](const std::string& path) { return path; });
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

Codec listen() {
  return list(
      field(&Listener::listen), [](std::string_view text) { return base::parse_endpoint(text); },
      [](const base::Endpoint& endpoint) { return endpoint.to_string(); });
}

Codec socket_mode() {
  return value(field(&Listener::socket_mode), parse_file_mode, format_file_mode);
}

Codec networks(std::vector<base::Network> Listener::*member) {
  return list(field(member), base::Network::parse,
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
  Codec codec = list(
      field(&Smarthost::hosts),
      [](std::string_view text) -> Result<std::string> {
        const auto item = parse_host_item(text);
        if (!item) return item.error();
        return std::string(text);
      },
      [](const std::string& host) { return host; });
  codec.read = [read = codec.read](std::string_view text, Section& section) {
    Reading reading = read(text, section);
    if (reading.wrong.empty() && std::get<Smarthost>(section).hosts.size() > kMaxHosts) {
      reading.wrong = "expected at most " + std::to_string(kMaxHosts) + " hosts";
    }
    return reading;
  };
  return codec;
}

// `client` is a word here, and no name.
Codec ehlo_name() {
  Codec codec = name_or("hostname", field(&Smarthost::ehlo_name), parse_own_name);
  codec.read = [read = codec.read](std::string_view text, Section& section) {
    Smarthost& smarthost = std::get<Smarthost>(section);
    smarthost.repeats_client_name = text == "client";
    return read(smarthost.repeats_client_name ? "hostname" : text, section);
  };
  codec.print = [print = codec.print](const Section& section) {
    return std::get<Smarthost>(section).repeats_client_name ? "client" : print(section);
  };
  return codec;
}

Codec verify_name() {
  return name_or("host", field(&Smarthost::tls, &tls::ClientOptions::verify_name),
                 parse_certificate_name);
}

}  // namespace config::codec
