// See hostile_bytes.h.
#include "peers/hostile_bytes.h"

#include <array>
#include <random>
#include <string_view>

namespace support {

namespace {

// 81 of them: what stands before the dot and behind it.
std::vector<std::string> all_separators() {
  static const std::array<std::string, 9> kEnds = {
      "\r", "\n", "\r\n", "\n\r", "\r\r\n", "\r\n\n", "\n\n", std::string(1, '\0'), ""};
  std::vector<std::string> all;
  for (const std::string& before : kEnds) {
    for (const std::string& behind : kEnds) all.push_back(before + "." + behind);
  }
  const std::string nul(1, '\0');
  // Each is named by an advisory or a scanner; U+0085, U+2028 and U+2029 end lines for Python.
  for (const std::string& each :
       {std::string("\r\n.\r\r\n"), "\r\n" + nul + ".\r\n", "\r\n." + nul + "\r\n",
        std::string("\r\n .\r\n"), std::string("\r\n. \r\n"), std::string("\r\n.\t\r\n"),
        std::string("\x0b.\x0b"), std::string("\x0c.\x0c"), std::string("\x1c.\x1c"),
        std::string("\x85.\x85"), std::string("\xc2\x85.\xc2\x85"),
        std::string("\xe2\x80\xa8.\xe2\x80\xa8"), std::string("\xe2\x80\xa9.\xe2\x80\xa9"),
        std::string("\r\n..\r\n"), std::string("\r\n.\r.\r\n"), std::string("\r\n.\n.\r\n"),
        std::string("\n..\r\n"), std::string("\r\n.\r\n.\r\n")}) {
    all.push_back(each);
  }
  return all;
}

class Dice {
 public:
  explicit Dice(unsigned seed) : generator_(seed) {}
  // Less than `end`.
  unsigned roll(unsigned end) { return static_cast<unsigned>(generator_() >> 8) % end; }

 private:
  std::minstd_rand generator_;
};

std::string random_text(Dice& dice, unsigned most) {
  static constexpr std::string_view kOctets("\r\n.a\r\n.\0", 8);
  std::string text;
  for (unsigned left = 1 + dice.roll(most); left > 0; --left) {
    // NUL is rare: a mail with one is refused, and proves little.
    const unsigned many = dice.roll(12) == 0 ? 8 : 7;
    text += kOctets[dice.roll(many)];
  }
  return text;
}

std::string chunk(const std::string& bytes, bool is_last) {
  return "BDAT " + std::to_string(bytes.size()) + (is_last ? " LAST\r\n" : "\r\n") + bytes;
}

std::string random_step(Dice& dice, const std::string& token) {
  switch (dice.roll(12)) {
    case 0:
    case 1: return "MAIL FROM:<" + token + "@client.test>\r\n";
    case 2:
    case 3: return "RCPT TO:<" + token + "@example.test>\n";
    case 4:
    case 5:
      return "DATA\r\n" + hostile_header(token) + random_text(dice, 12) +
             (dice.roll(3) == 0 ? "" : "\r\n.\r\n");
    case 6: return chunk(hostile_header(token) + random_text(dice, 8), dice.roll(2) == 0);
    case 7: return chunk(hostile_header(token) + contraband(token), true);
    case 8: return dice.roll(2) == 0 ? "RSET\r\n" : "EHLO client.test\r\n";
    case 9: return dice.roll(2) == 0 ? "NOOP\n" : "\r\n.\r\n";
    case 10: return "NOOP\rRCPT TO:<rubbish@evil.test>\r\n";
    default: return contraband(token);
  }
}

}  // namespace

std::string hostile_header(const std::string& token) {
  return "From: " + token + "@client.test\r\nTo: " + token + "@example.test\r\nSubject: " + token +
         "\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <" + token +
         "@client.test>\r\n\r\n";
}

std::string envelope_of(const std::string& token) {
  return "MAIL FROM:<" + token + "@client.test>\r\nRCPT TO:<" + token + "@example.test>\r\n";
}

std::string contraband(const std::string& token) {
  return "MAIL FROM:<smuggled-" + token + "@evil.test>\r\nRCPT TO:<victim-" + token +
         "@example.test>\r\nDATA\r\n" + hostile_header("smuggled-" + token) + "x\r\n.\r\n";
}

std::string smuggled(const std::string& token, const std::string& separator) {
  return hostile_header(token) + "body" + separator + contraband(token);
}

const std::vector<std::string>& separators() {
  static const std::vector<std::string> kAll = all_separators();
  return kAll;
}

std::vector<std::string> random_separators(unsigned count, unsigned most) {
  Dice dice(2023);
  std::vector<std::string> all;
  while (all.size() < count) all.push_back(random_text(dice, most));
  return all;
}

std::vector<std::string> random_conversations(unsigned count, const std::string& token) {
  Dice dice(51764);
  std::vector<std::string> all;
  while (all.size() < count) {
    const std::string name = token + "-" + std::to_string(all.size());
    std::string conversation = dice.roll(3) > 0 ? envelope_of(name) : "";
    // Few enough for the limit on errors.
    for (unsigned left = 2 + dice.roll(5); left > 0; --left)
      conversation += random_step(dice, name);
    all.push_back(conversation + "QUIT\r\n");
  }
  return all;
}

}  // namespace support
