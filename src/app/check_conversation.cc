// See check_conversation.h.
#include "app/check_conversation.h"

#include <algorithm>
#include <utility>

#include "app/ehlo_name.h"
#include "app/smarthost_link.h"

namespace app {

namespace {

// How long an answer to QUIT is waited for: nothing depends on it.
constexpr base::Duration kQuitPatience = std::chrono::seconds(5);

smtp::ClientOptions options_of(const config::Smarthost& smarthost, const std::string& hostname,
                               const Wire& wire, base::Duration patience) {
  smtp::ClientOptions options;
  options.ehlo_name = choose_ehlo_name(smarthost.ehlo_name, hostname, wire.local());
  options.starttls = starttls_policy(smarthost);
  options.command_timeout = std::min(smarthost.command_timeout, patience);
  return options;
}

}  // namespace

CheckTalk::CheckTalk(net::Loop& loop, Wire& wire, const config::Smarthost& smarthost,
                     const std::string& hostname, tls::ClientContext* context,
                     base::Duration patience)
    : loop_(loop),
      wire_(wire),
      smarthost_(smarthost),
      context_(context),
      patience_(patience),
      session_(options_of(smarthost, hostname, wire, patience), loop.now()),
      asked_(wire.settled()) {}

CheckConversation CheckTalk::hold() {
  held_.is_on_this_machine =
      wire_.peer().is_loopback() || wire_.peer().host() == wire_.local().host();
  bool goes_on = true;
  if (smarthost_.mode == config::Mode::implicit) {
    goes_on = shake_hands();
    asked_ = loop_.now();
  }
  if (goes_on) tell_wait("the greeting");
  if (goes_on) held_.exchanges.push_back({"", engine_ != nullptr, std::nullopt, 0});
  if (goes_on && engine_) pump_engine();  // the greeting may have come with the handshake's end
  while (goes_on && !held_.failure) {
    const smtp::ClientEvent event = session_.next_event();
    if (std::holds_alternative<smtp::NeedMore>(event)) {
      flush();
      hear();
    } else {
      goes_on = take_event(event);
    }
  }
  probe();
  quit();
  wire_.close();
  return std::move(held_);
}

// Returns whether the conversation goes on.
bool CheckTalk::take_event(const smtp::ClientEvent& event) {
  if (const auto* failed = std::get_if<smtp::from_smarthost::Failed>(&event)) {
    fail(failed->error);
    return false;
  }
  if (std::holds_alternative<smtp::from_smarthost::TlsWanted>(event)) {
    if (!shake_hands()) return false;
    session_.tls_established(loop_.now());
    pump_engine();
    return true;
  }
  if (!std::holds_alternative<smtp::from_smarthost::Ready>(event)) return true;
  held_.extensions = session_.extensions();
  return false;
}

void CheckTalk::hear() {
  const base::Instant deadline = session_.deadline().value_or(loop_.now() + patience_);
  if (is_silence_suspicious(deadline)) return;
  switch (wire_.await_input(deadline)) {
    case Wire::Heard::bytes: take_bytes(wire_.take_input()); break;
    case Wire::Heard::end:
      if (wire_.error()) {
        fail(*wire_.error());
      } else {
        if (engine_) {
          engine_->receive_eof();
          pump_engine();
        }
        session_.receive_eof();
      }
      break;
    case Wire::Heard::silence: session_.on_time(loop_.now()); break;
  }
}

// Whether the conversation was given up because nothing was said at all.
bool CheckTalk::is_silence_suspicious(base::Instant deadline) {
  if (engine_ || !held_.first_octets.empty() || !on_silence) return false;
  if (was_silence_told_ || asked_ + kSuspiciousSilence >= deadline) return false;
  if (wire_.await_input(asked_ + kSuspiciousSilence) != Wire::Heard::silence) return false;
  was_silence_told_ = true;
  if (!on_silence()) {
    tell_wait("the greeting");
    return false;
  }
  is_given_up_ = true;
  fail({base::Fault::tls, "smarthost waits for TLS from the first byte"});
  return true;
}

void CheckTalk::take_bytes(std::string_view bytes) {
  const std::size_t room = CheckConversation::kFirstOctets - held_.first_octets.size();
  held_.first_octets.append(bytes.substr(0, room));
  if (!engine_) {
    take_text(bytes);
    return;
  }
  engine_->receive(bytes);
  pump_engine();
}

// What the engine has for the two sides of it.
void CheckTalk::pump_engine() {
  wire_.write(engine_->output());
  engine_->consume_output(engine_->output().size());
  if (!held_.handshake || held_.handshake->error) return;
  const std::string text(engine_->plaintext());
  engine_->consume_plaintext(text.size());
  if (!text.empty()) take_text(text);
  if (engine_->state() == tls::State::failed) fail(engine_->error());
  if (engine_->state() == tls::State::closed) session_.receive_eof();
}

void CheckTalk::take_text(std::string_view text) {
  if (smarthost_.mode == config::Mode::implicit) {
    const std::size_t room = CheckConversation::kFirstOctets - held_.first_words.size();
    held_.first_words.append(text.substr(0, room));
  }
  replies_.receive(text);
  note_replies();
  session_.receive(text, loop_.now());
}

// The first reply after a command is its reply; what else comes is for the session to judge.
void CheckTalk::note_replies() {
  while (true) {
    const auto next = replies_.next();
    const auto* reply = std::get_if<smtp::Reply>(&next);
    if (reply == nullptr) return;
    CheckExchange& latest = held_.exchanges.back();
    if (latest.reply) continue;
    latest.reply = *reply;
    latest.milliseconds = base::milliseconds_between(asked_, wire_.last_input());
  }
}

void CheckTalk::flush() {
  const std::string output(session_.output());
  session_.consume_output(output.size());
  if (output.empty()) return;
  asked_ = loop_.now();
  std::string command = std::exchange(shown_, {});
  if (command.empty()) command = output.substr(0, output.find('\r'));
  held_.exchanges.push_back({command, engine_ != nullptr, std::nullopt, 0});
  tell_wait("the answer to " + command.substr(0, command.find(' ')));
  if (!engine_) {
    wire_.write(output);
    return;
  }
  engine_->send(output);
  pump_engine();
}

// Returns whether TLS is up; held_ says why not.
bool CheckTalk::shake_hands() {
  const base::Instant begun = loop_.now();
  tell_wait("the TLS handshake");
  replies_.clear();
  engine_ = context_->make_engine();
  engine_->start();
  const bool is_done = await_handshake(begun + patience_);
  CheckHandshake handshake;
  handshake.milliseconds = base::milliseconds_between(begun, loop_.now());
  handshake.info = engine_->info();
  if (engine_->state() == tls::State::failed) {
    handshake.error = engine_->error();
  } else if (wire_.error()) {
    handshake.error = {base::Fault::tls, wire_.error()->detail + " in the TLS handshake"};
  } else if (!is_done) {
    handshake.error = {base::Fault::tls, "TLS handshake did not end in time"};
  }
  held_.handshake = std::move(handshake);
  if (held_.handshake->error) fail(*held_.handshake->error);
  return !held_.handshake->error;
}

// Moves octets until the handshake is over, one way or the other; false when it is not.
bool CheckTalk::await_handshake(base::Instant deadline) {
  while (true) {
    pump_engine();
    if (engine_->state() == tls::State::judging) {
      // Nothing else goes on meanwhile: it may as well block.
      const tls::SystemJudge* const judge = context_->judge();
      engine_->take_verdict(judge->judge(engine_->chain_to_judge(), engine_->info().server_name));
      continue;
    }
    if (engine_->state() != tls::State::handshaking) return true;
    switch (wire_.await_input(deadline)) {
      case Wire::Heard::bytes: take_bytes(wire_.take_input()); break;
      case Wire::Heard::end:
        if (wire_.error()) return false;
        engine_->receive_eof();
        return engine_->state() != tls::State::handshaking;
      case Wire::Heard::silence: return false;
    }
  }
}

void CheckTalk::tell_wait(std::string_view what) {
  if (!on_wait) return;
  on_wait(what, session_.deadline().value_or(loop_.now() + patience_) - loop_.now());
}

void CheckTalk::fail(base::Error error) {
  if (held_.failure) return;
  if (!held_.exchanges.empty() && !held_.exchanges.back().reply) {
    held_.exchanges.back().milliseconds = base::milliseconds_between(asked_, loop_.now());
  }
  held_.failure = std::move(error);
}

// The reply to a QUIT that is no exchange of its own.
void CheckTalk::hear_farewell() {
  const base::Instant deadline = loop_.now() + kQuitPatience;
  while (wire_.await_input(deadline) == Wire::Heard::bytes) {
    replies_.receive(wire_.take_input());
    const auto next = replies_.next();
    if (const auto* reply = std::get_if<smtp::Reply>(&next)) {
      held_.farewell = *reply;
      return;
    }
    if (std::holds_alternative<smtp::MalformedReply>(next)) return;
  }
}

// Says goodbye where somebody who understands it may be listening.
void CheckTalk::quit() {
  if (!held_.is_ready()) {
    const bool is_clear_smtp = !engine_ && !is_given_up_ && session_.greeting().code == 220;
    if (!is_clear_smtp) return;
    wire_.write("QUIT\r\n");
    if (held_.is_on_this_machine) hear_farewell();
    return;
  }
  if (!session_.is_ready()) return;  // a probe ended it
  session_.send(smtp::Sent::quit, "QUIT", loop_.now());
  flush();
  const base::Instant deadline = loop_.now() + kQuitPatience;
  while (!held_.failure && !held_.exchanges.back().reply &&
         wire_.await_input(deadline) == Wire::Heard::bytes) {
    take_bytes(wire_.take_input());
  }
  if (held_.is_on_this_machine) held_.farewell = held_.exchanges.back().reply;
  held_.failure.reset();  // mail could be sent: how the smarthost says goodbye does not matter
  if (!engine_) return;
  engine_->close();
  wire_.write(engine_->output());
  engine_->consume_output(engine_->output().size());
}

}  // namespace app
