// What lies between keys: loops, reach, ports, levels, and what this version cannot do yet.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ResolveTest : public ConfigTest {
 protected:
  static std::string smarthost(std::string_view lines) {
    return std::string(kSmarthost) + std::string(lines) + '\n';
  }
  static std::string listener(std::string_view lines) {
    return std::string(kSmarthost) + "[listener]\n" + std::string(lines) + '\n';
  }
};

TEST_F(ResolveTest, NeedsAHost) {
  EXPECT_THAT(problems_of("[smarthost]\nport = 25\n"),
              ElementsAre(HasSubstr("1: [smarthost] needs host = NAME")));
  EXPECT_THAT(problems_of("[smtpseal]\n"),
              ElementsAre(HasSubstr(path_ + ": [smarthost] needs host")));
  EXPECT_THAT(
      problems_of("[smarthost a]\nhost = a.example\n[smarthost b]\n[listener]\nsmarthost=a\n"),
      ElementsAre(HasSubstr("3: [smarthost b] needs host")));
}

TEST_F(ResolveTest, DoesNotMissWhatStoodInABrokenLine) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = " + std::string(5000, 'a') + "\n"),
              ElementsAre(HasSubstr("2: the line has 5007 characters")));
  EXPECT_THAT(problems_of("[smarthost]\nhost smtp.example.edu\n"),
              ElementsAre(HasSubstr("2: expected KEY = VALUE")));
}

TEST_F(ResolveTest, DoesNotMissWhatStoodInABrokenSection) {
  EXPECT_THAT(problems_of("[smarthost\nhost = a.example\n"), ElementsAre(HasSubstr("1: ")));
  EXPECT_THAT(problems_of("[smart]\nhost = a.example\n"), ElementsAre(HasSubstr("1: ")));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a b\n"), ElementsAre(HasSubstr("2: ")));
}

TEST_F(ResolveTest, ChoosesTheOnlySmarthost) {
  EXPECT_EQ(load_right("[smarthost main]\nhost = a.example\n").config.listeners[0].smarthost,
            "main");
}

TEST_F(ResolveTest, AsksWhichOfSeveralSmarthosts) {
  EXPECT_THAT(problems_of("[smarthost a]\nhost = a.example\n[smarthost b]\nhost = b.example\n"
                          "[listener]\n"),
              ElementsAre("5: [listener] needs smarthost = NAME: there are 2 smarthosts (a, b)"));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\n[smarthost b]\nhost = b.example\n"
                          "[listener]\n"),
              ElementsAre(HasSubstr("(one without a name: give it one, b)")));
}

TEST_F(ResolveTest, FindsTheSmarthostOfAListener) {
  const std::string two = "[smarthost Main]\nhost = a.example\n[smarthost b]\nhost = b.example\n";
  EXPECT_EQ(load_right(two + "[listener]\nsmarthost = main\n").config.listeners[0].smarthost,
            "Main");
  EXPECT_THAT(problems_of(two + "[listener]\nsmarthost = mian\n"),
              ElementsAre(HasSubstr("6: smarthost = mian: there is no section [smarthost mian]")));
  EXPECT_THAT(problems_of(listener("smarthost = x")), ElementsAre(HasSubstr("[smarthost x]")));
}

TEST_F(ResolveTest, TellsOfASmarthostThatNobodyUses) {
  EXPECT_THAT(warnings_of("[smarthost a]\nhost = a.example\n[smarthost b]\nhost = b.example\n"
                          "[listener]\nsmarthost = a\n"),
              ElementsAre("3: [smarthost b] is used by no listener"));
}

TEST_F(ResolveTest, WantsTheNetworksWrittenDownBeyondLoopback) {
  for (const std::string_view address :
       {"0.0.0.0:25", "[::]:25", "192.0.2.1:25", "127.0.0.1:2525, [2001:db8::1]:25"}) {
    const std::string text = listener("listen = " + std::string(address));
    EXPECT_THAT(problems_of(text), ElementsAre(HasSubstr("allow = 192.0.2.0/24"))) << address;
    EXPECT_THAT(problems_of(text + "allow = 10.0.0.0/8\n"), IsEmpty()) << address;
  }
  EXPECT_THAT(problems_of(listener("listen = 127.9.9.9:25, [::1]:25")), IsEmpty());
}

TEST_F(ResolveTest, TellsOfAnOpenRelay) {
  EXPECT_THAT(warnings_of(listener("listen = 0.0.0.0:25\nallow = 0.0.0.0/0, 10.0.0.0/8")),
              ElementsAre(HasSubstr("5: allow = 0.0.0.0/0: whoever can reach 0.0.0.0:25")));
  EXPECT_THAT(warnings_of(listener("listen = 127.0.0.1:25\nallow = 0.0.0.0/0")), IsEmpty());
}

TEST_F(ResolveTest, RefusesTheSameAddressTwice) {
  EXPECT_THAT(problems_of(listener("listen = 127.0.0.1:2525, 127.0.0.1:2525")),
              ElementsAre("4: listen = 127.0.0.1:2525: the same address twice"));
  EXPECT_THAT(
      problems_of(listener("listen = 127.0.0.1:2525\n[listener b]\nlisten = 127.0.0.1:2525")),
      ElementsAre("6: listen = 127.0.0.1:2525: the same address twice, first in [listener] "
                  "(" +
                  path_ + ":4)"));
  EXPECT_THAT(problems_of(listener("[listener b]")),
              ElementsAre(HasSubstr("127.0.0.1:25: the same address twice"),
                          HasSubstr("[::1]:25: the same address twice")));
  EXPECT_THAT(problems_of(listener("listen = 127.0.0.1:0, 127.0.0.1:0")), IsEmpty());
  EXPECT_THAT(problems_of(listener("listen = 127.0.0.1:25, 127.0.0.1:26")), IsEmpty());
}

TEST_F(ResolveTest, RefusesItselfAsSmarthost) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"127.0.0.1", "127.0.0.1:2525"},   {"::1", "[::1]:2525"},
      {"0:0:0:0:0:0:0:1", "[::1]:2525"}, {"::ffff:127.0.0.1", "127.0.0.1:2525"},
      {"localhost", "127.0.0.1:2525"},   {"LocalHost.", "[::1]:2525"},
      {"localhost", "0.0.0.0:2525"},     {"127.0.0.1", "0.0.0.0:2525"},
      {"192.0.2.1", "192.0.2.1:2525"},
  };
  for (const auto& [host, listen] : cases) {
    EXPECT_THAT(problems_of("[smarthost]\nport = 2525\nhost = " + std::string(host) +
                            "\n[listener]\nallow = 10.0.0.0/8\nlisten = " + std::string(listen)),
                ElementsAre(HasSubstr("3: host = " + std::string(host) +
                                      ", port 2525: the smarthost is this smtpseal itself")))
        << host << ' ' << listen;
  }
  EXPECT_THAT(problems_of("[smarthost]\nhost = 127.0.0.1\n"),
              ElementsAre(HasSubstr("this smtpseal itself (listen = 127.0.0.1:25)")));
}

TEST_F(ResolveTest, AcceptsANeighbourAsSmarthost) {
  for (const std::string_view text :
       {"[smarthost]\nhost = 127.0.0.1\nport = 2526\n[listener]\nlisten = 127.0.0.1:2525\n",
        "[smarthost]\nhost = 127.0.0.2\nport = 2525\n[listener]\nlisten = 127.0.0.1:2525\n",
        "[smarthost]\nhost = 192.0.2.7\nport = 2525\n[listener]\nlisten = 0.0.0.0:2525\n"
        "allow = 10.0.0.0/8\n",
        "[smarthost]\nhost = ::1\nport = 2525\n[listener]\nlisten = 127.0.0.1:2525\n"}) {
    EXPECT_THAT(problems_of(text), IsEmpty()) << text;
  }
}

TEST_F(ResolveTest, WarnsLoudlyBelowVerify) {
  EXPECT_THAT(warnings_of(smarthost("tls = none")),
              ElementsAre("3: tls = none: mail to smtp.example.edu will travel unencrypted: anyone "
                          "on the way can read and change it"));
  EXPECT_THAT(warnings_of(smarthost("tls = may")),
              ElementsAre(HasSubstr("unencrypted whenever no TLS is offered")));
  EXPECT_THAT(warnings_of(smarthost("tls = encrypt")),
              ElementsAre(HasSubstr("nobody's identity is checked")));
  EXPECT_THAT(warnings_of(smarthost("tls = verify")), IsEmpty());
}

TEST_F(ResolveTest, TellsOfTrustThatIsNotAskedFor) {
  EXPECT_THAT(warnings_of(smarthost("tls = encrypt\nverify_name = a.example\nca_file = /a.pem")),
              ElementsAre(HasSubstr("3: tls = encrypt"),
                          "4: verify_name has no effect with tls = encrypt, only with verify",
                          "5: ca_file has no effect with tls = encrypt, only with verify"));
}

TEST_F(ResolveTest, WantsAPinWherePinsDecide) {
  const std::string pin = "pin = sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  EXPECT_THAT(problems_of(smarthost("tls = pin")),
              ElementsAre(HasSubstr("3: tls = pin needs pin")));
  EXPECT_THAT(warnings_of(smarthost("tls = pin\n" + pin)), IsEmpty());
  EXPECT_THAT(warnings_of(smarthost("tls = verify\n" + pin)), IsEmpty());
  EXPECT_THAT(warnings_of(smarthost("mode = implicit\ntls = pin\n" + pin)), IsEmpty());
  EXPECT_THAT(warnings_of(smarthost("tls = pin\nverify_name = a.example\nca_file = /a\n" + pin)),
              ElementsAre("5: ca_file has no effect with tls = pin, only with verify"));
  for (const char* level : {"none", "may", "encrypt"}) {
    EXPECT_THAT(problems_of(smarthost("tls = " + std::string(level) + '\n' + pin)),
                ElementsAre(HasSubstr("4: pin has no effect with tls = " + std::string(level))));
  }
}

TEST_F(ResolveTest, WantsTheCertificateOfAClientKey) {
  for (const char* line : {"client_key = /k", "client_key_passphrase_file = /p",
                           "client_key_passphrase_command = p"}) {
    EXPECT_THAT(problems_of(smarthost(line)),
                ElementsAre(HasSubstr("needs client_certificate = FILE")));
    EXPECT_THAT(warnings_of(smarthost("client_certificate = /c\n" + std::string(line))), IsEmpty());
  }
  EXPECT_THAT(problems_of(smarthost("client_certificate = /c\nclient_key_passphrase_file = /p\n"
                                    "client_key_passphrase_command = p")),
              ElementsAre(HasSubstr("5: client_key_passphrase_command and")));
  EXPECT_THAT(warnings_of(smarthost("client_certificate = /c\ntls = encrypt")),
              ElementsAre(HasSubstr("tls = encrypt")));
  EXPECT_THAT(warnings_of(smarthost("tls = none\nclient_certificate = /c")),
              ElementsAre(HasSubstr("3: tls = none"),
                          "4: client_certificate has no effect with tls = none"));
}

TEST_F(ResolveTest, RefusesImplicitTlsThatIsNone) {
  EXPECT_THAT(problems_of(smarthost("mode = implicit\ntls = none")),
              ElementsAre(HasSubstr("4: tls = none: mode = implicit is always encrypted")));
  EXPECT_THAT(problems_of(smarthost("mode = implicit\ntls = may")),
              ElementsAre(HasSubstr("4: tls = may: mode = implicit is always encrypted")));
  EXPECT_THAT(problems_of(smarthost("mode = implicit\ntls = encrypt")), IsEmpty());
}

TEST_F(ResolveTest, HintsAtThePortOfTheOtherMode) {
  EXPECT_THAT(warnings_of(smarthost("port = 465")),
              ElementsAre(HasSubstr("3: port = 465 with mode = starttls")));
  EXPECT_THAT(warnings_of(smarthost("mode = implicit\nport = 587")),
              ElementsAre(HasSubstr("4: port = 587 with mode = implicit")));
  EXPECT_THAT(warnings_of(smarthost("mode = implicit\nport = 25")),
              ElementsAre(HasSubstr("port = 25 with mode = implicit")));
  EXPECT_THAT(warnings_of(smarthost("mode = implicit")), IsEmpty());
  EXPECT_THAT(warnings_of(smarthost("port = 587")), IsEmpty());
}

TEST_F(ResolveTest, TellsWhatThisVersionCannotDo) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"[smtpseal]", "log_target = syslog"},
      {"[smtpseal]", "log_target = eventlog"},
      {"[smtpseal]", "status = 127.0.0.1:8025"},
  };
  for (const auto& [section, line] : cases) {
    const bool is_smarthost = section == "[smarthost]";
    const std::string text =
        (is_smarthost ? std::string() : std::string(section) + '\n' + std::string(line) + '\n') +
        std::string(kSmarthost) + (is_smarthost ? std::string(line) : "");
    const std::string kind(section.substr(1, section.size() - 2));
    EXPECT_THAT(unavailable_of(text),
                ElementsAre((is_smarthost ? "3: " : "2: ") + kind + '.' + std::string(line) +
                            ": not available in this version"));
    const std::string key(line.substr(0, line.find(' ')));
    const EffectiveValue value = value_of(load_right(text), kind, key);
    EXPECT_EQ(value.note, "not available in this version") << line;
    EXPECT_EQ(key + " = " + value.value, line);
    EXPECT_FALSE(value.is_default);
  }
}

TEST_F(ResolveTest, FindsDefaultsThatAreWrittenDownAvailable) {
  EXPECT_THAT(unavailable_of("[smtpseal]\nworkers = 1\nlog_target = stderr\n"
                             "[listener]\ntls = none\nproxy_protocol = off\ndelivery = relay\n"
                             "[smarthost]\nhost = a.example\nauth_mechanism = auto\n"),
              IsEmpty());
}

}  // namespace
}  // namespace config
