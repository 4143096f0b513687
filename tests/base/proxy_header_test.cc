// base/proxy_header: exact octets, every way to cut them, every octet changed.
#include "base/proxy_header.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace base {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

using Parsed = std::variant<ProxyHeaderIncomplete, ProxyHeader, Error>;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

// Version 2 from its parts; the length is counted.
std::string version2(char version_and_command, char family, const std::string& payload) {
  return kSignature + version_and_command + family + static_cast<char>(payload.size() >> 8) +
         static_cast<char>(payload.size() & 0xff) + payload;
}

const std::string kTcp4Payload = "\xc0\x00\x02\x07\xc0\x00\x02\x01\x9c\x40\x00\x19"s;
const std::string kTcp6Payload =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\x9c\x40\x00\x19"s;
const std::string kLine4 = "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n";
const std::string kLine6 = "PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n";

// Headers that are right, and whom they name: "" for nobody.
std::vector<std::pair<std::string, std::string>> right_headers() {
  const std::string tlvs = "\x01\x00\x02h2\x20\x00\x05\x01\x00\x00\x00\x00"s;
  return {
      {kLine4, "192.0.2.7:40000"},
      {kLine6, "[2001:db8::7]:40000"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535"},
      {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0"},
      {"PROXY UNKNOWN\r\n", ""},
      {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""},
      {version2('\x21', '\x11', kTcp4Payload), "192.0.2.7:40000"},
      {version2('\x21', '\x21', kTcp6Payload), "[2001:db8::7]:40000"},
      {version2('\x21', '\x11', kTcp4Payload + tlvs), "192.0.2.7:40000"},
      {version2('\x21', '\x31', std::string(216, 'x')), ""},
      {version2('\x21', '\x00', ""), ""},
      {version2('\x21', '\x00', "anything"), ""},
      {version2('\x20', '\x00', ""), ""},
      {version2('\x20', '\x11', kTcp4Payload), ""},
      {version2('\x20', '\x77', "anything"), ""},
      {version2('\x21', '\x11', kTcp4Payload + "\x04\x0f\xf1"s + std::string(0xff1, 'n')),
       "192.0.2.7:40000"},
  };
}

// Those that are short enough to be tried in every way.
std::vector<std::string> short_headers() {
  std::vector<std::string> headers;
  for (auto& [octets, client] : right_headers()) {
    if (octets.size() < 300) headers.push_back(std::move(octets));
  }
  return headers;
}

std::string client_of(const ProxyHeader& header) {
  return header.client ? header.client->to_string() : "";
}

std::string trouble_of(const std::string& octets) {
  const Parsed parsed = parse_proxy_header(octets);
  if (const auto* error = std::get_if<Error>(&parsed)) {
    EXPECT_EQ(error->fault, Fault::peer_protocol);
    return error->detail;
  }
  return std::holds_alternative<ProxyHeader>(parsed) ? "taken" : "incomplete";
}

TEST(ProxyHeader, NamesTheClientAndLeavesItsOctets) {
  for (const auto& [octets, client] : right_headers()) {
    for (const std::string& behind : {""s, "EHLO x\r\n"s, "\x16\x03\x01"s, kLine4}) {
      const Parsed parsed = parse_proxy_header(octets + behind);
      ASSERT_TRUE(std::holds_alternative<ProxyHeader>(parsed)) << octets << trouble_of(octets);
      EXPECT_EQ(std::get<ProxyHeader>(parsed).size, octets.size());
      EXPECT_EQ(client_of(std::get<ProxyHeader>(parsed)), client);
    }
  }
}

TEST(ProxyHeader, WaitsForItsEndWhereverItIsCut) {
  for (const auto& [octets, client] : right_headers()) {
    for (std::size_t size = 0; size < octets.size(); ++size) {
      EXPECT_EQ(trouble_of(octets.substr(0, size)), "incomplete") << octets << " cut at " << size;
    }
  }
}

TEST(ProxyHeader, HasTheLongestLineThatThereIs) {
  const std::string longest = "PROXY UNKNOWN " + std::string(kMaxProxyLine - 16, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), kMaxProxyLine);
  EXPECT_EQ(trouble_of(longest), "taken");
  const std::string beyond = "PROXY UNKNOWN " + std::string(kMaxProxyLine - 15, 'x') + "\r\n";
  EXPECT_THAT(trouble_of(beyond), HasSubstr("longer than 107"));
  EXPECT_THAT(trouble_of(beyond.substr(0, kMaxProxyLine)), HasSubstr("longer than 107"));
  EXPECT_EQ(trouble_of(beyond.substr(0, kMaxProxyLine - 1)), "incomplete");
  EXPECT_THAT(trouble_of("PROXY " + std::string(200 * 1024, 'x')), HasSubstr("longer than 107"));
}

TEST(ProxyHeader, IsBoundedInVersion2) {
  const std::string start = kSignature + "\x21\x11";
  EXPECT_THAT(trouble_of(start + "\xff\xff"), HasSubstr("65535 octets"));
  EXPECT_THAT(trouble_of(start + "\x10\x01"), HasSubstr("at most 4096"));
  EXPECT_EQ(trouble_of(start + "\x10\x00"s), "incomplete");
  EXPECT_THAT(trouble_of(kSignature + "\x20\x00\xff\xff"s), HasSubstr("65535 octets"));
}

TEST(ProxyHeader, IsRefusedUnlessItIsRightToTheLetter) {
  const std::vector<std::string> wrong = {
      "EHLO client.test\r\n",
      "proxy TCP4 192.0.2.7 192.0.2.1 40000 25\r\n",
      " PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY  TCP4 192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY TCP4  192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25 \r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25 x\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 40000\r\n",
      "PROXY TCP4\r\n",
      "PROXY \r\n",
      "PROXY tcp4 192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY TCP5 192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY UDP4 192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY UNKNOWNS\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\r\n",
      "PROXY TCP4 192.0.2.7\n192.0.2.1 40000 25\r\n",
      "PROXY UNKNOWN x\ny\r\n",
      "PROXY UNKNOWN x\ry\r\n",
      "PROXY TCP4 192.0.2.256 192.0.2.1 40000 25\r\n",
      "PROXY TCP4 192.0.2.07 192.0.2.1 40000 25\r\n",
      "PROXY TCP4 192.0.2.7 x 40000 25\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 65536 25\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 040 25\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 +40 25\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1 40000 99999\r\n",
      "PROXY TCP4 192.0.2.7 192.0.2.1  25\r\n",
      "PROXY TCP4 2001:db8::7 2001:db8::1 40000 25\r\n",
      "PROXY TCP6 192.0.2.7 192.0.2.1 40000 25\r\n",
      "PROXY TCP6 fe80::1%2 2001:db8::1 40000 25\r\n",
      version2('\x11', '\x11', kTcp4Payload),
      version2('\x01', '\x11', kTcp4Payload),
      version2('\x22', '\x11', kTcp4Payload),
      version2('\x2f', '\x11', kTcp4Payload),
      version2('\x21', '\x12', kTcp4Payload),  // datagrams
      version2('\x21', '\x22', kTcp6Payload),
      version2('\x21', '\x10', kTcp4Payload),
      version2('\x21', '\x01', kTcp4Payload),
      version2('\x21', '\x41', kTcp4Payload),
      version2('\x21', '\xff', kTcp4Payload),
      version2('\x21', '\x11', kTcp4Payload.substr(0, 11)),
      version2('\x21', '\x11', ""),
      version2('\x21', '\x21', kTcp4Payload),
      version2('\x21', '\x21', kTcp6Payload.substr(0, 35)),
      version2('\x21', '\x31', std::string(215, 'x')),
      version2('\x21', '\x11', kTcp4Payload + "\x01"),
      version2('\x21', '\x11', kTcp4Payload + "\x01\x00"s),
      version2('\x21', '\x11', kTcp4Payload + "\x01\x00\x01"s),
      version2('\x21', '\x11', kTcp4Payload + "\x01\xff\xffx"s),
      "\r\n\r\n\r\n",
      "\r\nQUIT\r\n",
      "\x16\x03\x01",
      std::string(1, '\0'),
  };
  for (const std::string& octets : wrong) {
    EXPECT_THAT(trouble_of(octets), HasSubstr("PROXY header: ")) << octets;
  }
}

// A changed octet may name another client, whom the allow list judges; it may never turn into
// something longer or shorter than what was sent, nor be taken where it is no header.
TEST(ProxyHeader, TakesNoOtherFormForAnyChangedOctet) {
  for (const std::string& octets : short_headers()) {
    for (std::size_t at = 0; at < octets.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = octets;
        changed[at] = static_cast<char>(value);
        const Parsed parsed = parse_proxy_header(changed);
        const auto* header = std::get_if<ProxyHeader>(&parsed);
        if (header == nullptr || changed == octets) continue;
        const bool is_line = octets.starts_with("PROXY ");
        if (is_line) {
          ASSERT_GE(at, 6u) << changed;
          ASSERT_TRUE(changed.ends_with("\r\n")) << changed;
          ASSERT_EQ(header->size, changed.size());
          // The client is who the line says.
          if (header->client) {
            const auto said = parse_ip(split(changed, ' ').at(2), header->client->port);
            ASSERT_TRUE(said) << changed;
            ASSERT_EQ(*said, *header->client);
          }
        } else {
          ASSERT_GE(at, 12u);
          const bool is_length = at == 14 || at == 15;
          if (!is_length) {
            ASSERT_EQ(header->size, changed.size());
          }
          ASSERT_LE(header->size, changed.size());
          if (header->client) {
            ASSERT_EQ(changed[12], '\x21');
          }
        }
      }
    }
  }
}

TEST(ProxyHeader, SurvivesEveryCutOfEveryChangedOctet) {
  for (const std::string& octets : {kLine4, version2('\x21', '\x11', kTcp4Payload)}) {
    for (std::size_t at = 0; at < octets.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = octets;
        changed[at] = static_cast<char>(value);
        for (std::size_t size = 0; size <= changed.size(); ++size) {
          const Parsed parsed = parse_proxy_header(std::string_view(changed).substr(0, size));
          if (const auto* header = std::get_if<ProxyHeader>(&parsed)) {
            ASSERT_LE(header->size, size);
          }
        }
      }
    }
  }
}

// What was refused stays refused, what was taken stays taken, whatever comes behind.
TEST(ProxyHeader, DecidesOnceAndForAll) {
  for (const std::string& octets : short_headers()) {
    for (std::size_t at = 0; at < octets.size(); at += 7) {
      std::string changed = octets;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      bool is_decided = false;
      std::string decision;
      for (std::size_t size = 0; size <= changed.size(); ++size) {
        const std::string now = trouble_of(changed.substr(0, size));
        if (is_decided) {
          ASSERT_EQ(now == "taken", decision == "taken") << size;
        }
        if (now == "incomplete") {
          ASSERT_FALSE(is_decided) << size;
          continue;
        }
        is_decided = true;
        decision = now;
      }
    }
  }
}

}  // namespace
}  // namespace base
