// The judge is itself put to the test: it must see what is wrong and leave the rest alone.
#include "support/strict_judge.h"

#include <gtest/gtest.h>

namespace support {
namespace {

const JudgeOptions kOptions = {"seal.test", false};

// A conversation inside TLS: what smtpseal says ("C") and what the smarthost says ("S") in turn.
class SealedConversation {
 public:
  SealedConversation() { s("250-u\r\n250 PIPELINING\r\n", "EHLO seal.test\r\n"); }
  SealedConversation& c(std::string bytes) {
    record_.exchanges.push_back({true, true, std::move(bytes)});
    return *this;
  }
  SealedConversation& s(std::string bytes, std::string after = "") {
    if (!after.empty()) c(std::move(after));
    record_.exchanges.push_back({false, true, std::move(bytes)});
    return *this;
  }
  // An accepted envelope, where CHUNKING is offered.
  SealedConversation& chunks() {
    s("250-u\r\n250-CHUNKING\r\n250 PIPELINING\r\n", "EHLO seal.test\r\n");
    return c("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n").s("250 ok\r\n250 ok\r\n");
  }
  // An accepted envelope up to the 354.
  SealedConversation& data() {
    c("MAIL FROM:<a@b> SIZE=10\r\nRCPT TO:<c@d>\r\n").s("250 ok\r\n250 ok\r\n");
    return c("DATA\r\n").s("354 go\r\n");
  }
  [[nodiscard]] std::vector<std::string> findings() const { return judge(record_, kOptions); }

 private:
  ConnectionRecord record_;
};

std::vector<std::string> judge_clear(const std::string& clear, const std::string& sealed = "") {
  ConnectionRecord record;
  record.raw = clear + sealed;
  record.clear_size = clear.size();
  return judge(record, kOptions);
}

TEST(StrictJudge, AcceptsWhatWeSayBeforeTls) {
  EXPECT_TRUE(judge_clear("EHLO seal.test\r\nSTARTTLS\r\n").empty());
  EXPECT_TRUE(judge_clear("").empty());
  EXPECT_TRUE(judge_clear("EHLO seal.test\r\n", std::string("\x16\x03\x01\x00\x02hi", 7)).empty());
}

TEST(StrictJudge, FindsMoreInTheClear) {
  EXPECT_FALSE(judge_clear("EHLO client.test\r\nSTARTTLS\r\n").empty());
  EXPECT_FALSE(judge_clear("EHLO seal.test\r\nMAIL FROM:<a@b>\r\n").empty());
  EXPECT_FALSE(judge_clear("EHLO seal.test\nSTARTTLS\r\n").empty());
}

TEST(StrictJudge, FindsOctetsThatAreNoTlsRecord) {
  EXPECT_FALSE(judge_clear("EHLO seal.test\r\nSTARTTLS\r\n", "MAIL FROM:<a@b>\r\n").empty());
  const std::string record("\x16\x03\x01\x00\x02hi", 7);
  EXPECT_FALSE(judge_clear("", record + "EHLO x\r\n").empty());
}

TEST(StrictJudge, AcceptsAnOrdinaryMail) {
  const auto findings = SealedConversation()
                            .data()
                            .c("Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n")
                            .s("250 ok\r\n")
                            .c("MAIL FROM:<>\r\nRCPT TO:<c@d>\r\n")
                            .findings();
  EXPECT_TRUE(findings.empty()) << findings.front();
}

TEST(StrictJudge, AcceptsMailDataInAnyPieces) {
  const std::string data = "a\r\n..\r\n" + std::string(5000, 'x') + "\r\nlast\r\n.\r\n";
  for (const std::size_t size : {1u, 2u, 3u, 4u, 5u, 7u}) {
    SealedConversation conversation;
    conversation.data();
    for (std::size_t i = 0; i < data.size(); i += size) conversation.c(data.substr(i, size));
    const auto findings = conversation.s("250 ok\r\n").c("QUIT\r\n").findings();
    EXPECT_TRUE(findings.empty()) << size << ": " << findings.front();
  }
}

TEST(StrictJudge, AcceptsAVerdictThatCrossedTheEndOfTheMailData) {
  const auto findings = SealedConversation()
                            .data()
                            .c("a\r\n")
                            .s("552 too big\r\n")
                            .c(".\r\nMAIL FROM:<>\r\n")
                            .findings();
  EXPECT_TRUE(findings.empty()) << findings.front();
}

TEST(StrictJudge, AcceptsChunksOfAnyContent) {
  const auto findings = SealedConversation()
                            .chunks()
                            .c("BDAT 5\r\nab\ncBDAT 7 LAST\r\n.\r\nQUIT")
                            .s("250 ok\r\n250 ok\r\n")
                            .c("MAIL FROM:<a@b>\r\n")
                            .findings();
  EXPECT_FALSE(findings.empty()) << "one octet is missing from the first chunk";
  const auto good = SealedConversation()
                        .chunks()
                        .c("BDAT 4\r\nab\ncBDAT 7 LAST\r\n.\r\nQUIT")
                        .s("250 ok\r\n250 ok\r\n")
                        .c("MAIL FROM:<a@b>\r\n")
                        .findings();
  EXPECT_TRUE(good.empty()) << good.front();
}

TEST(StrictJudge, FindsChunksOutOfPlace) {
  EXPECT_FALSE(SealedConversation().c("BDAT 0 LAST\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation().chunks().c("BDAT x LAST\r\n").findings().empty());
  EXPECT_FALSE(
      SealedConversation().chunks().c("BDAT 1 LAST\r\nxMAIL FROM:<a@b>\r\n").findings().empty());
}

TEST(StrictJudge, FindsBareLineEndsInMailData) {
  EXPECT_FALSE(SealedConversation().data().c("a\nb\r\n.\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation().data().c("a\rb\r\n.\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation().data().c(std::string("a\0b\r\n.\r\n", 8)).findings().empty());
}

TEST(StrictJudge, FindsADotThatWasNotDoubled) {
  EXPECT_FALSE(SealedConversation().data().c(".x\r\n.\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation().data().c(".xyz").c("\r\n.\r\n").findings().empty());
}

TEST(StrictJudge, FindsASmuggledMail) {
  const auto findings =
      SealedConversation().data().c("a\r\n.\r\nMAIL FROM:<evil@x>\r\n").s("250 ok\r\n").findings();
  EXPECT_FALSE(findings.empty());  // a command before the reply to the end of data
}

TEST(StrictJudge, FindsCommandsInTheWrongOrder) {
  EXPECT_FALSE(SealedConversation().c("RCPT TO:<c@d>\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation().c("DATA\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation()
                   .c("MAIL FROM:<a@b>\r\n")
                   .s("250 ok\r\n")
                   .c("DATA\r\n")
                   .findings()
                   .empty());
  EXPECT_FALSE(SealedConversation()
                   .c("MAIL FROM:<a@b>\r\n")
                   .s("250 ok\r\n")
                   .c("MAIL FROM:<a@b>\r\n")
                   .findings()
                   .empty());
}

TEST(StrictJudge, FindsPipeliningBehindDataAndWithoutTheExtension) {
  EXPECT_FALSE(SealedConversation()
                   .c("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
                   .s("250 ok\r\n250 ok\r\n")
                   .c("DATA\r\nSubject: x\r\n")
                   .findings()
                   .empty());
  SealedConversation without;
  without.c("EHLO seal.test\r\n").s("250 u\r\n").c("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
  EXPECT_FALSE(without.findings().empty());
}

TEST(StrictJudge, FindsControlCharactersAndLongLinesInCommands) {
  EXPECT_FALSE(SealedConversation().c("MAIL FROM:<a\x01@b>\r\n").findings().empty());
  EXPECT_FALSE(SealedConversation().c("MAIL FROM:<a@b>\n").findings().empty());
  EXPECT_FALSE(SealedConversation()
                   .c("MAIL FROM:<" + std::string(1200, 'a') + "@b>\r\n")
                   .findings()
                   .empty());
}

TEST(StrictJudge, WantsResetAfterARefusedData) {
  const auto refused = [] {
    SealedConversation conversation;
    conversation.c("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n").s("250 ok\r\n250 ok\r\n");
    return conversation.c("DATA\r\n").s("554 no\r\n");
  };
  EXPECT_FALSE(refused().c("MAIL FROM:<a@b>\r\n").findings().empty());
  EXPECT_TRUE(refused().c("RSET\r\nMAIL FROM:<a@b>\r\n").findings().empty());
}

TEST(StrictJudge, FollowsAnAuthDialogue) {
  const auto findings = SealedConversation()
                            .c("AUTH LOGIN\r\n")
                            .s("334 VXNlcm5hbWU6\r\n")
                            .c("dXNlcg==\r\n")
                            .s("334 UGFzc3dvcmQ6\r\n")
                            .c("c2VjcmV0\r\n")
                            .s("235 ok\r\n")
                            .c("MAIL FROM:<a@b>\r\n")
                            .findings();
  EXPECT_TRUE(findings.empty()) << findings.front();
}

}  // namespace
}  // namespace support
