// See check_walk.h.
#include "app/check_walk.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "app/check_advice.h"
#include "app/smarthost_tls.h"
#include "app/wire.h"

namespace app {

namespace {

// A system sends its first segment again after 1, 3 and 7 seconds: silent for longer is dead.
constexpr base::Duration kConnectPatience = std::chrono::seconds(15);
// How long a port that gave no greeting may take to answer a TLS handshake.
constexpr base::Duration kProbePatience = std::chrono::seconds(5);
// A name with more addresses than this is looked at in its first ones only.
constexpr std::size_t kMaxAddresses = 16;

// `smarthost`, content with any certificate and any version: only ever to look, never for mail.
// Whoever answers may be anybody, and is not told who we are.
config::Smarthost undemanding(config::Smarthost smarthost) {
  smarthost.client_identity = {};
  smarthost.tls.level = tls::Level::encrypt;
  smarthost.tls.pins.clear();
  smarthost.tls.min_version = tls::Version::tls12;
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
  Walk(net::Loop& loop, const CheckErrand& errand, CheckFindings& findings,
       const CheckFollower& follower)
      : loop_(loop),
        errand_(errand),
        findings_(findings),
        caller_(loop, errand.hostname, follower.on_wait) {}

  // Each returns whether the next one makes sense.
  bool prepare();
  bool look_up();
  bool connect();
  void talk();

 private:
  void connect_all();
  [[nodiscard]] bool answers_tls() const;
  void come_again();
  void look_further();
  void try_other_mode();
  void try_other_ports();

  net::Loop& loop_;
  const CheckErrand& errand_;
  CheckFindings& findings_;
  CheckCaller caller_;
  std::unique_ptr<tls::ClientContext> context_;
  std::vector<std::unique_ptr<Wire>> wires_;  // one an address
  Wire* walked_ = nullptr;
};

bool Walk::prepare() {
  auto made = make_smarthost_tls(findings_.smarthost);
  if (!made) {
    findings_.trust_error = made.error();
    return false;
  }
  context_ = std::move(made).value();
  if (context_) findings_.trust_source = context_->trust_source();
  return true;
}

bool Walk::look_up() {
  if (findings_.lookup_error) return false;  // there is no host to look up
  const base::Instant begun = loop_.now();
  caller_.tell_wait("the DNS", kCheckPatience);
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
void Walk::connect_all() {
  const base::Duration patience = std::min(findings_.smarthost.connect_timeout, kConnectPatience);
  caller_.tell_wait("a connection", patience);
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
}

bool Walk::connect() {
  connect_all();
  if (walked_ != nullptr) return true;
  // Without a route no port can be reached.
  const bool is_any_blocked = std::any_of(
      findings_.connects.begin(), findings_.connects.end(), [](const CheckConnect& connect) {
        const ConnectTrouble trouble = classify_connect_trouble(*connect.error);
        return trouble == ConnectTrouble::refused || trouble == ConnectTrouble::timed_out;
      });
  if (is_any_blocked) try_other_ports();
  return false;
}

// Whether the port answers a TLS handshake, on a second connection.
bool Walk::answers_tls() const {
  const auto context = make_smarthost_tls(undemanding(findings_.smarthost));
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
  CheckCall call;
  call.smarthost = &smarthost;
  call.context = context_.get();
  call.probes = &errand_.probes;
  if (smarthost.mode == config::Mode::starttls) {
    call.on_silence = [this] {
      caller_.tell_wait("an answer to TLS, as there is no greeting", kProbePatience);
      findings_.is_tls_where_plaintext_was_expected = answers_tls();
      return findings_.is_tls_where_plaintext_was_expected;
    };
  }
  findings_.conversation = caller_.talk(*walked_, call);
  if (findings_.conversation.is_ready()) {
    come_again();
  } else {
    look_further();
  }
}

// Whether the smarthost resumes the session of the first connection.
void Walk::come_again() {
  if (!findings_.conversation.handshake || is_with_smtpseal(findings_.conversation)) return;
  CheckCall call;
  call.smarthost = &findings_.smarthost;
  call.context = context_.get();
  call.patience = kBesidePatience;
  findings_.again.emplace();
  auto held = caller_.call(*findings_.walked, call);
  if (held) {
    findings_.again->conversation = std::move(held).value();
  } else {
    findings_.again->connect_error = held.error();
  }
}

void Walk::look_further() {
  const CheckConversation& held = findings_.conversation;
  const bool is_implicit = findings_.smarthost.mode == config::Mode::implicit;
  const PeerKind kind = recognise_peer(held.first_octets);
  if (!is_implicit && kind == PeerKind::tls) findings_.is_tls_where_plaintext_was_expected = true;
  const bool is_plaintext_on_tls_port = is_implicit && kind == PeerKind::smtp;
  // A server that takes one connection at a time answers TLS only now that the first is closed.
  const bool is_mute = !is_implicit && held.first_octets.empty();
  if (findings_.is_tls_where_plaintext_was_expected || is_plaintext_on_tls_port || is_mute) {
    try_other_mode();
  } else if (held.handshake && held.handshake->error) {
    auto look = caller_.call_anew(*findings_.walked, undemanding(findings_.smarthost));
    if (look) findings_.second_look = std::move(look).value();
  }
  // Where TLS began, or somebody meddled, another port is no remedy.
  const bool is_over_tls = held.handshake || held.failure->fault == base::Fault::tls ||
                           findings_.is_tls_where_plaintext_was_expected;
  if (!is_over_tls && findings_.remedy() == nullptr && !is_with_smtpseal(held)) try_other_ports();
}

void Walk::try_other_mode() {
  CheckAlternative alternative;
  alternative.smarthost = in_other_mode(findings_.smarthost);
  auto held = caller_.call_anew(*findings_.walked, alternative.smarthost);
  if (held) {
    alternative.conversation = std::move(held).value();
  } else {
    alternative.connect_error = held.error();
  }
  const auto& handshake = alternative.conversation.handshake;
  if (handshake && (!handshake->error || alternative.conversation.has_identity_failure())) {
    findings_.is_tls_where_plaintext_was_expected =
        alternative.smarthost.mode == config::Mode::implicit;
  }
  findings_.alternatives.push_back(std::move(alternative));
}

void Walk::try_other_ports() {
  auto tried =
      try_ports(caller_, findings_.addresses, at_other_ports(findings_.smarthost, errand_.ports));
  for (CheckAlternative& one : tried) findings_.alternatives.push_back(std::move(one));
}

}  // namespace

void walk_to_smarthost(net::Loop& loop, const CheckErrand& errand, CheckFindings& findings,
                       const CheckFollower& follower) {
  const auto& on_stage = follower.on_stage;
  Walk walk(loop, errand, findings, follower);
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
