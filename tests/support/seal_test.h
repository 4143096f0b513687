// The fixture of end-to-end tests: a scripted smarthost, smtpseal in front of it, clients.
//
// TearDown stops both and holds every test to the same oracles: the program lived until it was told
// to go and then left with 0, no sanitizer spoke, nothing readable went over the wire but our own
// EHLO and STARTTLS, a strict judge found nothing wrong with what the smarthost was told, no secret
// of the test stands in the log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/certificates.h"
#include "support/scripted_smarthost.h"
#include "support/smtp_client.h"
#include "support/smtpseal_process.h"

namespace support {

// smtpseal's own name in tests.
inline constexpr const char* kSealName = "seal.client.test";

class SealTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Before start(), with keys of `config_` changed as the test likes.
  void start();
  // start() is called when it was not yet.
  [[nodiscard]] SmtpClient connect(std::size_t listener = 0);
  Smtpseal& seal() { return *seal_; }
  ScriptedSmarthost& smarthost() { return *smarthost_; }
  // Stops it now instead of in TearDown, which then no longer does.
  int stop_seal();

  // One more client sends one more mail, all the way from the greeting.
  [[nodiscard]] Attempt attempt(std::string_view data = make_mail());
  // The attempt was put off with 4yz, the smarthost has no mail, and nothing but ours was in the
  // clear; and with the smarthost in order again, mail gets through.
  void expect_fail_closed(const Attempt& attempt, std::string_view reason = "");
  void expect_service_when_healthy();

  TempDir directory_;
  ConfigText config_;
  std::unique_ptr<ScriptedSmarthost> smarthost_;
  std::unique_ptr<Smtpseal> seal_;

  // What the oracles allow for this test.
  bool is_clear_allowed_ = false;  // tls = none or may
  std::string ehlo_name_ = kSealName;
  std::vector<std::string> client_names_;  // with ehlo_name = client
  std::vector<std::string> secrets_;       // must not stand in the log
};

}  // namespace support
