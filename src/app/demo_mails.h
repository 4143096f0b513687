// What the demo's legacy application sends, and what must have become of it. Pure.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "app/demo_client.h"
#include "app/demo_smarthost_session.h"

namespace app {

struct DemoScene {
  std::string title;
  DemoMail mail;
  std::size_t refused = 0;  // of its recipients, by the smarthost
};

// Three mails: an ordinary one, one of an ancient HELO-only client with a line that begins with a
// dot, and one to two recipients of whom the smarthost refuses one.
[[nodiscard]] std::vector<DemoScene> demo_scenes();

// What is wrong with the outcome of a scene, in words; empty when all is as it should be: the
// smarthost has exactly what was sent (but for the Received line), and its verdicts came through.
[[nodiscard]] std::string fault_of(const DemoScene& scene, const DemoOutcome& outcome,
                                   const std::deque<DemoMessage>& messages);

// The message whose queue id stands in `verdict`; null when there is none.
[[nodiscard]] const DemoMessage* find_message(const std::deque<DemoMessage>& messages,
                                              std::string_view verdict);

}  // namespace app
