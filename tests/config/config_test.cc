// Loading: defaults, sections and keys, everything wrong at once.
#include "config/config.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fixture.h"

namespace config {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace std::chrono_literals;

class LoadTest : public ConfigTest {};

// The contract's table of defaults.
TEST_F(LoadTest, HasTheDefaultsOfTheContract) {
  const Config config = load_right(kSmarthost).config;
  EXPECT_EQ(config.file, path_);
  EXPECT_EQ(config.general.hostname, "app.example.edu");
  EXPECT_EQ(config.general.log_level, base::LogLevel::info);
  EXPECT_EQ(config.general.log_format, LogFormat::automatic);
  EXPECT_EQ(config.general.log_target, LogTargetKind::stderr_stream);
  EXPECT_EQ(config.general.workers, 1u);
  EXPECT_EQ(config.general.user, "");
  EXPECT_TRUE(config.general.sandbox);
  EXPECT_EQ(config.general.drain_timeout, 30s);

  ASSERT_EQ(config.listeners.size(), 1u);
  const Listener& listener = config.listeners[0];
  EXPECT_EQ(listener.name, "");
  ASSERT_EQ(listener.listen.size(), 2u);
  EXPECT_EQ(listener.listen[0].to_string(), "127.0.0.1:25");
  EXPECT_EQ(listener.listen[1].to_string(), "[::1]:25");
  EXPECT_EQ(listener.smarthost, "");
  ASSERT_EQ(listener.allow.size(), 2u);
  EXPECT_EQ(listener.allow[0].to_string(), "127.0.0.0/8");
  EXPECT_EQ(listener.allow[1].to_string(), "::1");
  EXPECT_EQ(listener.auth, ClientAuth::passthrough);
  EXPECT_EQ(listener.delivery, Delivery::relay);
  EXPECT_TRUE(listener.early_replies);
  EXPECT_EQ(listener.line_endings, smtp::LineEndings::normalize);
  EXPECT_EQ(listener.syntax, smtp::Syntax::tolerant);
  EXPECT_TRUE(listener.received_header);
  EXPECT_EQ(listener.max_message_size, 0u);
  EXPECT_EQ(listener.max_sessions, 1000u);
  EXPECT_EQ(listener.max_sessions_per_client, 0u);

  ASSERT_EQ(config.smarthosts.size(), 1u);
  const Smarthost& smarthost = config.smarthosts[0];
  EXPECT_THAT(smarthost.hosts, ElementsAre("smtp.example.edu"));
  EXPECT_EQ(smarthost.port, 25);
  EXPECT_EQ(smarthost.mode, Mode::starttls);
  EXPECT_EQ(smarthost.tls.level, tls::Level::verify);
  EXPECT_EQ(smarthost.tls.min_version, tls::Version::tls12);
  EXPECT_EQ(smarthost.tls.verify_name, "");
  EXPECT_THAT(smarthost.tls.ca_files, IsEmpty());
  EXPECT_THAT(smarthost.tls.ca_dirs, IsEmpty());
  EXPECT_EQ(smarthost.ehlo_name, "");
  EXPECT_TRUE(smarthost.chunking);
  EXPECT_EQ(smarthost.pool.max_connections, 8u);
  EXPECT_EQ(smarthost.pool.idle_timeout, 30s);
  EXPECT_EQ(smarthost.pool.max_transactions, 100u);
  EXPECT_EQ(smarthost.pool.max_age, 5min);
  EXPECT_EQ(smarthost.pool.max_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(smarthost.connect_timeout, 30s);
  EXPECT_EQ(smarthost.command_timeout, 5min);
  EXPECT_EQ(smarthost.data_timeout, 10min);
}

TEST_F(LoadTest, ReadsEveryAvailableKey) {
  const Config config = load_right(R"([smtpseal]
hostname = relay.example.edu.
log_level = DEBUG
log_format = json
log_target = file:/var/log/smtpseal.log
workers = 1
user = smtpseal:mail
sandbox = no
drain_timeout = 5s

[listener outside]
listen = 127.0.0.1:2525, [::1]:2525 ,192.0.2.9:25
socket_mode = 0660
smarthost = Campus
allow = 192.0.2.0/24, 127.0.0.1
tls = none
auth = off
delivery = relay
early_replies = no
line_endings = strict
syntax = strict
received_header = off
max_message_size = 25M
max_sessions = 10
max_sessions_per_client = 3
proxy_protocol = no

[smarthost campus]
host = 192.0.2.1
port = 4650
mode = implicit
tls = verify
tls_min = 1.3
ca_file = /a.pem, /b.pem
ca_dir = /etc/ssl/certs
verify_name = smtp.example.edu.
ehlo_name = app7.example.edu
auth_mechanism = auto
chunking = off
max_connections = 2
idle_timeout = 0
max_transactions = 7
max_age = 1m
max_bytes = 10M
connect_timeout = 500ms
command_timeout = 1m
data_timeout = 20m
)")
                            .config;
  EXPECT_EQ(config.general.hostname, "relay.example.edu");
  EXPECT_EQ(config.general.log_level, base::LogLevel::debug);
  EXPECT_EQ(config.general.log_format, LogFormat::json);
  EXPECT_EQ(config.general.log_target, LogTargetKind::file);
  EXPECT_EQ(config.general.log_file, "/var/log/smtpseal.log");
  EXPECT_EQ(config.general.user, "smtpseal:mail");
  EXPECT_FALSE(config.general.sandbox);
  EXPECT_EQ(config.general.drain_timeout, 5s);

  ASSERT_EQ(config.listeners.size(), 1u);
  const Listener& listener = config.listeners[0];
  EXPECT_EQ(listener.name, "outside");
  ASSERT_EQ(listener.listen.size(), 3u);
  EXPECT_EQ(listener.listen[2].to_string(), "192.0.2.9:25");
  EXPECT_EQ(listener.smarthost, "campus");
  EXPECT_EQ(listener.allow.size(), 2u);
  EXPECT_EQ(listener.auth, ClientAuth::off);
  EXPECT_FALSE(listener.early_replies);
  EXPECT_EQ(listener.line_endings, smtp::LineEndings::strict);
  EXPECT_EQ(listener.syntax, smtp::Syntax::strict);
  EXPECT_FALSE(listener.received_header);
  EXPECT_EQ(listener.max_message_size, 25u * 1024 * 1024);
  EXPECT_EQ(listener.max_sessions, 10u);
  EXPECT_EQ(listener.max_sessions_per_client, 3u);

  ASSERT_NE(config.find_smarthost("campus"), nullptr);
  EXPECT_EQ(config.find_smarthost(""), nullptr);
  const Smarthost& smarthost = *config.find_smarthost("campus");
  EXPECT_THAT(smarthost.hosts, ElementsAre("192.0.2.1"));
  EXPECT_EQ(smarthost.port, 4650);
  EXPECT_EQ(smarthost.mode, Mode::implicit);
  EXPECT_EQ(smarthost.tls.min_version, tls::Version::tls13);
  EXPECT_THAT(smarthost.tls.ca_files, ElementsAre("/a.pem", "/b.pem"));
  EXPECT_THAT(smarthost.tls.ca_dirs, ElementsAre("/etc/ssl/certs"));
  EXPECT_EQ(smarthost.tls.verify_name, "smtp.example.edu");
  EXPECT_EQ(smarthost.ehlo_name, "app7.example.edu");
  EXPECT_FALSE(smarthost.chunking);
  EXPECT_EQ(smarthost.pool.max_connections, 2u);
  EXPECT_EQ(smarthost.pool.idle_timeout, 0s);
  EXPECT_EQ(smarthost.pool.max_transactions, 7u);
  EXPECT_EQ(smarthost.pool.max_age, 1min);
  EXPECT_EQ(smarthost.pool.max_bytes, 10u * 1024 * 1024);
  EXPECT_EQ(smarthost.connect_timeout, 500ms);
  EXPECT_EQ(smarthost.command_timeout, 1min);
  EXPECT_EQ(smarthost.data_timeout, 20min);
}

TEST_F(LoadTest, TakesThePortFromTheMode) {
  EXPECT_EQ(
      load_right("[smarthost]\nhost = a.example\nmode = implicit\n").config.smarthosts[0].port,
      465);
  EXPECT_EQ(load_right("[smarthost]\nport = 2465\nmode = implicit\nhost = a.example\n")
                .config.smarthosts[0]
                .port,
            2465);
}

TEST_F(LoadTest, VerifiesAnAbsoluteHostWithoutItsDot) {
  const Config config = load_right("[smarthost]\nhost = smtp.example.edu.\n").config;
  EXPECT_THAT(config.smarthosts[0].hosts, ElementsAre("smtp.example.edu."));
  EXPECT_EQ(config.smarthosts[0].tls.verify_name, "smtp.example.edu");
}

TEST_F(LoadTest, TakesTheDefaultWords) {
  const Config config =
      load_right("[smarthost]\nhost = a.example\nverify_name = host\nehlo_name = hostname\n")
          .config;
  EXPECT_EQ(config.smarthosts[0].tls.verify_name, "");
  EXPECT_EQ(config.smarthosts[0].ehlo_name, "");
}

TEST_F(LoadTest, NamesAMachineThatHasNoName) {
  sources_.host_fqdn = "localhost";
  const Loaded loaded = load_right(kSmarthost);
  EXPECT_EQ(loaded.config.general.hostname, "smtpseal.localdomain");
  EXPECT_THAT(value_of(loaded, "smtpseal", "hostname").note, HasSubstr("set hostname"));
}

TEST_F(LoadTest, AcceptsByteOrderMarkAndCrlf) {
  EXPECT_THAT(
      load_right("\xEF\xBB\xBF[smarthost]\r\nhost = a.example\r\n").config.smarthosts[0].hosts,
      ElementsAre("a.example"));
}

TEST_F(LoadTest, ReportsEverythingAtOnce) {
  EXPECT_THAT(problems_of("[smtpseal]\n"
                          "log_levl = info\n"
                          "workers = many\n"
                          "[listener]\n"
                          "listen = 0.0.0.0:25\n"
                          "nonsense\n"
                          "[smarthost]\n"
                          "host = smtp.example.edu\n"
                          "idle_timeout = 30\n"
                          "[smarthos]\n"),
              ElementsAre("2: unknown key \"log_levl\" in [smtpseal]; did you mean log_level?",
                          "3: workers = many: expected a number from 1 to 256",
                          HasSubstr("5: listen = 0.0.0.0:25: "),
                          "6: expected KEY = VALUE, [SECTION] or a comment",
                          "9: idle_timeout = 30: a duration needs a unit (ms, s, m, h, d): 30s?",
                          "10: unknown section [smarthos]; did you mean smarthost?"));
}

TEST_F(LoadTest, NamesFileAndLine) {
  const LoadResult result = load_text("[smarthost]\nhost = a.example\nmax_connections = many\n");
  EXPECT_FALSE(result.loaded);
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0].to_string(),
            path_ + ":3: max_connections = many: expected a number from 1 to 1000");
}

TEST_F(LoadTest, RefusesUnknownKeysWithASuggestion) {
  const std::string text = std::string(kSmarthost);
  EXPECT_THAT(problems_of(text + "prt = 25\n"), ElementsAre(HasSubstr("did you mean port?")));
  EXPECT_THAT(problems_of(text + "Port = 25\n"), ElementsAre(HasSubstr("did you mean port?")));
  EXPECT_THAT(problems_of(text + "listen = 127.0.0.1:25\n"),
              ElementsAre(HasSubstr("it belongs in [listener]")));
  EXPECT_THAT(problems_of(text + "zzzzzzzz = 25\n"),
              ElementsAre("3: unknown key \"zzzzzzzz\" in [smarthost]"));
}

TEST_F(LoadTest, NeverRepeatsTheValueOfAnUnknownKey) {
  EXPECT_THAT(problems_of(std::string(kSmarthost) + "password = hunter2\n"),
              Each(Not(HasSubstr("hunter2"))));
}

TEST_F(LoadTest, RefusesUnknownSections) {
  EXPECT_THAT(problems_of("[relay]\nx = 1\n"), ElementsAre("1: unknown section [relay]"));
  EXPECT_THAT(problems_of("[Smarthost]\nhost = a.example\n"),
              ElementsAre(HasSubstr("did you mean smarthost?")));
  EXPECT_THAT(problems_of("[]\n"), ElementsAre("1: unknown section []"));
}

TEST_F(LoadTest, RefusesWrongSectionNames) {
  const std::string text = std::string(kSmarthost);
  EXPECT_THAT(problems_of(text + "[smtpseal main]\n"),
              ElementsAre(HasSubstr("3: [smtpseal] has no name")));
  EXPECT_THAT(problems_of(text + "[listener \"a\"]\n"),
              ElementsAre(HasSubstr("the name of a section")));
  EXPECT_THAT(problems_of(text + "[listener a b]\n"),
              ElementsAre(HasSubstr("the name of a section")));
  EXPECT_THAT(problems_of(text + "[listener " + std::string(33, 'a') + "]\n"),
              ElementsAre(HasSubstr("at most 32")));
}

TEST_F(LoadTest, RefusesDuplicatesNamingTheFirst) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\nhost = b.example\n"),
              ElementsAre("3: host was already given at line 2"));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\n[smtpseal]\n[smarthost]\nport = 25\n"),
              ElementsAre("4: [smarthost] was already there at line 1"));
  EXPECT_THAT(problems_of("[smtpseal]\n[smtpseal]\n[smarthost]\nhost = a.example\n"),
              ElementsAre("2: [smtpseal] was already there at line 1"));
  // The environment could not tell these apart.
  EXPECT_THAT(problems_of("[smarthost A-b]\nhost = a.example\n[smarthost a_B]\n"),
              ElementsAre("3: [smarthost a_B] was already there at line 1"));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\n[smarthost]\nhost = b.example\n"),
              ElementsAre(HasSubstr("3: [smarthost]"), "4: host was already given at line 2"));
}

TEST_F(LoadTest, RefusesEmptyValues) {
  EXPECT_THAT(problems_of("[smarthost]\nhost =\n"),
              ElementsAre("2: host has no value: leave the line out for the default"));
}

TEST_F(LoadTest, HintsAtHabitsOfOtherFormats) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = \"a.example\"\n"),
              ElementsAre(HasSubstr("write it without quotes")));
  EXPECT_THAT(problems_of("[smarthost \"a\"]\nhost = a.example\n"),
              ElementsAre(HasSubstr("write it without quotes")));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\ntls = verify # always\n"),
              ElementsAre(HasSubstr("comments stand on lines of their own")));
}

TEST_F(LoadTest, MakesWhatItQuotesPrintable) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\n\x7Fx = 1\n"),
              Each(Not(HasSubstr("\x7F"))));
}

TEST_F(LoadTest, RefusesFilesItCannotRead) {
  sources_.file = path_;
  EXPECT_THAT(problems(), ElementsAre(path_ + ": cannot be read: No such file or directory"));
  sources_.file = folder_.string();
  EXPECT_THAT(problems(), ElementsAre(HasSubstr(folder_.string() + ": cannot be read: ")));
  EXPECT_THAT(problems_of(std::string(10 * 1024 * 1024, '#')),
              ElementsAre(path_ + ": is larger than 1 MiB: this is no configuration file"));
}

TEST_F(LoadTest, ReportsFlagsBesideAnUnreadableFile) {
  sources_.file = path_;
  add_flag("--tls", "smarthost", "tls", "sometimes");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("cannot be read"),
                                      HasSubstr("--tls: tls = sometimes: expected one of")));
}

// A value of each type, broken in each way (OPS-01).
TEST_F(LoadTest, RefusesWrongTypesAndRanges) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"[smtpseal]\nhostname = localhost", "servers refuse this name"},
      {"[smtpseal]\nhostname = 192.0.2.1", "in brackets"},
      {"[smtpseal]\nlog_level = trace", "expected one of error, warn, info, debug"},
      {"[smtpseal]\nlog_level = warning", "expected one of"},
      {"[smtpseal]\nlog_format = xml", "expected one of auto, text, json"},
      {"[smtpseal]\nlog_target = stdout", "expected one of stderr, file:PATH"},
      {"[smtpseal]\nlog_target = file:", "expected file:PATH"},
      {"[smtpseal]\nworkers = 0", "expected a number from 1 to 256"},
      {"[smtpseal]\ndrain_timeout = 2d", "from 0s to 1d"},
      {"[smtpseal]\nstatus = 8080", "ADDRESS:PORT"},
      {"[smtpseal]\nspool_dir = spool", "expected the whole path of a folder"},
      {"[smtpseal]\nspool_dir = /", "expected the whole path of a folder"},
      {"[smtpseal]\nspool_max_size = 5", "a size needs a unit"},
      {"[smtpseal]\nspool_max_size = 1K", "from 1M to 1024G"},
      {"[smtpseal]\nspool_max_age = 5", "a duration needs a unit"},
      {"[smtpseal]\nspool_max_age = 1m", "from 1h to 100d"},
      {"[listener]\nlisten = localhost:25", "127.0.0.1"},
      {"[listener]\nlisten = 25", "ADDRESS:PORT"},
      {"[listener]\nlisten = 127.0.0.1:25,", "empty"},
      {"[listener]\nlisten = unix:", "unix:PATH"},
      {"[listener]\nallow = 10.0.0.1/8", "10.0.0.0/8"},
      {"[listener]\nallow = everyone", "not an IP address"},
      {"[listener]\ntls = verify", "expected one of none, may, encrypt, implicit"},
      {"[listener]\nauth = plain", "expected one of passthrough, any, off, file:PATH"},
      {"[listener]\nauth = file:", "expected file:PATH"},
      {"[listener]\ndelivery = spool", "expected one of relay, fallback, queue"},
      {"[listener]\nearly_replies = maybe", "expected yes or no"},
      {"[listener]\nline_endings = crlf", "expected one of normalize, strict"},
      {"[listener]\nsyntax = lax", "expected one of tolerant, strict"},
      {"[listener]\nsender = app", "expected a mail address"},
      {"[listener]\nsender_mode = always", "expected one of force, if-unauthorized"},
      {"[listener]\nheader_from = app@example.edu", "expected one of keep, force, if-unauthorized"},
      {"[listener]\nsender = a b@example.edu", "expected a mail address"},
      {"[listener]\nsender = \"a\"@example.edu", "expected a mail address"},
      {"[listener]\nsender = a..b@example.edu", "expected a mail address"},
      {"[listener]\nsender = j\xc3\xb6@example.edu", "expected a mail address"},
      {"[listener]\nsender = app@localhost", "localhost"},
      {"[listener]\nauthorized_senders = example.edu", "or @example.edu for all of a domain"},
      {"[listener]\nauthorized_senders = a@example.edu, @*.example.edu", "@*.example.edu: "},
      {"[listener]\nmax_message_size = 1000000", "a size needs a unit"},
      {"[listener]\nmax_message_size = 9999G", "from 0 to 1024G"},
      {"[listener]\nmax_sessions = 0", "expected a number from 1 to 1000000"},
      {"[listener]\nmax_sessions_per_client = -1", "expected a number from 0 to 1000000"},
      {"[listener]\nproxy_protocol = v2", "expected yes or no"},
      {"[listener]\nproxy_networks = 10.0.0.0/99", "0 to 32"},
      {"[smarthost]\nhost = a b", "host name"},
      {"[smarthost]\nhost = srv:a b", "host name"},
      {"[smarthost]\nport = 0", "expected a number from 1 to 65535"},
      {"[smarthost]\nport = 65536", "expected a number from 1 to 65535"},
      {"[smarthost]\nmode = ssl", "expected one of starttls, implicit"},
      {"[smarthost]\ntls = required", "expected one of none, may, encrypt, pin, verify"},
      {"[smarthost]\ntls_min = 1.1", "expected one of 1.2, 1.3"},
      {"[smarthost]\nca_file = a.pem,,b.pem", "empty"},
      {"[smarthost]\nverify_name = *.example.edu", "host name"},
      {"[smarthost]\npin = sha256//abc", "44 characters"},
      {"[smarthost]\nehlo_name = localhost", "servers refuse this name"},
      {"[smarthost]\nehlo_name = my_app.example.edu", "letters, digits"},
      {"[smarthost]\nauth_mechanism = ntlm", "expected one of auto, plain, login"},
      {"[smarthost]\nchunking = on", "expected one of auto, off"},
      {"[smarthost]\nmax_connections = 1001", "expected a number from 1 to 1000"},
      {"[smarthost]\nidle_timeout = 25h", "from 0s to 1d"},
      {"[smarthost]\nmax_transactions = 0", "expected a number from 1 to 1000000"},
      {"[smarthost]\nmax_age = 0", "from 1s to 1d"},
      {"[smarthost]\nmax_bytes = 0", "from 1K to 256G"},
      {"[smarthost]\nconnect_timeout = 0", "from 1ms to 1d"},
      {"[smarthost]\ncommand_timeout = never", "expected a duration"},
      {"[smarthost]\ndata_timeout = 10", "10s?"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(problems_of(text), Contains(::testing::AllOf(::testing::StartsWith("2: "),
                                                             HasSubstr(std::string(expected)))))
        << text;
  }
}

// A mistake must not be answered with a word that is refused in its turn.
TEST_F(LoadTest, OffersNoWordsOfLaterVersions) {
  for (const std::string& problem : problems_of("[smtpseal]\nlog_target = sislog")) {
    EXPECT_THAT(problem, Not(HasSubstr("did you mean")));
  }
}

TEST_F(LoadTest, ReportsEveryMistakeOfAList) {
  EXPECT_THAT(problems_of("[smarthost]\nhost = a.example\n[listener]\n"
                          "listen = 127.0.0.1, 127.0.0.1:25, unix:, 10.0.0.1:x\n"
                          "allow = 10.0.0.0/33, 10.0.0.0/8, hello\n"),
              ElementsAre(::testing::AllOf(HasSubstr("; unix:: expected unix:PATH"),
                                           HasSubstr(" 127.0.0.1: "), HasSubstr("; 10.0.0.1:x: ")),
                          ::testing::AllOf(HasSubstr(": 10.0.0.0/33: "), HasSubstr("; hello: "))));
  EXPECT_THAT(problems_of("[smarthost]\nhost = a b.example, https://c.example\n"),
              ElementsAre(::testing::AllOf(HasSubstr(": a b.example: "),
                                           HasSubstr("; https://c.example: "))));
}

// CERT-38.
TEST_F(LoadTest, RefusesHostNamesLongerThanTheDnsHas) {
  const std::string label(64, 'a');
  EXPECT_THAT(problems_of("[smarthost]\nhost = " + label + ".edu\n"),
              ElementsAre(HasSubstr("label of 64 characters")));
  std::string name = std::string(63, 'a');
  name = name + '.' + name + '.' + name + '.' + std::string(62, 'a');
  EXPECT_THAT(problems_of("[smarthost]\nhost = " + name + "\n"),
              ElementsAre(HasSubstr("254 characters")));
}

TEST(DefaultFiles, BeginWithTheWorkingDirectory) {
  const std::vector<std::string> files = default_files();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_THAT(files[0], HasSubstr("smtpseal.conf"));
#if defined(__linux__)
  EXPECT_EQ(files[1], "/etc/smtpseal/smtpseal.conf");
#endif
}

}  // namespace
}  // namespace config
