// Events of both sessions in words, for tests that compare them.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "smtp/client_session.h"
#include "smtp/command.h"
#include "smtp/server_session.h"

namespace smtp {

struct DescribeServerEvent {
  std::string operator()(const NeedMore&) const { return "need-more"; }
  std::string operator()(const from_client::Hello& hello) const {
    return std::string(hello.is_extended ? "ehlo " : "helo ") + hello.name;
  }
  std::string operator()(const from_client::Mail& mail) const { return format(mail.command); }
  std::string operator()(const from_client::Rcpt& rcpt) const { return format(rcpt.command); }
  std::string operator()(const from_client::Data& data) const {
    return data.is_chunked ? "data in chunks" : "data";
  }
  std::string operator()(const from_client::MailData& data) const {
    return "mail-data " + std::string(data.bytes);
  }
  std::string operator()(const from_client::MailDataRefused& refused) const {
    return "mail-data-refused " + refused.reply.summary();
  }
  std::string operator()(const from_client::EndOfChunk& end) const {
    return "end-of-chunk " + std::to_string(end.size);
  }
  std::string operator()(const from_client::EndOfData& end) const {
    return "end-of-data " + std::to_string(end.size);
  }
  std::string operator()(const from_client::Reset&) const { return "reset"; }
  std::string operator()(const from_client::Auth& auth) const { return "auth " + auth.argument; }
  std::string operator()(const from_client::AuthResponse& response) const {
    std::string text = "auth-response " + response.line;
    if (response.fault) text += " (" + response.fault->summary().substr(0, 9) + ")";
    return text;
  }
  std::string operator()(const from_client::StartTls&) const { return "starttls"; }
  std::string operator()(const from_client::Quit&) const { return "quit"; }
  std::string operator()(const from_client::Gone& gone) const { return "gone: " + gone.why; }
};

inline std::string describe(const ServerEvent& event) {
  return std::visit(DescribeServerEvent{}, event);
}

struct DescribeClientEvent {
  std::string operator()(const NeedMore&) const { return "need-more"; }
  std::string operator()(const from_smarthost::TlsWanted&) const { return "tls-wanted"; }
  std::string operator()(const from_smarthost::Ready&) const { return "ready"; }
  std::string operator()(const from_smarthost::Replied& replied) const {
    return std::string(to_string(replied.sent)) + ": " + replied.reply.summary();
  }
  std::string operator()(const from_smarthost::Failed& failed) const {
    return "failed: " + std::string(base::to_string(failed.error.fault)) + ": " +
           failed.error.detail;
  }
};

inline std::string describe(const ClientEvent& event) {
  return std::visit(DescribeClientEvent{}, event);
}

}  // namespace smtp
