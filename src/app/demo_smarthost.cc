// See demo_smarthost.h.
#include "app/demo_smarthost.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tls/authority.h"

namespace app {

namespace {

constexpr std::size_t kMaxConnections = 200;
constexpr std::size_t kMaxKeptExchanges = 32;
constexpr std::size_t kMaxKeptMessages = 16;
// Replies a client does not read: above this its commands wait.
constexpr std::size_t kMaxWaitingReplies = 64 * 1024;
constexpr base::Duration kIdleTimeout = std::chrono::minutes(5);  // RFC 5321 4.5.3.2.7
constexpr base::Duration kCloseLinger = std::chrono::seconds(2);
constexpr base::Duration kCertificateLife = std::chrono::hours(24 * 30);
constexpr char kTlsHandshakeRecord = 0x16;  // RFC 8446 5.1

}  // namespace

// One client, from its greeting to its end.
class DemoSmarthost::Connection final : net::StreamEvents, net::TimerEvents {
 public:
  Connection(DemoSmarthost& owner, net::TcpStream stream)
      : recorder(owner.counter_, 1),
        owner_(owner),
        timer_(owner.loop_, *this),
        stream_(std::move(stream)),
        peer_(stream_->peer().to_string()),
        session_(std::string(kName), stream_->peer().host(), owner.queue_counter_) {}

  void start() {
    if (!stream_->start(*this)) {
      finish();
      return;
    }
    converse();
  }

  [[nodiscard]] bool is_finished() const { return !stream_.has_value(); }
  [[nodiscard]] const std::string& peer() const { return peer_; }

  Recorder recorder;

 private:
  void on_read(std::string_view bytes) override {
    if (is_finished()) return;
    if (engine_) {
      engine_->receive(bytes);
      pump_tls();
    } else if (is_fresh_ && bytes.front() == kTlsHandshakeRecord) {
      recorder.on_note("(TLS from the first byte: this smarthost wants STARTTLS)");
      finish();
      return;
    } else {
      is_fresh_ = false;
      hear(bytes);
    }
    converse();
  }

  void on_eof() override {
    if (is_finished()) return;
    if (engine_) engine_->receive_eof();
    finish();
  }

  void on_error(const base::Error&) override { finish(); }

  void on_drained() override {
    if (!is_finished()) stream_->resume_reading();
  }

  void on_timer() override {
    if (is_finished()) return;
    session_.on_idle();
    converse();
  }

  void hear(std::string_view plaintext) {
    recorder.on_client(plaintext);
    session_.receive(plaintext, net::Loop::wall_now());
  }

  void pump_tls() {
    if (!is_tls_up_ && engine_->state() == tls::State::established) {
      is_tls_up_ = true;
      ++owner_.handshakes_;
      const tls::SessionInfo& info = engine_->info();
      const std::string summary = info.version + " " + info.cipher;
      // One round trip (RFC 8446 2), two before TLS 1.3 (RFC 5246 7.3).
      recorder.on_tls(summary, info.version == "TLSv1.3" ? 1 : 2);
      session_.tls_established(summary);
    }
    const std::string plaintext(engine_->plaintext());
    engine_->consume_plaintext(plaintext.size());
    if (!plaintext.empty()) hear(plaintext);
  }

  // Says what there is to say, and sees what follows from what was heard.
  void converse() {
    const std::string output = session_.take_output();
    recorder.on_server(output);
    if (is_tls_up_) {
      if (!output.empty()) engine_->send(output);
    } else if (!output.empty()) {
      stream_->write(output);
    }
    if (session_.is_tls_wanted() && !engine_) engine_ = owner_.tls_->make_engine();
    if (engine_) {
      const std::string ciphertext(engine_->output());
      engine_->consume_output(ciphertext.size());
      stream_->write(ciphertext);
    }
    while (std::optional<DemoMessage> message = session_.take_message()) {
      owner_.keep(*std::move(message));
    }
    if (engine_ && engine_->state() == tls::State::failed) {
      recorder.on_note("(" + engine_->error().detail + ")");
      finish();
      return;
    }
    if (session_.is_finished() || (engine_ && engine_->state() == tls::State::closed)) {
      finish();
      return;
    }
    if (stream_->queued() > kMaxWaitingReplies) stream_->pause_reading();
    timer_.arm(owner_.loop_.now() + kIdleTimeout);
    owner_.report(*this);
  }

  void finish() {
    if (is_finished()) return;
    timer_.arm(std::nullopt);
    if (is_tls_up_) {
      engine_->close();
      stream_->write(engine_->output());
    }
    net::TcpStream::close_after_flush(std::move(*stream_), kCloseLinger);
    stream_.reset();
    recorder.on_close();
    owner_.reaper_.arm(owner_.loop_.now());
    owner_.report(*this);
  }

  DemoSmarthost& owner_;
  net::Timer timer_;
  std::optional<net::TcpStream> stream_;
  std::string peer_;
  DemoSmarthostSession session_;
  std::unique_ptr<tls::Engine> engine_;
  bool is_fresh_ = true;
  bool is_tls_up_ = false;
};

DemoSmarthost::DemoSmarthost(net::Loop& loop, std::uint64_t& counter, DemoSmarthostEvents& events)
    : loop_(loop), counter_(counter), events_(events), reaper_(loop, *this) {}

DemoSmarthost::~DemoSmarthost() = default;

base::Result<void> DemoSmarthost::start(const net::SocketAddress& address) {
  if (const auto made = make_certificate(address); !made) return made.error();
  auto opened = net::Listener::open(loop_, address, *this);
  if (!opened) return opened.error();
  listener_ = std::move(opened).value();
  return {};
}

base::Result<void> DemoSmarthost::make_certificate(const net::SocketAddress& address) {
  const base::WallTime now = net::Loop::wall_now();
  auto authority = tls::Authority::make("smtpseal demo authority", now);
  if (!authority) return authority.error();
  tls::CertificateRequest request;
  request.common_name = std::string(kName);
  request.dns_names = {std::string(kName), "localhost"};
  request.ip_addresses = {"127.0.0.1", "::1"};
  if (!address.is_unspecified() && !address.is_loopback()) {
    request.ip_addresses.push_back(address.host());
  }
  request.not_before = now - std::chrono::hours(1);
  request.not_after = now + kCertificateLife;
  auto issued = (*authority)->issue(request);
  if (!issued) return issued.error();
  ca_pem_ = (*authority)->certificate_pem();
  tls::ServerOptions options;
  options.certificate_pem = issued->certificate_pem;
  options.key_pem = issued->key_pem;
  auto made = tls::make_server_context(options);
  if (!made) return made.error();
  tls_ = std::move(made).value();
  return {};
}

void DemoSmarthost::on_accept(net::TcpStream stream) {
  if (connections_.size() >= kMaxConnections) return;  // the stream closes as it goes
  connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
  connections_.back()->start();
}

// The listener tries again by itself; there is nobody to tell.
void DemoSmarthost::on_accept_error(const base::Error&) {}

void DemoSmarthost::on_timer() {
  std::erase_if(connections_, [](const auto& connection) { return connection->is_finished(); });
}

void DemoSmarthost::keep(DemoMessage message) {
  messages_.push_back(std::move(message));
  if (messages_.size() > kMaxKeptMessages) messages_.pop_front();
}

void DemoSmarthost::report(Connection& connection) {
  while (std::optional<Exchange> exchange = connection.recorder.take_finished()) {
    exchanges_.push_back(*exchange);
    if (exchanges_.size() > kMaxKeptExchanges) exchanges_.pop_front();
    events_.on_smarthost_exchange(connection.peer(), *exchange);
  }
}

std::optional<Exchange> DemoSmarthost::take_exchange(std::string_view verdict,
                                                     std::string_view reverse_path) {
  for (const std::string_view wanted : {verdict, std::string_view()}) {
    const auto found =
        std::find_if(exchanges_.rbegin(), exchanges_.rend(), [&](const Exchange& exchange) {
          return exchange.verdict == wanted && exchange.reverse_path == reverse_path;
        });
    if (found == exchanges_.rend()) continue;
    Exchange exchange = std::move(*found);
    exchanges_.erase(std::next(found).base());
    return exchange;
  }
  for (const auto& connection : connections_) {
    if (connection->recorder.current().reverse_path != reverse_path) continue;
    return connection->recorder.take_current();
  }
  return std::nullopt;
}

}  // namespace app
