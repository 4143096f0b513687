#include "tls/certificate_text.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"

namespace tls {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using testing::ElementsAre;

TEST(CertificateText, SpellsCiphersAsTheRegistryDoes) {
  EXPECT_EQ(iana_cipher_name("TLS1-3-AES-128-GCM-SHA256"), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(iana_cipher_name("TLS1-3-CHACHA20-POLY1305-SHA256"), "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(iana_cipher_name("TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(iana_cipher_name("TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"),
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
}

// SHA-256 of nothing at all.
TEST(CertificateText, FormatsPinsAsCurlDoes) {
  EXPECT_EQ(format_pin({0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                        0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                        0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}),
            "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

TEST(CertificateText, DescribesKeys) {
  const auto described = [](const char* base64) { return describe_key(*base::decode_base64(base64)); };
  EXPECT_EQ(described("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAAAA"), "unknown");  // cut short
  EXPECT_EQ(described("MBMwBQYDK2VwAwoAAAAAAAAAAAAA"), "Ed25519");
  EXPECT_EQ(describe_key(""), "unknown");
  EXPECT_EQ(describe_key(std::string("\x30\x80", 2)), "unknown");
}

TEST(CertificateText, WritesDaysInUtc) {
  EXPECT_EQ(day_of(sys_days(std::chrono::year(2026) / 1 / 31)), "2026-01-31");
  EXPECT_EQ(day_of(sys_days(std::chrono::year(2026) / 1 / 31) + 24h - 1ns), "2026-01-31");
  EXPECT_EQ(day_of(sys_days(std::chrono::year(1969) / 12 / 31) + 1h), "1969-12-31");
}

TEST(CertificateText, WritesCompactTimes) {
  EXPECT_EQ(compact_time(sys_days(std::chrono::year(2027) / 2 / 3) + 4h + 5min + 6s),
            "20270203040506");
}

TEST(CertificateText, ReadsTimes) {
  EXPECT_EQ(to_wall_time({2027, 2, 3, 4, 5, 6}),
            sys_days(std::chrono::year(2027) / 2 / 3) + 4h + 5min + 6s);
}

// RFC 5280 4.1.2.5: 99991231235959Z means "never".
TEST(CertificateText, HoldsTimesThatDoNotFitAtTheEdge) {
  EXPECT_GT(to_wall_time({9999, 12, 31, 23, 59, 59}), sys_days(std::chrono::year(2262) / 1 / 1));
  EXPECT_LT(to_wall_time({1, 1, 1, 0, 0, 0}), sys_days(std::chrono::year(1678) / 1 / 1));
  EXPECT_EQ(day_of(to_wall_time({9999, 12, 31, 23, 59, 59})), "2262-04-11");
  EXPECT_EQ(day_of(to_wall_time({0, 1, 1, 0, 0, 0})), "1677-09-21");
}

TEST(CertificateText, DescribesNames) {
  PresentedNames names;
  names.dns = {"mail.u.test", std::string("x\0y", 3)};
  names.ip = {{127, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, {1, 2, 3}};
  EXPECT_THAT(describe_names(names),
              ElementsAre("mail.u.test", "x?y", "127.0.0.1", "::1", "(malformed address)"));
  EXPECT_EQ(list_names(names), "mail.u.test, x?y, 127.0.0.1 and 2 more");
}

TEST(CertificateText, ListsFewNamesInFull) {
  PresentedNames names;
  EXPECT_EQ(list_names(names), "no name");
  names.dns = {"a.test", "b.test", "c.test"};
  EXPECT_EQ(list_names(names), "a.test, b.test, c.test");
}

// They go into replies, which are ASCII and of bounded length (RFC 5321 4.2, 4.5.3.1.5).
TEST(CertificateText, ShowsOnlyVisibleAsciiOfNames) {
  PresentedNames names;
  names.dns = {"m\xc3\xa4il.u.test", "a.test, b.test", "\x1b[31m\r\n", "\xe2\x80\xae.test"};
  EXPECT_THAT(describe_names(names),
              ElementsAre("m??il.u.test", "a.test,?b.test", "?[31m??", "???.test"));
}

TEST(CertificateText, CutsNamesWithoutEnd) {
  PresentedNames names;
  names.dns = {std::string(5000, 'a'), std::string(5000, 'b'), "c.test", "d.test"};
  EXPECT_EQ(list_names(names),
            std::string(80, 'a') + "..., " + std::string(80, 'b') + "..., c.test and 1 more");
  EXPECT_EQ(describe_names(names).front().size(), 5000U);
}

TEST(CertificateText, EscapesNames) {
  EXPECT_EQ(common_name("smtpseal demo"), "CN=smtpseal demo");
  EXPECT_EQ(common_name("a, O=b+c"), "CN=a\\, O\\=b\\+c");
  EXPECT_EQ(common_name(" #x "), "CN=\\ #x\\ ");
  EXPECT_EQ(common_name("#x"), "CN=\\#x");
}

TEST(CertificateText, ListsKindsOfNamesOnceEach) {
  EXPECT_EQ(list_kinds({}), "");
  EXPECT_EQ(list_kinds({0x86, 0x81, 0x86, 0xa4}), "URI, mail address, directory name");
  EXPECT_EQ(list_kinds({0x88, 0xa0, 0x82, 0x87}), "name of another kind, DNS name, IP address");
}

TEST(GroupName, IsThatOfTheRegistry) {
  EXPECT_EQ(group_name(29), "X25519");
  EXPECT_EQ(group_name(23), "P-256");
  EXPECT_EQ(group_name(25), "P-521");
  EXPECT_EQ(group_name(4588), "group 4588");
  EXPECT_EQ(group_name(0), "");
}

}  // namespace
}  // namespace tls
