// See check_walk.h.
#include "app/check_walk.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "app/check_advice.h"
#include "app/check_conversation.h"
#include "app/wire.h"

namespace app {

namespace {

// A system sends its first segment again after 1, 3 and 7 seconds: silent for longer is dead.
constexpr base::Duration kConnectPatience = std::chrono::seconds(15);
// How long a port that gave no greeting may take to answer a TLS handshake.
constexpr base::Duration kProbePatience = std::chrono::seconds(5);
// A name with more addresses than this is looked at in its first ones only.
constexpr std::size_t kMaxAddresses = 16;

base::Result<std::unique_ptr<tls::ClientContext>> make_context(const config::Smarthost& smarthost) {
  tls::ClientOptions options = smarthost.tls;
  if (options.verify_name.empty()) options.verify_name = smarthost.hosts.front();
  return tls::make_client_context(options);
}

// The same, content with any certificate and any version: only ever to look, never for mail.
config::Smarthost undemanding(config::Smarthost smarthost) {
  smarthost.tls.level = tls::Level::encrypt;
  smarthost.tls.min_version = tls::Version::tls12;
  return smarthost;
}

config::Smarthost in_other_mode(config::Smarthost smarthost) {
  const bool is_implicit = smarthost.mode == config::Mode::implicit;
  smarthost.mode = is_implicit ? config::Mode::starttls : config::Mode::implicit;
  // Implicit TLS has no weaker levels than encrypt.
  const bool is_weak =
      smarthost.tls.level == tls::Level::none || smarthost.tls.level == tls::Level::may;
  if (is_weak) smarthost.tls.level = tls::Level::verify;
  return smarthost;
}

class Lookup final : net::ResolverEvents {
 public:
  Lookup(net::Loop& loop, const config::Smarthost& smarthost)
      : resolver_(net::Resolver::resolve(loop, smarthost.hosts.front(), smarthost.port, *this)) {}

  [[nodiscard]] bool is_done() const { return is_done_; }
  std::vector<base::SocketAddress> addresses;
  std::optional<base::Error> error;

 private:
  void on_resolved(std::vector<net::SocketAddress> found) override {
    addresses = std::move(found);
    is_done_ = true;
  }
  void on_resolve_failed(const base::Error& why) override {
    error = why;
    is_done_ = true;
  }

  bool is_done_ = false;
  std::unique_ptr<net::Resolver> resolver_;
};

class Walk {
 public:
  Walk(net::Loop& loop, const std::string& hostname, CheckFindings& findings,
       const CheckFollower& follower)
      : loop_(loop), hostname_(hostname), findings_(findings), follower_(follower) {}

  // Each returns whether the next one makes sense.
  bool prepare();
  bool look_up();
  bool connect();
  void talk();

 private:
  [[nodiscard]] CheckConversation talk_on(Wire& wire, const config::Smarthost& smarthost,
                                          tls::ClientContext* context, bool probes_silence);
  [[nodiscard]] std::optional<CheckConversation> talk_again(const config::Smarthost& smarthost);
  [[nodiscard]] bool answers_tls();
  void look_further();

  net::Loop& loop_;
  const std::string& hostname_;
  CheckFindings& findings_;
  const CheckFollower& follower_;
  std::unique_ptr<tls::ClientContext> context_;
  std::vector<std::unique_ptr<Wire>> wires_;  // one an address
  Wire* walked_ = nullptr;
};

bool Walk::prepare() {
  if (findings_.smarthost.tls.level == tls::Level::none) return true;
  auto made = make_context(findings_.smarthost);
  if (!made) {
    findings_.trust_error = made.error();
    return false;
  }
  context_ = std::move(made).value();
  findings_.trust_source = context_->trust_source();
  return true;
}

bool Walk::look_up() {
  const base::Instant begun = loop_.now();
  follower_.on_wait("the DNS", kCheckPatience);
  Lookup lookup(loop_, findings_.smarthost);
  const bool is_done = run_until(loop_, begun + kCheckPatience, [&] { return lookup.is_done(); });
  findings_.lookup_milliseconds = base::milliseconds_between(begun, loop_.now());
  findings_.addresses = std::move(lookup.addresses);
  findings_.lookup_error = std::move(lookup.error);
  if (!is_done) {
    findings_.lookup_error = {base::Fault::unreachable,
                              findings_.smarthost.hosts.front() + ": look-up failed: no answer"};
  }
  if (findings_.addresses.size() > kMaxAddresses) findings_.addresses.resize(kMaxAddresses);
  return !findings_.lookup_error;
}

// All at once: a dead address must not keep the others waiting.
bool Walk::connect() {
  const base::Duration patience = std::min(findings_.smarthost.connect_timeout, kConnectPatience);
  follower_.on_wait("a connection", patience);
  for (const base::SocketAddress& address : findings_.addresses) {
    wires_.push_back(std::make_unique<Wire>(loop_));
    wires_.back()->connect(address.host(), address.port, patience);
  }
  for (std::size_t i = 0; i < wires_.size(); ++i) {
    Wire& wire = *wires_[i];
    const auto opened = wire.await_open();
    CheckConnect connect{findings_.addresses[i], std::nullopt, wire.connect_milliseconds()};
    if (!opened) connect.error = opened.error();
    findings_.connects.push_back(std::move(connect));
    if (!opened) continue;
    if (walked_ == nullptr) {
      walked_ = &wire;
      findings_.walked = findings_.addresses[i];
    } else {
      wire.close();
    }
  }
  return walked_ != nullptr;
}

CheckConversation Walk::talk_on(Wire& wire, const config::Smarthost& smarthost,
                                tls::ClientContext* context, bool probes_silence) {
  CheckTalk talk(loop_, wire, smarthost, hostname_, context);
  talk.on_wait = follower_.on_wait;
  if (probes_silence) {
    talk.on_silence = [this] {
      follower_.on_wait("an answer to TLS, as there is no greeting", kProbePatience);
      findings_.is_tls_where_plaintext_was_expected = answers_tls();
      return findings_.is_tls_where_plaintext_was_expected;
    };
  }
  return talk.hold();
}

// On a connection of its own to the same address; nothing where that cannot be.
std::optional<CheckConversation> Walk::talk_again(const config::Smarthost& smarthost) {
  auto context = make_context(smarthost);
  if (!context) return std::nullopt;
  Wire wire(loop_);
  wire.connect(findings_.walked->host(), findings_.walked->port, kConnectPatience);
  if (!wire.await_open()) return std::nullopt;
  return talk_on(wire, smarthost, context->get(), false);
}

// Whether the port answers a TLS handshake, on a second connection.
bool Walk::answers_tls() {
  auto context = make_context(undemanding(findings_.smarthost));
  if (!context) return false;
  Wire wire(loop_);
  wire.connect(findings_.walked->host(), findings_.walked->port, kProbePatience);
  if (!wire.await_open()) return false;
  const auto engine = context.value()->make_engine();
  engine->start();
  wire.write(engine->output());
  if (wire.await_input(loop_.now() + kProbePatience) != Wire::Heard::bytes) return false;
  return recognise_peer(wire.take_input()) == PeerKind::tls;
}

void Walk::talk() {
  const config::Smarthost& smarthost = findings_.smarthost;
  findings_.conversation =
      talk_on(*walked_, smarthost, context_.get(), smarthost.mode == config::Mode::starttls);
  if (!findings_.conversation.is_ready()) look_further();
}

void Walk::look_further() {
  const CheckConversation& held = findings_.conversation;
  const config::Smarthost& smarthost = findings_.smarthost;
  const bool is_implicit = smarthost.mode == config::Mode::implicit;
  const PeerKind kind = recognise_peer(held.first_octets);
  if (!is_implicit && kind == PeerKind::tls) findings_.is_tls_where_plaintext_was_expected = true;
  const bool is_plaintext_on_tls_port = is_implicit && kind == PeerKind::smtp;
  if (findings_.is_tls_where_plaintext_was_expected || is_plaintext_on_tls_port) {
    CheckAlternative alternative{in_other_mode(smarthost), {}};
    if (auto talked = talk_again(alternative.smarthost)) {
      alternative.conversation = *std::move(talked);
      findings_.alternative = std::move(alternative);
    }
  } else if (held.handshake && held.handshake->error) {
    findings_.second_look = talk_again(undemanding(smarthost));
  }
}

}  // namespace

void walk_to_smarthost(net::Loop& loop, const std::string& hostname, CheckFindings& findings,
                       const CheckFollower& follower) {
  const auto& on_stage = follower.on_stage;
  Walk walk(loop, hostname, findings, follower);
  bool goes_on = walk.prepare();
  on_stage(CheckStage::configuration);
  if (!goes_on) return;
  goes_on = walk.look_up();
  on_stage(CheckStage::lookup);
  if (!goes_on) return;
  goes_on = walk.connect();
  on_stage(CheckStage::connect);
  if (!goes_on) return;
  walk.talk();
  on_stage(CheckStage::conversation);
}

}  // namespace app
