// The client's commands, one function each: see server_session.h.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "smtp/server_session.h"

namespace smtp {

namespace {

Reply sequence_error(std::string_view text) { return Reply::make(503, "5.5.1", text); }

// Also a BDAT that is none by the letter: with a tab, a stray octet, a space before it.
bool looks_like_bdat(std::string_view line) {
  constexpr std::size_t kFar = 8;
  return base::uppered(line.substr(0, kFar)).find("BDAT") != std::string::npos;
}

}  // namespace

std::optional<Reply> ServerSession::fault_of(const Line& line, Verb verb) const {
  if (line.is_too_long || (verb != Verb::auth && line.text.size() + 2 > kMaxCommandLine)) {
    return Reply::make(500, "5.5.2", "line too long");
  }
  if (line.has_nul) return Reply::make(500, "5.5.2", "command holds a NUL octet");
  if (line.has_bare_cr) return Reply::make(501, "5.5.2", "command holds a bare CR");
  return std::nullopt;
}

ServerEvent ServerSession::on_line(const Line& line) {
  // A whole command is progress; the bytes of half a one are not.
  last_progress_ = std::max(last_progress_, now_);
  const bool is_bare_lf_refused = line.ends_in_bare_lf && refuses_bare_lf();
  if (line.ends_in_bare_lf && !is_bare_lf_refused) tolerate(Tolerance::bare_lf);
  if (is_auth_response_due_ && !is_bare_lf_refused) return on_auth_response(line);
  const SplitCommand command = split_command(line.text);
  const std::optional<Reply> fault = fault_of(line, command.verb);
  const bool may_pass =
      command.verb == Verb::rcpt && !fault && !is_bare_lf_refused && errors_ < kMaxErrors;
  if (is_reply_owed() && !may_pass) return hold(line);
  if (errors_ >= kMaxErrors) {
    say(Reply::make(421, "4.7.0", "too many errors"));
    return finish("client made too many errors");
  }
  if (is_bare_lf_refused) {
    const std::string_view key = is_strict() ? "syntax" : "line_endings";
    say(Reply::make(500, "5.5.2", "line ends in a bare LF (" + std::string(key) + " = strict)"));
    return finish("client sent a bare LF");
  }
  if (line.is_too_long && offered_.chunking) {
    // It may have been a BDAT: what comes behind it is a chunk then.
    say(*fault);
    return finish("client sent a line that is too long");
  }
  if ((command.verb != Verb::bdat || fault) && looks_like_bdat(line.text)) {
    return on_unreadable_bdat();
  }
  if (fault) return refuse_command(*fault);
  if (is_out_of_turn(command.verb)) {
    if (is_strict()) return refuse_out_of_turn();
    tolerate(Tolerance::out_of_turn);
  }
  return on_command(command, line);
}

// Whether something stands behind a command whose reply it should have waited for: RFC 2920 3.1
// lets only some be followed, and none without PIPELINING. What stands behind BDAT is its chunk;
// behind STARTTLS nothing is borne anyway, and behind QUIT it is nobody's concern.
bool ServerSession::is_out_of_turn(Verb verb) const {
  if (lines_.is_empty()) return false;
  switch (verb) {
    case Verb::bdat:
    case Verb::starttls:
    case Verb::quit:
    case Verb::foreign: return false;
    case Verb::mail:
    case Verb::rcpt:
    case Verb::rset: return !is_extended_ || !offered_.pipelining;
    default: return true;
  }
}

ServerEvent ServerSession::refuse_out_of_turn() {
  say(Reply::make(554, "5.5.0", "you did not wait for the reply to this command"));
  return finish("client did not wait for a reply");
}

// Mail data may be followed only with PIPELINING, too.
void ServerSession::end_turn() {
  if (lines_.is_empty() || (is_extended_ && offered_.pipelining)) return;
  if (!is_strict()) return tolerate(Tolerance::out_of_turn);
  refuse(Reply::make(554, "5.5.0", "you did not wait for the reply to your mail data"));
}

void ServerSession::tolerate(Tolerances what) {
  what.remove(tolerated_);
  tolerated_.add(what);
  untold_.add(what);
}

void ServerSession::tolerate(Tolerance what) {
  Tolerances one;
  one.add(what);
  tolerate(one);
}

void ServerSession::use_extension() {
  if (!is_extended_) tolerate(Tolerance::extension_after_helo);
}

ServerEvent ServerSession::on_command(const SplitCommand& command, const Line& line) {
  if (is_tls_missing()) {
    if (std::optional<ServerEvent> refused = refuse_in_plaintext(command)) return *refused;
  }
  switch (command.verb) {
    case Verb::helo:
    case Verb::ehlo: return on_hello(command);
    case Verb::mail: return on_mail(command);
    case Verb::rcpt: return on_rcpt(command, line);
    case Verb::data: return on_data(command);
    case Verb::auth: return on_auth(command);
    case Verb::rset: return on_rset(command);
    case Verb::quit: return on_quit(command);
    case Verb::noop: return answer_junk(Reply::make(250, "2.0.0", "OK"));
    case Verb::vrfy:
      return answer_junk(Reply::make(252, "2.0.0", "cannot verify; send mail and see"));
    case Verb::help:
      return answer_junk(Reply::make(
          214, "2.0.0", "smtpseal carries mail to a smarthost over TLS; see its manual"));
    case Verb::bdat: return on_bdat(command);
    case Verb::starttls: return on_starttls(command);
    case Verb::expn:
    case Verb::etrn:
    case Verb::unimplemented:
      return refuse_command(Reply::make(502, "5.5.1", "command not implemented"));
    case Verb::foreign: return on_foreign();
    case Verb::unknown: break;
  }
  return refuse_command(Reply::make(500, "5.5.2", "command not recognised"));
}

ServerEvent ServerSession::on_foreign() {
  say(Reply::make(554, "5.5.1", "this is an SMTP server"));
  if (starts_like_tls() && offered_.starttls) {
    return finish(
        "client began TLS, which begins with STARTTLS here: choose STARTTLS in the application, "
        "not SSL/TLS");
  }
  if (starts_like_tls() && !is_tls_up_) {
    return finish(
        "client began TLS, which is not spoken here: switch SSL/TLS off in the application");
  }
  return finish("client does not speak SMTP");
}

ServerEvent ServerSession::on_hello(const SplitCommand& command) {
  auto name = parse_hello(command.argument, options_.syntax);
  if (const Reply* refusal = std::get_if<Reply>(&name)) return refuse_command(*refusal);
  auto& hello = std::get<HelloCommand>(name);
  tolerate(hello.tolerated);
  client_name_ = std::move(hello.name);
  has_hello_ = true;
  is_extended_ = command.verb == Verb::ehlo;
  end_transaction();
  count_junk();
  owed_ = Owed::hello;
  return from_client::Hello{is_extended_, client_name_};
}

ServerEvent ServerSession::on_mail(const SplitCommand& command) {
  if (has_mail_ && !may_begin_anew_) {
    return refuse_command(sequence_error("a transaction is open already"));
  }
  if (!has_hello_ && is_strict()) return refuse_command(sequence_error("EHLO or HELO first"));
  auto parsed =
      parse_mail(command.argument, may_use_extensions() ? offered_ : Extensions{}, options_.syntax);
  const bool was_open = has_mail_;
  end_transaction();
  if (const Reply* refusal = std::get_if<Reply>(&parsed)) {
    static_cast<void>(refuse_command(*refusal));
    return was_open ? ServerEvent(from_client::Reset{}) : ServerEvent(NeedMore{});
  }
  auto& mail = std::get<MailCommand>(parsed);
  tolerate(mail.tolerated);
  if (!has_hello_) tolerate(Tolerance::no_hello);
  if (!mail.parameters.empty()) use_extension();
  has_mail_ = true;
  is_utf8_ = mail.is_utf8;
  is_binary_ = mail.is_binary;
  owed_ = Owed::mail;
  return from_client::Mail{std::move(mail)};
}

ServerEvent ServerSession::on_rcpt(const SplitCommand& command, const Line& line) {
  auto parsed = parse_rcpt(command.argument, may_use_extensions() ? offered_ : Extensions{},
                           is_utf8_, options_.syntax);
  const Reply* refusal = std::get_if<Reply>(&parsed);
  const bool is_answered_here =
      !has_mail_ || chunks_ || refusal != nullptr || rcpts_seen_ >= kMaxRecipients;
  if (is_answered_here && is_reply_owed()) return hold(line);
  if (!has_mail_) return refuse_command(sequence_error("MAIL first"));
  if (chunks_) return refuse_command(sequence_error("mail data has begun, RSET or BDAT"));
  if (refusal != nullptr) return refuse_rcpt(*refusal);
  if (rcpts_seen_ >= kMaxRecipients) {
    return refuse_rcpt(Reply::make(452, "4.5.3", "too many recipients"));
  }
  ++rcpts_seen_;
  ++owed_rcpts_;
  auto& rcpt = std::get<RcptCommand>(parsed);
  tolerate(rcpt.tolerated);
  if (!rcpt.parameters.empty()) use_extension();
  return from_client::Rcpt{std::move(rcpt)};
}

ServerEvent ServerSession::on_data(const SplitCommand& command) {
  std::optional<Reply> refusal = refusal_of_data();
  if (auto fault = fault_of_argument(command, "DATA")) {
    refusal = std::move(fault);
  } else if (!refusal && chunks_) {
    refusal = sequence_error("mail data has begun, RSET or BDAT");
  } else if (!refusal && is_binary_) {
    refusal = sequence_error("BODY=BINARYMIME needs BDAT");  // RFC 3030 3
  }
  if (!refusal) {
    owed_ = Owed::data;
    return from_client::Data{};
  }
  // What stands behind a refused DATA is mail data of a client that did not wait: it must never
  // be taken for commands.
  if (lines_.is_empty()) {
    may_begin_anew_ = has_mail_ && refusal_of_data().has_value();
    return refuse_command(*refusal);
  }
  say(*refusal);
  return finish("client sent mail data behind a DATA that was refused");
}

// Why no mail data may come now.
std::optional<Reply> ServerSession::refusal_of_data() const {
  if (is_tls_missing()) return must_start_tls();
  if (!has_mail_) return sequence_error("MAIL first");
  if (rcpts_seen_ == 0) return sequence_error("RCPT first");
  if (rcpts_accepted_ > 0) return std::nullopt;
  // A client that looks at this reply alone must not take trouble that passes for a refusal.
  if (has_deferred_rcpt_) {
    return Reply::make(451, "4.5.1", "no recipient was accepted, try again later");
  }
  return Reply::make(554, "5.5.1", "no valid recipients");
}

// RFC 5321 4.1.1.4, 4.1.1.5, 4.1.1.10: nothing stands behind these.
std::optional<Reply> ServerSession::fault_of_argument(const SplitCommand& command,
                                                      std::string_view verb) {
  if (command.argument.empty()) return std::nullopt;
  if (is_strict()) return Reply::make(501, "5.5.4", std::string(verb) + " takes no argument");
  tolerate(Tolerance::stray_argument);
  return std::nullopt;
}

ServerEvent ServerSession::on_rset(const SplitCommand& command) {
  if (auto fault = fault_of_argument(command, "RSET")) return refuse_command(*fault);
  const bool was_in_transaction = has_mail_;
  end_transaction();
  ServerEvent event = answer_junk(Reply::make(250, "2.0.0", "OK"));
  if (was_in_transaction) return from_client::Reset{};
  return event;
}

ServerEvent ServerSession::on_quit(const SplitCommand& command) {
  if (auto fault = fault_of_argument(command, "QUIT")) return refuse_command(*fault);
  say(Reply::make(221, "2.0.0", options_.hostname + " closing"));
  state_ = State::finished;
  gone_why_ = "quit";
  is_gone_told_ = true;
  return from_client::Quit{};
}

// A long list with some bad addresses in it is nobody's mistake in the protocol.
ServerEvent ServerSession::refuse_rcpt(const Reply& reply) {
  if (++rcpts_refused_ > kMaxRecipients) ++errors_;
  say(reply);
  return NeedMore{};
}

// What comes behind the last error that is borne gets 421 for its reply.
ServerEvent ServerSession::refuse_command(const Reply& reply) {
  ++errors_;
  say(reply);
  return NeedMore{};
}

ServerEvent ServerSession::answer_junk(const Reply& reply) {
  count_junk();
  say(reply);
  return NeedMore{};
}

void ServerSession::count_junk() {
  if (++junk_ > kMaxJunkCommands) ++errors_;
}

}  // namespace smtp
