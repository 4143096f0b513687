// smtp/sender: which addresses may stay, and what takes their place in the envelope.
#include "smtp/sender.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace smtp {
namespace {

SenderOptions options(SenderMode envelope = SenderMode::force) {
  SenderOptions made;
  made.address = "app@example.edu";
  made.envelope = envelope;
  made.authorized = {"boss@example.edu", "@lab.example.edu"};
  return made;
}

MailCommand mail_from(std::string_view argument) {
  Extensions offered;
  offered.size = offered.smtputf8 = offered.dsn = true;
  auto parsed = parse_mail("FROM:" + std::string(argument), offered, Syntax::tolerant);
  if (const Reply* refusal = std::get_if<Reply>(&parsed)) {
    ADD_FAILURE() << refusal->summary();
    return {};
  }
  return std::get<MailCommand>(parsed);
}

TEST(AddressParts, AreCutAtTheAtSignThatIsNotQuoted) {
  EXPECT_EQ(split_address("a@b.test")->domain, "b.test");
  EXPECT_EQ(split_address("\"x@y\"@b.test")->local_part, "\"x@y\"");
  EXPECT_EQ(split_address("\"a\\\"@c\"@b.test")->domain, "b.test");
  EXPECT_EQ(split_address("a@[192.0.2.1]")->domain, "[192.0.2.1]");
  EXPECT_EQ(split_address("j\xc3\xb6@b.test")->local_part, "j\xc3\xb6");
  EXPECT_EQ(split_address("ilo.@b.test")->local_part, "ilo.");
}

TEST(AddressParts, AreThoseOfNoAddressThatCouldBeReadInTwoWays) {
  for (const std::string_view address :
       {"", "a", "@", "a@", "@b", "a@b@c", "a b@c", "<a@b>", "a@b(c)", "a@evil.test(@example.edu",
        "\"a\"b@c", "\"a@b", "@x.test:a@b", "a@b,c@d", "a@[1", "a@b c", "a@b\r\n", "a\t@b"}) {
    EXPECT_FALSE(split_address(address)) << address;
  }
}

TEST(PlainAddress, IsAsciiAtomsAndNoLongerThanTheRfcHasIt) {
  EXPECT_TRUE(is_plain_address("app+x.y@example.edu"));
  EXPECT_TRUE(is_plain_address("app@[192.0.2.1]"));
  EXPECT_TRUE(is_plain_address(std::string(64, 'a') + "@example.edu"));
  EXPECT_FALSE(is_plain_address(std::string(65, 'a') + "@example.edu"));
  EXPECT_FALSE(is_plain_address("a@" + std::string(253, 'b')));
  for (const std::string_view address : {"\"a\"@b.test", ".a@b", "a.@b", "a..b@c", "\xc3\xb6@b"}) {
    EXPECT_FALSE(is_plain_address(address)) << address;
  }
}

TEST(MayStay, WithForceNothingButTheOneAddress) {
  EXPECT_TRUE(may_stay(options(), SenderMode::force, "app@example.edu"));
  EXPECT_TRUE(may_stay(options(), SenderMode::force, "App@EXAMPLE.edu"));
  EXPECT_FALSE(may_stay(options(), SenderMode::force, "boss@example.edu"));
  EXPECT_FALSE(may_stay(options(), SenderMode::force, ""));
}

TEST(MayStay, WithIfUnauthorizedWhatIsListed) {
  const auto stays = [](std::string_view address) {
    return may_stay(options(), SenderMode::if_unauthorized, address);
  };
  EXPECT_TRUE(stays("app@example.edu"));
  EXPECT_TRUE(stays("Boss@Example.EDU"));
  EXPECT_TRUE(stays("anybody@lab.example.edu"));
  EXPECT_TRUE(stays("ilo.@LAB.example.edu"));
  EXPECT_TRUE(stays("\"any body\"@lab.example.edu"));
  EXPECT_FALSE(stays("other@example.edu"));
  EXPECT_FALSE(stays("a@sub.lab.example.edu"));
  EXPECT_FALSE(stays("a@xlab.example.edu"));
  EXPECT_FALSE(stays("a@lab.example.edu."));
  EXPECT_FALSE(stays("\"boss\"@example.edu"));
}

// What a smarthost might read as another address than we do.
TEST(MayStay, WithIfUnauthorizedNothingAmbiguous) {
  for (const std::string_view address :
       {"a@evil.test(@lab.example.edu", "@lab.example.edu:a@evil.test",
        "@evil.test:a@lab.example.edu", "a@evil.test@lab.example.edu",
        "a@evil.test,b@lab.example.edu", "@lab.example.edu", "lab.example.edu",
        "a@lab.example.edu\x01", "a\"@evil.test\"@lab.example.edu"}) {
    EXPECT_FALSE(may_stay(options(), SenderMode::if_unauthorized, address)) << address;
  }
}

TEST(MayStay, EverythingWhereNothingIsConfigured) {
  EXPECT_TRUE(may_stay({}, SenderMode::force, "a@b"));
  EXPECT_TRUE(may_stay(options(), SenderMode::keep, "a@b"));
}

TEST(RewriteSender, PutsTheAddressIntoMailAndKeepsItsParameters) {
  MailCommand mail = mail_from("<j\xc3\xb6@b.test> SIZE=10 SMTPUTF8 RET=HDRS");
  EXPECT_EQ(rewrite_sender(options(), mail), "<j\xc3\xb6@b.test>");
  EXPECT_EQ(format(mail), "MAIL FROM:<app@example.edu> SIZE=10 SMTPUTF8 RET=HDRS");
  EXPECT_TRUE(mail.is_utf8);
}

TEST(RewriteSender, LeavesTheNullReversePath) {
  MailCommand mail = mail_from("<>");
  EXPECT_EQ(rewrite_sender(options(), mail), "");
  EXPECT_EQ(mail.reverse_path, "<>");
}

TEST(RewriteSender, LeavesWhatMayStayAsItWasWritten) {
  MailCommand mail = mail_from("<Boss@Example.edu>");
  EXPECT_EQ(rewrite_sender(options(SenderMode::if_unauthorized), mail), "");
  EXPECT_EQ(mail.reverse_path, "<Boss@Example.edu>");
  EXPECT_EQ(rewrite_sender(options(), mail), "<Boss@Example.edu>");
  EXPECT_EQ(mail.reverse_path, "<app@example.edu>");
}

TEST(RewriteSender, TakesASourceRouteForNoAuthorisedAddress) {
  MailCommand mail = mail_from("<@evil.test:anybody@lab.example.edu>");
  EXPECT_NE(rewrite_sender(options(SenderMode::if_unauthorized), mail), "");
  EXPECT_EQ(mail.reverse_path, "<app@example.edu>");
}

}  // namespace
}  // namespace smtp
