#include "relay/outcome.h"

#include <string>

#include "base/text.h"

namespace relay {

namespace {

// Room for the code and the enhanced code in a reply line of 512 octets (RFC 5321 4.5.3.1.5).
constexpr std::size_t kMaxReasonLength = 480;

std::string_view enhanced_code(base::Fault fault) {
  switch (fault) {
    case base::Fault::unreachable: return "4.4.1";      // no answer from host
    case base::Fault::connection: return "4.4.2";       // bad connection
    case base::Fault::tls_unavailable: return "4.7.4";  // security features not supported
    case base::Fault::tls: return "4.7.5";              // cryptographic failure
    case base::Fault::login: return "4.7.0";            // other security status
    case base::Fault::peer_protocol: return "4.5.0";    // other protocol status
    case base::Fault::config: return "4.3.5";           // system incorrectly configured
    case base::Fault::peer_unable:
    case base::Fault::peer_refused:
    case base::Fault::local:
    case base::Fault::storage: return "4.3.0";  // other mail system status
    case base::Fault::busy: return "4.3.2";     // system not accepting messages
  }
  return "4.3.0";
}

smtp::Reply reply_for(int code, const base::Error& error) {
  return smtp::Reply::make(code, enhanced_code(error.fault),
                           base::printable(error.detail, kMaxReasonLength));
}

}  // namespace

smtp::Reply outcome(const base::Error& error) { return reply_for(451, error); }

smtp::Reply closing_outcome(const base::Error& error) { return reply_for(421, error); }

smtp::Reply too_many_sessions() {
  return smtp::Reply::make(421, "4.3.2", "too many sessions, try again later");
}

smtp::Reply shutting_down() {
  return smtp::Reply::make(421, "4.3.2", "smtpseal is shutting down, try again later");
}

smtp::Reply not_allowed(std::string_view client_address) {
  return smtp::Reply::make(
      554, "5.7.1",
      "clients at " + std::string(client_address) + " are not allowed here (listener key: allow)");
}

smtp::Reply not_a_proxy(std::string_view client_address) {
  return smtp::Reply::make(554, "5.7.1",
                           "clients at " + std::string(client_address) +
                               " must come through a proxy (listener key: proxy_networks)");
}

smtp::Reply sender_ok() { return smtp::Reply::make(250, "2.1.0", "sender OK"); }

smtp::Reply recipient_ok() { return smtp::Reply::make(250, "2.1.5", "recipient OK"); }

smtp::Reply start_mail_input() {
  return smtp::Reply::make(354, "", "end data with <CR><LF>.<CR><LF>");
}

smtp::Reply chunk_ok(std::uint64_t octets) {
  return smtp::Reply::make(250, "2.0.0", std::to_string(octets) + " octets taken");
}

smtp::Reply too_many_recipients() {
  return smtp::Reply::make(452, "4.5.3", "the smarthost takes no more recipients in one mail");
}

smtp::Reply message_too_big(std::uint64_t limit) {
  return smtp::Reply::make(552, "5.3.4",
                           "message is bigger than " + std::to_string(limit) + " octets");
}

smtp::Reply mail_loop(std::string_view why) {
  return smtp::Reply::make(554, "5.4.6", "mail is looping: " + std::string(why));
}

smtp::Reply auth_unavailable(const base::Error& error) { return reply_for(454, error); }

smtp::Reply authentication_required() {
  return smtp::Reply::make(530, "5.7.0", "Authentication required");
}

smtp::Reply too_many_logins() { return smtp::Reply::make(421, "4.7.0", "too many failed logins"); }

smtp::Reply ready_for_tls() { return smtp::Reply::make(220, "2.0.0", "ready to start TLS"); }

// RFC 3207 4.
smtp::Reply tls_unavailable() {
  return smtp::Reply::make(454, "4.7.0", "TLS is not available for now, try again later");
}

smtp::Reply in_doubt(const base::Error& error) {
  constexpr std::string_view kWarning = "; it may have taken the mail, a second copy is possible";
  return smtp::Reply::make(
      451, "4.4.2",
      base::printable(error.detail, kMaxReasonLength - kWarning.size()).append(kWarning));
}

smtp::Reply spooled(std::string_view id) {
  return smtp::Reply::make(250, "2.0.0", "Queued as " + std::string(id));
}

smtp::Reply not_spooled(const base::Error& error) {
  // RFC 3463: 4.3.1 mail system full.
  if (error.fault != base::Fault::busy) return reply_for(451, error);
  return smtp::Reply::make(452, "4.3.1", base::printable(error.detail, kMaxReasonLength));
}

}  // namespace relay
