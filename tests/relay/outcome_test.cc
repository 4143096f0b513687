// relay/outcome: whatever goes wrong on our side is temporary, and says what it is.
#include "relay/outcome.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relay {
namespace {

using base::Fault;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// RFC 5321 4.5.3.1.5, with the CRLF.
constexpr std::size_t kMostOfALine = 512;

TEST(Outcome, EveryFaultIsTemporaryAndHasItsCode) {
  for (const auto& [fault, code] :
       {std::pair{Fault::local, "4.3.0"}, std::pair{Fault::unreachable, "4.4.1"},
        std::pair{Fault::connection, "4.4.2"}, std::pair{Fault::tls_unavailable, "4.7.4"},
        std::pair{Fault::tls, "4.7.5"}, std::pair{Fault::login, "4.7.0"},
        std::pair{Fault::peer_protocol, "4.5.0"}, std::pair{Fault::peer_unable, "4.3.0"},
        std::pair{Fault::peer_refused, "4.3.0"}, std::pair{Fault::config, "4.3.5"},
        std::pair{Fault::storage, "4.3.0"}}) {
    SCOPED_TRACE(std::string(base::to_string(fault)));
    EXPECT_EQ(smtp::format(outcome({fault, "the reason"})),
              "451 " + std::string(code) + " the reason\r\n");
    EXPECT_EQ(smtp::format(closing_outcome({fault, "the reason"})),
              "421 " + std::string(code) + " the reason\r\n");
    EXPECT_EQ(smtp::format(auth_unavailable({fault, "the reason"})),
              "454 " + std::string(code) + " the reason\r\n");
  }
}

TEST(Outcome, FaultThatNobodyKnowsIsTemporaryToo) {
  EXPECT_EQ(smtp::format(outcome({static_cast<Fault>(99), "x"})), "451 4.3.0 x\r\n");
}

TEST(Outcome, ReplyIsOneLineWhateverTheReason) {
  const base::Error error{Fault::tls, "certificate of \r\n250 OK\r\n\x01 expired"};
  for (const smtp::Reply& reply : {outcome(error), closing_outcome(error), in_doubt(error)}) {
    const std::string line = smtp::format(reply);
    EXPECT_EQ(line.find("\r\n"), line.size() - 2);
    EXPECT_EQ(line.find('\x01'), std::string::npos);
  }
}

TEST(Outcome, ReplyFitsALineWhateverTheReason) {
  const base::Error error{Fault::connection, std::string(5000, 'x')};
  for (const smtp::Reply& reply : {outcome(error), closing_outcome(error), in_doubt(error)}) {
    EXPECT_LE(smtp::format(reply).size(), kMostOfALine);
  }
  // What the reader must not miss is not what is cut.
  EXPECT_THAT(smtp::format(in_doubt(error)), HasSubstr("a second copy is possible"));
}

TEST(Outcome, OurOwnRepliesCarryTheCodesOfTheContract) {
  EXPECT_THAT(smtp::format(too_many_sessions()), StartsWith("421 4.3.2 "));
  EXPECT_THAT(smtp::format(shutting_down()), StartsWith("421 4.3.2 "));
  EXPECT_THAT(smtp::format(not_allowed("192.0.2.1")), StartsWith("554 5.7.1 clients at 192.0.2.1"));
  EXPECT_EQ(smtp::format(sender_ok()), "250 2.1.0 sender OK\r\n");
  EXPECT_THAT(smtp::format(start_mail_input()), StartsWith("354 end data"));
  EXPECT_THAT(smtp::format(too_many_recipients()), StartsWith("452 4.5.3 "));
  EXPECT_THAT(smtp::format(message_too_big(1000)),
              StartsWith("552 5.3.4 message is bigger than 1"));
  EXPECT_THAT(smtp::format(mail_loop("it is")), StartsWith("554 5.4.6 mail is looping: it is"));
  EXPECT_THAT(smtp::format(in_doubt({Fault::connection, "lost"})), StartsWith("451 4.4.2 lost; "));
  EXPECT_EQ(smtp::format(recipient_ok()), "250 2.1.5 recipient OK\r\n");
  EXPECT_EQ(smtp::format(spooled("1f")), "250 2.0.0 Queued as 1f\r\n");
  EXPECT_EQ(smtp::format(not_spooled({Fault::busy, "full"})), "452 4.3.1 full\r\n");
  EXPECT_EQ(smtp::format(not_spooled({Fault::storage, "disk"})), "451 4.3.0 disk\r\n");
}

}  // namespace
}  // namespace relay
