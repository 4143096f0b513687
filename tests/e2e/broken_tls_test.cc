// TLS that breaks after it was up: in every state, in every way. The client gets a proper reply
// that puts the mail off, what came behind the break is nobody's reply, and the next mail gets
// through.
#include <string>
#include <tuple>

#include <gtest/gtest.h>
#include <poll.h>

#include "support/seal_test.h"

namespace support {
namespace {

struct Moment {
  const char* name;
  Point point;
  Attempt::Step step;  // at which the client is told
};

struct Break {
  const char* name;
  Then then;
  const char* reason;  // the log says it
};

void PrintTo(const Moment& moment, std::ostream* out) { *out << moment.name; }
void PrintTo(const Break& one, std::ostream* out) { *out << one.name; }

using Step = Attempt::Step;

// The greeting of a first client waits for the smarthost's; the verdict on MAIL is told at RCPT,
// and the one on DATA at the end of the mail data.
const Moment kMoments[] = {
    {"SealedEhlo", Point::sealed_ehlo, Step::greeting},
    {"Mail", Point::mail, Step::rcpt},
    {"Rcpt", Point::rcpt, Step::rcpt},
    {"Data", Point::data, Step::end_of_data},
    {"Body", Point::body, Step::end_of_data},
    {"EndOfData", Point::end_of_data, Step::end_of_data},
};

const Break kBreaks[] = {
    {"CloseWithoutNotify", Then::close, "cut the connection without ending TLS"},
    {"CloseNotify", Then::close_notify, "closed the connection"},
    {"Alert", Then::alert, "alert bad_record_mac"},
    {"Plaintext", Then::plaintext, "TLS"},
    {"PlaintextBehindCloseNotify", Then::close_notify_and_plaintext, "closed the connection"},
};

class BrokenTls : public SealTest, public testing::WithParamInterface<std::tuple<Moment, Break>> {};

TEST_P(BrokenTls, PutsTheMailOffAndTheNextGetsThrough) {
  const auto& [moment, broken] = GetParam();
  smarthost().on(moment.point, always("", broken.then));
  const Attempt decided = attempt();
  EXPECT_TRUE(decided.is_deferred()) << testing::PrintToString(decided);
  EXPECT_EQ(decided.step, moment.step) << testing::PrintToString(decided);
  EXPECT_TRUE(decided.reply.has_text("4.4.2")) << testing::PrintToString(decided);
  EXPECT_TRUE(smarthost().mails().empty());
  EXPECT_NE(seal().wait_for("smarthost-fail").text.find(broken.reason), std::string::npos)
      << seal().log();
  expect_service_when_healthy();
}

INSTANTIATE_TEST_SUITE_P(Sweep, BrokenTls,
                         testing::Combine(testing::ValuesIn(kMoments), testing::ValuesIn(kBreaks)),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param).name) +
                                  std::get<1>(one.param).name;
                         });

class BrokenReply : public SealTest, public testing::WithParamInterface<Break> {};

// The half that came is no answer, and nothing may complete it.
TEST_P(BrokenReply, IsNoneHoweverGoodItsBeginning) {
  for (const char* half : {"250-2.0.0 taken\r\n", "250 2.0.0 tak", "250 2.0.0 taken\r"}) {
    smarthost().on(Point::end_of_data, always(half, GetParam().then));
    const Attempt decided = attempt();
    EXPECT_EQ(decided.step, Step::end_of_data);
    EXPECT_EQ(decided.reply.code, 451) << testing::PrintToString(decided);
  }
  smarthost().be_healthy();
  EXPECT_TRUE(attempt().is_accepted());
}

INSTANTIATE_TEST_SUITE_P(Sweep, BrokenReply, testing::ValuesIn(kBreaks),
                         [](const auto& one) { return std::string(one.param.name); });

class BrokenIdle : public SealTest, public testing::WithParamInterface<Break> {};

TEST_P(BrokenIdle, WarmConnectionIsReplacedUnseen) {
  EXPECT_TRUE(attempt().is_accepted());
  smarthost().tell_all({"", GetParam().then});
  EXPECT_TRUE(attempt().is_accepted());
  EXPECT_EQ(smarthost().mails().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Sweep, BrokenIdle, testing::ValuesIn(kBreaks),
                         [](const auto& one) { return std::string(one.param.name); });

class BrokenHandshake : public SealTest {
 protected:
  void SetUp() override {
    SealTest::SetUp();
    config_.set("smarthost", "command_timeout", "1s");
  }

  // Answers the ClientHello with this, in the clear, and again and again with `drip`.
  void answer_hello(const std::string& answer, const std::string& drip = "") {
    smarthost().script([answer, drip](SmarthostConnection& wire) {
      wire.send("220 u\r\n");
      wire.expect("EHLO");
      wire.send("250-u\r\n250 STARTTLS\r\n");
      wire.expect("STARTTLS");
      wire.send("220 go\r\n");
      wire.expect_tls();
      wire.read_some();
      wire.send_raw(answer);
      // As long as smtpseal listens; each drip is a moment's work.
      for (int i = 0; i < 1000 && !drip.empty(); ++i) {
        wire.send_raw(drip);
        poll(nullptr, 0, 20);
      }
      wire.read_until_closed();
    });
  }
};

TEST_F(BrokenHandshake, ThatIsDrippedEndsInTime) {
  // A handshake record of 16 kB that comes an octet at a time.
  answer_hello(std::string("\x16\x03\x03\x40\x00", 5), "x");
  expect_fail_closed(attempt(), "TLS handshake");
  expect_service_when_healthy();
}

TEST_F(BrokenHandshake, WithARecordThatIsTooLongIsRefused) {
  answer_hello(std::string("\x16\x03\x03\x48\x01", 5) + std::string(18433, 'x'));
  expect_fail_closed(attempt(), "4.7.5");
  expect_service_when_healthy();
}

TEST_F(BrokenHandshake, WithAMessageThatIsTooLongIsRefused) {
  // A ServerHello of 16 MB, says its header.
  answer_hello(std::string("\x16\x03\x03\x00\x04\x02\xff\xff\xff", 9),
               std::string("\x16\x03\x03\x00\x01x", 6));
  expect_fail_closed(attempt(), "4.7.5");
  expect_service_when_healthy();
}

TEST_F(BrokenHandshake, WithEmptyRecordsWithoutEndIsRefused) {
  answer_hello("", std::string("\x16\x03\x03\x00\x00", 5));
  expect_fail_closed(attempt(), "4.7.5");
  expect_service_when_healthy();
}

TEST_F(BrokenHandshake, WithASecondReplyToStarttlsIsRefused) {
  answer_hello("220 go\r\n");
  expect_fail_closed(attempt(), "4.7.5");
  expect_service_when_healthy();
}

TEST_F(BrokenHandshake, WithAnAlertNamesIt) {
  answer_hello(std::string("\x15\x03\x03\x00\x02\x02\x46", 7));
  expect_fail_closed(attempt(), "protocol_version");
  expect_service_when_healthy();
}

struct Farewell {
  const char* name;
  const char* words;
  const char* reason;
};

void PrintTo(const Farewell& one, std::ostream* out) { *out << one.name; }

class BriefTls : public SealTest, public testing::WithParamInterface<Farewell> {};

// A smarthost without time for us: the end of the handshake and that of TLS come in one write.
TEST_P(BriefTls, IsToldAtOnceForWhatItIs) {
  // In TLS 1.2 the end of the handshake is the smarthost's to say.
  const auto context = server_context(good_request(), trusted_authority(),
                                      {tls::Version::tls12, tls::Version::tls12});
  smarthost().script_always([&](SmarthostConnection& wire) {
    wire.send("220 u\r\n");
    wire.expect("EHLO");
    wire.send("250-u\r\n250 STARTTLS\r\n");
    wire.expect("STARTTLS");
    wire.send("220 go\r\n");
    wire.start_and_end_tls(*context, GetParam().words);
  });
  expect_fail_closed(attempt(), GetParam().reason);
  expect_service_when_healthy();
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BriefTls,
    testing::Values(Farewell{"WithAWord", "421 4.3.2 too busy\r\n", "answered with 421"},
                    Farewell{"WithoutAWord", "", "closed the connection while the reply to EHLO"}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace support
