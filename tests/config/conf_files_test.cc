// The files in conf/: each is right, and conf/smtpseal.conf tells the truth about every key.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "config/config_fixture.h"
#include "config/keys.h"

namespace config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path kConfFolder = SMTPSEAL_CONF_FOLDER;

class ConfFilesTest : public ConfigTest {};

// The one example that goes without encryption, and says so.
constexpr std::string_view kWayOut = "stanford-unencrypted.conf";

TEST_F(ConfFilesTest, AreAllRightAndAvailableWithoutWarnings) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kConfFolder)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    SCOPED_TRACE(entry.path().string());
    EXPECT_EQ(entry.path().extension(), ".conf");
    sources_.file = entry.path().string();
    const Loaded loaded = load_right();
    EXPECT_THAT(lines(loaded.unavailable), IsEmpty());
    if (entry.path().filename() == kWayOut) continue;
    EXPECT_THAT(lines(loaded.warnings), IsEmpty());
    for (const Smarthost& smarthost : loaded.config.smarthosts) {
      EXPECT_EQ(smarthost.tls.level, tls::Level::verify);
    }
  }
  EXPECT_GE(files, 17u);
}

TEST_F(ConfFilesTest, WarnOfTheOneWayOutWithoutEncryption) {
  sources_.file = (kConfFolder / "examples" / kWayOut).string();
  const Loaded loaded = load_right();
  EXPECT_THAT(lines(loaded.warnings),
              ElementsAre(HasSubstr("tls = none: mail to smtp-unencrypted.stanford.edu will travel "
                                    "unencrypted")));
  for (const Smarthost& smarthost : loaded.config.smarthosts) {
    const bool is_way_out = smarthost.hosts.front() == "smtp-unencrypted.stanford.edu";
    EXPECT_EQ(smarthost.tls.level, is_way_out ? tls::Level::none : tls::Level::verify);
  }
}

// Whoever opens an example sees at once whether it is his, and what he must put in.
TEST_F(ConfFilesTest, ExamplesBeginWithWhomTheyAreForWhatToChangeAndWhatIsDemanded) {
  for (const auto& entry : std::filesystem::directory_iterator(kConfFolder / "examples")) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path());
    for (const std::string_view begin : {"# For: ", "# Change: ", "# Demands: "}) {
      std::string line;
      std::getline(file, line);
      EXPECT_TRUE(line.starts_with(begin)) << line;
    }
  }
}

TEST_F(ConfFilesTest, KeepMicrosoft365ToItsLimitsAndUnderTheMailboxsAddress) {
  sources_.file = (kConfFolder / "examples" / "microsoft365-submission.conf").string();
  const Config config = load_right().config;
  const Smarthost& smarthost = config.smarthosts.at(0);
  EXPECT_EQ(smarthost.hosts.front(), "smtp.office365.com");
  EXPECT_EQ(smarthost.port, 587);
  EXPECT_EQ(smarthost.pool.max_connections, 3U);
  EXPECT_EQ(smarthost.pool.max_rate, (relay::Rate{30, std::chrono::minutes(1)}));
}

TEST_F(ConfFilesTest, TakeStanfordsMailToProductionAndToTheTestRelay) {
  sources_.file = (kConfFolder / "examples" / "stanford.conf").string();
  const Config config = load_right().config;
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.find_smarthost(config.listeners[0].smarthost)->hosts.front(),
            "smtp.stanford.edu");
  EXPECT_EQ(config.find_smarthost(config.listeners[1].smarthost)->hosts.front(),
            "smtp-test.stanford.edu");
}

// Where each takes mail, and as whom: what is wrong there nobody notices before the first mail.
TEST_F(ConfFilesTest, TakeMailWhereTheirProviderWantsItAndLogInAsItWants) {
  struct Preset {
    std::string_view file, host;
    std::uint16_t port;
    bool logs_in, is_from_forced;
  };
  for (const Preset& preset :
       {Preset{"submission.conf", "smtp.example.com", 587, true, true},
        Preset{"microsoft365-submission.conf", "smtp.office365.com", 587, true, true},
        Preset{"microsoft365-connector.conf", "example-com.mail.protection.outlook.com", 25, false,
               false},
        Preset{"gmail-relay.conf", "smtp-relay.gmail.com", 587, false, false},
        Preset{"gmail-submission.conf", "smtp.gmail.com", 587, true, true},
        Preset{"amazon-ses.conf", "email-smtp.us-east-1.amazonaws.com", 587, true, false},
        Preset{"postfix-local.conf", "127.0.0.1", 25, false, false}}) {
    SCOPED_TRACE(preset.file);
    sources_.file = (kConfFolder / "examples" / preset.file).string();
    const Config config = load_right().config;
    const Smarthost& smarthost = config.smarthosts.at(0);
    EXPECT_THAT(smarthost.hosts, ElementsAre(std::string(preset.host)));
    EXPECT_EQ(smarthost.port, preset.port);
    EXPECT_EQ(smarthost.mode, Mode::starttls);
    EXPECT_EQ(!smarthost.login.username.empty(), preset.logs_in);
    const smtp::SenderOptions& sender = config.listeners.at(0).sender;
    EXPECT_EQ(sender.header_from == smtp::SenderMode::force, preset.is_from_forced);
    // The mailbox that logs in is the one that mail bears.
    if (preset.is_from_forced) {
      EXPECT_EQ(sender.address, smarthost.login.username);
    }
  }
}

TEST_F(ConfFilesTest, ShowMicrosoft365ATokenOrTheConnectorsCertificate) {
  sources_.file = (kConfFolder / "examples" / "microsoft365-submission.conf").string();
  const Login login = load_right().config.smarthosts.at(0).login;
  EXPECT_EQ(login.mechanism, smtp::Mechanism::xoauth2);
  EXPECT_FALSE(login.token_command.empty());
  sources_.file = (kConfFolder / "examples" / "microsoft365-connector.conf").string();
  EXPECT_FALSE(load_right().config.smarthosts.at(0).client_identity.is_empty());
}

// One key of smtpseal.conf: "#key = value" or "key = value", and the comment above it.
struct Documented {
  std::string section, key, value, comment;
};

std::vector<Documented> documented_keys() {
  std::ifstream file(kConfFolder / "smtpseal.conf");
  std::vector<Documented> found;
  std::string section;
  std::string comment;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# ") || line == "#") {
      comment += line.substr(1);
    } else if (line.starts_with('[')) {
      section = line.substr(1, line.size() - 2);
      comment.clear();
    } else if (const std::size_t equals = line.find(" ="); equals != std::string::npos) {
      const std::size_t start = line.starts_with('#') ? 1 : 0;
      const std::string_view value = base::trimmed(std::string_view(line).substr(equals + 2));
      found.push_back({section, line.substr(start, equals - start), std::string(value), comment});
      comment.clear();
    } else {
      comment.clear();
    }
  }
  return found;
}

TEST_F(ConfFilesTest, DocumentEveryKeyInOrderWithItsDefault) {
  const Loaded loaded = load_right(kSmarthost);
  const std::vector<Documented> documented = documented_keys();
  ASSERT_EQ(documented.size(), loaded.values.size());
  for (std::size_t i = 0; i < documented.size(); ++i) {
    const EffectiveValue& value = loaded.values[i];
    EXPECT_EQ(documented[i].section, value.section);
    EXPECT_EQ(documented[i].key, value.key);
    EXPECT_FALSE(documented[i].comment.empty()) << value.key;
    if (value.key == "hostname") continue;  // each machine's own
    EXPECT_EQ(documented[i].value, value.value) << value.key;
  }
}

TEST_F(ConfFilesTest, SayWhichKeysAreForALaterVersion) {
  for (const Documented& documented : documented_keys()) {
    for (const Key& key : keys()) {
      const bool is_it = key.name == documented.key && to_string(key.kind) == documented.section;
      if (!is_it || key.is_default_available) continue;
      EXPECT_THAT(documented.comment, HasSubstr("not available in this version")) << key.name;
    }
  }
}

// Taking the # away from every default changes nothing and is right.
TEST_F(ConfFilesTest, ShowDefaultsThatCouldBeWrittenDown) {
  const Config plain = load_right(kSmarthost).config;
  std::string text;
  std::string section;
  for (const Documented& documented : documented_keys()) {
    const Key* key = nullptr;
    for (const Key& each : keys()) {
      if (each.name == documented.key && to_string(each.kind) == documented.section) key = &each;
    }
    ASSERT_NE(key, nullptr) << documented.key;
    if (documented.section != section) {
      section = documented.section;
      text += '[' + section + "]\n";
    }
    if (!documented.value.empty() && key->is_default_available) {
      text += documented.key + " = " + documented.value + '\n';
    }
  }
  const Loaded spelled_out = load_right(text);
  EXPECT_THAT(lines(spelled_out.unavailable), IsEmpty());
  EXPECT_EQ(spelled_out.config, plain);
}

}  // namespace
}  // namespace config
