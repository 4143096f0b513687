// config/hosts: what may stand in `host`, and what is made of it.
#include "config/hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostsTest : public ConfigTest {};

TEST_F(HostsTest, MayBeSeveralOfEveryKind) {
  const Loaded loaded = load_right(
      "[smarthost]\nhost = a.example, 192.0.2.1, 2001:db8::1, srv:example.edu, MX:example.com\n");
  EXPECT_THAT(
      loaded.config.smarthosts[0].hosts,
      ElementsAre("a.example", "192.0.2.1", "2001:db8::1", "srv:example.edu", "MX:example.com"));
  EXPECT_THAT(lines(loaded.unavailable), IsEmpty());
  EXPECT_THAT(lines(loaded.warnings), IsEmpty());
}

TEST_F(HostsTest, AreNoMoreThanAreTried) {
  std::string text = "[smarthost]\nhost = h0.example";
  for (std::size_t i = 1; i < kMaxHosts; ++i) text += ", h" + std::to_string(i) + ".example";
  EXPECT_EQ(load_right(text + "\n").config.smarthosts[0].hosts.size(), kMaxHosts);
  EXPECT_THAT(problems_of(text + ", more.example\n"),
              ElementsAre(HasSubstr("expected at most 8 hosts")));
}

TEST_F(HostsTest, HaveThePortsOfTheSectionOnly) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example, b.example:587\n"),
              ElementsAre(HasSubstr("the port has a key of its own, port = 587")));
  EXPECT_THAT(problems_of("[smarthost]\nhost = mx:example.edu:587\n"),
              ElementsAre(HasSubstr("the port has a key of its own")));
}

TEST_F(HostsTest, AreNotNamedTwice) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example, b.example, A.example\n"),
              ElementsAre(HasSubstr("host = A.example: the same host twice")));
}

TEST_F(HostsTest, MustBeDomainsWhereTheyAreLookedUp) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = srv:192.0.2.1\n"),
              ElementsAre(HasSubstr("expected a domain, not an address")));
  EXPECT_THAT(problems_of("[smarthost]\nhost = mx:\n"), ElementsAre(HasSubstr("host name")));
}

TEST_F(HostsTest, BringTheirOwnPortsWithSrv) {
  EXPECT_THAT(lines(load_right("[smarthost]\nhost = srv:example.edu\nport = 587\n").warnings),
              ElementsAre(HasSubstr("port has no effect with srv:")));
  EXPECT_THAT(
      lines(load_right("[smarthost]\nhost = srv:example.edu, b.example\nport = 587\n").warnings),
      IsEmpty());
}

TEST_F(HostsTest, AreRefusedOneByOneWhereTheyAreThisSmtpseal) {
  EXPECT_THAT(
      problems_of("[listener]\nlisten = 127.0.0.1:2525\n"
                  "[smarthost]\nhost = a.example, 127.0.0.1\nport = 2525\n"),
      ElementsAre(HasSubstr("host = 127.0.0.1, port 2525: the smarthost is this smtpseal")));
}

TEST_F(HostsTest, MayBeForTheMailOfSomeSendersOnly) {
  const Loaded loaded = load_right(
      "[listener]\nsmarthost = main\n[smarthost main]\nhost = a.example\n"
      "[smarthost other]\nhost = b.example\nsender_match = app@example.edu, @example.com\n");
  EXPECT_THAT(loaded.config.smarthosts[1].sender_match,
              ElementsAre("app@example.edu", "@example.com"));
  EXPECT_THAT(lines(loaded.warnings), IsEmpty());
}

TEST_F(HostsTest, ShareNoSender) {
  EXPECT_THAT(problems_of("[listener]\nsmarthost = a\n"
                          "[smarthost a]\nhost = a.example\nsender_match = @example.edu\n"
                          "[smarthost b]\nhost = b.example\nsender_match = @Example.EDU\n"),
              ElementsAre(HasSubstr("[smarthost a] takes the mail of this sender already")));
}

TEST_F(HostsTest, NeedNoSendersWhereThereIsOneSmarthost) {
  EXPECT_THAT(
      lines(load_right("[smarthost]\nhost = a.example\nsender_match = @example.edu\n").warnings),
      ElementsAre(HasSubstr("sender_match has no effect")));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\nsender_match = example.edu\n"),
              ElementsAre(HasSubstr("@example.edu for all of a domain")));
}

TEST_F(HostsTest, MayBeToldTheNameOfTheClient) {
  const Loaded loaded = load_right("[smarthost]\nhost = a.example\nehlo_name = client\n");
  EXPECT_TRUE(loaded.config.smarthosts[0].repeats_client_name);
  EXPECT_EQ(loaded.config.smarthosts[0].ehlo_name, "");
  EXPECT_EQ(value_of(loaded, "smarthost", "ehlo_name").value, "client");
}

Smarthost smarthost_of(std::vector<std::string> hosts) {
  Smarthost smarthost;
  smarthost.hosts = std::move(hosts);
  smarthost.port = 587;
  return smarthost;
}

// RFC 6186 6: not what the DNS makes of it.
TEST(CertificateName, IsTheHostsOwnOrThatOfTheDomain) {
  Smarthost smarthost = smarthost_of({"a.example"});
  EXPECT_EQ(certificate_name(smarthost, "a.example"), "a.example");
  EXPECT_EQ(certificate_name(smarthost, "b.example."), "b.example");
  EXPECT_EQ(certificate_name(smarthost, "srv:example.edu"), "example.edu");
  EXPECT_EQ(certificate_name(smarthost, "mx:example.edu."), "example.edu");
  smarthost.tls.verify_name = "smtp.example.edu";
  EXPECT_EQ(certificate_name(smarthost, "srv:example.edu"), "smtp.example.edu");
}

TEST(DescribedHosts, HaveTheirPortsWhereThatIsOurs) {
  EXPECT_EQ(describe_hosts(smarthost_of({"a.example", "srv:example.edu", "mx:example.com"})),
            "a.example:587,srv:example.edu,mx:example.com:587");
}

TEST(CommandLineTarget, MayBeADomainThatIsLookedUp) {
  EXPECT_EQ(parse_target("srv:example.edu")->host, "srv:example.edu");
  EXPECT_EQ(parse_target("smtp.example.edu:587")->port, 587);
  EXPECT_FALSE(parse_target("srv:a b"));
}

}  // namespace
}  // namespace config
