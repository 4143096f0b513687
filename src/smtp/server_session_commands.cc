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

bool is_base64_line(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  });
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
  const bool is_bare_lf_refused =
      line.ends_in_bare_lf && options_.line_endings == LineEndings::strict;
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
    say(Reply::make(500, "5.5.2", "line ends in a bare LF (line_endings = strict)"));
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
  return on_command(command, line);
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
    case Verb::rset: return on_rset();
    case Verb::quit: return on_quit();
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
  client_name_ = std::get<std::string>(std::move(name));
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
  if (!has_hello_ && options_.syntax == Syntax::strict) {
    return refuse_command(sequence_error("EHLO or HELO first"));
  }
  // HELO shows no extensions; devices that use them all the same mean what they say.
  const bool has_extensions = is_extended_ || options_.syntax == Syntax::tolerant;
  auto parsed =
      parse_mail(command.argument, has_extensions ? offered_ : Extensions{}, options_.syntax);
  const bool was_open = has_mail_;
  end_transaction();
  if (const Reply* refusal = std::get_if<Reply>(&parsed)) {
    static_cast<void>(refuse_command(*refusal));
    return was_open ? ServerEvent(from_client::Reset{}) : ServerEvent(NeedMore{});
  }
  auto& mail = std::get<MailCommand>(parsed);
  has_mail_ = true;
  is_utf8_ = mail.is_utf8;
  is_binary_ = mail.is_binary;
  owed_ = Owed::mail;
  return from_client::Mail{std::move(mail)};
}

ServerEvent ServerSession::on_rcpt(const SplitCommand& command, const Line& line) {
  const bool has_extensions = is_extended_ || options_.syntax == Syntax::tolerant;
  auto parsed = parse_rcpt(command.argument, has_extensions ? offered_ : Extensions{}, is_utf8_,
                           options_.syntax);
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
  return from_client::Rcpt{std::get<RcptCommand>(std::move(parsed))};
}

ServerEvent ServerSession::on_data(const SplitCommand& command) {
  std::optional<Reply> refusal = refusal_of_data();
  if (!command.argument.empty() && options_.syntax == Syntax::strict) {
    refusal = Reply::make(501, "5.5.4", "DATA takes no argument");
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

ServerEvent ServerSession::on_rset() {
  const bool was_in_transaction = has_mail_;
  end_transaction();
  ServerEvent event = answer_junk(Reply::make(250, "2.0.0", "OK"));
  if (was_in_transaction) return from_client::Reset{};
  return event;
}

ServerEvent ServerSession::on_quit() {
  say(Reply::make(221, "2.0.0", options_.hostname + " closing"));
  state_ = State::finished;
  gone_why_ = "quit";
  is_gone_told_ = true;
  return from_client::Quit{};
}

ServerEvent ServerSession::on_auth(const SplitCommand& command) {
  if (options_.auth_requires_tls && !is_tls_up_) {
    // RFC 4954 6.
    return refuse_command(
        Reply::make(538, "5.7.11", "Encryption required: issue a STARTTLS command first"));
  }
  if (offered_.auth_mechanisms.empty()) {
    return refuse_command(Reply::make(502, "5.5.1", "AUTH is not offered"));
  }
  if (!is_extended_) return refuse_command(sequence_error("EHLO first"));
  if (is_authenticated_) return refuse_command(sequence_error("authenticated already"));
  if (has_mail_) return refuse_command(sequence_error("not inside a mail transaction"));
  const std::string_view argument = command.argument;
  const std::size_t space = argument.find(' ');
  const std::string mechanism = base::uppered(argument.substr(0, space));
  if (mechanism.empty()) {
    return refuse_command(Reply::make(501, "5.5.4", "AUTH needs a mechanism"));
  }
  const auto& offered = offered_.auth_mechanisms;
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end()) {
    return refuse_command(Reply::make(504, "5.5.4", "mechanism not offered"));
  }
  std::string forwarded = mechanism;
  if (space != std::string_view::npos) {
    const std::string_view initial = base::trimmed(argument.substr(space));
    if (!is_base64_line(initial)) {
      return refuse_command(Reply::make(501, "5.5.2", "the initial response is not base64"));
    }
    if (!initial.empty()) forwarded.append(" ").append(initial);
  }
  owed_ = Owed::auth;
  return from_client::Auth{std::move(forwarded)};
}

ServerEvent ServerSession::on_auth_response(const Line& line) {
  is_auth_response_due_ = false;
  owed_ = Owed::auth;
  const std::string_view text = base::trimmed(line.text);
  const bool is_carried = !line.is_too_long && !line.has_nul && !line.has_bare_cr &&
                          (text == "*" || is_base64_line(text));
  // What is not base64 must not reach the smarthost; cancelling makes it say 501 (RFC 4954 4).
  return from_client::AuthResponse{is_carried ? std::string(text) : "*"};
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
