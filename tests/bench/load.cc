// Applications that send mail as old ones do: the near end of every measurement. One thread.
//
//     load --port N [--concurrency N] [--messages N] [--per-connection N] [--size BYTES]
//          [--first-id N] [--seconds N] [--timeout N] [--pipelining] [--host N]
//          [--idle N | --pause-after BYTES]
//          [--ca-file FILE --name NAME [--resume]]
//
// Sends until all messages are sent or --seconds are over, and prints one JSON object. With
// --ca-file it speaks STARTTLS itself and verifies.
//
// With --host its clients come from 127.0.0.N. With --idle that many clients connect, say EHLO and
// stay. With --pause-after each of the clients sends so much of a message and waits. Once all have
// come that far, or after kStall in which none has, it prints {"held": N, "waiting": N} and holds
// them until its input is closed. Then idle clients leave, and the others finish their messages,
// whose JSON object follows.
//
// What is not done after --timeout seconds has failed. Exits 1 if anything has.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <memory>

#include <getopt.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/load_client.h"
#include "bench/sockets.h"

namespace bench {
namespace {

constexpr long kConnectingAtOnce = 32;  // clients to hold: no more than any listener's backlog
constexpr std::chrono::seconds kStall{5};
constexpr std::uint64_t kInput = UINT64_MAX;

struct Options {
  Plan plan;
  long concurrency = 1;
  long seconds = 600;
  long timeout = 600;
  std::string ca_file;
  bool is_resuming = false;
  TlsContext tls;
  std::vector<Ticket> tickets;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        began_(Clock::now()),
        held_last_(began_),
        book_(options.plan, began_ + std::chrono::seconds(options.seconds)) {}

  // True: nothing failed.
  [[nodiscard]] bool run();

 private:
  void start_clients();
  void start_client(std::size_t slot, std::uint64_t id);
  void on_event(std::uint64_t slot);
  void advance(std::size_t slot);
  void count(Client::Status status, long change);
  void say_held();
  void let_go();
  void print();

  const Options& options_;
  Instant began_;
  Instant held_last_;  // when the last client so far was held
  bool has_said_held_ = false;
  Book book_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::size_t> free_;
  long connecting_ = 0;
  long going_ = 0;
  long held_ = 0;
};

bool Load::run() {
  const Instant deadline = began_ + std::chrono::seconds(options_.timeout);
  if (book_.is_holding()) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kInput}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  }
  std::vector<epoll_event> events(256);
  start_clients();
  while (book_.is_holding() || connecting_ + going_ + held_ > 0) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)].data.u64);
    start_clients();
    if (book_.is_holding()) say_held();
    if (Clock::now() > deadline) break;
  }
  for (const auto& client : clients_) {
    if (client) client->abandon("timed out");
  }
  if (!options_.plan.is_idle) print();
  return book_.failed() == 0;
}

void Load::start_clients() {
  while (book_.is_holding() ? connecting_ < kConnectingAtOnce
                            : connecting_ + going_ < options_.concurrency) {
    const std::optional<std::uint64_t> id = book_.take();
    if (!id) return;
    if (free_.empty()) {
      free_.push_back(clients_.size());
      clients_.emplace_back();
    }
    const std::size_t slot = free_.back();
    free_.pop_back();
    start_client(slot, *id);
  }
}

void Load::start_client(std::size_t slot, std::uint64_t id) {
  const Instant began = Clock::now();
  const int fd = connect_to_loopback(options_.plan.port, options_.plan.host);
  if (fd < 0) {
    free_.push_back(slot);
    book_.fail("no socket");
    return;
  }
  clients_[slot] = std::make_unique<Client>(fd, began, options_.plan, book_, id);
  count(clients_[slot]->status(), 1);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = slot}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Load::on_event(std::uint64_t slot) {
  if (slot == kInput) {
    let_go();
  } else if (clients_[slot]) {
    advance(slot);
  }
}

void Load::advance(std::size_t slot) {
  Client& client = *clients_[slot];
  const bool was_blocked = client.wants_to_write();
  count(client.status(), -1);
  client.advance();
  const Client::Status status = client.status();
  count(status, 1);
  if (status == Client::Status::over) {
    clients_[slot].reset();
    free_.push_back(slot);
    return;
  }
  if (client.wants_to_write() == was_blocked) return;
  epoll_event event{.events = was_blocked ? EPOLLIN : EPOLLIN | EPOLLOUT, .data = {.u64 = slot}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd(), &event);
}

void Load::count(Client::Status status, long change) {
  switch (status) {
    case Client::Status::connecting: connecting_ += change; break;
    case Client::Status::going: going_ += change; break;
    case Client::Status::held:
      held_ += change;
      held_last_ = Clock::now();
      break;
    case Client::Status::over: break;
  }
}

void Load::say_held() {
  const bool is_everybody = held_ == options_.plan.messages;
  if (has_said_held_ || (!is_everybody && Clock::now() < held_last_ + kStall)) return;
  has_said_held_ = true;
  std::printf("{\"held\": %ld, \"waiting\": %ld}\n", held_, connecting_ + going_);
  std::fflush(stdout);
}

void Load::let_go() {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
  book_.end_hold();
  for (std::size_t slot = 0; slot < clients_.size(); ++slot) {
    if (clients_[slot]) advance(slot);
  }
}

void Load::print() {
  const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  const double rate = static_cast<double>(book_.accepted()) / seconds;
  std::string why = book_.first_failure();
  std::replace_if(
      why.begin(), why.end(), [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\'; },
      ' ');
  const std::int64_t start = std::chrono::nanoseconds(began_.time_since_epoch()).count();
  std::printf(
      "{\"accepted\": %ld, \"failed\": %ld, \"why\": \"%s\", \"seconds\": %.6f, \"rate\": %.3f, "
      "\"mb_per_s\": %.3f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"start_ns\": %" PRId64 "}\n",
      book_.accepted(), book_.failed(), why.c_str(), seconds, rate,
      rate * static_cast<double>(options_.plan.size) / 1e6, book_.quantile(0.5),
      book_.quantile(0.99), start);
}

constexpr std::size_t kMaxTickets = 1000;

int keep_ticket(SSL* ssl, SSL_SESSION* session) {
  auto* tickets = static_cast<std::vector<Ticket>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (tickets->size() == kMaxTickets) return 0;
  tickets->emplace_back(session);
  return 1;
}

bool set_up_tls(Options& options) {
  if (options.ca_file.empty()) return !options.is_resuming;
  options.tls.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* tls = options.tls.get();
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  if (options.is_resuming) {
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    options.plan.tickets = &options.tickets;
    SSL_CTX_set_app_data(tls, &options.tickets);
    SSL_CTX_sess_set_new_cb(tls, keep_ticket);
  }
  options.plan.tls = tls;
  return SSL_CTX_load_verify_locations(tls, options.ca_file.c_str(), nullptr) == 1;
}

constexpr option kOptions[] = {{"port", required_argument, nullptr, 'p'},
                               {"concurrency", required_argument, nullptr, 'c'},
                               {"messages", required_argument, nullptr, 'm'},
                               {"per-connection", required_argument, nullptr, 'k'},
                               {"size", required_argument, nullptr, 's'},
                               {"first-id", required_argument, nullptr, 'f'},
                               {"seconds", required_argument, nullptr, 'd'},
                               {"timeout", required_argument, nullptr, 't'},
                               {"host", required_argument, nullptr, 'h'},
                               {"idle", required_argument, nullptr, 'i'},
                               {"pause-after", required_argument, nullptr, 'A'},
                               {"ca-file", required_argument, nullptr, 'a'},
                               {"name", required_argument, nullptr, 'n'},
                               {"pipelining", no_argument, nullptr, 'P'},
                               {"resume", no_argument, nullptr, 'R'},
                               {}};

// False: the option or its value is wrong.
bool set_option(int letter, Options& options) {
  const auto number = [](long least, long most, auto& target) {
    const std::optional<long> value = parse_number(optarg, least, most);
    if (value) target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
    return value.has_value();
  };
  switch (letter) {
    case 'p': return number(1, 65535, options.plan.port);
    case 'c': return number(1, 10'000, options.concurrency);
    case 'm': return number(1, 10'000'000, options.plan.messages);
    case 'k': return number(1, 1'000'000, options.plan.per_connection);
    case 's': return number(1, 1'000'000'000, options.plan.size);
    case 'f': return number(0, 1'000'000'000, options.plan.first_id);
    case 'd': return number(1, 3600, options.seconds);
    case 't': return number(1, 3600, options.timeout);
    case 'h': return number(1, 254, options.plan.host);
    case 'i': options.plan.is_idle = true; return number(1, 50'000, options.plan.messages);
    case 'A': return number(1, 1'000'000'000, options.plan.pause_after);
    case 'a': options.ca_file = optarg; return true;
    case 'n': options.plan.name = optarg; return true;
    case 'P': options.plan.is_pipelining = true; return true;
    case 'R': options.is_resuming = true; return true;
    default: return false;
  }
}

bool parse(int argc, char** argv, Options& options) {
  for (int letter = 0; (letter = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (!set_option(letter, options)) return false;
  }
  return optind == argc && options.plan.port != 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Options options;
  if (!bench::parse(argc, argv, options) || !bench::set_up_tls(options)) {
    std::fputs("load: wrong arguments; its source says what they are\n", stderr);
    return 64;
  }
  bench::raise_descriptor_limit();
  bench::bound_lifetime(static_cast<unsigned>(options.timeout) + 10);
  bench::Load load(options);
  return load.run() ? 0 : 1;
}
