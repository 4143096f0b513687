// A real Postfix of the test's own: private configuration, queue and mailbox, TLS demanded; or one
// that hands its mail on.
//
// It runs in the foreground as a child and is gone with the object; the system's own Postfix, if
// there is one, is never touched. Needs root, as Postfix's master does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "peers/identity.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace support {

struct PostfixOptions {
  CertificateKind certificate = CertificateKind::ecdsa;
  bool is_implicit_tls = false;
  std::string protocols = ">=TLSv1.2";     // smtpd_tls_mandatory_protocols
  std::string security_level = "encrypt";  // smtpd_tls_security_level
  bool is_discarding = false;              // mail goes nowhere, and is counted in the log
  std::string hostname = "postfix.test";
  std::string relay;  // lines of main.cf that say where mail goes; else it is kept
  std::string more;   // further lines of main.cf, which win
  std::string sasl;   // Cyrus SASL's smtpd.conf; empty: nobody can log in
};

class Postfix {
 public:
  // Why it cannot run here, or nothing.
  [[nodiscard]] static std::optional<std::string> why_not();
  [[nodiscard]] static std::string version();

  // Starts it and waits until it accepts connections.
  explicit Postfix(const PostfixOptions& options = {});
  ~Postfix();
  Postfix(const Postfix&) = delete;
  Postfix& operator=(const Postfix&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }
  // Of its folders: "etc", "queue".
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }

  // Waits until `count` mails lie in the mailbox and returns them, oldest first.
  std::vector<std::string> wait_for_mails(std::size_t count, Milliseconds patience = kPatience);
  // Empties the mailbox.
  void clear();
  [[nodiscard]] std::string log() const;

 private:
  void write_configuration(const PostfixOptions& options);
  [[nodiscard]] std::string keep_configuration(const PostfixOptions& options) const;
  [[nodiscard]] std::vector<std::string> files() const;

  TempDir directory_;
  std::uint16_t port_ = 0;
  std::string ca_file_;
  std::optional<Process> process_;
};

}  // namespace support
