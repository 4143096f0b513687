// What the first octets and the words of an error tell.
#include "app/check_advice.h"

#include <gtest/gtest.h>

namespace app {
namespace {

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

}  // namespace
}  // namespace app
