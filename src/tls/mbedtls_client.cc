// See mbedtls_client.h.
#include "tls/mbedtls_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tls/extensions.h"
#include "tls/mbedtls_chain_order.h"
#include "tls/mbedtls_pins.h"
#include "tls/tickets.h"

namespace tls::mbed {

using base::Error;
using base::Fault;

namespace {

ChainJudge new_judge(const ClientShared& shared) {
  return {Verdict(shared.reference, shared.options.verify_name, shared.policy->trust_source),
          kServerAuth, shared.has_judge() ? Anchor::judged_outside : Anchor::as_it_is};
}

}  // namespace

ClientEngine::ClientEngine(ClientShared& shared, Resumption resumption)
    : EngineBase(shared.policy->config.raw, "smarthost"),
      shared_(shared),
      judge_(new_judge(shared)) {
  info_.server_name = shared.options.verify_name;
  if (state() == State::failed) return;
  mbedtls_ssl_set_verify(&ssl(), on_certificate, this);
  // Addresses are never sent as SNI (RFC 6066 3). Null says that on purpose: with nothing set,
  // the library refuses to verify.
  const std::string& name = shared.reference.dns;
  const int code = mbedtls_ssl_set_hostname(&ssl(), name.empty() ? nullptr : name.c_str());
  if (code != 0) {
    fail(library_error(Fault::config, "verify_name", code));
    return;
  }
  if (resumption == Resumption::allowed) offer_ticket();
}

int ClientEngine::on_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                                 std::uint32_t* flags) noexcept {
  static_cast<ClientEngine*>(self)->judge(*certificate, depth, *flags);
  return 0;
}

void ClientEngine::judge(mbedtls_x509_crt& certificate, int depth, std::uint32_t& flags) {
  if (shared_.options.level == Level::pin) {
    flags = 0;
    if (depth == 0) judge_by_pins_alone(certificate, flags);
    return;
  }
  judge_.look(certificate, depth, flags);
  info_.chain = judge_.chain();
  // The leaf, which is always looked at in the end, answers for all.
  if (depth > 0) {
    issuer_flags_ |= std::exchange(flags, 0);
  } else {
    flags |= issuer_flags_;
    // Where trust is judged outside, the library takes the chain to end where the order breaks.
    const bool may_lead_on = shared_.has_judge() || (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0;
    if (may_lead_on) judge_in_order(certificate, flags);
    verified_by_ = shared_.policy->trust_source;
    info_.is_bound_by_dates = shared_.is_demanding();
    demand_pin(flags);
    if (shared_.has_judge()) hand_over(certificate);
  }
  info_.faults = judge_.verdict().faults();
}

// With what else was sent along, in the order of the peer.
void ClientEngine::hand_over(const mbedtls_x509_crt& leaf) {
  if (!judge_.verdict().faults().empty()) return;  // it is refused already
  for (const mbedtls_x509_crt* one = &leaf; one != nullptr; one = one->next) {
    chain_to_judge_.emplace_back(view_of(one->raw));
  }
  await_verdict();
}

void ClientEngine::take_verdict(const base::Result<void>& verdict) {
  if (state() != State::judging) return;
  if (verdict) {
    take_good_verdict();
    return;
  }
  // What was found out when they were made holds no more.
  shared_.tickets.clear();
  info_.faults.push_back({IdentityFault::Rule::trust, true, verdict.error().detail});
  fail({Fault::tls, verdict.error().detail});
}

// On top of a chain that is good: the leaf or one of those that it was verified through.
void ClientEngine::demand_pin(std::uint32_t& flags) {
  const std::vector<std::string>& pins = shared_.options.pins;
  if (pins.empty() || !shared_.is_demanding() || !judge_.verdict().faults().empty()) return;
  std::vector<CertificateFacts> verified = judge_.issuers();
  verified.push_back(info_.chain.front());
  const auto pinned = std::find_if(verified.begin(), verified.end(),
                                   [&](const auto& facts) { return is_pinned(facts, pins); });
  if (pinned != verified.end()) {
    verified_by_ += ", and pin " + pinned->pin;
    return;
  }
  judge_.verdict().take_unpinned_leaf(info_.chain.front());
  flags |= MBEDTLS_X509_BADCERT_OTHER;
}

void ClientEngine::judge_by_pins_alone(mbedtls_x509_crt& leaf, std::uint32_t& flags) {
  info_.chain = facts_of_all(&leaf);
  PinVerdict verdict = judge_by_pins(leaf, shared_.options, shared_.reference);
  info_.faults = std::move(verdict.faults);
  info_.is_bound_by_dates = verdict.is_bound_by_dates;
  verified_by_ = std::move(verdict.source);
  if (!info_.faults.empty()) flags |= MBEDTLS_X509_BADCERT_OTHER;
}

void ClientEngine::judge_in_order(const mbedtls_x509_crt& chain, std::uint32_t& flags) {
  const std::unique_ptr<Certificates> ordered = in_order(chain);
  if (!ordered) return;
  ChainJudge judge = new_judge(shared_);
  std::uint32_t ordered_flags = 0;
  const int code = mbedtls_x509_crt_verify_with_profile(
      &ordered->raw, &shared_.policy->trust.raw, nullptr, &certificate_profile(), nullptr,
      &ordered_flags, ChainJudge::on_certificate, &judge);
  const bool is_judged = code == 0 || code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
  if (!is_judged || judge.verdict().has(IdentityFault::Rule::trust)) return;
  judge_ = std::move(judge);
  flags = ordered_flags;
}

void ClientEngine::look_at_leaf() {
  const mbedtls_x509_crt* const leaf = mbedtls_ssl_get_peer_cert(&ssl());
  if (leaf == nullptr) return;
  std::uint32_t flags = 0;
  if (mbedtls_x509_time_is_past(&leaf->valid_to) != 0) flags |= MBEDTLS_X509_BADCERT_EXPIRED;
  if (mbedtls_x509_time_is_future(&leaf->valid_from) != 0) flags |= MBEDTLS_X509_BADCERT_FUTURE;
  judge_.look(*leaf, 0, flags);
  info_.chain = judge_.chain();
  info_.faults = judge_.verdict().faults();
}

bool ClientEngine::accept_first_octets() {
  constexpr std::size_t kRecordHeader = 5;
  const std::string_view octets = incoming_.view().substr(0, kRecordHeader);
  if (octets.size() < kRecordHeader && !has_eof_) return false;
  const bool is_text = std::all_of(octets.begin(), octets.end(), [](char c) {
    return (c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n';
  });
  if (!is_text) return true;
  // What it said came without TLS: it goes into no error, since errors become replies.
  fail({Fault::tls, octets.starts_with("220")
                        ? "smarthost speaks plaintext SMTP where TLS was expected: use mode = "
                          "starttls, or the port for implicit TLS"
                        : "smarthost sent plaintext where TLS was expected"});
  return false;
}

void ClientEngine::offer_ticket() {
  const base::WallTime now = std::chrono::system_clock::now();
  while (!shared_.tickets.empty()) {
    const Ticket ticket = std::move(shared_.tickets.back());
    shared_.tickets.pop_back();
    if (now >= ticket.until) continue;
    // One the library does not take is none; the handshake is a full one then.
    if (mbedtls_ssl_set_session(&ssl(), &ticket.session->raw) != 0) continue;
    offered_ = std::make_unique<Ticket>(Ticket{nullptr, ticket.info, ticket.until});
    return;
  }
}

void ClientEngine::on_failed_handshake(int) {
  if (offered_) shared_.tickets.clear();
}

void ClientEngine::keep_ticket() {
  Ticket ticket{std::make_unique<Session>(), info_, until_};
  if (mbedtls_ssl_get_session(&ssl(), &ticket.session->raw) != 0) return;
  shared_.tickets.push_back(std::move(ticket));
  if (shared_.tickets.size() > kMaxTickets) shared_.tickets.pop_front();
}

void ClientEngine::on_established() {
  const bool is_tls12 = mbedtls_ssl_get_version_number(&ssl()) == MBEDTLS_SSL_VERSION_TLS1_2;
  const bool is_resumed = offered_ && !has_shown_certificate_;
  if (is_resumed) {
    // The keys are those of a session in which this very policy was met.
    info_.is_resumed = true;
    info_.chain = offered_->info.chain;
    info_.faults = offered_->info.faults;
    info_.verification = offered_->info.verification;
    info_.verified_by = offered_->info.verified_by;
    info_.is_bound_by_dates = offered_->info.is_bound_by_dates;
    until_ = offered_->until;
  } else {
    judge_peer();
    until_ = resumable_until(info_.chain, std::chrono::system_clock::now(),
                             is_tls12 ? kMaxTls12TicketAge : kMaxTicketAge);
  }
  // In TLS 1.2 a ticket has come by now, if any; in TLS 1.3 it is still to come. Who offers a
  // session offers its version alone: a peer that was not asked for TLS 1.3 is asked the next
  // time.
  if (is_tls12 && (is_resumed || !offered_)) keep_ticket();
}

void ClientEngine::judge_peer() {
  if (!shared_.is_demanding()) {
    info_.verification = Verification::unverified;
    look_at_leaf();
    return;
  }
  // The library calls judge() for every chain it accepts, and fails on the flags it leaves.
  SMTPSEAL_CHECK(!info_.chain.empty() && info_.faults.empty() && !verified_by_.empty());
  info_.verification =
      shared_.options.level == Level::pin ? Verification::pinned : Verification::verified;
  info_.verified_by = verified_by_;
}

Error ClientEngine::handshake_error(int code) const {
  if (!info_.faults.empty() && shared_.is_demanding()) {
    return {Fault::tls, summary_of(info_.faults)};
  }
  if (is_unreadable_certificate(code)) {
    return library_error(Fault::tls, "smarthost sent a certificate that cannot be read", code);
  }
  switch (code) {
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
      if (!lacks_secure_renegotiation(ssl())) break;
      return {Fault::tls, "smarthost does not know secure renegotiation (RFC 5746)"};
    case MBEDTLS_ERR_X509_FATAL_ERROR: return {Fault::tls, "certificate chain is too long"};
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
      return {Fault::tls, "smarthost offers no TLS version that is accepted (tls_min)"};
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
      return {Fault::tls, "smarthost sent something that is not TLS"};
    default: break;
  }
  return library_error(Fault::tls, "TLS handshake failed", code);
}

}  // namespace tls::mbed
