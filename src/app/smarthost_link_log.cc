// What a connection to the smarthost says of itself: see smarthost_link.h.
#include <chrono>

#include "app/format.h"
#include "app/smarthost_link.h"

namespace app {

std::string SmarthostLink::tls_summary() const {
  if (!engine_) return {};
  const tls::SessionInfo& info = engine_->info();
  return info.version + " " + info.cipher + " " + std::string(tls::to_string(info.verification));
}

void SmarthostLink::log_open() {
  const auto ms = base::milliseconds_between(opened_, context_.loop->now());
  if (!engine_) {
    context_.log->warn(id_text(), "smarthost-open",
                       {{"host", target().host},
                        {"peer", peer_},
                        {"tls", "none"},
                        {"verify", "none"},
                        {"reused", false},
                        {"ms", ms}});
    return;
  }
  const tls::SessionInfo& info = engine_->info();
  const std::string expires =
      info.chain.empty() ? "unknown" : format_day(info.chain.front().not_after);
  const base::LogFields fields = {
      {"host", target().host},
      {"peer", peer_},
      {"tls", info.version},
      {"cipher", info.cipher},
      {"verify", tls::to_string(info.verification)},
      {"name", info.server_name},
      {"by", info.verified_by.empty() ? "nobody" : info.verified_by},
      {"expires", expires},
      {"auth", session_->login() ? session_->login()->mechanism() : "-"},
      {"resumed", info.is_resumed},
      {"reused", false},
      {"ms", ms}};
  if (info.verification == tls::Verification::verified ||
      info.verification == tls::Verification::pinned) {
    context_.log->info(id_text(), "smarthost-open", fields);
  } else {
    context_.log->warn(id_text(), "smarthost-open", fields);
  }
  warn_of_expiry();
}

void SmarthostLink::warn_of_expiry() {
  const base::WallTime now = std::chrono::system_clock::now();
  const tls::SessionInfo& info = engine_->info();
  if (context_.expiry == nullptr || !context_.expiry->is_to_be_told(target().host, info, now))
    return;
  const tls::CertificateFacts& leaf = info.chain.front();
  context_.log->warn(id_text(), "certificate-expiry",
                     {{"host", target().host},
                      {"peer", peer_},
                      {"expires", format_day(leaf.not_after)},
                      {"days", tls::days_left(leaf, now)},
                      {"warning", expiry_warning(leaf, now)}});
}

void SmarthostLink::log_refusal(const base::Error& error) {
  const smtp::Reply said = session_ ? session_->refusal_of_service() : smtp::Reply{};
  context_.log->warn(id_text(), "smarthost-fail",
                     {{"host", target().host},
                      {"peer", peer_.empty() ? "-" : peer_},
                      {"fault", base::to_string(error.fault)},
                      {"reason", error.detail},
                      {"reply", said.code == 0 ? "-" : said.summary()}});
}

}  // namespace app
