// Mail data toward the smarthost, behind DATA or in BDAT chunks: see client_session.h.
#include <utility>

#include "smtp/client_session.h"

namespace smtp {

namespace {

constexpr std::string_view kUnasked = "smarthost sent data that nothing asked for";

}  // namespace

// --- DATA (RFC 5321 4.1.1.4) ---

ClientEvent ClientSession::on_data_reply(Reply reply) {
  if (reply.is_intermediate()) {
    // What stands behind the 354 cannot answer mail data that was not sent yet.
    if (!replies_.is_empty()) return fail(base::Fault::peer_protocol, std::string(kUnasked));
    open_data();
  } else {
    data_phase_ = DataPhase::none;
    drop_held_data();
    flush_queue();
  }
  return from_smarthost::Replied{Sent::data, std::move(reply)};
}

void ClientSession::open_data() {
  data_phase_ = DataPhase::open;
  const bool is_at_end = is_end_held_;
  output_.append(held_data_);
  drop_held_data();
  if (is_at_end) expect_verdict();
}

void ClientSession::expect_verdict() {
  data_phase_ = DataPhase::none;
  queue_.push_back({Sent::end_of_data, {}});
  mark_sent();
}

ClientEvent ClientSession::on_early_verdict(Reply reply) {
  if (reply.code < 400) {
    return fail(base::Fault::peer_protocol, "smarthost answered " + std::to_string(reply.code) +
                                                " before the end of the mail data");
  }
  has_verdict_ = true;
  data_phase_ = DataPhase::none;
  return from_smarthost::Replied{Sent::end_of_data, std::move(reply)};
}

// --- either ---

void ClientSession::send_data(std::string_view bytes, base::Instant now) {
  now_ = now;
  if (data_phase_ == DataPhase::none || is_end_held_) return;
  if (data_phase_ != DataPhase::chunks) {
    encoder_.send(bytes, data_phase_ == DataPhase::open ? output_.back() : held_data_);
    return;
  }
  if (refusal_) return;
  if (held_data_.empty()) held_since_ = now;
  held_data_.append(bytes);
  if (held_data_.size() >= options_.chunk_size) send_chunk();
}

void ClientSession::end_data(base::Instant now) {
  now_ = now;
  switch (data_phase_) {
    case DataPhase::none: return;
    case DataPhase::waiting:
      encoder_.end(held_data_);
      is_end_held_ = true;
      return;
    case DataPhase::chunks:
      is_end_held_ = true;
      send_chunk();
      return;
    case DataPhase::open: break;
  }
  if (!replies_.is_empty()) {
    fail_later(base::Fault::peer_protocol, "smarthost answered before the end of the mail data");
    return;
  }
  encoder_.end(output_.back());
  expect_verdict();
}

void ClientSession::abandon_data() {
  if (data_phase_ != DataPhase::chunks) return;
  data_phase_ = DataPhase::none;
  refusal_.reset();
  drop_held_data();
}

void ClientSession::drop_held_data() {
  std::string().swap(held_data_);
  is_end_held_ = false;
}

// --- BDAT (RFC 3030) ---

void ClientSession::begin_chunks() {
  if (state_ != State::ready) return;
  data_phase_ = DataPhase::chunks;
  is_chunked_ = true;
  refusal_.reset();
}

bool ClientSession::may_send_chunk() const {
  if (data_phase_ != DataPhase::chunks || refusal_) return false;
  // A command that still waits goes first; and what the smarthost did not answer yet is bounded.
  return sent_count_ == queue_.size() && sent_count_ < kMaxChunksAhead && may_send_now(Sent::chunk);
}

// What is held, as the last chunk where the end of the mail data is known.
void ClientSession::send_chunk() {
  if (!may_send_chunk() || (held_data_.empty() && !is_end_held_)) return;
  if (sent_count_ == 0 && !replies_.is_empty()) {
    fail_later(base::Fault::peer_protocol, std::string(kUnasked));
    return;
  }
  output_.append("BDAT ");
  output_.append(std::to_string(held_data_.size()));
  output_.append(is_end_held_ ? " LAST\r\n" : "\r\n");
  output_.append(held_data_);
  if (is_end_held_) {
    drop_held_data();
    expect_verdict();
    return;
  }
  // Not kept for the next one: a client that pauses is not to hold an empty buffer.
  std::string().swap(held_data_);
  queue_.push_back({Sent::chunk, {}});
  mark_sent();
}

// A slow client's bytes do not wait here for long: to the smarthost the line must not seem dead.
std::optional<base::Instant> ClientSession::chunk_due() const {
  if (held_data_.empty() || is_end_held_ || !may_send_chunk()) return std::nullopt;
  return held_since_ + kMaxChunkHold;
}

ClientEvent ClientSession::on_chunk_reply(Reply reply) {
  const bool is_last_sent = sent_count_ > 0 && queue_[sent_count_ - 1].what == Sent::end_of_data;
  if (data_phase_ != DataPhase::chunks && !is_last_sent) {
    // Of mail data that was given up.
    flush_queue();
    return next_event();
  }
  if (!reply.is_positive() && !refusal_) {
    refusal_ = std::move(reply);
    std::string().swap(held_data_);
  }
  if (!refusal_) {
    if (held_data_.size() >= options_.chunk_size || is_end_held_) send_chunk();
    return next_event();
  }
  // The others are answered, too, unless this was the smarthost's last word.
  if (sent_count_ > 0 && refusal_->code != 421) return next_event();
  data_phase_ = DataPhase::none;
  is_end_held_ = false;
  return from_smarthost::Replied{Sent::end_of_data, *std::exchange(refusal_, std::nullopt)};
}

ClientEvent ClientSession::on_last_chunk_reply(Reply reply) {
  if (refusal_ && reply.is_positive()) {
    return fail(base::Fault::peer_protocol,
                "smarthost accepted mail data of which it had refused a part");
  }
  if (refusal_) reply = *std::exchange(refusal_, std::nullopt);
  // RFC 3030 2: RSET clears what refused chunks leave behind.
  is_in_transaction_ = !reply.is_positive();
  flush_queue();
  return from_smarthost::Replied{Sent::end_of_data, std::move(reply)};
}

}  // namespace smtp
