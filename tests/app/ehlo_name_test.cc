// app/ehlo_name: names that servers take.
#include "app/ehlo_name.h"

#include <gtest/gtest.h>

#include "base/address.h"

namespace app {
namespace {

std::string name_of(const std::string& hostname, std::string_view local = "192.0.2.7") {
  return choose_ehlo_name("", hostname, *base::parse_ip(local, 0));
}

TEST(EhloName, IsTheHostNameWhereThatIsAFullOne) {
  for (const char* name : {"relay.example.edu", "localhost-7.example.edu", "RELAY.Example.EDU",
                           "box.internal", "a.b"}) {
    EXPECT_EQ(name_of(name), name);
  }
}

TEST(EhloName, IsAnAddressLiteralWhereTheHostNameIsNone) {
  for (const char* name :
       {"", "box", "localhost", "localhost.localdomain", "box.localdomain", "box.local",
        "BOX.LOCAL", "box.invalid", "box.localhost", "localhost.example.edu", "my_box.example.edu",
        "-box.example.edu", "box..example.edu", "192.0.2.1", "box.1", "[192.0.2.9]", "."}) {
    EXPECT_EQ(name_of(name), "[192.0.2.7]") << name;
  }
}

TEST(EhloName, LosesTheDotThatMakesAHostNameAbsolute) {
  EXPECT_EQ(name_of("relay.example.edu."), "relay.example.edu");
  EXPECT_EQ(name_of("box."), "[192.0.2.7]");
}

// RFC 5321 4.1.3.
TEST(EhloName, WritesAddressesAsLiterals) {
  EXPECT_EQ(name_of("box", "2001:db8::7"), "[IPv6:2001:db8::7]");
  EXPECT_EQ(name_of("box", "::ffff:192.0.2.7"), "[192.0.2.7]");
  base::SocketAddress link_local = *base::parse_ip("fe80::1", 0);
  link_local.scope = 2;
  EXPECT_EQ(choose_ehlo_name("", "box", link_local), "[IPv6:fe80::1]");
}

TEST(EhloName, IsTheConfiguredOneBeforeAllElse) {
  EXPECT_EQ(choose_ehlo_name("given", "relay.example.edu", *base::parse_ip("192.0.2.7", 0)),
            "given");
}

TEST(ClientName, IsRepeatedWhereServersTakeIt) {
  for (const char* name : {"app.example.edu", "[192.0.2.7]", "[IPv6:2001:db8::7]"}) {
    EXPECT_EQ(fit_client_name(name), name);
  }
  for (const char* name : {"", "localhost", "pc7", "my_pc.example.edu", "pc7.local", "192.0.2.7",
                           "[192.0.2]", "[nonsense]"}) {
    EXPECT_EQ(fit_client_name(name), "") << name;
  }
}

}  // namespace
}  // namespace app
