// One connection of `smtpseal check`: the conversation as smtp::ClientSession holds it, written
// down.
//
// The session decides what is right, so that check and run agree; a second parser beside it keeps
// the words of every reply, which the session, careful with what came before TLS, does not tell.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/check_findings.h"
#include "app/wire.h"
#include "smtp/client_session.h"

namespace app {

class CheckTalk {
 public:
  // Nothing outlives the call of hold(). `context` may be null where `smarthost` says tls = none.
  // No step is waited for longer than `patience`.
  CheckTalk(net::Loop& loop, Wire& wire, const config::Smarthost& smarthost,
            const std::string& hostname, tls::ClientContext* context, base::Duration patience);

  // Called once, when the smarthost has said nothing for kSuspiciousSilence; true gives it up.
  static constexpr base::Duration kSuspiciousSilence = std::chrono::seconds(5);
  std::function<bool()> on_silence;

  // Called before what is waited for, "the greeting", with the longest that it may take.
  std::function<void(std::string_view what, base::Duration most)> on_wait;

  // What to try before QUIT, with the login of the configuration where none is given; null:
  // nothing. A login is only tried inside TLS with a peer whose identity was established.
  const CheckProbes* probes = nullptr;

  // From the greeting (or the TLS handshake) to QUIT, on a wire that is open.
  [[nodiscard]] CheckConversation hold();

 private:
  [[nodiscard]] bool take_event(const smtp::ClientEvent& event);
  void hear();
  [[nodiscard]] bool is_silence_suspicious(base::Instant deadline);
  void take_bytes(std::string_view bytes);
  void take_text(std::string_view text);
  void note_replies();
  void hear_farewell();
  void flush();
  void pump_engine();
  [[nodiscard]] bool shake_hands();
  [[nodiscard]] bool await_handshake(base::Instant deadline);
  void tell_wait(std::string_view what);
  void fail(base::Error error);
  void quit();

  // check_probing.cc
  void probe();
  [[nodiscard]] base::Result<smtp::Login> login_to_try() const;
  void try_login();
  void try_envelope();
  [[nodiscard]] std::optional<smtp::Reply> ask(smtp::Sent what, std::string_view line,
                                               std::string_view shown);

  net::Loop& loop_;
  Wire& wire_;
  const config::Smarthost& smarthost_;
  tls::ClientContext* context_;
  base::Duration patience_;
  smtp::ClientSession session_;
  std::unique_ptr<tls::Engine> engine_;
  smtp::ReplyParser replies_;
  CheckConversation held_;
  std::string shown_;    // of the next command, in place of itself, which is secret
  base::Instant asked_;  // when the latest command, or the connection, was made
  bool was_silence_told_ = false;
  bool is_given_up_ = false;
};

}  // namespace app
