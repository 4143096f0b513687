// See wire.h.
#include "app/wire.h"

#include <utility>

#include "net/unix_connect.h"

namespace app {

namespace {

// How long the peer may take to read our last bytes before the connection is cut.
constexpr base::Duration kCloseLinger = std::chrono::seconds(2);

// Wakes the loop at a deadline.
class Alarm final : net::TimerEvents {
 public:
  Alarm(net::Loop& loop, base::Instant deadline) : timer_(loop, *this) { timer_.arm(deadline); }
  [[nodiscard]] bool has_rung() const { return has_rung_; }

 private:
  void on_timer() override { has_rung_ = true; }

  bool has_rung_ = false;
  net::Timer timer_;
};

}  // namespace

bool run_until(net::Loop& loop, base::Instant deadline, const std::function<bool()>& is_done) {
  if (is_done()) return true;
  const Alarm alarm(loop, deadline);
  while (!alarm.has_rung() && !is_done()) loop.run_once();
  return is_done();
}

void WaitNote::show(std::string_view what, base::Duration most) {
  if (out_ == nullptr) return;
  clear();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(most).count();
  const std::string text =
      "waiting for " + std::string(what) + ", up to " + std::to_string(seconds) + " s";
  *out_ << text << std::flush;
  width_ = text.size();
}

void WaitNote::clear() {
  if (width_ == 0) return;
  *out_ << '\r' << std::string(std::exchange(width_, 0), ' ') << '\r' << std::flush;
}

std::string without_address(std::string_view words, const std::string& host, std::uint16_t port) {
  const std::string where = host + ":" + std::to_string(port) + ": ";
  if (words.starts_with(where)) words.remove_prefix(where.size());
  if (words.starts_with(host + " ")) words.remove_prefix(host.size() + 1);
  return std::string(words);
}

void Wire::connect(const std::string& host, std::uint16_t port, base::Duration timeout) {
  begun_ = loop_.now();
  connector_ = net::Connector::connect(loop_, host, port, timeout, *this);
}

void Wire::connect(const net::SocketAddress& address, base::Duration timeout) {
  if (!address.is_unix()) return connect(address.host(), address.port, timeout);
  begun_ = loop_.now();
  auto connected = net::connect_unix(loop_, address);
  if (connected) {
    on_connected(std::move(connected).value());
  } else {
    on_connect_failed(connected.error());
  }
}

base::Result<void> Wire::await_open() {
  // The connector has a time-out of its own: this one is only there to have one.
  constexpr base::Duration kLongest = std::chrono::hours(1);
  run_until(loop_, loop_.now() + kLongest, [this] { return !is_connecting(); });
  finished_.reset();
  if (stream_) return {};
  return error_.value_or(base::Error{base::Fault::unreachable, "no connection was made"});
}

void Wire::on_connected(net::TcpStream stream) {
  settled_ = loop_.now();
  finished_ = std::move(connector_);
  stream_.emplace(std::move(stream));
  if (const auto started = stream_->start(*this); !started) {
    error_ = started.error();
    stream_.reset();
  }
}

void Wire::on_connect_failed(const base::Error& error) {
  settled_ = loop_.now();
  finished_ = std::move(connector_);
  error_ = error;
}

void Wire::on_read(std::string_view bytes) {
  last_input_ = loop_.now();
  input_.append(bytes);
  if (input_.size() > kMaxUnread) stream_->pause_reading();
}

void Wire::on_error(const base::Error& error) {
  error_ = error;
  has_ended_ = true;
}

Wire::Heard Wire::await_input(base::Instant deadline) {
  run_until(loop_, deadline,
            [this] { return !input_.empty() || has_ended_ || !stream_.has_value(); });
  if (!input_.empty()) return Heard::bytes;
  return has_ended_ || !stream_ ? Heard::end : Heard::silence;
}

std::string Wire::take_input() {
  if (stream_ && !stream_->is_reading() && !has_ended_) stream_->resume_reading();
  return std::exchange(input_, {});
}

void Wire::write(std::string_view bytes) {
  if (stream_ && !bytes.empty()) stream_->write(bytes);
}

void Wire::close() {
  connector_.reset();
  if (!stream_) return;
  net::TcpStream::close_after_flush(std::move(*stream_), kCloseLinger);
  stream_.reset();
}

long long Wire::connect_milliseconds() const {
  return base::milliseconds_between(begun_, settled_);
}

}  // namespace app
