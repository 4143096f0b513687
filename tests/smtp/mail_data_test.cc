// smtp/mail_data: what ends mail data, and what it looks like on the other side.
#include "smtp/mail_data.h"

#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace smtp {
namespace {

struct Decoded {
  std::string content;
  std::size_t taken = 0;  // octets up to and with the end of data
  bool is_ended = false;
  bool has_nul = false;
  bool has_false_end = false;  // the model has no opinion
  bool has_bare = false;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

// Feeds `bytes` in pieces of `step` octets (0: all at once).
Decoded decode(std::string_view bytes, std::size_t step = 0) {
  MailDataDecoder decoder;
  Decoded result;
  for (std::size_t at = 0; at < bytes.size() && !decoder.is_ended();) {
    const std::string_view piece = bytes.substr(at, step == 0 ? bytes.size() : step);
    const std::size_t taken = decoder.receive(piece, result.content);
    at += taken;
    result.taken = at;
    if (taken < piece.size() && !decoder.is_ended()) {
      ADD_FAILURE() << "octets were left before the end of data";
      break;
    }
  }
  result.is_ended = decoder.is_ended();
  result.has_nul = decoder.has_nul();
  result.has_false_end = decoder.has_false_end();
  result.has_bare = decoder.has_bare_line_ends();
  EXPECT_EQ(decoder.size(), result.content.size());
  return result;
}

// A second opinion, written for plainness: first where the data ends, then what it holds.
Decoded model(std::string_view bytes) {
  Decoded result;
  const std::string framed = "\r\n" + std::string(bytes);
  const std::size_t end = framed.find("\r\n.\r\n");
  result.is_ended = end != std::string::npos;
  result.taken = result.is_ended ? end + 3 : bytes.size();
  std::string_view data(bytes);
  if (result.is_ended) data = std::string_view(framed).substr(2, end);
  bool is_after_crlf = true;   // where a dot is stuffing
  bool is_after_bare = false;  // where the first of two is
  for (std::size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    const bool is_crlf = c == '\r' && i + 1 < data.size() && data[i + 1] == '\n';
    if (is_after_crlf && c == '.') {
      is_after_crlf = false;
      const bool is_bare_next = i + 1 < data.size() && (data[i + 1] == '\r' || data[i + 1] == '\n');
      // A lone dot that does not end the data is content.
      if (is_bare_next) result.content.push_back('.');
      continue;
    }
    is_after_crlf = false;
    const bool is_doubled = c == '.' && i + 1 < data.size() && data[i + 1] == '.';
    if (std::exchange(is_after_bare, false) && is_doubled) continue;
    if (c == '\0') {
      result.has_nul = true;
    } else if (is_crlf) {
      result.content.append("\r\n");
      is_after_crlf = true;
      ++i;
    } else if (c == '\r' || c == '\n') {
      // A CR at the very end of the input may still become a CRLF.
      if (c == '\r' && i + 1 == data.size() && !result.is_ended) break;
      result.content.append("\r\n");
      result.has_bare = true;
      is_after_bare = true;
    } else {
      result.content.push_back(c);
    }
  }
  return result;
}

std::string encode(std::string_view content) {
  MailDataEncoder encoder;
  std::string out;
  encoder.send(content, out);
  encoder.end(out);
  return out;
}

// Nobody behind us can take it for more than one mail, however little of a line end and of an end
// of data they ask for: every CR and LF is half of a CRLF, and one line is a lone dot, the last.
bool is_one_mail_to_everybody(const std::string& sent) {
  std::size_t ends = 0;
  for (std::size_t begin = 0; begin < sent.size();) {
    const std::size_t end = sent.find("\r\n", begin);
    if (end == std::string::npos) return false;
    const std::string_view line = std::string_view(sent).substr(begin, end - begin);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return false;
    if (line == ".") ++ends;
    begin = end + 2;
  }
  return ends == 1 && (sent == ".\r\n" || sent.ends_with("\r\n.\r\n"));
}

TEST(MailDataDecoder, EndsAtCrlfDotCrlf) {
  const Decoded decoded = decode("Subject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n");
  EXPECT_TRUE(decoded.is_ended);
  EXPECT_EQ(decoded.content, "Subject: x\r\n\r\nhi\r\n");
  EXPECT_EQ(decoded.taken, 21U);
}

TEST(MailDataDecoder, TakesADotRightAwayAsAnEmptyMessage) {
  const Decoded decoded = decode(".\r\n");
  EXPECT_TRUE(decoded.is_ended);
  EXPECT_EQ(decoded.content, "");
}

TEST(MailDataDecoder, RemovesTheStuffingOfLeadingDots) {
  EXPECT_EQ(decode("..a\r\n...\r\n.b\r\n.\r\n").content, ".a\r\n..\r\nb\r\n");
}

// Lines of clients that stuff, whatever they end them with, and of such as do not know of it.
TEST(MailDataDecoder, RemovesOneOfTwoDotsBehindABareLineEndAndNoLoneOne) {
  for (const std::string end : {"\n", "\r"}) {
    const std::string lines =
        "..a" + end + "..b" + end + "..." + end + ".c" + end + ".." + end + "." + end;
    EXPECT_EQ(decode("x" + end + lines + "\r\n.\r\n").content,
              "x\r\n.a\r\n.b\r\n..\r\n.c\r\n.\r\n.\r\n\r\n");
  }
  EXPECT_FALSE(decode("a\n..\nb\n..\r\nc").has_false_end);
  EXPECT_FALSE(decode("a\n..\r\nMAIL\r\n").is_ended);
}

TEST(MailDataDecoder, MakesEveryLineEndCrlf) {
  const Decoded decoded = decode("a\nb\r\nc\n\nd\re\r\r\nf\r\n.\r\n");
  EXPECT_EQ(decoded.content, "a\r\nb\r\nc\r\n\r\nd\r\ne\r\n\r\nf\r\n");
  EXPECT_TRUE(decoded.has_bare);
}

TEST(MailDataDecoder, KeepsAllOtherOctetsAsTheyAre) {
  std::string all;
  for (int c = 1; c < 256; ++c) {
    if (c != '\r' && c != '\n') all.push_back(static_cast<char>(c));
  }
  const Decoded decoded = decode(all + "\r\n.\r\n");
  EXPECT_EQ(decoded.content, all + "\r\n");
  EXPECT_FALSE(decoded.has_bare);
}

// What public scanners for SMTP smuggling send in place of the end of data.
TEST(MailDataDecoder, EndsAtNoneOfTheSmugglersSequences) {
  const std::vector<std::string> sequences = {"\n.\n",
                                              "\n.\r",
                                              "\r.\n",
                                              "\r.\r",
                                              "\n.\r\n",
                                              "\r.\r\n",
                                              "\r\n.\n",
                                              "\r\n.\rM",
                                              std::string("\r\n\0.\r\n", 6),
                                              std::string("\r\n.\0\r\n", 6),
                                              std::string("\r\0\n.\r\n", 6),
                                              std::string("\r\n.\r\0\n", 6),
                                              "\r\n.\r\r\n",
                                              "\r\r\n.\r\r\n",
                                              "\r\n .\r\n",
                                              "\r\n. \r\n",
                                              "\r\n.\t\r\n",
                                              "\x0b.\x0b",
                                              "\x0c.\x0c",
                                              "\x85.\x85",
                                              "\xe2\x80\xa8.\xe2\x80\xa8",
                                              "\x1c.\x1c"};
  for (const std::string& sequence : sequences) {
    const std::string bytes = "body" + sequence + "MAIL FROM:<smuggled@evil>\r\n";
    for (const std::size_t step : {0U, 1U, 3U}) {
      const Decoded decoded = decode(bytes, step);
      EXPECT_FALSE(decoded.is_ended) << testing::PrintToString(sequence);
      EXPECT_EQ(decoded.taken, bytes.size());
      // Nor does what it becomes end anything at the smarthost, before the true end.
      const std::string sent = encode(decoded.content);
      EXPECT_EQ(sent.find("\r\n.\r\n"), sent.size() - 5) << testing::PrintToString(sequence);
    }
  }
}

TEST(MailDataDecoder, TellsOfALineThatLooksLikeTheEnd) {
  std::string out;
  MailDataDecoder decoder;
  decoder.receive("a\n.\n", out);
  EXPECT_TRUE(decoder.has_false_end());
  MailDataDecoder other;
  other.receive("a\r\n.\nb", out);
  EXPECT_TRUE(other.has_false_end());
  MailDataDecoder harmless;
  harmless.receive("a\n.b\nc. \r\n", out);
  EXPECT_FALSE(harmless.has_false_end());
}

TEST(MailDataDecoder, AgreesWithThePlainModelOnEveryShortInput) {
  constexpr std::array<char, 5> kOctets = {'\r', '\n', '.', '\0', 'a'};
  std::size_t checked = 0;
  for (std::size_t length = 0; length <= 7; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= kOctets.size();
    for (std::size_t number = 0; number < count; ++number) {
      std::string bytes;
      for (std::size_t i = 0, rest = number; i < length; ++i, rest /= kOctets.size()) {
        bytes.push_back(kOctets[rest % kOctets.size()]);
      }
      // With an end behind it, so that nothing hangs in the air.
      bytes.append("z\r\n.\r\n");
      const Decoded expected = model(bytes);
      const Decoded whole = decode(bytes);
      ASSERT_EQ(whole.taken, expected.taken) << testing::PrintToString(bytes);
      ASSERT_EQ(whole.has_nul, expected.has_nul) << testing::PrintToString(bytes);
      ASSERT_EQ(whole.has_bare, expected.has_bare) << testing::PrintToString(bytes);
      ASSERT_EQ(whole.is_ended, expected.is_ended) << testing::PrintToString(bytes);
      if (!expected.has_nul) {
        ASSERT_EQ(whole.content, expected.content) << testing::PrintToString(bytes);
      }
      ASSERT_EQ(decode(bytes, 1), whole) << testing::PrintToString(bytes);
      ASSERT_EQ(decode(bytes, 2), whole) << testing::PrintToString(bytes);
      ASSERT_TRUE(is_one_mail_to_everybody(encode(whole.content))) << testing::PrintToString(bytes);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 97656U);
}

// Lines of every length, so that what is looked at in blocks is looked at in every position.
TEST(MailDataDecoder, AgreesWithThePlainModelOnLinesOfEveryLength) {
  constexpr std::string_view kOrdinary = "a.\t\x0b\x0e\x7f\x80\xff";
  constexpr std::array<std::string_view, 9> kOthers = {"\r\n",   "\r\n.", "\r\n..", "\r",   "\n",
                                                       "\r\r\n", "\n.",   "\n..",   "\r..."};
  std::mt19937 random(1);
  for (int i = 0; i < 4000; ++i) {
    std::string bytes;
    while (bytes.size() < 200) {
      bytes.append(random() % 70, kOrdinary[random() % kOrdinary.size()]);
      bytes.append(kOthers[random() % (i % 2 == 0 ? 1 : kOthers.size())]);
    }
    bytes.append("z\r\n.\r\n");
    const Decoded expected = model(bytes);
    const Decoded whole = decode(bytes);
    ASSERT_EQ(whole.taken, expected.taken) << testing::PrintToString(bytes);
    ASSERT_EQ(whole.has_bare, expected.has_bare) << testing::PrintToString(bytes);
    ASSERT_EQ(whole.content, expected.content) << testing::PrintToString(bytes);
    ASSERT_EQ(decode(bytes, 1), whole) << testing::PrintToString(bytes);
    ASSERT_EQ(decode(bytes, 17), whole) << testing::PrintToString(bytes);
  }
}

TEST(MailDataDecoder, FindsTheEndAtEveryOffsetOfABuffer) {
  for (const std::size_t edge : {4096U, 16384U, 65536U}) {
    for (std::size_t length = edge - 8; length <= edge + 8; ++length) {
      const std::string body(length, 'x');
      const Decoded decoded = decode(body + "\r\n.\r\nNOOP\r\n", edge);
      EXPECT_TRUE(decoded.is_ended);
      EXPECT_EQ(decoded.content, body + "\r\n");
    }
  }
}

TEST(MailData, SurvivesTheWayThroughBothSidesUnchanged) {
  std::mt19937 random(20261124);
  for (int round = 0; round < 300; ++round) {
    std::string message;
    const std::size_t lines = random() % 40;
    for (std::size_t i = 0; i < lines; ++i) {
      const std::size_t length = random() % 100;
      for (std::size_t j = 0; j < length; ++j) {
        const char c = static_cast<char>(random() % 255 + 1);
        message.push_back(c == '\r' || c == '\n' ? '.' : c);
      }
      message.append("\r\n");
    }
    const std::string sent = encode(message);
    EXPECT_EQ(decode(sent, random() % 50 + 1).content, message);
    EXPECT_EQ(encode(decode(sent).content), sent);
  }
}

TEST(MailDataEncoder, EndsALineThatWasLeftOpen) {
  EXPECT_EQ(encode("a"), "a\r\n.\r\n");
  EXPECT_EQ(encode("a\r\n"), "a\r\n.\r\n");
  EXPECT_EQ(encode(""), ".\r\n");
}

TEST(MailDataEncoder, StuffsDotsAtLineStartsHoweverTheBytesAreCut) {
  const std::string content = ".a\r\n..\r\nb.\r\n.\r\n";
  for (std::size_t cut = 0; cut <= content.size(); ++cut) {
    MailDataEncoder encoder;
    std::string out;
    encoder.send(std::string_view(content).substr(0, cut), out);
    encoder.send(std::string_view(content).substr(cut), out);
    encoder.end(out);
    EXPECT_EQ(out, "..a\r\n...\r\nb.\r\n..\r\n.\r\n");
  }
}

class HeaderScannerTest : public testing::Test {
 protected:
  HeaderScanner scanner_{"by relay.example (smtpseal)"};
};

TEST_F(HeaderScannerTest, CountsReceivedFieldsOfTheHeaderOnly) {
  const std::string message =
      "Received: from a by b\r\n\tid 1\r\nreceived : from c\r\nX-Received: d\r\nSubject: s\r\n\r\n"
      "Received: in the body\r\n";
  for (std::size_t step = 1; step <= message.size(); step += 7) {
    HeaderScanner scanner("by relay.example (smtpseal)");
    for (std::size_t at = 0; at < message.size(); at += step) {
      scanner.receive(std::string_view(message).substr(at, step));
    }
    EXPECT_EQ(scanner.hops(), 2U);
    EXPECT_EQ(scanner.own_hops(), 0U);
    EXPECT_TRUE(scanner.is_header_over());
  }
}

TEST_F(HeaderScannerTest, KnowsItsOwnMarkInAFoldedField) {
  scanner_.receive("Received: from a ([127.0.0.1])\r\n\tby relay.example (smtpseal) with SMTP\r\n");
  scanner_.receive("Received: from x by relay.example (other)\r\n\r\n");
  EXPECT_EQ(scanner_.hops(), 2U);
  EXPECT_EQ(scanner_.own_hops(), 1U);
}

TEST_F(HeaderScannerTest, PassesOverAFieldWithoutEnd) {
  scanner_.receive("X: " + std::string(1024 * 1024, 'y'));
  scanner_.receive("\r\nReceived: a\r\n\r\n");
  EXPECT_EQ(scanner_.hops(), 1U);
}

}  // namespace
}  // namespace smtp
