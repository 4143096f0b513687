// config: the keys of TLS toward clients, and what they must have of each other.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClientTlsTest : public ConfigTest {
 protected:
  // Its lines begin at line 3.
  static std::string listener(std::string_view lines, std::string_view listen = "127.0.0.1:0") {
    return "[listener]\nlisten = " + std::string(listen) + '\n' + std::string(lines) + '\n' +
           std::string(kSmarthost);
  }

  Listener load_listener(std::string_view lines) {
    return load_right(listener(lines)).config.listeners.at(0);
  }
};

TEST_F(ClientTlsTest, IsOffByDefaultAndLeavesAuthToPlaintext) {
  const Listener plain = load_listener("");
  EXPECT_EQ(plain.tls, ClientTls::none);
  EXPECT_FALSE(plain.auth_requires_tls);
}

TEST_F(ClientTlsTest, TakesEveryKey) {
  const Listener full = load_listener(
      "tls = encrypt\ncertificate = /c.pem\nkey = /k.pem\nkey_passphrase_file = /p\n"
      "client_ca = /a.pem, /b.pem");
  EXPECT_EQ(full.tls, ClientTls::encrypt);
  EXPECT_EQ(full.identity.certificate, "/c.pem");
  EXPECT_EQ(full.identity.key, "/k.pem");
  EXPECT_EQ(full.identity.passphrase_file, "/p");
  EXPECT_THAT(full.client_ca, ElementsAre("/a.pem", "/b.pem"));
  EXPECT_EQ(load_listener("tls = May\ncertificate = /c.pem").tls, ClientTls::may);
  EXPECT_EQ(load_listener("tls = implicit\ncertificate = /c.pem").tls, ClientTls::implicit);
  EXPECT_EQ(load_listener("tls = may\ncertificate = /c.pem\nkey_passphrase_command = show it")
                .identity.passphrase_command,
            "show it");
}

TEST_F(ClientTlsTest, KeepsAuthForTlsWhereThereIsTls) {
  EXPECT_TRUE(load_listener("tls = may\ncertificate = /c.pem").auth_requires_tls);
  EXPECT_TRUE(load_listener("tls = encrypt\ncertificate = /c.pem").auth_requires_tls);
  EXPECT_TRUE(load_listener("tls = implicit\ncertificate = /c.pem").auth_requires_tls);
  EXPECT_FALSE(
      load_listener("tls = may\ncertificate = /c.pem\nauth_requires_tls = no").auth_requires_tls);
  const Loaded loaded = load_right(listener("tls = may\ncertificate = /c.pem"));
  EXPECT_EQ(value_of(loaded, "listener", "auth_requires_tls").value, "yes");
  EXPECT_EQ(value_of(loaded, "listener", "auth_requires_tls").origin, "default");
}

TEST_F(ClientTlsTest, NeedsACertificate) {
  for (const std::string_view tls : {"may", "encrypt", "implicit"}) {
    const std::string line = "tls = " + std::string(tls);
    EXPECT_THAT(problems_of(listener(line)),
                ElementsAre(HasSubstr("3: " + line + " needs certificate = FILE")));
    EXPECT_THAT(problems_of(listener(line + "\nkey = /k.pem")),
                ElementsAre(HasSubstr("3: " + line + " needs certificate = FILE")));
  }
}

TEST_F(ClientTlsTest, LetsNobodyBelieveThatItIsOn) {
  EXPECT_THAT(problems_of(listener("certificate = /c.pem\nkey = /k.pem\nclient_ca = /a.pem\n"
                                   "key_passphrase_file = /p")),
              ElementsAre("3: certificate needs TLS toward clients, and tls = none: write tls = "
                          "may, encrypt or implicit as well",
                          HasSubstr("4: key needs"), HasSubstr("5: client_ca needs"),
                          HasSubstr("6: key_passphrase_file needs")));
  EXPECT_THAT(problems_of(listener("tls = none\ncertificate = /c.pem")),
              ElementsAre(HasSubstr("4: certificate needs TLS toward clients")));
}

TEST_F(ClientTlsTest, SpeaksOfAMisspeltWordOnly) {
  EXPECT_THAT(problems_of(listener("tls = encript\ncertificate = /c.pem\nauth_requires_tls = yes")),
              ElementsAre(HasSubstr("did you mean encrypt?")));
}

TEST_F(ClientTlsTest, TakesOnePassphraseOnly) {
  EXPECT_THAT(problems_of(listener("tls = may\ncertificate = /c.pem\nkey_passphrase_file = /p\n"
                                   "key_passphrase_command = show")),
              ElementsAre("6: key_passphrase_command and key_passphrase_file do not go together"));
}

TEST_F(ClientTlsTest, SeesToItThatSomebodyCanAuthenticate) {
  EXPECT_THAT(problems_of(listener("auth_requires_tls = yes")),
              ElementsAre(HasSubstr("3: auth_requires_tls = yes needs TLS toward clients")));
  EXPECT_THAT(problems_of(listener("auth_requires_tls = no")), IsEmpty());
  EXPECT_THAT(warnings_of(listener("tls = encrypt\ncertificate = /c\nauth_requires_tls = no")),
              ElementsAre(HasSubstr("5: auth_requires_tls = no has no effect with tls = encrypt")));
  EXPECT_THAT(warnings_of(listener("tls = may\ncertificate = /c\nauth_requires_tls = no")),
              IsEmpty());
}

TEST_F(ClientTlsTest, WarnsOfPortsWhereClientsExpectSomethingElse) {
  EXPECT_THAT(warnings_of(listener("tls = implicit\ncertificate = /c", "127.0.0.1:25, [::1]:25")),
              ElementsAre(HasSubstr("2: listen = 127.0.0.1:25 with tls = implicit: clients expect "
                                    "plaintext and STARTTLS there")));
  EXPECT_THAT(warnings_of(listener("tls = encrypt\ncertificate = /c", "127.0.0.1:465")),
              ElementsAre(HasSubstr("2: listen = 127.0.0.1:465 with tls = encrypt: clients expect "
                                    "TLS from the first byte there")));
  EXPECT_THAT(warnings_of(listener("tls = implicit\ncertificate = /c", "127.0.0.1:465")),
              IsEmpty());
  EXPECT_THAT(warnings_of(listener("tls = may\ncertificate = /c", "127.0.0.1:587")), IsEmpty());
}

// --- auth = any, file:PATH

TEST_F(ClientTlsTest, TakesEveryKindOfAuth) {
  EXPECT_EQ(load_listener("auth = any").auth, ClientAuth::any);
  EXPECT_EQ(load_listener("auth = Passthrough").auth, ClientAuth::passthrough);
  const Loaded loaded = load_right(listener("auth = file:/etc/smtpseal/users"));
  EXPECT_EQ(loaded.config.listeners.at(0).auth, ClientAuth::file);
  EXPECT_EQ(loaded.config.listeners.at(0).users_file, "/etc/smtpseal/users");
  EXPECT_EQ(value_of(loaded, "listener", "auth").value, "file:/etc/smtpseal/users");
  EXPECT_THAT(lines(loaded.warnings), IsEmpty());
  EXPECT_THAT(lines(loaded.unavailable), IsEmpty());
}

TEST_F(ClientTlsTest, LeavesPassedOnAuthOutOfAQueue) {
  EXPECT_EQ(load_listener("delivery = queue").auth, ClientAuth::off);
  EXPECT_EQ(load_listener("delivery = queue\nauth = any").auth, ClientAuth::any);
  EXPECT_EQ(load_listener("delivery = fallback").auth, ClientAuth::passthrough);
  EXPECT_EQ(load_listener("delivery = fallback").delivery, Delivery::fallback);
  EXPECT_THAT(problems_of(listener("delivery = queue\nauth = passthrough")),
              ElementsAre("4: auth = passthrough does not go with delivery = queue, where the "
                          "smarthost is asked only once the client has gone: write auth = off, any "
                          "or file:PATH"));
  EXPECT_THAT(problems_of(listener("delivery = queue\nauth = passthru")),
              ElementsAre(HasSubstr("expected one of passthrough")));
}

TEST_F(ClientTlsTest, WarnsOfRepliesThatAQueueCannotWaitFor) {
  EXPECT_THAT(
      warnings_of(listener("delivery = queue\nearly_replies = no")),
      ElementsAre("4: early_replies = no has no effect with delivery = queue: every reply is "
                  "ours"));
  EXPECT_THAT(warnings_of(listener("delivery = fallback\nearly_replies = no")), IsEmpty());
  EXPECT_THAT(warnings_of(listener("delivery = queue")), IsEmpty());
}

TEST_F(ClientTlsTest, NamesEveryKindOfAuthToWhoMistypesOne) {
  EXPECT_THAT(
      problems_of(listener("auth = fil:/users")),
      ElementsAre("3: auth = fil:/users: expected one of passthrough, any, off, file:PATH"));
  EXPECT_THAT(problems_of(listener("auth = anyy")), ElementsAre(HasSubstr("did you mean any?")));
  EXPECT_THAT(problems_of(listener("auth = file:")), ElementsAre(HasSubstr("expected file:PATH")));
}

TEST_F(ClientTlsTest, WarnsOfPasswordsThatOthersCouldSee) {
  const auto warnings = [this](std::string_view lines, std::string_view listen) {
    return warnings_of(
        listener("auth = file:/u\nallow = 192.0.2.0/24\n" + std::string(lines), listen));
  };
  const std::string warning =
      "3: auth = file: without TLS, clients of other machines can authenticate on 192.0.2.1:0 by "
      "SCRAM-SHA-256 alone, since PLAIN and LOGIN would show their passwords to anyone on the way";
  EXPECT_THAT(warnings("", "127.0.0.1:0, 192.0.2.1:0"),
              ElementsAre(warning + " (tls = may, encrypt or implicit)"));
  EXPECT_THAT(warnings("tls = may\ncertificate = /c\nauth_requires_tls = no", "192.0.2.1:0"),
              ElementsAre(warning));
  EXPECT_THAT(warnings("tls = may\ncertificate = /c", "192.0.2.1:0"), IsEmpty());
  EXPECT_THAT(warnings("tls = encrypt\ncertificate = /c", "192.0.2.1:0"), IsEmpty());
  EXPECT_THAT(warnings("", "127.0.0.1:0, [::1]:0"), IsEmpty());
}

}  // namespace
}  // namespace config
