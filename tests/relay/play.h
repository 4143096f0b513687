// A whole conversation of two mails, played to its end or broken at one step, and everything that
// must hold after it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relay/pair.h"
#include "relay/sim_client.h"

namespace relay {

struct Scenario {
  Delivery delivery = Delivery::relay;
  bool has_early_replies = true;
  bool is_smarthost_pipelining = true;
  bool is_warm = false;
  bool is_idle_long = false;
  bool is_chunking = false;  // offered by the smarthost, and to the client
  bool acts_first = true;    // the client speaks before bytes on their way travel
  ClientPlan plan;
  SmarthostScript script;
};

[[nodiscard]] std::string describe(const Scenario& scenario);
// All there are.
[[nodiscard]] std::vector<Scenario> scenarios(Delivery delivery);
// What a smarthost may answer to the first of two mails.
[[nodiscard]] std::vector<SmarthostScript> refusing_scripts();

// Done at a step of a run; false when it could not be.
using Trouble = std::function<bool(Pair&)>;

struct Rules {
  bool may_refuse = false;    // the smarthost's script refuses something
  bool may_vanish = false;    // the client leaves: replies may be missing
  bool must_happen = true;    // there are steps at which the trouble can happen
  bool must_succeed = false;  // every mail gets its 250
  bool has_spool = true;      // which can publish
};

class Play {
 public:
  explicit Play(const Scenario& scenario, const Rules& rules = {});

  // Runs to the end; `trouble` happens before the step of that number. False when the conversation
  // was over before.
  bool run(int step_of_trouble, const Trouble& trouble);
  // Everything that must hold, whatever happened.
  [[nodiscard]] std::vector<std::string> faults() const;

  [[nodiscard]] int steps() const { return steps_; }
  [[nodiscard]] const Pair& pair() const { return *pair_; }
  [[nodiscard]] const SimClient& client() const { return *client_; }

 private:
  static constexpr int kMostSteps = 2000;
  static constexpr int kMostWaits = 40;

  void check(const SimClient::Result& result, std::vector<std::string>& faults) const;

  const Scenario& scenario_;
  Rules rules_;
  int steps_ = 0;
  std::optional<Pair> pair_;
  std::optional<SimClient> client_;
};

[[nodiscard]] std::string joined(const std::vector<std::string>& lines);
[[nodiscard]] std::string report(const Play& play);
[[nodiscard]] Trouble breaking(Break how);
// Plays `scenario` once for every step it has, with the trouble at that step.
void break_everywhere(const Scenario& scenario, const std::string& name, const Trouble& trouble,
                      const Rules& rules = {});

}  // namespace relay
