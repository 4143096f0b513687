// TLS of other makes in front of a scripted smarthost: OpenSSL's s_server, stunnel, gnutls-serv.
//
// Each keeps its files in a folder of its own, serves one port of 127.0.0.1 and is gone with the
// object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "peers/identity.h"
#include "support/journal.h"
#include "support/process.h"
#include "support/scripted_smarthost.h"
#include "support/temp_dir.h"

namespace support {

// The first line of what a program says about its version.
[[nodiscard]] std::string version_of(const std::string& program, const std::string& flag);

// `openssl s_server`, one connection after the other: what it decrypts goes to a scripted
// conversation on its console, and that one's replies go back. Implicit TLS only.
class SServer {
 public:
  // With these arguments beside its port; the ordinary conversation unless there is a script.
  explicit SServer(const std::vector<std::string>& arguments, Script script = nullptr);
  ~SServer();
  SServer(const SServer&) = delete;
  SServer& operator=(const SServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const Journal& journal() const { return journal_; }
  // Onto its console, when the script next waits.
  void order(const Answer& answer) { wire_->order(answer); }
  [[nodiscard]] std::vector<StoredMail> wait_for_mails(std::size_t count) const;

 private:
  void converse(const Script& script);

  std::uint16_t port_;
  Journal journal_;
  std::optional<Process> process_;
  std::unique_ptr<SmarthostConnection> wire_;
  std::thread conversation_;
};
// As arguments for it.
[[nodiscard]] std::vector<std::string> s_server_arguments(const PeerOptions& options,
                                                          const Identity& identity);

// stunnel as a server, with STARTTLS (its protocol = smtp) or implicit TLS.
class Stunnel {
 public:
  explicit Stunnel(const PeerOptions& options);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& ca_file() const { return identity_.ca; }
  [[nodiscard]] std::vector<StoredMail> wait_for_mails(std::size_t count) const {
    return smarthost_.wait_for_mails(count);
  }

 private:
  TempDir directory_;
  Identity identity_;
  ScriptedSmarthost smarthost_;
  std::uint16_t port_;
  std::optional<Process> process_;
};

// `gnutls-serv --echo`. It listens on every address there is, so it gets a network of its own with
// nothing but a loopback in it. It speaks no SMTP: only the handshake can be looked at.
class GnutlsServ {
 public:
  [[nodiscard]] static std::optional<std::string> why_not();
  explicit GnutlsServ(const PeerOptions& options);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& ca_file() const { return identity_.ca; }
  // Runs smtpseal in that network.
  [[nodiscard]] Finished run_smtpseal(const std::vector<std::string>& arguments) const;

 private:
  TempDir directory_;
  Identity identity_;
  std::uint16_t port_;
  std::optional<Process> process_;
};

}  // namespace support
