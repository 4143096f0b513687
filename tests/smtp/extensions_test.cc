// smtp/extensions: what the smarthost offers and what a client may see of it.
#include "smtp/extensions.h"

#include <string>

#include <gtest/gtest.h>

namespace smtp {
namespace {

Extensions parse(std::vector<std::string> keywords) {
  Reply reply;
  reply.code = 250;
  reply.lines = std::move(keywords);
  reply.lines.insert(reply.lines.begin(), "smarthost.test");
  return parse_extensions(reply);
}

std::string shown(const Extensions& smarthost, const OfferPolicy& policy = {}) {
  return format(format_ehlo("us.test", offer_to_client(smarthost, policy)));
}

TEST(Extensions, AreReadInAnyCaseWithStraySpace) {
  const Extensions read = parse({"pipelining", "8BitMime ", "STARTTLS\t", "Size 100", "dsn",
                                 "ENHANCEDSTATUSCODES", "SMTPUTF8", "CHUNKING", "BINARYMIME"});
  EXPECT_TRUE(read.pipelining && read.eight_bit_mime && read.starttls && read.dsn);
  EXPECT_TRUE(read.enhanced_status_codes && read.smtputf8 && read.chunking && read.binarymime);
  EXPECT_TRUE(read.size);
  EXPECT_EQ(read.max_size, 100U);
}

TEST(Extensions, AreNotFoundInsideOtherWords) {
  const Extensions read = parse({"XSTARTTLSX", "AUTH STARTTLS", "HELP STARTTLS", "X STARTTLS"});
  EXPECT_FALSE(read.starttls);
  Reply greeting_like;
  greeting_like.code = 250;
  greeting_like.lines = {"STARTTLS"};
  EXPECT_FALSE(parse_extensions(greeting_like).starttls) << "the first line is the domain";
}

TEST(Extensions, TakeTheFirstSizeThatMakesSense) {
  EXPECT_EQ(parse({"SIZE 10", "SIZE 20"}).max_size, 10U);
  EXPECT_TRUE(parse({"SIZE"}).size);
  EXPECT_EQ(parse({"SIZE 0"}).max_size, 0U);
  for (const char* odd : {"SIZE abc", "SIZE -5", "SIZE 99999999999999999999999", "SIZE=100"}) {
    EXPECT_FALSE(parse({odd}).size) << odd;
  }
}

TEST(Extensions, ReadAuthInItsOldFormToo) {
  EXPECT_EQ(parse({"AUTH=LOGIN PLAIN"}).auth_mechanisms,
            (std::vector<std::string>{"LOGIN", "PLAIN"}));
  EXPECT_EQ(parse({"AUTH plain LOGIN", "AUTH=LOGIN CRAM-MD5"}).auth_mechanisms,
            (std::vector<std::string>{"PLAIN", "LOGIN", "CRAM-MD5"}));
  EXPECT_EQ(parse({"AUTH= LOGIN"}).auth_mechanisms, (std::vector<std::string>{"LOGIN"}));
  EXPECT_TRUE(parse({"AUTH=", "AUTH"}).auth_mechanisms.empty());
  EXPECT_TRUE(parse({"AUTH <evil> a.b " + std::string(30, 'X')}).auth_mechanisms.empty());
}

// However many a smarthost offers, in however many lines: clients read them in one of 512 octets.
TEST(Extensions, ShowNoMoreMechanismsThanFitIntoAReplyLine) {
  std::vector<std::string> lines;
  for (int i = 100; i < 900; ++i) lines.push_back("AUTH LONG-MECHANISM-X" + std::to_string(i));
  lines.push_back("AUTH PLAIN");
  const Extensions read = parse(lines);
  EXPECT_EQ(read.auth_mechanisms.size(), kMaxAuthMechanisms);
  OfferPolicy policy;
  policy.is_auth_offered = true;
  for (const std::string& line : format_ehlo("a.example", offer_to_client(read, policy)).lines) {
    EXPECT_LE(line.size() + 6, 512U);
  }
}

TEST(Extensions, ReadLimits) {
  const Extensions read = parse({"LIMITS MAILMAX=2 RCPTMAX=3 OTHER=x MAILDOMAINMAX"});
  EXPECT_EQ(read.mail_max, 2U);
  EXPECT_EQ(read.rcpt_max, 3U);
  EXPECT_FALSE(parse({"LIMITS MAILMAX=0 RCPTMAX=-1"}).mail_max);
}

TEST(Extensions, DropBinarymimeWithoutChunking) { EXPECT_FALSE(parse({"BINARYMIME"}).binarymime); }

TEST(Offer, ShowsOnlyWhatWeCarry) {
  const Extensions all = parse({"PIPELINING",
                                "SIZE 500",
                                "8BITMIME",
                                "SMTPUTF8",
                                "DSN",
                                "ENHANCEDSTATUSCODES",
                                "STARTTLS",
                                "AUTH PLAIN LOGIN SCRAM-SHA-256-PLUS",
                                "X-FOO",
                                "XCLIENT",
                                "XFORWARD",
                                "PRDR",
                                "BURL",
                                "ETRN",
                                "FUTURERELEASE",
                                "DELIVERBY",
                                "MT-PRIORITY",
                                "REQUIRETLS",
                                "LIMITS MAILMAX=1",
                                "VERP",
                                "HELP",
                                "VRFY"});
  EXPECT_EQ(shown(all),
            "250-us.test\r\n250-PIPELINING\r\n250-SIZE 500\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
            "250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n");
  OfferPolicy with_auth;
  with_auth.is_auth_offered = true;
  EXPECT_NE(shown(all, with_auth).find("250 AUTH PLAIN LOGIN\r\n"), std::string::npos);
}

TEST(Offer, OfMechanismsOfOursHidesTheSmarthosts) {
  OfferPolicy policy;
  policy.own_mechanisms = {"PLAIN", "LOGIN"};
  EXPECT_NE(shown(parse({"AUTH GSSAPI"}), policy).find("250 AUTH PLAIN LOGIN\r\n"),
            std::string::npos);
  EXPECT_NE(shown(Extensions{}, policy).find("250 AUTH PLAIN LOGIN\r\n"), std::string::npos);
  policy.is_tls_missing = true;
  EXPECT_EQ(shown(Extensions{}, policy).find("AUTH"), std::string::npos);
}

TEST(Offer, OfStartTlsIsOursAlone) {
  OfferPolicy policy;
  EXPECT_FALSE(offer_to_client(parse({"STARTTLS"}), policy).starttls);
  policy.is_starttls_offered = true;
  EXPECT_NE(shown(Extensions{}, policy).find("STARTTLS"), std::string::npos);
}

TEST(Offer, IsTlsAndNothingElseWhereThatMustComeFirst) {
  OfferPolicy policy;
  policy.is_starttls_offered = policy.is_tls_missing = policy.is_auth_offered = true;
  EXPECT_EQ(shown(parse({"SIZE 500", "8BITMIME", "CHUNKING", "AUTH PLAIN"}), policy),
            "250-us.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n");
}

TEST(Offer, ShowsTheSmallerSize) {
  OfferPolicy ours;
  ours.max_message_size = 100;
  EXPECT_EQ(offer_to_client(parse({"SIZE 500"}), ours).max_size, 100U);
  EXPECT_EQ(offer_to_client(parse({"SIZE 50"}), ours).max_size, 50U);
  EXPECT_EQ(offer_to_client(parse({"SIZE"}), ours).max_size, 100U);
  EXPECT_EQ(offer_to_client(parse({"SIZE 0"}), {}).max_size, 0U);
}

TEST(Offer, NeedsEightBitForUtf8) {
  EXPECT_FALSE(offer_to_client(parse({"SMTPUTF8"}), {}).smtputf8);
}

TEST(Offer, OfAnUnknownSmarthostIsConservative) {
  EXPECT_EQ(shown(Extensions{}),
            "250-us.test\r\n250-PIPELINING\r\n250-SIZE\r\n250 ENHANCEDSTATUSCODES\r\n");
}

TEST(Covers, WantsEveryPromiseKept) {
  const Extensions rich = parse({"8BITMIME", "SMTPUTF8", "DSN", "SIZE 100"});
  EXPECT_TRUE(covers(rich, parse({"8BITMIME", "SIZE 100"})));
  EXPECT_FALSE(covers(parse({"8BITMIME"}), parse({"SMTPUTF8"})));
  EXPECT_FALSE(covers(parse({"SIZE 50"}), parse({"SIZE 100"})));
  EXPECT_TRUE(covers(parse({"SIZE 0"}), parse({"SIZE 100"})));
  EXPECT_TRUE(covers(Extensions{}, Extensions{}));
  EXPECT_FALSE(covers(Extensions{}, parse({"DSN"})));
}

}  // namespace
}  // namespace smtp
