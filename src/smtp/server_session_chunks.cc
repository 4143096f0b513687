// Mail data in chunks (BDAT, RFC 3030): see server_session.h.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "smtp/server_session.h"

namespace smtp {

// "n" or "n LAST".
std::optional<ServerSession::Chunk> ServerSession::parse_chunk(std::string_view argument) {
  Chunk chunk;
  const std::size_t digits = std::min(argument.find(' '), argument.size());
  const char* const end = argument.data() + digits;
  const auto [stop, error] = std::from_chars(argument.data(), end, chunk.size);
  if (error != std::errc() || stop != end) return std::nullopt;
  const std::string_view marker = base::trimmed(argument.substr(digits));
  chunk.is_last = base::iequals(marker, "LAST");
  if (!chunk.is_last && !marker.empty()) return std::nullopt;
  chunk.left = chunk.size;
  return chunk;
}

ServerEvent ServerSession::on_bdat(const SplitCommand& command) {
  // The chunk behind a BDAT that is not understood cannot be told from commands.
  if (!offered_.chunking || !may_use_extensions()) {
    say(Reply::make(502, "5.5.1", "BDAT was not offered"));
    return finish("client sent BDAT, which was not offered");
  }
  use_extension();
  chunk_ = parse_chunk(command.argument);
  if (!chunk_) return on_unreadable_bdat();
  chunk_->refusal = chunk_failure_ ? chunk_failure_ : refusal_of_data();
  if (chunk_->refusal) {
    const bool was_open = has_mail_;
    fail_chunks(*chunk_->refusal);
    grant_time(last_progress_);
    open_mail_data();
    return was_open ? ServerEvent(from_client::Reset{}) : ServerEvent(NeedMore{});
  }
  if (!chunks_) {
    chunks_.emplace(is_binary_);
    owed_ = Owed::data;
    return from_client::Data{true};
  }
  open_mail_data();
  return NeedMore{};
}

ServerEvent ServerSession::on_unreadable_bdat() {
  say(Reply::make(501, "5.5.4", "BDAT needs the chunk's size, and nothing else but LAST"));
  return finish("client sent a BDAT without a size");
}

// The mail is over; only MAIL, RSET or EHLO begins another.
void ServerSession::fail_chunks(const Reply& reply) {
  const Reply why = reply;
  end_transaction();
  chunk_failure_ = why;
}

// The first chunk may come, or must be thrown away.
void ServerSession::settle_chunk(const Reply& reply) {
  owed_ = Owed::nothing;
  is_data_refused_ = false;
  if (!reply.is_intermediate()) {
    chunk_->refusal = reply;
    fail_chunks(reply);
  }
  grant_time(last_progress_);
  open_mail_data();
}

std::size_t ServerSession::decode_chunk(std::string_view bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), chunk_->left));
  chunk_->left -= count;
  if (!chunk_->refusal) {
    chunks_->receive(bytes.substr(0, count), decoded_);
    if (chunk_->left == 0 && chunk_->is_last) chunks_->end(decoded_);
  }
  return count;
}

ServerEvent ServerSession::end_chunk() {
  const Chunk chunk = *std::exchange(chunk_, std::nullopt);
  std::string().swap(decoded_);
  state_ = State::commands;
  if (chunk.refusal) {
    ++errors_;
    say(*chunk.refusal);
    return next_command();
  }
  if (chunk.size == 0 && !chunk.is_last) count_junk();
  if (chunk.is_last) {
    owed_ = Owed::end_of_data;
    return from_client::EndOfData{chunk.size};
  }
  owed_ = Owed::chunk;
  return from_client::EndOfChunk{chunk.size};
}

}  // namespace smtp
