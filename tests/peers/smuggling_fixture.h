// The fixture of the tests of smuggling: hostile clients, smtpseal, and a real server behind it
// whose queue is read when the test is over.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "peers/client_reading.h"
#include "peers/keeping_server.h"
#include "peers/tap.h"
#include "support/smtpseal_process.h"

namespace support {

// How the client's bytes come.
enum class Cut { none, after_data_replies, everywhere };

struct Setting {
  Make make = Make::postfix;
  bool is_chunking = true;  // BDAT toward the smarthost where it is offered
  bool is_tapped = true;    // else the server's own TLS, by STARTTLS
};

// One server of each make serves all tests of a suite.
KeepingServer& shared_server(Make make);
void stop_shared_servers();

class SmugglingTest : public testing::TestWithParam<Setting> {
 protected:
  static void TearDownTestSuite() { stop_shared_servers(); }

  void SetUp() override;
  // Holds what the server has, and what it was told, against what the clients said.
  void TearDown() override;

  [[nodiscard]] std::string next_token() { return "t" + std::to_string(++tokens_); }
  [[nodiscard]] bool is_chunking_offered() const { return is_chunking_offered_; }
  Smtpseal& seal() { return *seal_; }

  // A client says `bytes` behind EHLO and then no more; its replies, and the mails that the server
  // shall hold, are those of read_client().
  void say(const std::string& bytes, Cut cut = Cut::none);
  // A client says this line, waits, and goes on with an ordinary mail if it still may.
  void say_before_mail(const std::string& line);
  // The server shall hold this mail from and to the token.
  void expect_mail(const std::string& token, const std::string& data);
  // Clients gave these in commands.
  void expect_addresses(const std::string& token);

 private:
  TempDir directory_;
  std::unique_ptr<Tap> tap_;
  std::unique_ptr<Smtpseal> seal_;
  bool is_chunking_offered_ = false;
  unsigned tokens_ = 0;
  std::vector<ClientMail> sent_;
  std::vector<std::string> addresses_;
};

// EHLO as these clients say it.
inline constexpr const char* kHello = "EHLO client.test\r\n";

}  // namespace support
