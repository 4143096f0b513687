// BDAT on both sides of the program, and mail data that comes faster than it goes.
#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/seal_test.h"

namespace support {
namespace {

constexpr std::size_t kBig = 3 * 1024 * 1024;

std::string big_mail(std::size_t size = kBig) {
  std::string body;
  for (std::size_t line = 0; body.size() < size; ++line) {
    body += "line " + std::to_string(line) + std::string(60, 'x') + "\r\n";
  }
  return make_mail(body);
}

class Chunks : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    Behavior behavior = smarthost().behavior();
    behavior.keywords.insert(behavior.keywords.end(), {"CHUNKING", "BINARYMIME"});
    smarthost().set_behavior(behavior);
  }

  // The commands that carried mail data, of all connections.
  std::vector<std::string> data_commands() {
    std::vector<std::string> found;
    for (const ConnectionRecord& record : smarthost().journal().records()) {
      const std::string said = record.received(true);
      std::string_view rest = said;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find("\r\n"), rest.size());
        const std::string_view line = rest.substr(0, end);
        if (line == "DATA" || line.starts_with("BDAT ")) found.emplace_back(line);
        rest.remove_prefix(std::min(end + 2, rest.size()));
      }
    }
    return found;
  }
};

TEST_F(Chunks, SmallMailIsOneLastChunk) {
  const std::string mail = make_mail("..stuffed\r\n");
  EXPECT_TRUE(attempt(mail).is_accepted());
  const StoredMail stored = smarthost().wait_for_mails(1).at(0);
  EXPECT_NE(stored.without_trace().find("\r\n.stuffed\r\n"), std::string::npos);
  EXPECT_EQ(data_commands(),
            std::vector<std::string>{"BDAT " + std::to_string(stored.data.size()) + " LAST"});
}

TEST_F(Chunks, BigMailArrivesByteForByte) {
  const std::string mail = big_mail();
  EXPECT_TRUE(attempt(mail).is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
  // Where a chunk ends a line does not; so the commands are found by their names alone.
  const std::string said = smarthost().journal().records().at(0).received(true);
  std::size_t chunks = 0;
  for (std::size_t at = said.find("BDAT "); at != std::string::npos;
       at = said.find("BDAT ", at + 1)) {
    ++chunks;
  }
  EXPECT_GT(chunks, 10u);
}

TEST_F(Chunks, DataIsUsedWhereChunkingIsOff) {
  config_.set("smarthost", "chunking", "off");
  SmtpClient client = connect();
  EXPECT_FALSE(offers(client.hello(), "CHUNKING"));
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  EXPECT_EQ(data_commands(), std::vector<std::string>{"DATA"});
}

TEST_F(Chunks, ClientMaySendChunksItself) {
  SmtpClient client = connect();
  const Reply ehlo = client.hello();
  EXPECT_TRUE(offers(ehlo, "CHUNKING"));
  EXPECT_TRUE(offers(ehlo, "BINARYMIME"));
  client.envelope();
  client.send("BDAT 14\r\nSubject: a\r\n\r\nBDAT 3 LAST\r\n.\r\n");
  EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), "Subject: a\r\n\r\n.\r\n");
  client.quit();
}

TEST_F(Chunks, BinaryMailIsCarriedAsItIs) {
  const std::string content = std::string("Subject: b\r\n\r\n\0\n\r.\r\n\xff", 21);
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.command("MAIL FROM:<a@b.test> BODY=BINARYMIME").code, 250);
  EXPECT_EQ(client.command("RCPT TO:<rcpt@example.test>").code, 250);
  client.send("BDAT " + std::to_string(content.size()) + " LAST\r\n" + content);
  EXPECT_EQ(client.read_reply().code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), content);
}

TEST_F(Chunks, RefusedChunkIsOneHonestReplyAndTheConnectionServesOn) {
  smarthost().on(Point::chunk, once("552 5.3.4 enough\r\n"));
  SmtpClient client = connect();
  client.hello();
  EXPECT_EQ(client.mail(big_mail()).code, 552);
  EXPECT_EQ(client.mail(make_mail()).code, 250);
  EXPECT_EQ(smarthost().wait_for_mails(1).size(), 1u);
}

TEST_F(Chunks, FarewellInsideTheMailDataIsPassedOn) {
  smarthost().on(Point::chunk, once("421 4.3.2 going down\r\n", Then::close));
  SmtpClient client = connect();
  client.hello();
  const Reply reply = client.mail(big_mail());
  EXPECT_TRUE(reply.code == 421 || reply.code == 451) << reply.code;
  EXPECT_TRUE(attempt().is_accepted());
}

TEST_F(Chunks, ChunksOfAClientWaitForASmarthostThatStopsReading) {
  config_.set("smtpseal", "drain_timeout", "1s");
  smarthost().on(Point::chunk, once("", Then::deafness));
  SmtpClient client = connect();
  client.hello();
  client.envelope();
  // Each chunk is answered at once, and yet no more is read than is to be held.
  const std::string chunk = "BDAT 65000\r\n" + std::string(64998, 'x') + "\r\n";
  constexpr std::size_t kMany = 2000;
  std::size_t answered = 0;
  try {
    for (; answered < kMany; ++answered) {
      client.send(chunk);
      if (client.read_reply(500ms).code != 250) break;
    }
  } catch (const Failure&) {
  }
  EXPECT_LT(answered, kMany / 4);
}

// Clients that send faster than the smarthost takes it are made to wait, and never for ever.
class SlowSmarthost : public SealTest {};

TEST_F(SlowSmarthost, MailDataHeldForALate354IsSentOnWhenItComes) {
  smarthost().on(Point::data, [](const Situation&) -> std::optional<Answer> {
    // That smtpseal has stopped reading is no event that could be waited for.
    std::this_thread::sleep_for(300ms);
    return std::nullopt;
  });
  const std::string mail = big_mail();
  EXPECT_TRUE(attempt(mail).is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
}

TEST_F(SlowSmarthost, MailDataIsTakenAtTheSmarthostsPace) {
  smarthost().on(Point::body, [](const Situation& situation) -> std::optional<Answer> {
    if (situation.count % 8 == 0) std::this_thread::sleep_for(5ms);
    return std::nullopt;
  });
  const std::string mail = big_mail();
  EXPECT_TRUE(attempt(mail).is_accepted());
  EXPECT_EQ(smarthost().wait_for_mails(1).at(0).without_trace(), mail);
}

TEST_F(SlowSmarthost, ManyRepliesAtOnceHoldNobodyUp) {
  // RFC 2920 3.1: more than 64 KiB of replies in one write.
  const std::string text = "250 2.1.5 " + std::string(150, 'r') + "\r\n";
  smarthost().on(Point::rcpt, always(text));
  SmtpClient client = connect();
  client.hello();
  std::string batch = "MAIL FROM:<a@b.test>\r\n";
  constexpr int kRecipients = 900;
  for (int i = 0; i < kRecipients; ++i) batch += "RCPT TO:<r" + std::to_string(i) + "@u.test>\r\n";
  client.send(batch + "DATA\r\n");
  EXPECT_EQ(client.read_reply().code, 250);
  for (int i = 0; i < kRecipients; ++i) ASSERT_EQ(client.read_reply().code, 250) << i;
  EXPECT_EQ(client.read_reply().code, 354);
  EXPECT_EQ(client.finish(make_mail()).code, 250);
}

// What one client has to say, however much, leaves room for what others say.
TEST_F(Chunks, BulkThatNeverPausesStarvesNobody) {
  std::atomic<bool> is_enough = false;
  std::atomic<std::size_t> sent = 0;
  std::thread bulk([&, client = connect()]() mutable {
    try {
      client.hello();
      client.envelope();
      SmtpClient::require(client.command("DATA"), 354);
      const std::string piece = big_mail(1024 * 1024);
      // More than it may send in the end: the verdict on it is not what this is about.
      for (int i = 0; i < 1000 && !is_enough; ++i) {
        client.send(piece);
        sent += piece.size();
      }
      client.send(".\r\n");
      const Reply verdict = client.read_reply();
      EXPECT_TRUE(verdict.code == 250 || verdict.code == 552) << verdict.raw;
    } catch (const std::exception& failure) {
      ADD_FAILURE() << failure.what();
    }
  });
  const auto wait_for_more = [&](std::size_t before) {
    const Deadline deadline(kPatience);
    while (sent == before && !deadline.has_passed()) std::this_thread::yield();
  };
  for (int i = 0; i < 5; ++i) {
    wait_for_more(sent);  // it is sending all along
    const Attempt other = attempt();
    EXPECT_TRUE(other.is_accepted()) << testing::PrintToString(other);
  }
  is_enough = true;
  bulk.join();
}

// TLS records with something of a conversation in them, among what came over the wire.
std::size_t data_records(const ConnectionRecord& record) {
  constexpr char kApplicationData = 0x17;
  constexpr std::size_t kHeader = 5;
  std::size_t count = 0;
  std::size_t at = record.clear_size;
  while (at + kHeader <= record.raw.size()) {
    count += record.raw[at] == kApplicationData ? 1 : 0;
    at += kHeader + static_cast<unsigned char>(record.raw[at + 3]) * 256U +
          static_cast<unsigned char>(record.raw[at + 4]);
  }
  return count;
}

TEST_F(Chunks, WarmMailToOneRecipientIsTwoWrites) {
  EXPECT_TRUE(attempt().is_accepted());
  const std::size_t before = data_records(smarthost().journal().records().at(0));
  EXPECT_TRUE(attempt().is_accepted());
  const std::vector<ConnectionRecord> records = smarthost().journal().records();
  ASSERT_EQ(records.size(), 1U);
  // MAIL and RCPT, then BDAT with all of the mail; each is a record, which is a write.
  EXPECT_EQ(data_records(records[0]), before + 2);
}

}  // namespace
}  // namespace support
