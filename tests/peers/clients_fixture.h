// Real clients, each of which sends the corpus or what it composes itself: through a tap (what was
// really sent), through smtpseal, to a real Postfix that demands TLS and stores it. What is stored
// must be what was sent. One Postfix serves all tests of the program; see smarthost().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "peers/corpus.h"
#include "peers/postfix.h"
#include "peers/wire_tap.h"
#include "support/smtpseal_process.h"

namespace support {

class ClientsTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  static Postfix& smarthost();
  ConfigText& config() { return config_; }
  Smtpseal& seal() { return *seal_; }
  // Where clients connect; starts smtpseal when it does not run yet.
  [[nodiscard]] std::string port();

  // Runs a client to its end, which must be good. In a folder and a home of its own.
  Finished run_client(const std::string& program, std::vector<std::string> arguments,
                      const std::string& input_file = "/dev/null",
                      std::vector<std::pair<std::string, std::string>> environment = {});
  // As above, once for each mail of the corpus; `arguments` says how.
  template <typename Arguments>
  void run_for_each_mail(const std::string& program, Arguments&& arguments) {
    for (const CorpusMail& mail : corpus()) {
      SCOPED_TRACE(mail.name);
      run_client(program, arguments(mail), mail.path);
    }
  }
  // For clients that send all of them in one go: a file with `PATH<TAB>RECIPIENT,RECIPIENT...`
  // lines.
  [[nodiscard]] std::string jobs(const std::vector<CorpusMail>& mails = corpus()) const;
  // A script or source in tests/peers/clients.
  [[nodiscard]] static std::string client_file(const std::string& name);

  // msmtp's configuration as contrib/recipes/cron.md has it; a path.
  [[nodiscard]] std::string msmtp_configuration();
  // Waits until the smarthost has all that clients sent, and compares: every copy that it stored is
  // a mail as it was on the wire, there is one for each recipient, and all went through verified
  // TLS.
  void expect_stored_as_sent();
  // These mails were on the wire, each once and to all its recipients, as `compare` has it, and are
  // stored as they were sent.
  using Comparison = std::string (*)(const std::string& before, const std::string& after);
  void expect_corpus(Comparison compare = difference,
                     const std::vector<CorpusMail>& mails = corpus());
  // The same of a client that cannot be heard, being inside TLS: the corpus is stored as it is.
  void expect_corpus_stored();
  // What clients sent, `count` mails.
  [[nodiscard]] std::vector<SentMail> wait_for_sent(std::size_t count);

  TempDir directory_;

 private:
  // How many copies of which mail are to come.
  using Copies = std::map<std::string, std::size_t>;
  void expect_stored(Copies missing, std::size_t transactions);

  ConfigText config_;
  std::optional<Smtpseal> seal_;
  std::optional<WireTap> tap_;
};

// Why there is no nodemailer here, or nothing; and where Debian puts modules, for a Node from
// elsewhere that does not look there.
[[nodiscard]] std::optional<std::string> why_no_nodemailer();
[[nodiscard]] std::vector<std::pair<std::string, std::string>> node_environment();

// The arguments before and after, for programs that take recipients as words.
[[nodiscard]] std::vector<std::string> joined(std::vector<std::string> words,
                                              const std::vector<std::string>& more);

}  // namespace support
