// A real Postfix, Exim or OpenSMTPD that keeps what it takes in its queue and delivers nothing, so
// that a test can read what it was given, mail by mail, as soon as 250 was said.
//
// It wants no TLS and offers STARTTLS on the same port.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "peers/stored_mail.h"

namespace support {

enum class Make { postfix, exim, opensmtpd };
[[nodiscard]] const char* to_string(Make make);

class KeepingServer {
 public:
  // Why it cannot run here, or nothing.
  [[nodiscard]] static std::optional<std::string> why_not(Make make);
  // Starts it and waits until it accepts connections.
  [[nodiscard]] static std::unique_ptr<KeepingServer> start(Make make);
  virtual ~KeepingServer() = default;

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual const std::string& ca_file() const = 0;
  [[nodiscard]] virtual std::string version() const = 0;
  [[nodiscard]] virtual std::string log() const = 0;

  // What lies in its queue that was not there when this was called last.
  [[nodiscard]] std::vector<QueuedMail> take_new();

 protected:
  [[nodiscard]] virtual std::vector<QueuedMail> queue() const = 0;

 private:
  std::set<std::string> known_;
};

}  // namespace support
