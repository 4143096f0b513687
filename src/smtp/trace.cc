#include "smtp/trace.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace smtp {

namespace {

constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// RFC 5321 4.1.3: address literals, IPv6 with its tag.
std::string address_literal(const std::string& address) {
  const bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "[IPv6:" : "[") + address + "]";
}

// RFC 3848 has no word for HELO inside TLS.
std::string_view protocol_of(const TraceFacts& facts) {
  if (!facts.is_extended) return "SMTP";
  if (facts.client_tls.empty()) return facts.is_authenticated ? "ESMTPA" : "ESMTP";
  return facts.is_authenticated ? "ESMTPSA" : "ESMTPS";
}

// Text of others as it may stand in a comment (RFC 5322 3.2.2), which it must not end.
std::string in_comment(std::string_view text) {
  constexpr std::size_t kMost = 256;
  std::string out;
  for (const char c : text.substr(0, kMost)) {
    if (c == '(' || c == ')' || c == '\\') out.push_back('\\');
    out.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  if (text.size() > kMost) out.append("...");
  return out;
}

}  // namespace

std::string own_mark(std::string_view hostname) {
  return "by " + std::string(hostname) + " (smtpseal)";
}

std::string format_received(const TraceFacts& facts, base::WallTime now) {
  std::string line = "Received: from ";
  line.append(facts.client_name.empty() ? "unknown" : facts.client_name);
  if (!facts.client_address.empty()) {
    line.append(" (").append(address_literal(facts.client_address)).append(")");
  } else if (!facts.client_note.empty()) {
    line.append(" (").append(in_comment(facts.client_note)).append(")");
  }
  if (!facts.client_tls.empty()) line.append("\r\n\t(using ").append(facts.client_tls).append(")");
  if (!facts.client_subject.empty()) {
    line.append("\r\n\t(client certificate ").append(in_comment(facts.client_subject)).append(")");
  }
  line.append("\r\n\t").append(own_mark(facts.hostname));
  line.append(" with ").append(protocol_of(facts)).append(" id ").append(facts.id);
  line.append(";\r\n\t").append(format_date(now)).append("\r\n");
  return line;
}

std::string format_date(base::WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::weekday weekday(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(now - day));
  std::array<char, 64> text{};
  std::snprintf(
      text.data(), text.size(), "%s, %u %s %d %02ld:%02ld:%02ld +0000", kDays[weekday.c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), static_cast<long>(clock.hours().count()),
      static_cast<long>(clock.minutes().count()), static_cast<long>(clock.seconds().count()));
  return text.data();
}

}  // namespace smtp
