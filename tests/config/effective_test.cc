// The values in force: complete, in order, and a file again.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"
#include "config/keys.h"

namespace config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class EffectiveTest : public ConfigTest {
 protected:
  // What format_values wrote, loaded without any other source.
  Loaded reload(const Loaded& loaded) {
    sources_ = Sources{};
    return load_right(format_values(loaded));
  }
  void expect_same_after_reload(std::string_view text) {
    const Loaded first = load_right(text);
    Loaded second = reload(first);
    EXPECT_EQ(second.config, first.config) << format_values(first);
    EXPECT_EQ(lines(second.unavailable).size(), first.unavailable.size());
    EXPECT_EQ(second.warnings.size(), first.warnings.size());
    ASSERT_EQ(second.values.size(), first.values.size());
    for (std::size_t i = 0; i < first.values.size(); ++i) {
      EXPECT_EQ(second.values[i].key, first.values[i].key);
      EXPECT_EQ(second.values[i].value, first.values[i].value) << first.values[i].key;
    }
  }
};

TEST_F(EffectiveTest, ListsEveryKeyOfEverySectionInOrder) {
  const Loaded loaded = load_right(
      "[smarthost b]\nhost = b.example\n[listener x]\nlisten = 127.0.0.1:1\nsmarthost = b\n"
      "[smarthost a]\nhost = a.example\n[listener]\nsmarthost = a\n[smtpseal]\n");
  std::vector<std::string> expected;
  for (const auto& [kind, section] :
       std::vector<std::pair<Kind, std::string>>{{Kind::smtpseal, "smtpseal"},
                                                 {Kind::listener, "listener x"},
                                                 {Kind::listener, "listener"},
                                                 {Kind::smarthost, "smarthost b"},
                                                 {Kind::smarthost, "smarthost a"}}) {
    for (const Key* key : keys_of(kind)) expected.push_back(section + '.' + std::string(key->name));
  }
  std::vector<std::string> listed;
  for (const EffectiveValue& value : loaded.values) {
    listed.push_back(value.section + '.' + value.key);
    EXPECT_FALSE(value.origin.empty());
  }
  EXPECT_EQ(listed, expected);
}

// OPS-10: the documented defaults are those in force.
TEST_F(EffectiveTest, StatesTheDocumentedDefaults) {
  const std::vector<std::array<std::string_view, 3>> documented = {
      {"smtpseal", "hostname", "app.example.edu"},
      {"smtpseal", "log_level", "info"},
      {"smtpseal", "log_format", "auto"},
      {"smtpseal", "log_target", "stderr"},
      {"smtpseal", "workers", "1"},
      {"smtpseal", "user", ""},
      {"smtpseal", "sandbox", "yes"},
      {"smtpseal", "drain_timeout", "30s"},
      {"smtpseal", "status", ""},
      {"smtpseal", "spool_max_size", "1G"},
      {"smtpseal", "spool_max_age", "5d"},
      {"listener", "listen", "127.0.0.1:25, [::1]:25"},
      {"listener", "socket_mode", "0660"},
      {"listener", "smarthost", ""},
      {"listener", "allow", "127.0.0.0/8, ::1"},
      {"listener", "tls", "none"},
      {"listener", "certificate", ""},
      {"listener", "key", ""},
      {"listener", "key_passphrase_file", ""},
      {"listener", "key_passphrase_command", ""},
      {"listener", "client_ca", ""},
      {"listener", "auth", "passthrough"},
      {"listener", "auth_requires_tls", "no"},
      {"listener", "delivery", "relay"},
      {"listener", "early_replies", "yes"},
      {"listener", "line_endings", "normalize"},
      {"listener", "syntax", "tolerant"},
      {"listener", "received_header", "yes"},
      {"listener", "sender", ""},
      {"listener", "sender_mode", "force"},
      {"listener", "header_from", "keep"},
      {"listener", "authorized_senders", ""},
      {"listener", "max_message_size", "0"},
      {"listener", "max_sessions", "1000"},
      {"listener", "max_sessions_per_client", "0"},
      {"listener", "proxy_protocol", "no"},
      {"listener", "proxy_networks", ""},
      {"smarthost", "host", "smtp.example.edu"},
      {"smarthost", "port", "25"},
      {"smarthost", "mode", "starttls"},
      {"smarthost", "tls", "verify"},
      {"smarthost", "tls_min", "1.2"},
      {"smarthost", "ca_file", ""},
      {"smarthost", "ca_dir", ""},
      {"smarthost", "verify_name", "host"},
      {"smarthost", "pin", ""},
      {"smarthost", "client_certificate", ""},
      {"smarthost", "client_key", ""},
      {"smarthost", "client_key_passphrase_file", ""},
      {"smarthost", "client_key_passphrase_command", ""},
      {"smarthost", "ehlo_name", "hostname"},
      {"smarthost", "username", ""},
      {"smarthost", "password_file", ""},
      {"smarthost", "password_command", ""},
      {"smarthost", "token_file", ""},
      {"smarthost", "token_command", ""},
      {"smarthost", "auth_mechanism", "auto"},
      {"smarthost", "chunking", "auto"},
      {"smarthost", "max_connections", "8"},
      {"smarthost", "idle_timeout", "30s"},
      {"smarthost", "max_transactions", "100"},
      {"smarthost", "max_age", "5m"},
      {"smarthost", "max_bytes", "1G"},
      {"smarthost", "max_rate", "0"},
      {"smarthost", "connect_timeout", "30s"},
      {"smarthost", "command_timeout", "5m"},
      {"smarthost", "data_timeout", "10m"},
  };
  const Loaded loaded = load_right(kSmarthost);
  for (const auto& [section, key, value] : documented) {
    EXPECT_EQ(value_of(loaded, section, key).value, value) << key;
  }
}

TEST_F(EffectiveTest, NotesNothingOnOrdinaryDefaults) {
  for (const EffectiveValue& value : load_right(kSmarthost).values) {
    EXPECT_EQ(value.note, "") << value.key;
    EXPECT_EQ(value.origin == "default", value.key != "host");
    EXPECT_EQ(value.is_default, value.key != "host");
  }
}

TEST_F(EffectiveTest, WritesTextsInTheirUsualForm) {
  const Loaded loaded = load_right(
      "[smtpseal]\nlog_level = DEBUG\ndrain_timeout = 120s\n"
      "[listener]\nlisten = [0:0::1]:2525,127.0.0.1:2525\nearly_replies = FALSE\n"
      "max_message_size = 2048k\n[smarthost]\nhost = a.example\nidle_timeout=60000ms\n");
  EXPECT_EQ(value_of(loaded, "smtpseal", "log_level").value, "debug");
  EXPECT_EQ(value_of(loaded, "smtpseal", "drain_timeout").value, "2m");
  EXPECT_EQ(value_of(loaded, "listener", "listen").value, "[::1]:2525, 127.0.0.1:2525");
  EXPECT_EQ(value_of(loaded, "listener", "early_replies").value, "no");
  EXPECT_EQ(value_of(loaded, "listener", "max_message_size").value, "2M");
  EXPECT_EQ(value_of(loaded, "smarthost", "idle_timeout").value, "1m");
}

TEST_F(EffectiveTest, FormatsAFileThatLoadsToTheSame) {
  expect_same_after_reload(kSmarthost);
  expect_same_after_reload("[smarthost]\nhost = smtp.example.edu.\ntls = encrypt\n");
  expect_same_after_reload(std::string(kSmarthost) +
                           "username = jörg @b\npassword_file = /a b\nauth_mechanism = PLAIN\n");
  expect_same_after_reload(std::string(kSmarthost) +
                           "username = a\ntoken_command = get-token 'a b'\n");
  expect_same_after_reload(
      "[smarthost]\nhost = a.example\ntls = pin\npin = "
      "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, "
      "sha256//BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=\n");
  expect_same_after_reload("[smarthost]\nhost = 2001:db8::1\nmode = implicit\nca_file = /a, /b\n");
  expect_same_after_reload(
      "[smtpseal]\nlog_target = file:/var/log/a b.log\n"
      "[listener]\nlisten = 127.0.0.1:0\nsmarthost = Main\nmax_sessions_per_client = 7\n"
      "[listener out]\nlisten = 0.0.0.0:2525\nallow = 10.0.0.0/8, 2001:db8::/32\nsmarthost = b\n"
      "auth = off\nsyntax = strict\nline_endings = strict\nreceived_header = no\n"
      "[smarthost Main]\nhost = a.example\nverify_name = b.example\nehlo_name = c.example\n"
      "[smarthost b]\nhost = b.example\ntls = none\nchunking = off\nidle_timeout = 1500ms\n");
  expect_same_after_reload(
      "[listener]\nlisten = 127.0.0.1:0\ntls = encrypt\ncertificate = /c.pem\nkey = /k.pem\n"
      "key_passphrase_command = pass show key\nclient_ca = /a.pem, /b.pem\n"
      "[listener may]\nlisten = 127.0.0.1:0\ntls = may\ncertificate = /c.pem\n"
      "key_passphrase_file = /p\nauth_requires_tls = no\n" +
      std::string(kSmarthost));
}

TEST_F(EffectiveTest, FormatsTheSpoolAsItWasGiven) {
  expect_same_after_reload(
      "[smtpseal]\nspool_dir = /srv/spool\nspool_max_size = 2G\nspool_max_age = 36h\n" +
      std::string(kSmarthost));
  const Loaded loaded =
      load_right("[smtpseal]\nspool_dir = /srv/spool//\n" + std::string(kSmarthost));
  EXPECT_EQ(loaded.config.general.spool.folder, "/srv/spool");
  EXPECT_EQ(load_right(kSmarthost).config.general.spool.folder, default_spool_folder());
}

TEST_F(EffectiveTest, FormatsWhatIsNotAvailableAsItWasGiven) {
  expect_same_after_reload(
      "[smtpseal]\nspool_max_size = 2G\nstatus = 127.0.0.1:8025\n"
      "[listener]\nlisten = 127.0.0.1:2525\ndelivery = queue\n"
      "[smarthost]\nhost = srv:example.edu, mx:example.com, a.example\n");
}

TEST_F(EffectiveTest, FormatsOriginsOfEverySource) {
  set_variable("SMTPSEAL_LOG_LEVEL", "debug");
  add_flag("--listen", "listener", "listen", "127.0.0.1:2525");
  const std::string text = format_values(load_right(kSmarthost));
  EXPECT_THAT(text, HasSubstr("# environment SMTPSEAL_LOG_LEVEL\nlog_level = debug\n"));
  EXPECT_THAT(text, HasSubstr("# flag --listen\nlisten = 127.0.0.1:2525\n"));
  EXPECT_THAT(text, HasSubstr("# " + path_ + ":2\nhost = smtp.example.edu\n"));
  EXPECT_THAT(text, HasSubstr("\n[smarthost]\n"));
}

// What differs must not drown in what does not.
TEST_F(EffectiveTest, NotesOnlyWhatIsNoDefaultAndLeavesOutWhatThereIsNot) {
  const Loaded loaded =
      load_right("[smtpseal]\nstatus = 127.0.0.1:8025\n" + std::string(kSmarthost));
  const std::string text = format_values(loaded);
  EXPECT_THAT(text, HasSubstr("\nlog_level = info\nlog_format = auto\n"));
  EXPECT_THAT(text, HasSubstr("\n# ca_file =\n"));
  EXPECT_THAT(text, HasSubstr("# " + path_ +
                              ":2: not available in this version\nstatus = 127.0.0.1:8025\n"));
  EXPECT_THAT(text, HasSubstr("asks for what is not available in this version"));
  EXPECT_THAT(text, Not(HasSubstr("default\n")));
  EXPECT_THAT(text, Not(HasSubstr("\nuser =")));
  EXPECT_THAT(text, HasSubstr("\n# user =\n"));
}

TEST_F(EffectiveTest, ComparesEveryFieldOfASmarthost) {
  const Smarthost base = load_right(kSmarthost).config.smarthosts[0];
  for (const std::string_view line : {"port = 26",
                                      "mode = implicit",
                                      "tls = encrypt",
                                      "tls_min = 1.3",
                                      "ca_file = /a",
                                      "ca_dir = /a",
                                      "pin = sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                      "verify_name = a",
                                      "ehlo_name = a",
                                      "ehlo_name = client",
                                      "sender_match = @a.example",
                                      "chunking = off",
                                      "max_connections = 7",
                                      "idle_timeout = 31s",
                                      "max_transactions = 7",
                                      "max_age = 6m",
                                      "max_bytes = 2G",
                                      "max_rate = 30/1m",
                                      "connect_timeout = 1s",
                                      "command_timeout = 1s",
                                      "data_timeout = 1s",
                                      "username = a\npassword_file = /p",
                                      "username = a\npassword_command = p",
                                      "username = a\ntoken_file = /t",
                                      "username = a\ntoken_command = t"}) {
    const Config other = load_right(std::string(kSmarthost) + std::string(line) + '\n').config;
    EXPECT_FALSE(other.smarthosts[0] == base) << line;
  }
  Smarthost renamed = base;
  renamed.name = "x";
  EXPECT_FALSE(renamed == base);
  renamed = base;
  renamed.hosts.push_back("x");
  EXPECT_FALSE(renamed == base);
}

}  // namespace
}  // namespace config
