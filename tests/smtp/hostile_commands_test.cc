// Command lines that no client in its right mind sends: one reply each, and none of them becomes
// something else. What they become at the smarthost: tests/relay/hostile_client_test.cc.
#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/answered_session.h"
#include "smtp/limits.h"

namespace smtp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

class HostileCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  // After EHLO.
  void open() {
    session_.emplace();
    session_->greet();
    session_->say("EHLO c.test\r\n");
    session_->heard();
    session_->take_events();
  }
  void open_transaction() {
    open();
    session_->say_in_turn("MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n");
    session_->heard();
    session_->take_events();
  }

  std::string ask(std::string_view bytes) {
    session_->say(bytes);
    return session_->heard();
  }

  std::optional<AnsweredSession> session_;
};

// "250", "250 501": the codes of the replies.
std::string codes_of(std::string_view heard) {
  std::string codes;
  for (std::size_t end = 0; (end = heard.find("\r\n")) != std::string_view::npos;) {
    if (heard[3] != '-') codes.append(codes.empty() ? "" : " ").append(heard.substr(0, 3));
    heard.remove_prefix(end + 2);
  }
  return codes;
}

TEST_F(HostileCommandsTest, EachIsRefusedOnceAndTheNextIsServed) {
  const std::string nul(1, '\0');
  for (const std::string& line : std::vector<std::string>{"MAIL FROM:<s" + nul + "@c.test>",
                                                          "NOOP " + nul,
                                                          "EH" + nul + "LO x",
                                                          nul,
                                                          "DATAX",
                                                          "MAILFROM:<a>",
                                                          "\xff\xfe",
                                                          "",
                                                          " NOOP",
                                                          "\tNOOP",
                                                          "MAIL",
                                                          "MAIL FROM",
                                                          "MAIL FROM:",
                                                          "MAIL FROM:<",
                                                          "MAIL FROM:<>>",
                                                          "MAIL FROM:<s@c.test>SIZE=1",
                                                          "MAIL TO:<s@c.test>",
                                                          "MAIL FROM:<s@c.test>\rRCPT TO:<e@x>",
                                                          "MAIL FROM:<s@c.test>\r\r",
                                                          "NOOP\v\r x",
                                                          "MAIL FROM:<s@c\x01.test>",
                                                          "MAIL FROM:<s@c.test> SIZE=1 size=1",
                                                          "MAIL FROM:<s@c.test> BODY=8BITMIME=x",
                                                          "MAIL FROM:<\xc3\x28@c>",
                                                          "AUTH",
                                                          "AUTH =",
                                                          "VRFY\rQUIT",
                                                          "RCPT TO:<r@u.test>",
                                                          "DATA",
                                                          "STARTTLS now"}) {
    open();
    const std::string heard = ask(line + "\r\n");
    EXPECT_TRUE(codes_of(heard).size() == 3 && heard[0] == '5')
        << ::testing::PrintToString(line) << " got " << heard;
    EXPECT_EQ(ask("NOOP\r\n"), "250 2.0.0 OK\r\n") << ::testing::PrintToString(line);
    EXPECT_THAT(session_->events(), IsEmpty()) << ::testing::PrintToString(line);
  }
}

TEST_F(HostileCommandsTest, VerbsOfOthersAreAnsweredHere) {
  for (const auto& [line, code] : std::vector<std::pair<std::string, std::string>>{
           {"VRFY x", "252"},
           {"VRFY j\xc3\xb6", "252"},
           {"VRFY \xff", "252"},
           {"HELP", "214"},
           {"EXPN x", "502"},
           {"ETRN x", "502"},
           {"TURN", "502"},
           {"ATRN", "502"},
           {"SEND FROM:<a@b>", "502"},
           {"SOML FROM:<a@b>", "502"},
           {"SAML FROM:<a@b>", "502"},
           {"ONEX", "502"},
           {"VERB ON", "502"},
           {"DEBUG", "502"},
           {"WIZ", "502"},
           {"XFORWARD NAME=x", "502"},
           {"XCLIENT ADDR=127.0.0.1 LOGIN=root", "502"}}) {
    open_transaction();
    EXPECT_EQ(codes_of(ask(line + "\r\n")), code) << line;
    // The transaction is none the worse for it.
    EXPECT_EQ(codes_of(ask("DATA\r\n")), "354") << line;
    EXPECT_THAT(session_->events(), ElementsAre("data")) << line;
  }
}

TEST_F(HostileCommandsTest, OtherProtocolsAreNotHeardOut) {
  for (const char* request :
       {"GET / HTTP/1.1", "POST / HTTP/1.1", "PUT /x HTTP/1.0", "CONNECT u.test:25 HTTP/1.1",
        "OPTIONS * HTTP/1.1", "HEAD / HTTP/1.0", "Subject: hello", "Received: x", "SSH-2.0-x"}) {
    open();
    const std::string heard =
        ask(std::string(request) + "\r\nHost: localhost\r\n\r\nEHLO x\r\nMAIL FROM:<s@c>\r\n");
    EXPECT_EQ(heard, "554 5.5.1 this is an SMTP server\r\n") << request;
    EXPECT_TRUE(session_->is_finished());
    EXPECT_THAT(session_->events(), Not(Contains(HasSubstr("MAIL")))) << request;
  }
}

TEST_F(HostileCommandsTest, EmptyLinesAreErrorsAndTheirNumberIsLimited) {
  std::string lines;
  for (int i = 0; i < 30; ++i) lines.append("\r\n");
  std::string codes;
  for (unsigned i = 0; i < kMaxErrors; ++i) codes.append("500 ");
  EXPECT_EQ(codes_of(ask(lines)), codes + "421");
}

TEST_F(HostileCommandsTest, LinesOfEveryLengthGetOneReply) {
  for (const std::size_t length : {std::size_t{510}, std::size_t{512}, std::size_t{513},
                                   kMaxCommandLine - 1, kMaxCommandLine}) {
    open();
    EXPECT_EQ(ask("NOOP " + std::string(length - 7, 'x') + "\r\n"), "250 2.0.0 OK\r\n") << length;
  }
  for (const std::size_t length : {kMaxCommandLine + 1, std::size_t{12288}}) {
    open();
    EXPECT_EQ(ask("NOOP " + std::string(length - 7, 'x') + "\r\n"), "500 5.5.2 line too long\r\n");
    EXPECT_FALSE(session_->is_finished()) << length;
  }
  // It may have been a BDAT, whose chunk would be taken for commands.
  for (const std::size_t length : {std::size_t{12290}, std::size_t{1} << 20}) {
    open();
    EXPECT_EQ(ask("NOOP " + std::string(length - 7, 'x') + "\r\nNOOP\r\n"),
              "500 5.5.2 line too long\r\n");
    EXPECT_TRUE(session_->is_finished()) << length;
  }
}

TEST_F(HostileCommandsTest, AddressesAreCarriedWholeOrNotAtAll) {
  const std::string domain_255 = std::string(63, 'd') + "." + std::string(63, 'e') + "." +
                                 std::string(63, 'f') + "." + std::string(63, 'g');
  for (const std::string& path : std::vector<std::string>{
           "<>", "<@a.test,@b.test:s@c.test>", "<\"a b\\\"c@d\"@c.test>", "<\"\"@c.test>",
           "<\"a>b\"@c.test>", "<" + std::string(64, 'l') + "@c.test>",
           "<" + std::string(65, 'l') + "@c.test>", "<" + std::string(300, 'l') + "@c.test>",
           "<s@" + domain_255 + ">", "<s@" + domain_255 + "x>", "<" + std::string(253, 'l') + "@c>",
           "<" + std::string(996, 'l') + "@c>"}) {
    open();
    EXPECT_EQ(codes_of(ask("MAIL FROM:" + path + " SIZE=10\r\n")), "250") << path;
    EXPECT_THAT(session_->take_events(), ElementsAre("MAIL FROM:" + path + " SIZE=10"));
  }
  EXPECT_THAT(ask("RSET\r\nMAIL FROM:<" + std::string(1100, 'l') + "@c>\r\n"),
              HasSubstr("501 5.1.7"));
}

// C0, DEL and C1 could mean something to somebody behind us; what merely cannot be seen is text.
TEST_F(HostileCommandsTest, AddressesHoldNoControlCharacters) {
  for (int c = 1; c < 0xa0; ++c) {
    if (c >= 0x20 && c < 0x7f) continue;
    if (c == '\n') continue;  // ends the line
    const std::string octets = c < 0x80 ? std::string(1, static_cast<char>(c))
                                        : std::string("\xc2") + static_cast<char>(c);
    open();
    EXPECT_THAT(ask("MAIL FROM:<a" + octets + "b@c.test> SMTPUTF8\r\n"), StartsWith("501")) << c;
  }
  for (const char* unseen : {"\xe2\x80\x8b", "\xe2\x81\xa0", "\xef\xbb\xbf"}) {
    open();
    const std::string line = "MAIL FROM:<a" + std::string(unseen) + "@c.test>";
    EXPECT_THAT(ask(line + "\r\n"), StartsWith("553 5.6.7"));
    EXPECT_THAT(ask(line + " SMTPUTF8\r\n"), StartsWith("250"));
    EXPECT_THAT(session_->events(), ElementsAre(line + " SMTPUTF8"));
  }
}

TEST_F(HostileCommandsTest, ResetIsTakenTwiceInEveryState) {
  const std::string mail = "MAIL FROM:<s@c.test>\r\n";
  const std::string rcpt = "RCPT TO:<r@u.test>\r\n";
  for (const std::string& before : std::vector<std::string>{
           "", "EHLO again\r\n", "HELO again\r\n", mail, mail + rcpt, mail + "DATA\r\n",
           mail + rcpt + "DATA\r\nx\r\n.\r\n", mail + rcpt + "BDAT 1\r\nx",
           mail + rcpt + "BDAT 1 LAST\r\nx", "BDAT 1\r\nx", mail + "MAIL FROM:<\r\n"}) {
    open();
    for (std::size_t begin = 0, end = 0; begin < before.size(); begin = end) {
      end = before.find('\n', begin);
      end = end == std::string::npos ? before.size() : end + 1;
      session_->say(before.substr(begin, end - begin));
    }
    session_->heard();
    EXPECT_EQ(ask("RSET\r\n"), "250 2.0.0 OK\r\n") << before;
    EXPECT_EQ(ask("RSET\r\n"), "250 2.0.0 OK\r\n") << before;
    EXPECT_EQ(codes_of(ask(rcpt)), "503") << before;
    EXPECT_EQ(codes_of(ask(mail + rcpt + "DATA\r\n")), "250 250 354") << before;
  }
}

// --- BDAT ---

TEST_F(HostileCommandsTest, ChunkSizesAreDigitsAndNothingElse) {
  for (const char* argument : {"", "-1", "+1", "0x10", "1e3", "18446744073709551616", "10 LASTX",
                               "10 LAST x", "10LAST", "10\tLAST", "LAST", "10,LAST", "1 0 LAST"}) {
    open_transaction();
    EXPECT_EQ(ask("BDAT " + std::string(argument) + "\r\nQUIT\r\n"),
              "501 5.5.4 BDAT needs the chunk's size, and nothing else but LAST\r\n")
        << argument;
    EXPECT_TRUE(session_->is_finished()) << argument;
  }
  for (const char* line : {"BDAT 6  LAST", "bdat 6 last", "BDAT 006 LAST  "}) {
    open_transaction();
    EXPECT_EQ(codes_of(ask(std::string(line) + "\r\nQUIT\r\nNOOP\r\n")), "250 250") << line;
    EXPECT_THAT(session_->events(), Contains("mail-data QUIT\r\n")) << line;
  }
}

TEST_F(HostileCommandsTest, ChunkIsSwallowedToTheOctetWhereNoMailIsOpen) {
  EXPECT_EQ(codes_of(ask("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")), "503 250");
  EXPECT_EQ(codes_of(ask("BDAT 6 LAST\r\nQUIT\r\nDATA\r\n")), "503 503");
  EXPECT_THAT(session_->events(), IsEmpty());
  EXPECT_FALSE(session_->is_finished());
}

// --- the end of mail data ---

TEST_F(HostileCommandsTest, EndOfDataIsOneHoweverItsFiveOctetsCome) {
  const std::string end = "\r\n.\r\n";
  for (unsigned cuts = 0; cuts < 16; ++cuts) {
    open_transaction();
    ask("DATA\r\n");
    session_->say("x");
    std::string piece;
    for (std::size_t i = 0; i < end.size(); ++i) {
      piece.push_back(end[i]);
      if (i < 4 && (cuts & (1U << i)) == 0) continue;
      session_->say(piece);
      piece.clear();
      session_->wait(2s);
    }
    EXPECT_EQ(session_->heard(), "250 2.0.0 ok\r\n") << cuts;
    EXPECT_EQ(session_->events().back(), "end-of-data 3") << cuts;
    EXPECT_EQ(ask("NOOP\r\n"), "250 2.0.0 OK\r\n");
  }
}

TEST_F(HostileCommandsTest, EndOfDataMayDripWithinTheDeadline) {
  open_transaction();
  ask("DATA\r\n");
  session_->say("x");
  for (const char c : std::string("\r\n.\r\n")) {
    session_->wait(5s);
    session_->say(std::string(1, c));
  }
  EXPECT_EQ(session_->heard(), "250 2.0.0 ok\r\n");
}

TEST_F(HostileCommandsTest, IdleClientIsKeptForFiveMinutesWhereverItStands) {
  for (const std::string& before :
       std::vector<std::string>{"NOOP\r\n", "MAIL FROM:<s@c.test>\r\n", "AUTH LOGIN\r\n",
                                "MAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n"}) {
    open();
    session_->prompt("VXNlcm5hbWU6");
    for (int i = 0; i < 3; ++i) {
      session_->say_in_turn(i == 0 ? before : before.starts_with("AUTH") ? "" : "NOOP\r\n");
      session_->heard();
      if (i > 0 && before.starts_with("AUTH")) break;
      session_->wait(kCommandIdleTimeout - 1s);
      EXPECT_FALSE(session_->is_finished()) << before;
    }
    session_->wait(kCommandIdleTimeout);
    EXPECT_EQ(session_->heard(), "421 4.4.2 timed out, idle too long\r\n") << before;
  }
}

// --- noise ---

// Whatever comes: whole replies, no more of them than lines, and an end to it.
TEST_F(HostileCommandsTest, NoiseGetsWellFormedRepliesAndNoMore) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    std::string noise;
    while (noise.size() < 4096) {
      const unsigned what = static_cast<unsigned>(random() % 20);
      noise.append(what == 0 ? "\r\n" : what == 1 ? "\n" : what == 2 ? "MAIL FROM:<" : "");
      noise.push_back(static_cast<char>(random() % 256));
    }
    open();
    std::string heard;
    for (std::size_t at = 0; at < noise.size();) {
      const std::size_t size = 1 + random() % 400;
      heard.append(ask(std::string_view(noise).substr(at, size)));
      at += size;
    }
    std::size_t replies = 0;
    for (std::size_t end = 0; !heard.empty(); ++replies) {
      end = heard.find("\r\n");
      ASSERT_NE(end, std::string::npos) << seed;
      const std::string line = heard.substr(0, end);
      EXPECT_THAT(line, ::testing::MatchesRegex("[2-5][0-5][0-9] [ -~]*")) << seed;
      heard.erase(0, end + 2);
    }
    EXPECT_LE(replies, static_cast<std::size_t>(std::count(noise.begin(), noise.end(), '\n')) + 1);
  }
}

}  // namespace
}  // namespace smtp
