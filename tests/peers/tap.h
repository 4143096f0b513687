// An ear between smtpseal and a real server: TLS from the first byte on the one side, plaintext on
// the other, every byte carried on as it is and recorded, so that a strict judge can read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/scripted_smarthost.h"

namespace support {

class Tap {
 public:
  explicit Tap(std::uint16_t server);

  [[nodiscard]] std::uint16_t port() const { return ear_.port(); }
  // Ends all connections; to be called before the record is read.
  void stop() { ear_.stop(); }
  // What the strict judge and the tap itself find wrong, one line each.
  [[nodiscard]] std::vector<std::string> findings(const std::string& ehlo_name) const;
  // The lines that were commands, all connections' one after the other.
  [[nodiscard]] std::vector<std::string> commands() const;

 private:
  ScriptedSmarthost ear_;
};

}  // namespace support
