// What the first octets and the words of an error tell.
#include "app/check_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/check_fixture.h"

namespace app {
namespace {

using testing::HasSubstr;
using testing::Not;

ConnectTrouble trouble(std::string detail) {
  return classify_connect_trouble({base::Fault::unreachable, std::move(detail)});
}

TEST(RecognisePeer, KnowsSmtpByItsReply) {
  EXPECT_EQ(recognise_peer("220 smtp.example.edu"), PeerKind::smtp);
  EXPECT_EQ(recognise_peer("554-go away"), PeerKind::smtp);
}

TEST(RecognisePeer, KnowsTlsByItsRecordHeader) {
  EXPECT_EQ(recognise_peer(std::string_view("\x15\x03\x01\x00\x02", 5)), PeerKind::tls);
  EXPECT_EQ(recognise_peer(std::string_view("\x16\x03\x03", 3)), PeerKind::tls);
}

TEST(RecognisePeer, KnowsOtherProtocols) {
  EXPECT_EQ(recognise_peer("SSH-2.0-OpenSSH_9.2"), PeerKind::ssh);
  EXPECT_EQ(recognise_peer("+OK ready"), PeerKind::pop3);
  EXPECT_EQ(recognise_peer("* OK IMAP4rev1"), PeerKind::imap);
  EXPECT_EQ(recognise_peer("HTTP/1.1 400 Bad Request"), PeerKind::http);
}

TEST(RecognisePeer, ClaimsNothingOfTheRest) {
  EXPECT_EQ(recognise_peer(""), PeerKind::unknown);
  EXPECT_EQ(recognise_peer("22"), PeerKind::unknown);
  EXPECT_EQ(recognise_peer("220"), PeerKind::unknown);
  EXPECT_EQ(recognise_peer("2200 x"), PeerKind::unknown);
}

TEST(ConnectTrouble, IsToldByTheSystemsWords) {
  EXPECT_EQ(trouble("a:25: 192.0.2.1 connection refused"), ConnectTrouble::refused);
  EXPECT_EQ(trouble("a:25: 2001:db8::1 network is unreachable"), ConnectTrouble::no_route);
  EXPECT_EQ(trouble("a:25: no answer in 15 s"), ConnectTrouble::timed_out);
  EXPECT_EQ(trouble("a:25: 192.0.2.1 connection timed out"), ConnectTrouble::timed_out);
  EXPECT_EQ(trouble("a:25: permission denied"), ConnectTrouble::other);
}

TEST(AdviceOnEnvelope, TakesAnUnknownAddressForWhatItIs) {
  const std::string advice = advise_on_envelope(reply(550, {"5.1.1 no such user"}), false);
  EXPECT_THAT(advice, HasSubstr("this address does not exist"));
  EXPECT_THAT(advice, Not(HasSubstr("must log in")));
  EXPECT_THAT(advise_on_envelope(reply(550, {"5.7.1 relay denied"}), false),
              HasSubstr("must log in"));
}

// A port where SMTP is spoken without TLS, asked for TLS from the first byte.
CheckFindings implicit_at_plaintext_port() {
  CheckFindings findings = good_findings();
  findings.smarthost.mode = config::Mode::implicit;
  findings.conversation.handshake->error = base::Error{base::Fault::tls, "not TLS"};
  CheckAlternative other;
  other.smarthost = findings.smarthost;
  other.smarthost.mode = config::Mode::starttls;
  findings.alternatives = {other};
  return findings;
}

TEST(AdviceOnHandshake, DoesNotRecommendAModeThatWasTriedInVain) {
  CheckFindings findings = implicit_at_plaintext_port();
  EXPECT_EQ(advise_on_handshake(findings), "Use the port for implicit TLS, usually 465.");
  findings.alternatives[0].conversation = good_conversation();
  EXPECT_THAT(advise_on_handshake(findings), HasSubstr("Use mode = starttls"));
}

TEST(AdviceOnHandshake, PutsTheSmarthostRightBeforeWeakeningTls) {
  CheckFindings findings = good_findings();
  findings.second_look = findings.conversation;
  findings.second_look->handshake->info.version = "TLSv1.2";
  findings.conversation.handshake->error = base::Error{base::Fault::tls, "protocol_version"};
  findings.smarthost.tls.min_version = tls::Version::tls13;
  EXPECT_THAT(advise_on_handshake(findings),
              HasSubstr("its administrator should switch TLS 1.3 on"));
  findings.smarthost.tls.min_version = tls::Version::tls12;
  EXPECT_THAT(advise_on_handshake(findings), Not(HasSubstr("tls_min")));
}

}  // namespace
}  // namespace app
