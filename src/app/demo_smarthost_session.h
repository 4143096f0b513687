// The demo's smarthost, the part that talks: an SMTP server that insists on STARTTLS.
//
// Before TLS it answers `530 5.7.0 Must issue a STARTTLS command first` to everything but EHLO,
// HELO, NOOP, STARTTLS and QUIT (RFC 3207 4); inside it takes mail and refuses the local part
// `nobody`. Written for itself, not with smtp/server_session: what stands behind smtpseal in the
// demo shall not share its server. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "smtp/command.h"
#include "smtp/extensions.h"
#include "smtp/lines.h"
#include "smtp/mail_data.h"
#include "smtp/reply.h"

namespace app {

// A message that was accepted.
struct DemoMessage {
  std::string queue_id;
  std::string reverse_path;
  std::vector<std::string> recipients;
  std::string trace;    // the Received line this smarthost adds, with CRLF
  std::string content;  // as it came; at most DemoSmarthostSession::kMaxKept octets of it
  std::uint64_t size = 0;
  std::string tls;  // "TLSv1.3 TLS_AES_128_GCM_SHA256"
};

class DemoSmarthostSession {
 public:
  static constexpr std::uint64_t kMaxMessage = 25 * 1024 * 1024;
  static constexpr std::size_t kMaxKept = 256 * 1024;

  // `queue_counter`: shared by the sessions of one smarthost.
  DemoSmarthostSession(std::string hostname, std::string client_address,
                       std::uint64_t& queue_counter);

  // Plaintext from the client; what it brings about is in take_output() and take_message().
  void receive(std::string_view bytes, base::WallTime now);
  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
  [[nodiscard]] std::optional<DemoMessage> take_message();

  // STARTTLS was accepted: run TLS, then tls_established().
  [[nodiscard]] bool is_tls_wanted() const { return state_ == State::tls; }
  // `summary`: version and cipher.
  void tls_established(std::string summary);
  // Write the output, then close.
  [[nodiscard]] bool is_finished() const { return state_ == State::finished; }
  // Nothing was said for too long.
  void on_idle();

 private:
  enum class State { commands, mail_data, tls, finished };

  void on_line(const smtp::Line& line);
  void on_command(const smtp::SplitCommand& command);
  void on_hello(const smtp::SplitCommand& command, bool is_extended);
  void on_starttls(const smtp::SplitCommand& command);
  void on_mail(const smtp::SplitCommand& command);
  void on_rcpt(const smtp::SplitCommand& command);
  void on_data();
  void receive_mail_data(base::WallTime now);
  void end_mail_data(base::WallTime now);
  [[nodiscard]] smtp::Extensions offered() const;
  void say(int code, std::string_view enhanced, std::string_view text);
  void refuse(const smtp::Reply& reply);
  void end_transaction();

  std::string hostname_;
  std::string client_address_;
  std::uint64_t& queue_counter_;
  State state_ = State::commands;
  smtp::LineReader lines_;
  std::string output_;
  std::string client_name_;
  bool is_extended_ = false;
  std::string tls_;  // empty before TLS
  bool has_mail_ = false;
  bool is_utf8_ = false;
  DemoMessage message_;
  std::optional<smtp::MailDataDecoder> decoder_;
  std::deque<DemoMessage> accepted_;
  unsigned errors_ = 0;
};

}  // namespace app
