// Which source wins: flags, environment, file, defaults; and which section an unnamed one means.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kTwoSmarthosts =
    "[smarthost backup]\nhost = b.example\n[smarthost main]\nhost = m.example\n"
    "[listener]\nsmarthost = main\n";

class SourcesTest : public ConfigTest {};

TEST_F(SourcesTest, PrefersFlagsThenEnvironmentThenFileThenDefaults) {
  const std::string text = "[smarthost]\nhost = file.example\nport = 1\ntls_min = 1.3\n";
  set_variable("SMTPSEAL_SMARTHOST_HOST", "environment.example");
  set_variable("SMTPSEAL_SMARTHOST_PORT", "2");
  add_flag("--smarthost", "smarthost", "host", "flag.example");
  const Loaded loaded = load_right(text);
  const Smarthost& smarthost = loaded.config.smarthosts[0];
  EXPECT_THAT(smarthost.hosts, ElementsAre("flag.example"));
  EXPECT_EQ(smarthost.port, 2);
  EXPECT_EQ(smarthost.tls.min_version, tls::Version::tls13);
  EXPECT_EQ(smarthost.mode, Mode::starttls);

  EXPECT_EQ(value_of(loaded, "smarthost", "host").origin, "flag --smarthost");
  EXPECT_EQ(value_of(loaded, "smarthost", "port").origin, "environment SMTPSEAL_SMARTHOST_PORT");
  EXPECT_EQ(value_of(loaded, "smarthost", "tls_min").origin, path_ + ":4");
  EXPECT_EQ(value_of(loaded, "smarthost", "mode").origin, "default");
}

TEST_F(SourcesTest, OverridesABrokenValueOfTheFile) {
  set_variable("SMTPSEAL_SMARTHOST_PORT", "587");
  EXPECT_EQ(load_right("[smarthost]\nhost = a.example\nport = x\n").config.smarthosts[0].port, 587);
}

TEST_F(SourcesTest, NeedsNoFile) {
  add_flag("--listen", "listener", "listen", "127.0.0.1:2525");
  add_flag("--smarthost", "smarthost", "host", "smtp.example.edu");
  add_flag("--smarthost", "smarthost", "port", "587");
  const Config config = load_right().config;
  EXPECT_EQ(config.file, "");
  ASSERT_EQ(config.listeners.size(), 1u);
  ASSERT_EQ(config.smarthosts.size(), 1u);
  EXPECT_EQ(config.listeners[0].listen[0].to_string(), "127.0.0.1:2525");
  EXPECT_EQ(config.smarthosts[0].port, 587);
}

TEST_F(SourcesTest, NeedsNoFileWithAnEnvironment) {
  set_variable("SMTPSEAL_SMARTHOST_HOST", "smtp.example.edu");
  set_variable("SMTPSEAL_LISTENER_LISTEN", "127.0.0.1:2525, [::1]:2525");
  const Config config = load_right().config;
  EXPECT_EQ(config.listeners[0].listen.size(), 2u);
  EXPECT_THAT(config.smarthosts[0].hosts, ElementsAre("smtp.example.edu"));
}

TEST_F(SourcesTest, SaysWhatIsMissingWithoutAnySource) {
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("[smarthost] needs host = NAME")));
}

TEST_F(SourcesTest, AddsUpRepeatedFlagsOfLists) {
  add_flag("--smarthost", "smarthost", "host", "smtp.example.edu");
  add_flag("--listen", "listener", "listen", "127.0.0.1:2525");
  add_flag("--listen", "listener", "listen", "[::1]:2525");
  EXPECT_EQ(load_right().config.listeners[0].listen.size(), 2u);
}

TEST_F(SourcesTest, RefusesOtherFlagsGivenTwice) {
  add_flag("--smarthost", "smarthost", "host", "smtp.example.edu");
  add_flag("--tls", "smarthost", "tls", "verify");
  add_flag("--tls", "smarthost", "tls", "none");
  EXPECT_THAT(problems(), ElementsAre("--tls: was already given"));
}

TEST_F(SourcesTest, NamesTheFlagOrTheVariableThatIsWrong) {
  add_flag("--smarthost", "smarthost", "host", "smtp.example.edu");
  add_flag("--listen", "listener", "listen", "25");
  set_variable("SMTPSEAL_LOG_LEVEL", "loud");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("SMTPSEAL_LOG_LEVEL: log_level = loud: expected"),
                                      HasSubstr("--listen: listen = 25: ")));
}

TEST_F(SourcesTest, ReadsTheFirstFileThatExists) {
  write("[smarthost]\nhost = a.example\n");
  sources_.search = {(folder_ / "none.conf").string(), path_, (folder_ / "later.conf").string()};
  EXPECT_EQ(load_right().config.file, path_);
}

TEST_F(SourcesTest, ReportsAFoundFileThatIsNone) {
  write("[smarthost]\nhost = a.example\n");
  sources_.search = {folder_.string(), path_};
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("cannot be read: ")));
}

TEST_F(SourcesTest, ReadsBothNamesOfGeneralVariables) {
  set_variable("SMTPSEAL_LOG_LEVEL", "debug");
  set_variable("SMTPSEAL_SMTPSEAL_LOG_FORMAT", "json");
  const Config config = load_right(kSmarthost).config;
  EXPECT_EQ(config.general.log_level, base::LogLevel::debug);
  EXPECT_EQ(config.general.log_format, LogFormat::json);

  set_variable("SMTPSEAL_SMTPSEAL_LOG_LEVEL", "debug");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("means the same as SMTPSEAL_LOG_LEVEL")));
}

TEST_F(SourcesTest, FindsNamedSectionsByTheirUpperCase) {
  set_variable("SMTPSEAL_SMARTHOST_BACKUP_HOST", "other.example");
  const Config config = load_right(kTwoSmarthosts).config;
  EXPECT_THAT(config.find_smarthost("backup")->hosts, ElementsAre("other.example"));
  EXPECT_THAT(config.find_smarthost("main")->hosts, ElementsAre("m.example"));
}

TEST_F(SourcesTest, WritesHyphensInNamesAsUnderscores) {
  set_variable("SMTPSEAL_SMARTHOST_MY_RELAY_PORT", "587");
  EXPECT_EQ(load_right("[smarthost my-relay]\nhost = a.example\n").config.smarthosts[0].port, 587);
}

TEST_F(SourcesTest, MeansTheOnlySectionEvenIfItHasAName) {
  set_variable("SMTPSEAL_SMARTHOST_HOST", "other.example");
  add_flag("--mode", "smarthost", "mode", "implicit");
  const Config config = load_right("[smarthost main]\nhost = a.example\n").config;
  ASSERT_EQ(config.smarthosts.size(), 1u);
  EXPECT_THAT(config.smarthosts[0].hosts, ElementsAre("other.example"));
  EXPECT_EQ(config.smarthosts[0].mode, Mode::implicit);
}

TEST_F(SourcesTest, AsksWhichOfSeveralSectionsIsMeant) {
  set_variable("SMTPSEAL_SMARTHOST_HOST", "other.example");
  add_flag("--tls", "smarthost", "tls", "encrypt");
  EXPECT_THAT(problems_of(kTwoSmarthosts),
              ElementsAre(HasSubstr("SMTPSEAL_SMARTHOST_HOST: there are several [smarthost] "
                                    "sections (backup, main)"),
                          HasSubstr("--tls: there are several")));
}

TEST_F(SourcesTest, RefusesUnknownVariablesWithASuggestion) {
  set_variable("SMTPSEAL_SMARTHOST_HSOT", "secret");
  EXPECT_THAT(problems_of(kSmarthost),
              ElementsAre("SMTPSEAL_SMARTHOST_HSOT: unknown variable; they are called "
                          "SMTPSEAL_SECTION_KEY, such as SMTPSEAL_LISTENER_LISTEN; did you mean "
                          "SMTPSEAL_SMARTHOST_HOST?"));
  sources_.environment.clear();
  set_variable("SMTPSEAL_SMARTHOST_OTHER_HOST_NAME_OF_SOME_KIND", "x");
  EXPECT_THAT(problems_of(kSmarthost), ElementsAre(HasSubstr("unknown variable")));
}

TEST_F(SourcesTest, OnlyWarnsOfVariablesThatNameNoSection) {
  set_variable("SMTPSEAL_HOME", "/opt/smtpseal");
  EXPECT_THAT(warnings_of(kSmarthost), Contains(HasSubstr("SMTPSEAL_HOME: unknown variable")));
  EXPECT_THAT(problems_of(kSmarthost), IsEmpty());
}

TEST_F(SourcesTest, KnowsWhichSectionWasLeftOutOfAVariable) {
  set_variable("SMTPSEAL_HOST", "smtp.example.edu");
  set_variable("SMTPSEAL_FOO", "x");
  const std::vector<std::string> expected = {
      "SMTPSEAL_FOO: unknown variable; they are called SMTPSEAL_SECTION_KEY, such as "
      "SMTPSEAL_LISTENER_LISTEN",
      "SMTPSEAL_HOST: unknown variable; they are called SMTPSEAL_SECTION_KEY, such as "
      "SMTPSEAL_LISTENER_LISTEN; did you mean SMTPSEAL_SMARTHOST_HOST?"};
  EXPECT_EQ(warnings_of(kSmarthost), expected);
  // It is the reason why there is no smarthost.
  EXPECT_EQ(lines(load_text("[smtpseal]\n").warnings), expected);
}

TEST_F(SourcesTest, WarnsOfAFileThatAFlagTookThePlaceOf) {
  write("[smarthost]\nhost = a.example\nca_file = /ca.pem\n");
  add_flag("--smarthost", "smarthost", "host", "b.example");
  sources_.passed_over = {(folder_ / "none.conf").string(), path_};
  sources_.passed_over_for = "--smarthost";
  const Loaded loaded = load_right();
  EXPECT_EQ(loaded.config.file, "");
  EXPECT_THAT(lines(loaded.warnings),
              ElementsAre(path_ + ": not read, because --smarthost was given (with -c " + path_ +
                          " it is)"));
}

TEST_F(SourcesTest, SaysWhichFilesThereAreNot) {
  sources_.search = {"./no.conf", "/nowhere/no.conf"};
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("no file was read: there is neither ./no.conf nor "
                                                "/nowhere/no.conf")));
}

TEST_F(SourcesTest, KnowsWhereEachKeyWasWritten) {
  set_variable("SMTPSEAL_SMARTHOST_MAIN_PORT", "587");
  add_flag("--listen", "listener", "listen", "127.0.0.1:2525");
  const Places places = load_right("[smarthost main]\nhost = a.example\n").config.places;
  EXPECT_EQ(places.of("smarthost main", "host"), path_ + ":2");
  EXPECT_EQ(places.of("smarthost main", "port"), "SMTPSEAL_SMARTHOST_MAIN_PORT");
  EXPECT_EQ(places.of("listener", "listen"), "--listen");
  EXPECT_EQ(places.of("listener", "allow"), "");
}

TEST_F(SourcesTest, TakesAnEmptyVariableForUnset) {
  set_variable("SMTPSEAL_SMARTHOST_PORT", "");
  EXPECT_EQ(load_right("[smarthost]\nhost = a.example\nport = 587\n").config.smarthosts[0].port,
            587);
}

TEST_F(SourcesTest, IgnoresOtherVariables) {
  set_variable("PATH", "/bin");
  EXPECT_THAT(problems_of(kSmarthost), IsEmpty());
}

// A service called smtpseal makes these in every pod of its namespace.
TEST_F(SourcesTest, PassesOverVariablesOfKubernetes) {
  set_variable("SMTPSEAL_SERVICE_HOST", "10.0.0.7");
  set_variable("SMTPSEAL_SERVICE_PORT", "25");
  set_variable("SMTPSEAL_SERVICE_PORT_SMTP", "25");
  set_variable("SMTPSEAL_PORT", "tcp://10.0.0.7:25");
  set_variable("SMTPSEAL_PORT_25_TCP", "tcp://10.0.0.7:25");
  set_variable("SMTPSEAL_PORT_25_TCP_PROTO", "tcp");
  set_variable("SMTPSEAL_PORT_25_TCP_PORT", "25");
  set_variable("SMTPSEAL_PORT_25_TCP_ADDR", "10.0.0.7");
  set_variable("SMTPSEAL_RELAY_SERVICE_HOST", "10.0.0.8");
  EXPECT_THAT(problems_of(kSmarthost), IsEmpty());
  set_variable("SMTPSEAL_PORT", "25");
  EXPECT_THAT(warnings_of(kSmarthost), Contains(HasSubstr("SMTPSEAL_PORT: unknown variable")));
}

TEST_F(SourcesTest, RefusesTextsThatCouldNotStandInAFile) {
  set_variable("SMTPSEAL_SMARTHOST_CA_FILE", "/a.pem\n[listener]");
  set_variable("SMTPSEAL_SMARTHOST_CA_DIR", "  ");
  add_flag("--tls", "smarthost", "tls", "");
  EXPECT_THAT(problems_of(kSmarthost),
              ElementsAre("SMTPSEAL_SMARTHOST_CA_DIR: ca_dir: has no value",
                          HasSubstr("SMTPSEAL_SMARTHOST_CA_FILE: ca_file: a control character"),
                          "--tls: tls: has no value"));
}

}  // namespace
}  // namespace config
