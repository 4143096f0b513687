// See demo_tap.h.
#include "app/demo_tap.h"

#include <optional>
#include <utility>

#include "net/connector.h"

namespace app {

namespace {

constexpr std::size_t kMaxSessions = 200;
// Octets one side has not taken yet: above this the other is not read.
constexpr std::size_t kHighWater = 256 * 1024;
constexpr base::Duration kConnectTimeout = std::chrono::seconds(5);
constexpr base::Duration kCloseLinger = std::chrono::seconds(2);
// A client that closed its half may still wait for replies; smtpseal is not told, and is left once
// it has been silent for this long.
constexpr base::Duration kHalfClosedTimeout = std::chrono::seconds(2);

}  // namespace

class DemoTap::Session final : net::ConnectorEvents, net::TimerEvents {
 public:
  Session(DemoTap& owner, net::TcpStream client)
      : recorder(owner.counter_, 1), owner_(owner), timer_(owner.loop_, *this) {
    client_.stream.emplace(std::move(client));
  }

  void start() {
    recorder.on_note("(connects)");
    connector_ = net::Connector::connect(owner_.loop_, owner_.target_.host(), owner_.target_.port,
                                         kConnectTimeout, *this);
  }

  [[nodiscard]] bool is_finished() const { return is_finished_; }

  Recorder recorder;

 private:
  // One of the two streams; what it reads goes to the other.
  struct Side final : net::StreamEvents {
    Side(Session& of, bool client) : session(of), is_client(client) {}

    void on_read(std::string_view bytes) override { session.pass_on(*this, bytes); }
    void on_eof() override { session.on_side_closed(*this); }
    void on_error(const base::Error&) override { session.finish(); }
    void on_drained() override { session.other(*this).resume(); }

    void resume() {
      if (stream) stream->resume_reading();
    }

    Session& session;
    bool is_client;
    std::optional<net::TcpStream> stream;
  };

  [[nodiscard]] Side& other(const Side& side) { return side.is_client ? server_ : client_; }

  void on_connected(net::TcpStream stream) override {
    server_.stream.emplace(std::move(stream));
    if (!server_.stream->start(server_) || !client_.stream->start(client_)) finish();
  }

  void on_connect_failed(const base::Error& error) override {
    recorder.on_note("(smtpseal does not answer: " + error.detail + ")");
    finish();
  }

  void on_timer() override { finish(); }

  void pass_on(Side& from, std::string_view bytes) {
    if (is_finished_) return;
    if (from.is_client) {
      recorder.on_client(bytes);
    } else {
      recorder.on_server(bytes);
      if (is_half_closed_) timer_.arm(owner_.loop_.now() + kHalfClosedTimeout);
    }
    Side& to = other(from);
    to.stream->write(bytes);
    if (to.stream->queued() > kHighWater) from.stream->pause_reading();
    owner_.report(*this);
  }

  void on_side_closed(Side& side) {
    if (!side.is_client) {
      finish();
      return;
    }
    is_half_closed_ = true;
    timer_.arm(owner_.loop_.now() + kHalfClosedTimeout);
  }

  void finish() {
    if (std::exchange(is_finished_, true)) return;
    timer_.arm(std::nullopt);
    connector_.reset();
    for (Side* side : {&client_, &server_}) {
      if (!side->stream) continue;
      net::TcpStream::close_after_flush(std::move(*side->stream), kCloseLinger);
      side->stream.reset();
    }
    recorder.on_close();
    owner_.reaper_.arm(owner_.loop_.now());
    owner_.report(*this);
  }

  DemoTap& owner_;
  net::Timer timer_;
  std::unique_ptr<net::Connector> connector_;
  Side client_{*this, true};
  Side server_{*this, false};
  bool is_half_closed_ = false;
  bool is_finished_ = false;
};

DemoTap::DemoTap(net::Loop& loop, std::uint64_t& counter, DemoTapEvents& events)
    : loop_(loop), counter_(counter), events_(events), reaper_(loop, *this) {}

DemoTap::~DemoTap() = default;

base::Result<void> DemoTap::start(const net::SocketAddress& target) {
  target_ = target;
  auto address = net::parse_ip("127.0.0.1", 0);
  if (!address) return address.error();
  auto opened = net::Listener::open(loop_, *address, *this);
  if (!opened) return opened.error();
  listener_ = std::move(opened).value();
  return {};
}

void DemoTap::on_accept(net::TcpStream stream) {
  if (sessions_.size() >= kMaxSessions) return;  // the stream closes as it goes
  sessions_.push_back(std::make_unique<Session>(*this, std::move(stream)));
  sessions_.back()->start();
}

// The listener tries again by itself; there is nobody to tell.
void DemoTap::on_accept_error(const base::Error&) {}

void DemoTap::on_timer() {
  std::erase_if(sessions_, [](const auto& session) { return session->is_finished(); });
}

void DemoTap::report(Session& session) {
  while (const std::optional<Exchange> exchange = session.recorder.take_finished()) {
    events_.on_client_exchange(*exchange);
  }
}

}  // namespace app
