// No byte sequence from a client becomes a second mail, another command or another header at the
// smarthost: with DATA and with BDAT, however the bytes are cut. What they mean by the letter of
// the RFCs is the ClientModel's to say.
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/babbler.h"
#include "relay/pair.h"

namespace relay {
namespace {

using ::testing::IsEmpty;

const std::string kEnvelope = "EHLO c.test\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<r@u.test>\r\n";
const std::string kSmuggled =
    "MAIL FROM:<smuggled@evil>\r\nRCPT TO:<victim@u.test>\r\nDATA\r\nSubject: SMUGGLED\r\n\r\n"
    "x\r\n.\r\n";

// Every pair of line ends around a dot (EOD-17), with the smarthost taking DATA and BDAT.
TEST(HostileClient, OnlyCrlfDotCrlfEndsMailData) {
  const std::vector<std::string> ends = {
      "\r", "\n", "\r\n", "\n\r", "\r\r\n", "\r\n\n", "\n\n", std::string(1, '\0'), ""};
  std::size_t ended = 0;
  for (const std::string& before : ends) {
    for (const std::string& after : ends) {
      const std::string body = "Subject: outer\r\n\r\nbody" + before + "." + after + kSmuggled;
      for (const bool is_chunking : {false, true}) {
        for (const std::size_t size : {0U, 1U, 3U}) {
          JudgedSession session(is_chunking);
          session.say(kEnvelope + "DATA\r\n", size);
          session.say(body, size);
          ASSERT_THAT(session.faults(), IsEmpty());
          const std::size_t count = session.mails().size();
          ASSERT_LE(count, 2U);
          if (count == 2) ++ended;
        }
      }
    }
  }
  // CRLF or CR CR LF before, CRLF or CRLF LF behind.
  EXPECT_EQ(ended, 4U * 2 * 3);
}

// The rest of what public scanners for SMTP smuggling send (EOD-13, EOD-15).
TEST(HostileClient, NothingElseThatPassesForALineEndEndsMailData) {
  for (const char* fake : {"\r\n .\r\n", "\r\n. \r\n", "\r\n.\t\r\n", "\x0b.\x0b", "\x0c.\x0c",
                           "\x85.\x85", "\xe2\x80\xa8.\xe2\x80\xa8", "\xe2\x80\xa9.\xe2\x80\xa9",
                           "\x1c.\x1c", "\r\n..\r\n", "\r\n.\x1a\r\n", "\r\n.\r \n"}) {
    for (const bool is_chunking : {false, true}) {
      JudgedSession session(is_chunking);
      session.say(kEnvelope + "DATA\r\n");
      session.say("body" + std::string(fake) + kSmuggled);
      ASSERT_THAT(session.faults(), IsEmpty());
      ASSERT_EQ(session.mails().size(), 1U);
      EXPECT_NE(session.mails()[0].content.find("smuggled@evil"), std::string::npos);
    }
  }
}

// What stands in a chunk is mail data, whatever it looks like, and not one octet more (BDAT-06, 07,
// 08, 18): with every cut of the stream in two.
TEST(HostileClient, ChunksAreCountedWhereverTheyAreCut) {
  const std::vector<std::string> streams = {
      kEnvelope + "BDAT 6\r\nQUIT\r\nBDAT 5 LAST\r\n.\r\n.\rNOOP\r\n",
      kEnvelope + "BDAT 3 LAST\r\n\r\n.BDAT 3 LAST\r\nabcNOOP\r\n",
      "EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
      "EHLO c\r\nMAIL FROM:<s@c>\r\nBDAT 27 LAST\r\nMAIL FROM:<smuggled@evil>\r\nNOOP\r\n",
      kEnvelope + "BDAT 2\r\n" + std::string("\0x", 2) +
          "BDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n" + kEnvelope + "BDAT 1 LAST\r\ny",
      kEnvelope + "BDAT 0\r\nBDAT 0 LAST\r\n" + kEnvelope + "BDAT 0 LAST\r\nQUIT\r\n",
  };
  for (const std::string& stream : streams) {
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      JudgedSession session(true);
      session.say(stream.substr(0, cut));
      session.say(stream.substr(cut));
      ASSERT_THAT(session.faults(), IsEmpty()) << cut;
    }
  }
}

// BDAT-16: what is far above the limit is not read to its end.
TEST(HostileClient, ChunkOfAbsurdSizeIsRefusedAndNotReadForLong) {
  PairOptions options;
  options.server.hostname = options.transaction.hostname = "seal.test";
  options.smarthost.ehlo = options.later.ehlo = kChunks;
  options.is_chunking_offered = true;
  options.max_size = 10000;
  Pair pair(std::move(options));
  const auto say = [&pair](const std::string& bytes) {
    pair.client_says(bytes);
    pair.settle();
  };
  say(kEnvelope + "BDAT 999999999999 LAST\r\n");
  EXPECT_TRUE(pair.client_hears().ends_with(" fine\r\n"));
  std::size_t said = 0;
  for (; said < 1000000 && !pair.server().is_finished(); said += 1000) say(std::string(1000, 'x'));
  EXPECT_LE(said, 16000U);
  EXPECT_EQ(pair.client_hears().substr(0, 9), "552 5.3.4");
  EXPECT_THAT(pair.accepted(), IsEmpty());
  EXPECT_THAT(pair.faults(), IsEmpty());
}

// --- sessions without sense ---

// CMD-40: state and replies against the model, for thousands of sessions.
TEST(HostileClient, BabbleMeansWhatTheModelSaysAndNoMore) {
  constexpr unsigned kSeeds = 3000;
  std::size_t delivered = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    RandomChoices choices(seed);
    Babbler babbler(choices);
    const JudgedSession& session = babbler.run(seed % 40 == 0 ? 200 : 25);
    ASSERT_THAT(session.faults(), IsEmpty()) << "seed " << seed;
    delivered += session.mails().size();
  }
  EXPECT_GT(delivered, kSeeds / 3) << "it is not all nonsense";
}

}  // namespace
}  // namespace relay
