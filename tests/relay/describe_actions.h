// Actions of a transaction in words, for tests that compare them.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "relay/transaction.h"
#include "support/describe_session.h"

namespace relay {

struct DescribeAction {
  std::string operator()(const action::Reply& reply) const {
    return "reply " + reply.reply.summary();
  }
  std::string operator()(const action::Lease& lease) const {
    std::string text = lease.must_be_fresh ? "lease fresh" : "lease";
    if (lease.is_pinned) text.append(" pinned");
    if (lease.needs.eight_bit_mime) text.append(" 8BITMIME");
    if (lease.needs.smtputf8) text.append(" SMTPUTF8");
    if (lease.needs.dsn) text.append(" DSN");
    if (lease.needs.binarymime) text.append(" BINARYMIME");
    if (lease.needs.max_size > 0) text.append(" SIZE " + std::to_string(lease.needs.max_size));
    return text;
  }
  std::string operator()(const action::CancelLease&) const { return "cancel"; }
  std::string operator()(const action::Send& send) const { return "send " + send.line; }
  std::string operator()(const action::BeginData& begin) const {
    std::string text = begin.is_chunked ? "begin-chunks" : "begin-data";
    if (begin.is_kept) text.append(begin.is_sent ? " kept" : " kept only");
    return text;
  }
  std::string operator()(const action::SendData& data) const {
    return "send-data " + std::string(data.bytes);
  }
  std::string operator()(const action::EndData&) const { return "end-data"; }
  std::string operator()(const action::Publish& publish) const {
    std::string text = "publish " + publish.mail.reverse_path;
    for (const smtp::RcptCommand& rcpt : publish.recipients) text.append(" " + rcpt.forward_path);
    return text + (publish.is_in_doubt ? " in doubt" : "");
  }
  std::string operator()(const action::DropCopy&) const { return "drop-copy"; }
  std::string operator()(const action::Return& back) const {
    return back.is_clean ? "return clean" : "return: " + back.why;
  }
  std::string operator()(const action::CloseClient& close) const {
    return "close-client " + close.reply.summary();
  }
  std::string operator()(const action::Finished& finished) const {
    return "finished " + finished.reverse_path + " " + std::to_string(finished.recipients) + " " +
           std::to_string(finished.size) + " " + std::to_string(finished.reply.code) +
           (finished.why.empty() ? "" : " " + std::string(finished.why)) +
           (finished.is_in_doubt ? " in doubt" : "") +
           (finished.spool_id.empty() ? "" : " as " + finished.spool_id);
  }
};

inline std::string describe(const Action& action) { return std::visit(DescribeAction{}, action); }

inline std::vector<std::string> describe(const Actions& actions) {
  std::vector<std::string> all;
  for (const Action& action : actions) all.push_back(describe(action));
  return all;
}

}  // namespace relay
