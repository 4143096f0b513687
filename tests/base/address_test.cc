// Addresses and networks: what is read, what is refused with which advice, what is printed.
#include "base/address.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace base {
namespace {

using ::testing::HasSubstr;

SocketAddress address(std::string_view text, std::uint16_t port = 0) {
  auto parsed = parse_ip(text, port);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : SocketAddress{};
}

Network network(std::string_view text) {
  auto parsed = Network::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().detail);
  return parsed ? *parsed : Network{};
}

TEST(ParseIp, ReadsDottedQuads) {
  EXPECT_EQ(address("192.0.2.255").ip, (std::vector<std::uint8_t>{192, 0, 2, 255}));
  EXPECT_EQ(address("0.0.0.0").ip, (std::vector<std::uint8_t>{0, 0, 0, 0}));
  EXPECT_EQ(address("127.0.0.1", 25).port, 25);
}

TEST(ParseIp, RefusesWhatOnlySomeSystemsRead) {
  for (const std::string_view text :
       {"127.1", "2130706433", "0x7f.0.0.1", "010.0.0.1", "1.2.3.4.5", "1.2.3", "1.2.3.256",
        "1.2.3.", ".1.2.3", "1..2.3", " 1.2.3.4", "1.2.3.4 ", "+1.2.3.4", "-1.2.3.4", "1.2.3.4%1",
        "1.2.3.0004"}) {
    EXPECT_FALSE(parse_ip(text, 0)) << text;
  }
}

TEST(ParseIp, ReadsIpv6) {
  EXPECT_EQ(address("::1").ip,
            (std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(address("2001:DB8::a:0:1").host(), "2001:db8::a:0:1");
  EXPECT_EQ(address("1:2:3:4:5:6:7::").host(), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(address("::2:3:4:5:6:7:8").host(), "0:2:3:4:5:6:7:8");
  EXPECT_EQ(address("64:ff9b::192.0.2.33").host(), "64:ff9b::c000:221");
}

TEST(ParseIp, RefusesBrokenIpv6) {
  for (const std::string_view text :
       {":", ":::", "::1::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::", "g::", ":1::",
        "1:2:3:4:5:6:7:8:", "1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "::01.2.3.4", "[::1]", "::1 "}) {
    EXPECT_FALSE(parse_ip(text, 0)) << text;
  }
}

TEST(ParseIp, ReadsNumericZones) {
  EXPECT_EQ(address("fe80::1%2").scope, 2u);
  EXPECT_EQ(address("fe80::1%2").host(), "fe80::1%2");
  for (const std::string_view text : {"fe80::1%eth0", "fe80::1%", "fe80::1%0", "fe80::1%1%2"}) {
    EXPECT_FALSE(parse_ip(text, 0)) << text;
  }
}

TEST(ParseIp, SaysWhatToWriteInstead) {
  EXPECT_THAT(parse_ip("*", 25).error().detail, HasSubstr("0.0.0.0"));
  EXPECT_THAT(parse_ip("localhost", 25).error().detail, HasSubstr("127.0.0.1"));
  EXPECT_EQ(parse_ip("a\x1b[2J", 25).error().detail, "\"a?[2J\" is not an IP address");
  EXPECT_EQ(parse_ip("mail", 25).error(), (Error{Fault::config, "\"mail\" is not an IP address"}));
}

// RFC 5952 4.
TEST(FormatAddress, IsCanonical) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: one group is not shortened
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of equals
      {"2001:DB8::ABCD", "2001:db8::abcd"},              // 4.3
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"::1.2.3.4", "::102:304"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(address(text).host(), expected) << text;
}

TEST(FormatAddress, ReadsBackWhatItWrote) {
  for (const std::string_view text :
       {"127.0.0.1:25", "0.0.0.0:0", "[::1]:25", "[2001:db8::1:0:0:1]:65535", "[fe80::1%7]:2525"}) {
    const auto parsed = parse_socket_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), text);
  }
}

TEST(FormatAddress, SurvivesAnAddressWithoutOctets) {
  EXPECT_EQ(SocketAddress{}.to_string(), "?:0");
  EXPECT_FALSE(SocketAddress{}.is_loopback());
}

TEST(ParseSocketAddress, RefusesWithAdvice) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"25", "ADDRESS:PORT"},
      {"", "ADDRESS:PORT"},
      {"127.0.0.1", "ADDRESS:PORT"},
      {"*:25", "0.0.0.0"},
      {":25", "0.0.0.0"},
      {"localhost:25", "127.0.0.1"},
      {"::1:25", "brackets"},
      {"[::1]", "[IPV6-ADDRESS]:PORT"},
      {"[::1]25", "[IPV6-ADDRESS]:PORT"},
      {"[::1", "[IPV6-ADDRESS]:PORT"},
      {"[127.0.0.1]:25", "brackets"},
      {"127.0.0.1:", "port"},
      {"127.0.0.1:65536", "port"},
      {"127.0.0.1:-1", "port"},
      {"127.0.0.1:smtp", "port"},
      {"127.0.0.1:0x19", "port"},
      {"127.0.0.1: 25", "port"},
  };
  for (const auto& [text, advice] : cases) {
    const auto parsed = parse_socket_address(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().fault, Fault::config);
    EXPECT_THAT(parsed.error().detail, HasSubstr(std::string(advice))) << text;
  }
}

TEST(SocketAddress, KnowsLoopback) {
  for (const std::string_view text : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(address(text).is_loopback()) << text;
  }
  for (const std::string_view text : {"128.0.0.1", "0.0.0.0", "::", "::2", "1::1", "10.0.0.1"}) {
    EXPECT_FALSE(address(text).is_loopback()) << text;
  }
}

TEST(SocketAddress, KnowsUnspecified) {
  for (const std::string_view text : {"0.0.0.0", "::", "::ffff:0.0.0.0"}) {
    EXPECT_TRUE(address(text).is_unspecified()) << text;
  }
  for (const std::string_view text : {"0.0.0.1", "::1"}) {
    EXPECT_FALSE(address(text).is_unspecified()) << text;
  }
}

TEST(Network, HoldsItsAddresses) {
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("10.255.0.1")));
  EXPECT_FALSE(network("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(network("192.0.2.128/25").contains(address("192.0.2.128")));
  EXPECT_FALSE(network("192.0.2.128/25").contains(address("192.0.2.127")));
  EXPECT_TRUE(network("192.0.2.7").contains(address("192.0.2.7")));
  EXPECT_FALSE(network("192.0.2.7").contains(address("192.0.2.6")));
  EXPECT_TRUE(network("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(network("2001:db8::/33").contains(address("2001:db8:8000::1")));
  EXPECT_TRUE(network("::1").contains(address("::1")));
}

TEST(Network, KeepsFamiliesApart) {
  EXPECT_FALSE(network("::/0").contains(address("10.0.0.1")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("2001:db8::1")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(SocketAddress{}));
  EXPECT_FALSE(Network{}.contains(address("10.0.0.1")));
  EXPECT_FALSE(Network{}.contains(SocketAddress{}));
}

TEST(Network, TreatsMappedAddressesAsIpv4) {
  EXPECT_TRUE(network("127.0.0.0/8").contains(address("::ffff:127.0.0.1")));
  EXPECT_FALSE(network("127.0.0.0/8").contains(address("::ffff:128.0.0.1")));
  EXPECT_FALSE(network("::/0").contains(address("::ffff:10.0.0.1")));
  EXPECT_EQ(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
}

TEST(Network, PrintsWhatItReads) {
  for (const std::string_view text : {"127.0.0.0/8", "::1", "10.1.2.3", "0.0.0.0/0", "fd00::/8"}) {
    EXPECT_EQ(network(text).to_string(), text);
  }
  EXPECT_EQ(network("10.1.2.3/32").to_string(), "10.1.2.3");
  EXPECT_TRUE(network("::/0").is_everyone());
  EXPECT_FALSE(network("0.0.0.0/1").is_everyone());
}

TEST(Network, RefusesWithAdvice) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"10.1.2.3/8", "10.0.0.0/8"}, {"fd00::1/8", "fd00::/8"}, {"10.0.0.0/33", "0 to 32"},
      {"::/129", "0 to 128"},       {"10.0.0.0/", "0 to 32"},  {"10.0.0.0/-1", "0 to 32"},
      {"10.0.0.0/255.0.0.0", "32"}, {"*", "0.0.0.0"},          {"10.0.0", "not an IP address"},
      {"fe80::%1/10", "no zone"},   {"fe80::1%1", "no zone"},  {"", "0.0.0.0"},
      {"localhost", "127.0.0.1"},   {"/8", "0.0.0.0"},
  };
  for (const auto& [text, advice] : cases) {
    const auto parsed = Network::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().detail, HasSubstr(std::string(advice))) << text;
  }
}

}  // namespace
}  // namespace base
