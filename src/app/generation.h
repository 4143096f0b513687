// Everything that the app made from one configuration; the app's own.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "app/app.h"

namespace app {

struct App::Generation {
  config::Config config;
  std::uint64_t number = 0;
  std::vector<std::unique_ptr<SmarthostPool>> pools;        // as config.smarthosts
  std::vector<std::unique_ptr<ListenerContext>> listeners;  // as config.listeners
  std::size_t sessions = 0;

  [[nodiscard]] Sessions::Place place_of(const ListenerContext& context) const {
    const auto found = std::find_if(listeners.begin(), listeners.end(),
                                    [&](const auto& each) { return each.get() == &context; });
    return {number, static_cast<std::size_t>(found - listeners.begin())};
  }
};

}  // namespace app
