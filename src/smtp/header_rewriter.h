// Puts the sender's address into the header of mail as it streams by.
//
// Some smarthosts want of From what they want of the envelope. With `header_from` no message leaves
// whose From, Sender, Resent-From or Resent-Sender names an address that the rule (sender.h) does
// not let stay, whatever the client wrote:
// - From of another gets the address and keeps its display name; it is added where it is missing;
//   of several, which RFC 5322 3.6 forbids, one is left. The value it had goes into
//   X-Original-From, its mailboxes into Reply-To, unless the client gave one.
// - Sender and Resent-Sender of another become X-Original-Sender and X-Original-Resent-Sender:
//   where one mailbox is the author these are not wanted (3.6.2). Resent-From, which some servers
//   take for the sender of the mail (RFC 4407), is treated as From, without Reply-To.
// - Anything else is passed through, signatures too: one by DKIM over a From that was changed does
//   not hold any more, and the smarthost's own is what counts.
//
// What is no field, nor the continuation of one, is where the body begins; it gets the empty line
// that divides it from the header, so that it is nobody's header. A line of an mbox file ("From a@b
// Tue Nov 24 ...") before the first field is left out. Of a message only the field that is read is
// ever held, and not one that does not matter; a field too long to be held, or a header that lines
// end differently in for different readers (BINARYMIME alone can bring that), is refused.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/mailbox_list.h"
#include "smtp/reply.h"
#include "smtp/sender.h"

namespace smtp {

class HeaderRewriter {
 public:
  // `options` must outlive it.
  explicit HeaderRewriter(const SenderOptions& options) : options_(options) {}

  // Mail data as MailDataDecoder or ChunkDecoder gives it, cut anywhere; appends what it becomes to
  // `out`. Returns how many octets were taken: those that were not are body, and go on as they are.
  // So does everything once is_header_over().
  std::size_t receive(std::string_view bytes, std::string& out);
  // The mail data is over, be it in the middle of the header.
  void end(std::string& out);

  [[nodiscard]] bool is_header_over() const { return state_ == State::over; }
  // The message cannot be sent: for the end of the mail data. Nothing more is to be received.
  [[nodiscard]] const std::optional<Reply>& refusal() const { return refusal_; }

 private:
  enum class State {
    line_start,  // of the next field, of a continuation, or the empty line
    name,        // in what may be a field's name
    mbox_line,   // the first line is "From " and more
    value,
    empty_line,  // after its CR
    over,        // in the body
  };
  enum class Field { none, other, from, sender, resent_from, resent_sender };

  // False when the body begins before `c`.
  bool take(char c, std::string& out);
  bool take_line_start(char c, std::string& out);
  bool take_name(char c, std::string& out);
  void take_mbox_line(char c, std::string& out);
  void take_value(char c, std::string& out);
  [[nodiscard]] bool is_stray(char c) const;
  void begin_field(std::string& out);
  void end_field(std::string& out);
  void end_header(std::string& out);
  void complete_header(std::string& out);
  void end_from(std::string& out);
  void end_other_author(std::string_view name, bool& is_seen, std::string& out);
  void end_resent_from(std::string& out);
  void keep_original(std::string_view name, std::string& out) const;
  [[nodiscard]] bool may_stay(const MailboxList& list) const;
  [[nodiscard]] std::string_view value() const;
  void refuse(std::string why);

  const SenderOptions& options_;
  State state_ = State::line_start;
  Field field_ = Field::none;  // the one that is open
  bool is_first_line_ = true;
  bool is_after_cr_ = false;
  std::string line_;  // what is held: of a line that may be a field, or a field that matters
  std::size_t value_at_ = 0;

  bool has_from_ = false;
  bool has_reply_to_ = false;
  bool has_sender_ = false;  // one that stays
  bool was_sender_removed_ = false;
  std::size_t authors_ = 1;  // in From, as it leaves
  std::string reply_to_;     // for want of the client's own
  std::optional<Reply> refusal_;
};

}  // namespace smtp
