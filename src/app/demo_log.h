// The log of the smtpseal inside the demo: kept, not written, so that the demo can say what it did.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"

namespace app {

class DemoLog final : public base::LogSink {
 public:
  // A connection to the smarthost, from `smarthost-open`.
  struct Opened {
    std::string verify;  // "verified"
    std::string name;    // that the certificate carries
  };
  // A mail transaction, from `transaction`.
  struct Transaction {
    std::string reply;  // its final one
    std::string tls;    // "TLSv1.3 TLS_AES_128_GCM_SHA256 verified"
  };

  [[nodiscard]] bool is_enabled(base::LogLevel level) const override;
  void write(base::LogLevel level, std::string_view id, std::string_view event,
             base::LogFields fields) override;

  // The last one.
  [[nodiscard]] const std::optional<Opened>& opened() const { return opened_; }
  // The last one with this final reply.
  [[nodiscard]] const Transaction* find_transaction(std::string_view reply) const;
  // Warnings and errors, as lines; the last few.
  [[nodiscard]] const std::deque<std::string>& troubles() const { return troubles_; }

 private:
  std::optional<Opened> opened_;
  std::deque<Transaction> transactions_;
  std::deque<std::string> troubles_;
};

}  // namespace app
