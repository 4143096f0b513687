#include "relay/play.h"

#include <deque>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace relay {

namespace {

constexpr std::string_view kNoPipelining = "250-u.test\r\n250-8BITMIME\r\n250 SIZE\r\n";

}  // namespace

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all.append("\n  ").append(line);
  return all;
}

std::string describe(const Scenario& scenario) {
  std::string text = scenario.delivery == Delivery::relay      ? "relay, "
                     : scenario.delivery == Delivery::fallback ? "fallback, "
                                                               : "queue, ";
  text.append(scenario.has_early_replies ? "early" : "late");
  text.append(scenario.is_smarthost_pipelining ? ", smarthost pipelines" : ", one at a time");
  text.append(scenario.is_warm ? ", warm" : ", fresh");
  if (scenario.is_idle_long) text.append(" and idle");
  text.append(scenario.is_chunking ? ", chunks" : "");
  text.append(scenario.plan.says_bdat ? " from the client" : "");
  text.append(scenario.plan.is_pipelined ? ", client pipelines" : "");
  text.append(scenario.acts_first ? ", client first" : "");
  return text;
}

Play::Play(const Scenario& scenario, const Rules& rules) : scenario_(scenario), rules_(rules) {
  PairOptions options;
  options.server.hostname = options.transaction.hostname = "seal.test";
  options.transaction.early_replies = scenario.has_early_replies;
  options.transaction.delivery = scenario.delivery;
  options.is_spool_failing = !rules.has_spool;
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

bool Play::run(int step_of_trouble, const Trouble& trouble) {
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

std::vector<std::string> Play::faults() const {
  std::vector<std::string> all = pair_->faults();
  all.insert(all.end(), client_->faults().begin(), client_->faults().end());
  if (!rules_.may_vanish && client_->is_waiting()) all.emplace_back("a reply never came");
  for (const int code : client_->codes()) {
    const bool is_ours = code < 500 || code == 503;
    if (!rules_.may_refuse && !is_ours) {
      all.push_back("trouble became a refusal: " + std::to_string(code));
    }
  }
  for (const SimClient::Result& result : client_->results()) check(result, all);
  const auto mails = static_cast<std::size_t>(scenario_.plan.mails);
  if (rules_.must_succeed && client_->results().size() < mails) all.emplace_back("it broke off");
  if (scenario_.delivery == Delivery::relay && !pair_->spooled().empty()) {
    all.emplace_back("relay has no spool");
  }
  if (scenario_.delivery == Delivery::queue &&
      pair_->smarthosts().size() > (scenario_.is_warm ? 1U : 0U)) {
    all.emplace_back("a queue asks no smarthost");
  }
  return all;
}

void Play::check(const SimClient::Result& result, std::vector<std::string>& faults) const {
  std::size_t copies = 0;
  std::size_t spooled = 0;
  const auto compare = [&](const FakeSmarthost::Mail& mail) {
    if (mail.recipients != result.accepted_recipients) faults.emplace_back("other recipients");
    if (mail.content != "Received: trace\r\n" + result.content)
      faults.emplace_back("other content");
  };
  for (const FakeSmarthost::Mail& mail : pair_->accepted()) {
    if (mail.sender != result.sender) continue;
    ++copies;
    compare(mail);
  }
  for (const Pair::Spooled& one : pair_->spooled()) {
    if (one.mail.sender != result.sender) continue;
    ++spooled;
    compare(one.mail);
  }
  std::size_t ends = 0;
  bool is_in_doubt = false;
  for (const action::Finished& finished : pair_->finished()) {
    if (finished.reverse_path != result.sender) continue;
    ++ends;
    is_in_doubt = is_in_doubt || finished.is_in_doubt;
  }
  const bool was_told_yes = result.final_code >= 200 && result.final_code < 300;
  if (copies > 1) faults.emplace_back("the mail arrived twice");
  if (spooled > 1) faults.emplace_back("the mail is spooled twice");
  if (copies + spooled > 1 && !is_in_doubt) faults.emplace_back("the mail arrived, and is spooled");
  if (was_told_yes && copies + spooled == 0) faults.emplace_back("250 for mail that nobody has");
  if (result.final_code >= 400 && copies + spooled > 0 && !is_in_doubt) {
    faults.emplace_back("refused mail arrived");
  }
  if (rules_.must_succeed && !was_told_yes) faults.emplace_back("the mail was not taken");
  if (ends > 1) faults.emplace_back("one mail ended twice in the log");
  if (result.final_code != 0 && ends == 0) faults.emplace_back("mail is missing from the log");
}

std::string report(const Play& play) {
  return joined(play.pair().log()) +
         "\n  codes: " + ::testing::PrintToString(play.client().codes());
}

std::vector<Scenario> scenarios(Delivery delivery) {
  std::vector<Scenario> all;
  for (unsigned bits = 0; bits < 64; ++bits) {
    Scenario scenario;
    scenario.delivery = delivery;
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
    scenario.delivery = delivery;
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

void break_everywhere(const Scenario& scenario, const std::string& name, const Trouble& trouble,
                      const Rules& rules) {
  Play whole(scenario, rules);
  whole.run(-1, {});
  int broken = 0;
  for (int step = 0; step <= whole.steps(); ++step) {
    Play play(scenario, rules);
    broken += play.run(step, trouble) ? 1 : 0;
    const auto faults = play.faults();
    ASSERT_TRUE(faults.empty()) << describe(scenario) << ", " << name << " at step " << step
                                << joined(faults) << "\nlog:" << report(play);
  }
  EXPECT_TRUE(broken > 0 || !rules.must_happen) << describe(scenario) << ", " << name;
}

Trouble breaking(Break how) {
  return [how](Pair& pair) { return pair.break_connection(how); };
}

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

}  // namespace relay
