// A smarthost that accepts everything: the far end of every measurement. One thread.
//
//     sink --certificate FILE --key FILE [--delay-ms N] [--tls-max 1.2] [--lifetime SECONDS]
//
// It listens on a loopback port of the system's choice. Every line of output is a JSON object: the
// port first; then what was counted since the start, on SIGUSR1, and on SIGTERM before it ends.
// With a delay every flight of answers leaves that much later, and the greeting twice as much
// later, because over such a distance connecting takes a round trip too.
#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <getopt.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/channel.h"
#include "bench/sink_session.h"
#include "bench/sockets.h"

namespace bench {
namespace {

constexpr std::size_t kBufferSize = 262'144;
constexpr std::size_t kTlsReadAhead = 65'536;  // a few records a system call

struct Options {
  std::string certificate;
  std::string key;
  std::chrono::milliseconds delay{0};
  int tls_max = 0;  // 0: what OpenSSL has
  unsigned lifetime = 3600;
};

struct Connection {
  Connection(int fd, Counters& counters) : channel(fd), session(counters) {}
  Channel channel;
  SinkSession session;
  std::string rest;  // what the session left, until more comes
  Instant timer{};   // for which a wakeup is already ordered
  std::uint32_t interest = EPOLLIN;
};

class Sink {
 public:
  Sink(const Options& options, SSL_CTX* tls) : options_(options), tls_(tls) {}

  // False: errno says why not.
  [[nodiscard]] bool open();
  void run();

 private:
  using Id = std::uint64_t;
  static constexpr Id kListener = 0, kSignals = 1, kTimer = 2, kFirstConnection = 3;

  void watch(int fd, Id id, std::uint32_t events, int operation = EPOLL_CTL_ADD) const;
  void on_event(Id id);
  void on_signal();
  void on_timer();
  void accept_all();
  [[nodiscard]] bool advance(Connection& connection);
  [[nodiscard]] bool read(Connection& connection);
  void start_tls(Connection& connection);
  // True: the connection stays.
  [[nodiscard]] bool write(Id id, Connection& connection);
  void order_wakeup(Id id, Connection& connection);
  void arm_timer() const;
  void print_counters() const;

  Options options_;
  SSL_CTX* tls_;
  int epoll_ = -1, listener_ = -1, signals_ = -1, timer_ = -1;
  bool is_running_ = true;
  Id next_id_ = kFirstConnection;
  Counters counters_;
  std::unordered_map<Id, std::unique_ptr<Connection>> connections_;
  std::priority_queue<std::pair<Instant, Id>, std::vector<std::pair<Instant, Id>>, std::greater<>>
      wakeups_;
  std::vector<char> buffer_ = std::vector<char>(kBufferSize);
};

bool Sink::open() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  listener_ = listen_on_loopback();
  if (listener_ < 0 || signals_ < 0 || timer_ < 0 || epoll_ < 0) return false;
  watch(listener_, kListener, EPOLLIN);
  watch(signals_, kSignals, EPOLLIN);
  watch(timer_, kTimer, EPOLLIN);
  std::printf("{\"port\": %d}\n", port_of(listener_));
  std::fflush(stdout);
  return true;
}

void Sink::run() {
  std::vector<epoll_event> events(512);
  while (is_running_) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)].data.u64);
  }
  print_counters();
}

void Sink::watch(int fd, Id id, std::uint32_t events, int operation) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  epoll_ctl(epoll_, operation, fd, &event);
}

void Sink::on_event(Id id) {
  if (id == kListener) return accept_all();
  if (id == kSignals) return on_signal();
  if (id == kTimer) return on_timer();
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (!advance(connection) || !write(id, connection)) connections_.erase(found);
}

void Sink::on_signal() {
  signalfd_siginfo signal{};
  while (::read(signals_, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGUSR1) {
      print_counters();
    } else {
      is_running_ = false;
    }
  }
}

void Sink::on_timer() {
  std::uint64_t expirations = 0;
  (void)!::read(timer_, &expirations, sizeof expirations);
  while (!wakeups_.empty() && wakeups_.top().first <= Clock::now()) {
    const Id id = wakeups_.top().second;
    wakeups_.pop();
    const auto found = connections_.find(id);
    if (found != connections_.end() && !write(id, *found->second)) connections_.erase(found);
  }
  arm_timer();
}

void Sink::accept_all() {
  for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
    const Id id = next_id_++;
    ++counters_.connections;
    auto connection = std::make_unique<Connection>(fd, counters_);
    watch(fd, id, EPOLLIN);
    connection->channel.send(connection->session.take_replies());
    connection->channel.end_flight(Clock::now() + 2 * options_.delay);
    if (write(id, *connection)) connections_.emplace(id, std::move(connection));
  }
}

// False: the connection is over.
bool Sink::advance(Connection& connection) {
  Channel& channel = connection.channel;
  if (channel.is_shaking_hands()) {
    if (!channel.shake_hands()) {
      ++counters_.failed_handshakes;
      return false;
    }
    if (channel.is_sealed()) {
      ++(channel.is_resumed() ? counters_.resumed_handshakes : counters_.full_handshakes);
      connection.session.begin_sealed();
    }
  }
  const bool is_alive = channel.is_shaking_hands() || read(connection);
  channel.end_flight(Clock::now() + options_.delay);
  return is_alive;
}

bool Sink::read(Connection& connection) {
  std::string& rest = connection.rest;
  while (connection.session.next() == SinkSession::Next::more) {
    std::copy(rest.begin(), rest.end(), buffer_.begin());
    const std::size_t room = buffer_.size() - rest.size();
    const long got = connection.channel.receive(buffer_.data() + rest.size(), room);
    if (got < 0) return false;
    if (got == 0) return true;
    const std::string_view bytes(buffer_.data(), rest.size() + static_cast<std::size_t>(got));
    const std::size_t taken = connection.session.receive(bytes);
    rest = bytes.substr(taken);
    connection.channel.send(connection.session.take_replies());
    if (connection.session.next() == SinkSession::Next::start_tls) {
      // What stands behind STARTTLS in plaintext is an attack or a mistake (RFC 3207 6).
      if (!rest.empty()) return false;
      start_tls(connection);
      return true;
    }
    if (connection.session.next() == SinkSession::Next::close) connection.channel.say_goodbye();
    if (static_cast<std::size_t>(got) < room) return true;
  }
  return true;
}

void Sink::start_tls(Connection& connection) {
  connection.channel.end_flight(Clock::now() + options_.delay);
  connection.channel.start_tls(tls_, Role::server);
}

bool Sink::write(Id id, Connection& connection) {
  Channel& channel = connection.channel;
  if (!channel.flush(Clock::now())) return false;
  const bool is_closing = connection.session.next() == SinkSession::Next::close;
  const std::uint32_t interest =
      (is_closing ? 0U : EPOLLIN) | (channel.is_blocked() ? EPOLLOUT : 0U);
  if (std::exchange(connection.interest, interest) != interest) {
    watch(channel.fd(), id, interest, EPOLL_CTL_MOD);
  }
  if (!channel.has_output()) return !is_closing;
  if (!channel.is_blocked()) order_wakeup(id, connection);
  return true;
}

void Sink::order_wakeup(Id id, Connection& connection) {
  const Instant due = connection.channel.next_due();
  if (connection.timer == due) return;
  connection.timer = due;
  const bool is_first = wakeups_.empty() || due < wakeups_.top().first;
  wakeups_.emplace(due, id);
  if (is_first) arm_timer();
}

void Sink::arm_timer() const {
  itimerspec when{};
  if (!wakeups_.empty()) {
    const auto ns = std::chrono::nanoseconds(wakeups_.top().first.time_since_epoch()).count();
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
  }
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void Sink::print_counters() const {
  const std::pair<const char*, std::uint64_t> fields[] = {
      {"connections", counters_.connections},
      {"full_handshakes", counters_.full_handshakes},
      {"resumed_handshakes", counters_.resumed_handshakes},
      {"failed_handshakes", counters_.failed_handshakes},
      {"messages", counters_.messages},
      {"plaintext_messages", counters_.plaintext_messages},
      {"duplicates", counters_.duplicates},
      {"bytes", counters_.bytes},
      {"last_ns", static_cast<std::uint64_t>(counters_.last_ns)}};
  const char* separator = "{";
  for (const auto& [name, value] : fields) {
    std::printf("%s\"%s\": %" PRIu64, separator, name, value);
    separator = ", ";
  }
  std::printf("}\n");
  std::fflush(stdout);
}

TlsContext make_tls(const Options& options) {
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* tls = context.get();
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(tls, options.tls_max);
  SSL_CTX_set_read_ahead(tls, 1);
  SSL_CTX_set_default_read_buffer_len(tls, kTlsReadAhead);
  static constexpr unsigned char kContext[] = "sink";
  SSL_CTX_set_session_id_context(tls, kContext, sizeof kContext - 1);
  const bool is_usable =
      SSL_CTX_use_certificate_chain_file(tls, options.certificate.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(tls, options.key.c_str(), SSL_FILETYPE_PEM) == 1;
  return is_usable ? std::move(context) : nullptr;
}

bool parse(int argc, char** argv, Options& options) {
  static constexpr option kOptions[] = {{"certificate", required_argument, nullptr, 'c'},
                                        {"key", required_argument, nullptr, 'k'},
                                        {"delay-ms", required_argument, nullptr, 'd'},
                                        {"tls-max", required_argument, nullptr, 't'},
                                        {"lifetime", required_argument, nullptr, 'l'},
                                        {}};
  for (int letter = 0; (letter = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    std::optional<long> number = 0;
    switch (letter) {
      case 'c': options.certificate = optarg; break;
      case 'k': options.key = optarg; break;
      case 'd':
        number = parse_number(optarg, 0, 10'000);
        options.delay = std::chrono::milliseconds(number.value_or(0));
        break;
      case 't':
        if (std::string_view(optarg) != "1.2") return false;
        options.tls_max = TLS1_2_VERSION;
        break;
      case 'l':
        number = parse_number(optarg, 1, 86'400);
        options.lifetime = static_cast<unsigned>(number.value_or(0));
        break;
      default: return false;
    }
    if (!number) return false;
  }
  return optind == argc && !options.certificate.empty() && !options.key.empty();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Options options;
  if (!bench::parse(argc, argv, options)) {
    std::fputs("sink: wrong arguments; its source says what they are\n", stderr);
    return 64;
  }
  bench::raise_descriptor_limit();
  bench::bound_lifetime(options.lifetime);
  const bench::TlsContext tls = bench::make_tls(options);
  if (tls == nullptr) {
    std::fputs("sink: certificate or key cannot be used\n", stderr);
    return 78;
  }
  bench::Sink sink(options, tls.get());
  if (!sink.open()) {
    std::perror("sink");
    return 71;
  }
  sink.run();
  return 0;
}
