// Both conversations together: examples, then every conversation broken at every step.
#include "relay/pair.h"

#include <chrono>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/sim_client.h"

namespace relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::string_view kNoPipelining = "250-u.test\r\n250-8BITMIME\r\n250 SIZE\r\n";

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all.append("\n  ").append(line);
  return all;
}

// --- examples ---

class PairTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (pair_) {
      EXPECT_THAT(pair_->faults(), IsEmpty()) << joined(pair_->log());
    }
  }

  void open(PairOptions options) {
    options.server.hostname = "seal.test";
    options.transaction.hostname = "seal.test";
    pair_.emplace(std::move(options));
    EXPECT_EQ(pair_->client_hears(), "220 seal.test ESMTP\r\n");
    ask("EHLO c.test\r\n");
  }

  // Says something, lets everything happen, and returns the answers.
  std::string ask(std::string_view bytes) {
    pair_->client_says(bytes);
    pair_->settle();
    return pair_->client_hears();
  }

  void open_data() {
    ask("MAIL FROM:<s@c>\r\n");
    EXPECT_THAT(ask("RCPT TO:<r@u>\r\n"), StartsWith("250 2.1.5 <r@u>"));
    EXPECT_THAT(ask("DATA\r\n"), StartsWith("354"));
  }

  // Every command the smarthosts were given, of all connections.
  std::vector<std::string> commands() const {
    std::vector<std::string> all;
    for (const FakeSmarthost* smarthost : pair_->smarthosts()) {
      const auto& of_one = smarthost->commands();
      all.insert(all.end(), of_one.begin(), of_one.end());
    }
    return all;
  }

  std::optional<Pair> pair_;
};

TEST_F(PairTest, MailArrivesAsItWasSent) {
  open({});
  open_data();
  EXPECT_EQ(ask("Subject: x\r\n\r\n..dot\nbare\r\n.\r\n"), "250 2.0.0 queued\r\n");
  ASSERT_EQ(pair_->accepted().size(), 1U);
  const FakeSmarthost::Mail mail = pair_->accepted().front();
  EXPECT_EQ(mail.sender, "<s@c>");
  EXPECT_THAT(mail.recipients, ElementsAre("<r@u>"));
  EXPECT_EQ(mail.content, "Received: trace\r\nSubject: x\r\n\r\n.dot\r\nbare\r\n");
}

TEST_F(PairTest, WarmConnectionIsResetOnlyWhenItIsOwed) {
  PairOptions options;
  options.starts_warm = true;
  open(options);
  for (int i = 0; i < 2; ++i) {
    open_data();
    ask("x\r\n.\r\n");
  }
  ask("MAIL FROM:<s@c>\r\n");
  ask("RCPT TO:<r@u>\r\n");
  ask("RSET\r\n");
  open_data();
  ask("x\r\n.\r\n");
  const std::vector<std::string> all = commands();
  EXPECT_EQ(std::count(all.begin(), all.end(), "RSET"), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), "EHLO seal.test"), 1);
  EXPECT_EQ(pair_->accepted().size(), 3U);
}

TEST_F(PairTest, IdleClientHoldsNoConnection) {
  open({});
  ask("MAIL FROM:<s@c>\r\n");
  EXPECT_FALSE(pair_->is_leased());
  ask("RCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->is_leased());
  ask("RSET\r\n");
  EXPECT_FALSE(pair_->is_leased());
}

TEST_F(PairTest, SecondTransactionOfABatchHasItsOwnEnvelopeOnly) {
  open({});
  ask("MAIL FROM:<1@c>\r\nRCPT TO:<1@u>\r\nRSET\r\nMAIL FROM:<2@c>\r\nRCPT TO:<2@u>\r\nDATA\r\n");
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  ASSERT_EQ(pair_->accepted().size(), 1U);
  EXPECT_EQ(pair_->accepted().front().sender, "<2@c>");
  EXPECT_THAT(pair_->accepted().front().recipients, ElementsAre("<2@u>"));
}

TEST_F(PairTest, WholeConversationInOneBlockIsOneMail) {
  open({});
  const std::string heard =
      ask("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\nMAIL FROM:<smuggled@evil>\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("250 2.0.0 queued\r\n221"));
  ASSERT_EQ(pair_->accepted().size(), 1U);
  EXPECT_EQ(pair_->accepted().front().content, "Received: trace\r\nMAIL FROM:<smuggled@evil>\r\n");
}

TEST_F(PairTest, HalfClosedClientIsServedToTheEnd) {
  open({});
  pair_->client_says("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
  pair_->client_half_closes();
  pair_->settle();
  EXPECT_THAT(pair_->client_hears(), HasSubstr("250 2.0.0 queued\r\n221"));
  EXPECT_EQ(pair_->accepted().size(), 1U);
}

TEST_F(PairTest, HalfClosedClientWithoutQuitIsServedToTheEnd) {
  open({});
  pair_->client_says("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\nx\r\n.\r\n");
  pair_->client_half_closes();
  pair_->settle();
  EXPECT_THAT(pair_->client_hears(), HasSubstr("250 2.0.0 queued\r\n"));
  EXPECT_TRUE(pair_->server().is_finished());
}

TEST_F(PairTest, UnreachableSmarthostIsNobodysEnd) {
  PairOptions options;
  options.is_reachable = false;
  open(options);
  EXPECT_THAT(ask("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nDATA\r\n"),
              ::testing::MatchesRegex("250 [^\n]*\n451 4.4.1 [^\n]*\n451 [^\n]*\n"));
  ask("RSET\r\n");
  pair_->set_reachable(true);
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
}

TEST_F(PairTest, MailIsNotAnsweredEarlyWhenThatIsTurnedOff) {
  PairOptions options;
  options.transaction.early_replies = false;
  options.smarthost.replies["MAIL"] = {"550 5.7.1 not you", ""};
  open(options);
  EXPECT_EQ(ask("MAIL FROM:<1@c>\r\nRCPT TO:<1@u>\r\nRCPT TO:<2@u>\r\nMAIL FROM:<2@c>\r\n"
                "RCPT TO:<3@u>\r\n"),
            "550 5.7.1 not you\r\n503 5.5.1 <1@u> without MAIL\r\n503 5.5.1 <2@u> without MAIL\r\n"
            "250 2.1.0 fine\r\n250 2.1.5 <3@u> fine\r\n");
}

TEST_F(PairTest, RefusedDataDoesNotSpoilTheConnection) {
  PairOptions options;
  options.smarthost.replies["DATA"] = {"452 4.3.1 full"};
  open(options);
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "452 4.3.1 full\r\n");
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  EXPECT_EQ(pair_->smarthosts().size(), 1U);
}

TEST_F(PairTest, RefusalInTheMiddleOfALongMailIsHeardAtItsEnd) {
  PairOptions options;
  options.smarthost.early_verdict = "552 5.3.4 too big";
  open(options);
  open_data();
  const std::string block(1000, 'x');
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ask(block + "\r\n"), "");
  EXPECT_EQ(pair_->queued(), 0U);
  EXPECT_EQ(ask(".\r\n"), "552 5.3.4 too big\r\n");
  EXPECT_THAT(pair_->accepted(), IsEmpty());
}

TEST_F(PairTest, DeadWarmConnectionIsReplacedUnseen) {
  PairOptions options;
  options.starts_warm = true;
  options.is_idle_long = true;
  open(options);
  pair_->client_says("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->step());  // the lease
  pair_->break_connection(Break::mute);
  pair_->settle();
  EXPECT_THAT(pair_->client_hears(), StartsWith("250 2.1.0"));
  const base::Instant before = pair_->now();
  ASSERT_TRUE(pair_->wait());
  EXPECT_EQ(pair_->now() - before, smtp::kResetProbeTimeout);
  pair_->settle();
  EXPECT_EQ(pair_->client_hears(), "250 2.1.5 <r@u> fine\r\n");
  EXPECT_EQ(pair_->smarthosts().size(), 2U);
}

TEST_F(PairTest, SurplusReplyIsNeverTheAnswerToAnything) {
  open({});
  ask("MAIL FROM:<s@c>\r\n");
  ask("RCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->inject("250 2.0.0 surplus\r\n"));
  EXPECT_FALSE(pair_->is_leased());
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("451 4.5.0"));
}

TEST_F(PairTest, HalfASurplusReplyIsNeverTheAnswerToAnything) {
  open({});
  ask("MAIL FROM:<s@c>\r\n");
  ask("RCPT TO:<r@u>\r\n");
  EXPECT_TRUE(pair_->inject("354 go"));
  EXPECT_THAT(ask("DATA\r\n"), StartsWith("354"));
  // DATA never went out: the connection was given up when it was to be sent.
  EXPECT_FALSE(pair_->is_leased());
  EXPECT_THAT(ask("x\r\n.\r\n"), StartsWith("451 4.5.0"));
}

TEST_F(PairTest, ClientAuthenticatesOnAConnectionOfItsOwn) {
  PairOptions options;
  options.starts_warm = true;
  options.is_auth_offered = true;
  open(options);
  EXPECT_EQ(ask("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(ask("dXNlcg==\r\n"), "235 2.7.0 welcome\r\n");
  for (int i = 0; i < 2; ++i) {
    open_data();
    EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  }
  EXPECT_THAT(ask("QUIT\r\n"), StartsWith("221"));
  ASSERT_EQ(pair_->smarthosts().size(), 2U);
  EXPECT_FALSE(pair_->smarthosts()[0]->is_authenticated());
  EXPECT_THAT(pair_->smarthosts()[0]->accepted(), IsEmpty());
  EXPECT_EQ(pair_->smarthosts()[1]->accepted().size(), 2U);
  EXPECT_FALSE(pair_->is_leased());
}

TEST_F(PairTest, SmarthostLostInsideAuthIsToldInTurn) {
  PairOptions options;
  options.is_auth_offered = true;
  open(options);
  EXPECT_EQ(ask("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  pair_->break_connection(Break::closed);
  EXPECT_EQ(pair_->client_hears(), "");
  EXPECT_THAT(ask("dXNlcg==\r\n"), StartsWith("454 4.4.2"));
  EXPECT_EQ(ask("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
}

TEST_F(PairTest, ResetAndEhloDuringAPinnedSessionKeepTheConnection) {
  PairOptions options;
  options.is_auth_offered = true;
  open(options);
  ask("AUTH PLAIN AGEAYg==\r\n");
  ask("MAIL FROM:<s@c>\r\nRCPT TO:<r@u>\r\nRSET\r\nMAIL FROM:<s@c>\r\nRSET\r\n");
  EXPECT_THAT(ask("EHLO c.test\r\n"), StartsWith("250-"));
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  EXPECT_EQ(pair_->smarthosts().size(), 1U);
}

TEST_F(PairTest, MailOverTheLimitIsRefusedAndTheNextIsTaken) {
  PairOptions options;
  options.max_size = 100;
  open(options);
  open_data();
  EXPECT_EQ(ask(std::string(120, 'x') + "\r\n.\r\n"),
            "552 5.3.4 message is bigger than 100 octets\r\n");
  EXPECT_THAT(pair_->accepted(), IsEmpty());
  open_data();
  EXPECT_EQ(ask("x\r\n.\r\n"), "250 2.0.0 queued\r\n");
  open_data();
  EXPECT_EQ(ask(std::string(200, 'x')), "552 5.3.4 message is bigger than 100 octets\r\n");
  EXPECT_TRUE(pair_->server().is_finished());
}

TEST_F(PairTest, SilentClientIsSentAwayAndItsConnectionIsNotReused) {
  open({});
  open_data();
  ask("x\r\n");
  ASSERT_TRUE(pair_->wait());
  EXPECT_THAT(pair_->client_hears(), StartsWith("421 4.4.2"));
  EXPECT_THAT(pair_->accepted(), IsEmpty());
  EXPECT_FALSE(pair_->is_leased());
}

// --- every conversation, broken at every step ---

struct Scenario {
  bool has_early_replies = true;
  bool is_smarthost_pipelining = true;
  bool is_warm = false;
  bool is_idle_long = false;
  bool is_chunking = false;  // offered by the smarthost, and to the client
  bool acts_first = true;    // the client speaks before bytes on their way travel
  ClientPlan plan;
  SmarthostScript script;
};

std::string describe(const Scenario& scenario) {
  std::string text = scenario.has_early_replies ? "early" : "late";
  text.append(scenario.is_smarthost_pipelining ? ", smarthost pipelines" : ", one at a time");
  text.append(scenario.is_warm ? ", warm" : ", fresh");
  if (scenario.is_idle_long) text.append(" and idle");
  text.append(scenario.is_chunking ? ", chunks" : "");
  text.append(scenario.plan.says_bdat ? " from the client" : "");
  text.append(scenario.plan.is_pipelined ? ", client pipelines" : "");
  text.append(scenario.acts_first ? ", client first" : "");
  return text;
}

// Done at a step of a run; false when it could not be.
using Trouble = std::function<bool(Pair&)>;

struct Rules {
  bool may_refuse = false;  // the smarthost's script refuses something
  bool may_vanish = false;  // the client leaves: replies may be missing
  bool must_happen = true;  // there are steps at which the trouble can happen
};

class Play {
 public:
  explicit Play(const Scenario& scenario) : scenario_(scenario) {
    PairOptions options;
    options.server.hostname = options.transaction.hostname = "seal.test";
    options.transaction.early_replies = scenario.has_early_replies;
    options.smarthost = scenario.script;
    options.starts_warm = scenario.is_warm;
    options.is_idle_long = scenario.is_idle_long;
    if (!scenario.is_smarthost_pipelining) options.smarthost.ehlo = kNoPipelining;
    if (scenario.is_chunking) {
      options.smarthost.ehlo.insert(options.smarthost.ehlo.find("250-8BIT"), "250-CHUNKING\r\n");
    }
    options.is_chunking_offered = scenario.is_chunking;
    options.later.ehlo = options.smarthost.ehlo;
    pair_.emplace(std::move(options));
    client_.emplace(*pair_, scenario.plan);
  }

  // Runs to the end; `trouble` happens before the step of that number. False when the conversation
  // was over before.
  bool run(int step_of_trouble, const Trouble& trouble) {
    bool is_done = false;
    int waits = 0;
    for (; steps_ < kMostSteps; ++steps_) {
      if (steps_ == step_of_trouble) is_done = trouble(*pair_);
      const bool has_acted =
          scenario_.acts_first ? client_->act() || pair_->step() : pair_->step() || client_->act();
      client_->listen();
      if (has_acted) continue;
      if (client_->is_done() || ++waits > kMostWaits || !pair_->wait()) break;
      client_->listen();
    }
    return is_done;
  }

  // Everything that must hold, whatever happened.
  std::vector<std::string> faults(const Rules& rules) const {
    std::vector<std::string> all = pair_->faults();
    const auto add = [&](std::string what) { all.push_back(std::move(what)); };
    all.insert(all.end(), client_->faults().begin(), client_->faults().end());
    if (!rules.may_vanish && client_->is_waiting()) add("a reply never came");
    for (const int code : client_->codes()) {
      const bool is_ours = code < 500 || code == 503;
      if (!rules.may_refuse && !is_ours) add("trouble became a refusal: " + std::to_string(code));
    }
    for (const SimClient::Result& result : client_->results()) check(result, add);
    return all;
  }

  [[nodiscard]] int steps() const { return steps_; }
  [[nodiscard]] const Pair& pair() const { return *pair_; }
  [[nodiscard]] const SimClient& client() const { return *client_; }

 private:
  static constexpr int kMostSteps = 2000;
  static constexpr int kMostWaits = 40;

  void check(const SimClient::Result& result, const std::function<void(std::string)>& add) const {
    std::size_t copies = 0;
    for (const FakeSmarthost::Mail& mail : pair_->accepted()) {
      if (mail.sender != result.sender) continue;
      ++copies;
      if (mail.recipients != result.accepted_recipients) add("other recipients arrived");
      if (mail.content != "Received: trace\r\n" + result.content) add("other content arrived");
    }
    std::size_t ends = 0;
    bool is_in_doubt = false;
    for (const action::Finished& finished : pair_->finished()) {
      if (finished.reverse_path != result.sender) continue;
      ++ends;
      is_in_doubt = is_in_doubt || finished.is_in_doubt;
    }
    const bool was_told_yes = result.final_code >= 200 && result.final_code < 300;
    if (copies > 1) add("the mail arrived twice");
    if (was_told_yes && copies == 0) add("250 for mail that did not arrive");
    if (result.final_code >= 400 && copies > 0 && !is_in_doubt) add("refused mail arrived");
    if (ends > 1) add("one mail ended twice in the log");
    if (result.final_code != 0 && ends == 0) add("mail is missing from the log");
  }

  const Scenario& scenario_;
  int steps_ = 0;
  std::optional<Pair> pair_;
  std::optional<SimClient> client_;
};

std::string report(const Play& play) {
  return joined(play.pair().log()) +
         "\n  codes: " + ::testing::PrintToString(play.client().codes());
}

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  for (unsigned bits = 0; bits < 64; ++bits) {
    Scenario scenario;
    scenario.has_early_replies = (bits & 1) != 0;
    scenario.is_smarthost_pipelining = (bits & 2) != 0;
    scenario.is_warm = (bits & 4) != 0;
    scenario.is_idle_long = scenario.is_warm && (bits & 8) != 0;
    scenario.plan.is_pipelined = (bits & 16) != 0;
    scenario.acts_first = (bits & 32) != 0;
    if (!scenario.is_warm && (bits & 8) != 0) scenario.plan.recipients = 1;
    all.push_back(std::move(scenario));
  }
  for (unsigned bits = 0; bits < 32; ++bits) {
    Scenario scenario;
    scenario.is_chunking = true;
    scenario.plan.says_bdat = (bits & 1) != 0;
    scenario.is_smarthost_pipelining = (bits & 2) != 0;
    scenario.is_warm = (bits & 4) != 0;
    scenario.has_early_replies = (bits & 8) != 0;
    scenario.acts_first = (bits & 16) != 0;
    scenario.plan.is_pipelined = scenario.acts_first;
    all.push_back(std::move(scenario));
  }
  return all;
}

// Plays `scenario` once for every step it has, with the trouble at that step.
void break_everywhere(const Scenario& scenario, const std::string& name, const Trouble& trouble,
                      const Rules& rules = {}) {
  Play whole(scenario);
  whole.run(-1, {});
  int broken = 0;
  for (int step = 0; step <= whole.steps(); ++step) {
    Play play(scenario);
    broken += play.run(step, trouble) ? 1 : 0;
    const auto faults = play.faults(rules);
    ASSERT_TRUE(faults.empty()) << describe(scenario) << ", " << name << " at step " << step
                                << joined(faults) << "\nlog:" << report(play);
  }
  EXPECT_TRUE(broken > 0 || !rules.must_happen) << describe(scenario) << ", " << name;
}

Trouble breaking(Break how) {
  return [how](Pair& pair) { return pair.break_connection(how); };
}

TEST(PairSweep, UnbrokenConversationsDeliverEverything) {
  for (const Scenario& scenario : scenarios()) {
    Play play(scenario);
    play.run(-1, {});
    ASSERT_THAT(play.faults({}), IsEmpty()) << describe(scenario) << report(play);
    EXPECT_EQ(play.pair().accepted().size(), 2U) << describe(scenario) << report(play);
    EXPECT_EQ(play.pair().smarthosts().size(), 1U) << describe(scenario);
  }
}

TEST(PairSweep, SmarthostLostAtEveryStep) {
  for (const Scenario& scenario : scenarios()) {
    break_everywhere(scenario, "closed", breaking(Break::closed));
    break_everywhere(scenario, "cut", breaking(Break::cut));
    break_everywhere(scenario, "half a reply", breaking(Break::half));
    if (HasFatalFailure()) return;
  }
}

TEST(PairSweep, SmarthostMuteAtEveryStep) {
  for (const Scenario& scenario : scenarios()) {
    break_everywhere(scenario, "mute", breaking(Break::mute));
    if (HasFatalFailure()) return;
  }
}

TEST(PairSweep, SmarthostSays421AtEveryStep) {
  for (const Scenario& scenario : scenarios()) {
    break_everywhere(scenario, "421", breaking(Break::said_421));
    break_everywhere(scenario, "garbage", breaking(Break::garbage));
    if (HasFatalFailure()) return;
  }
}

TEST(PairSweep, SurplusReplyAtEveryStep) {
  for (const Scenario& scenario : scenarios()) {
    for (const std::string_view bytes : {"250 surplus\r\n", "250 sur", "354 go\r\n", "\r\n"}) {
      break_everywhere(scenario, "surplus " + std::string(bytes),
                       [bytes](Pair& pair) { return pair.inject(bytes); }, {.must_happen = false});
      break_everywhere(scenario, "surplus behind a reply " + std::string(bytes),
                       [bytes](Pair& pair) {
                         pair.inject_behind_reply(bytes);
                         return true;
                       });
    }
    if (HasFatalFailure()) return;
  }
}

TEST(PairSweep, ClientLostAtEveryStep) {
  for (const Scenario& scenario : scenarios()) {
    const auto vanish = [](Pair& pair) {
      pair.client_vanishes();
      return true;
    };
    const auto half_close = [](Pair& pair) {
      pair.client_half_closes();
      return true;
    };
    break_everywhere(scenario, "client vanishes", vanish, Rules{.may_vanish = true});
    break_everywhere(scenario, "client half-closes", half_close, Rules{.may_vanish = true});
    if (HasFatalFailure()) return;
  }
}

TEST(PairSweep, SmarthostBecomesUnreachableAtEveryStep) {
  for (const Scenario& scenario : scenarios()) {
    const auto vanish = [](Pair& pair) {
      pair.set_reachable(false);
      pair.break_connection(Break::closed);
      return true;
    };
    break_everywhere(scenario, "unreachable", vanish);
    if (HasFatalFailure()) return;
  }
}

// What a smarthost may answer to the first of two mails.
std::vector<SmarthostScript> refusing_scripts() {
  const std::vector<std::pair<std::string, std::deque<std::string>>> replies = {
      {"MAIL", {"550 5.7.1 no"}},
      {"MAIL", {"451 4.3.0 later"}},
      {"MAIL", {"421 4.7.0 bye"}},
      {"RCPT", {"550 5.1.1 no"}},
      {"RCPT", {"", "450 4.2.0 no"}},
      {"RCPT", {"550 5.1.1 no", "550 5.1.1 no"}},
      {"RCPT", {"421 4.7.0 bye"}},
      {"RCPT", {"", "421 4.7.0 bye"}},
      {"DATA", {"554 5.3.0 no"}},
      {"DATA", {"421 4.3.0 bye"}},
      {"DATA", {"250 2.0.0 what"}},
      {"BDAT", {"552 5.3.4 too big"}},
      {"BDAT", {"", "", "451 4.3.0 later"}},
      {"BDAT", {"421 4.3.0 bye"}},
      {"BDAT", {"354 what"}},
      {".", {"550 5.7.1 spam"}},
      {".", {"451 4.3.0 later"}},
      {".", {"421 4.3.0 bye"}},
      {".", {"354 what"}},
      {"RSET", {"421 4.3.0 bye"}},
      {"RSET", {"500 what"}},
      {"MAIL", {"221 what"}},
      {"RCPT", {"250-one\r\n550 two"}}};
  std::vector<SmarthostScript> all;
  for (const auto& [verb, lines] : replies) {
    SmarthostScript script;
    script.replies[verb] = lines;
    all.push_back(std::move(script));
  }
  SmarthostScript early;
  early.early_verdict = "552 5.3.4 too big";
  all.push_back(std::move(early));
  return all;
}

TEST(PairSweep, EveryRefusalInEveryScenario) {
  for (Scenario scenario : scenarios()) {
    for (const SmarthostScript& script : refusing_scripts()) {
      for (const bool says_ehlo : {false, true}) {
        scenario.script = script;
        scenario.plan.says_ehlo_between = says_ehlo;
        Play play(scenario);
        play.run(-1, {});
        ASSERT_THAT(play.faults({.may_refuse = true}), IsEmpty())
            << describe(scenario) << report(play);
      }
    }
  }
}

TEST(PairSweep, SmarthostLostAtEveryStepOfEveryRefusal) {
  for (Scenario scenario : scenarios()) {
    if (scenario.is_idle_long) continue;
    for (const SmarthostScript& script : refusing_scripts()) {
      scenario.script = script;
      break_everywhere(scenario, "closed", breaking(Break::closed), {.may_refuse = true});
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace relay
