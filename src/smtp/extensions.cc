#include "smtp/extensions.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/limits.h"

namespace smtp {

namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t begin = line.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    at = end;
  }
  return words;
}

void take_auth(Extensions& extensions, const std::vector<std::string_view>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    // RFC 4422 3.1: 1 to 20 of letters, digits, hyphen, underscore.
    const std::string mechanism = base::uppered(words[i]);
    const bool is_name =
        !mechanism.empty() && mechanism.size() <= 20 &&
        std::all_of(mechanism.begin(), mechanism.end(), [](char c) {
          return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
    auto& known = extensions.auth_mechanisms;
    if (known.size() == kMaxAuthMechanisms) return;
    if (is_name && std::find(known.begin(), known.end(), mechanism) == known.end()) {
      known.push_back(mechanism);
    }
  }
}

void take_limits(Extensions& extensions, const std::vector<std::string_view>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string_view::npos) continue;
    const auto number = base::parse_number(words[i].substr(equals + 1));
    if (!number || *number == 0 || *number > 1000000) continue;
    const std::string_view name = words[i].substr(0, equals);
    if (base::iequals(name, "MAILMAX")) extensions.mail_max = static_cast<unsigned>(*number);
    if (base::iequals(name, "RCPTMAX")) extensions.rcpt_max = static_cast<unsigned>(*number);
  }
}

void take_size(Extensions& extensions, const std::vector<std::string_view>& words) {
  if (extensions.size || words.size() > 2) return;
  if (words.size() == 1) {
    extensions.size = true;
    return;
  }
  const auto number = base::parse_number(words[1]);
  if (!number) return;
  extensions.size = true;
  extensions.max_size = *number;
}

void take_line(Extensions& extensions, std::string_view line) {
  std::vector<std::string_view> words = words_of(line);
  if (words.empty()) return;
  // "AUTH=LOGIN PLAIN": what servers said before RFC 2554 was one.
  if (base::istarts_with(words[0], "AUTH=")) {
    const std::string_view first = words[0].substr(5);
    words[0] = words[0].substr(0, 4);
    words.insert(words.begin() + 1, first);
  }
  const std::string keyword = base::uppered(words[0]);
  const bool is_bare = words.size() == 1;
  if (keyword == "SIZE") take_size(extensions, words);
  if (keyword == "AUTH") take_auth(extensions, words);
  if (keyword == "LIMITS") take_limits(extensions, words);
  if (keyword == "SMTPUTF8") extensions.smtputf8 = true;  // RFC 6531 3.1: parameters to be ignored
  if (!is_bare) return;
  if (keyword == "PIPELINING") extensions.pipelining = true;
  if (keyword == "8BITMIME") extensions.eight_bit_mime = true;
  if (keyword == "DSN") extensions.dsn = true;
  if (keyword == "ENHANCEDSTATUSCODES") extensions.enhanced_status_codes = true;
  if (keyword == "CHUNKING") extensions.chunking = true;
  if (keyword == "BINARYMIME") extensions.binarymime = true;
  if (keyword == "STARTTLS") extensions.starttls = true;
}

// The smaller of two limits of which 0 means none.
std::uint64_t smaller_limit(std::uint64_t a, std::uint64_t b) {
  if (a == 0) return b;
  if (b == 0) return a;
  return std::min(a, b);
}

bool is_channel_bound(const std::string& mechanism) { return mechanism.ends_with("-PLUS"); }

}  // namespace

Extensions parse_extensions(const Reply& ehlo) {
  Extensions extensions;
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) take_line(extensions, ehlo.lines[i]);
  if (!extensions.chunking) extensions.binarymime = false;
  return extensions;
}

Extensions offer_to_client(const Extensions& smarthost, const OfferPolicy& policy) {
  Extensions offered;
  offered.pipelining = true;
  offered.enhanced_status_codes = true;
  offered.starttls = policy.is_starttls_offered;
  if (policy.is_tls_missing) return offered;
  offered.eight_bit_mime = smarthost.eight_bit_mime;
  // RFC 6531 3.1: SMTPUTF8 needs 8BITMIME.
  offered.smtputf8 = smarthost.smtputf8 && smarthost.eight_bit_mime;
  offered.dsn = smarthost.dsn;
  offered.chunking = smarthost.chunking;
  offered.binarymime = smarthost.chunking && smarthost.binarymime;
  offered.size = true;
  offered.max_size = smaller_limit(smarthost.max_size, policy.max_message_size);
  if (policy.is_auth_offered) {
    offered.auth_mechanisms = smarthost.auth_mechanisms;
    std::erase_if(offered.auth_mechanisms, is_channel_bound);
  } else {
    offered.auth_mechanisms = policy.own_mechanisms;
  }
  return offered;
}

Reply format_ehlo(std::string_view hostname, const Extensions& offered) {
  Reply reply;
  reply.code = 250;
  reply.lines.emplace_back(hostname);
  const auto add = [&](bool is_offered, std::string text) {
    if (is_offered) reply.lines.push_back(std::move(text));
  };
  add(offered.pipelining, "PIPELINING");
  add(offered.size, offered.max_size == 0 ? "SIZE" : "SIZE " + std::to_string(offered.max_size));
  add(offered.eight_bit_mime, "8BITMIME");
  add(offered.smtputf8, "SMTPUTF8");
  add(offered.dsn, "DSN");
  add(offered.enhanced_status_codes, "ENHANCEDSTATUSCODES");
  add(offered.starttls, "STARTTLS");
  add(offered.chunking, "CHUNKING");
  add(offered.chunking && offered.binarymime, "BINARYMIME");
  std::string auth = "AUTH";
  for (const std::string& mechanism : offered.auth_mechanisms) auth.append(" ").append(mechanism);
  add(!offered.auth_mechanisms.empty(), std::move(auth));
  return reply;
}

bool covers(const Extensions& actual, const Extensions& promised) {
  if (promised.eight_bit_mime && !actual.eight_bit_mime) return false;
  if (promised.smtputf8 && !actual.smtputf8) return false;
  if (promised.dsn && !actual.dsn) return false;
  if (promised.chunking && !actual.chunking) return false;
  if (promised.binarymime && !actual.binarymime) return false;
  if (promised.size && promised.max_size > 0 && actual.max_size > 0 &&
      actual.max_size < promised.max_size) {
    return false;
  }
  return true;
}

}  // namespace smtp
