// See smarthost_login.h.
#include "app/smarthost_login.h"

#include <algorithm>
#include <utility>

#include "app/login_secret.h"
#include "tls/crypto.h"

namespace app {

SmarthostLogin::SmarthostLogin(net::Loop& loop, config::Login login, std::string account)
    : loop_(loop), login_(std::move(login)), account_(std::move(account)), expiry_(loop, *this) {
  if (auto key = tls::crypto().random(base::digest_size(base::Hash::sha256))) {
    mark_key_ = std::move(key).value();
  }
}

SmarthostLogin::~SmarthostLogin() = default;

void SmarthostLogin::want(LoginWaiter& waiter) {
  if (kept_) {
    waiter.on_credentials(*kept_);
    return;
  }
  waiters_.push_back(&waiter);
  if (fetching_) return;
  fetched_ = std::make_shared<std::optional<base::Result<smtp::Credentials>>>();
  fetching_ = net::Background::begin(
      loop_,
      [login = login_, fetched = fetched_]() -> base::Result<void> {
        fetched->emplace(fetch_credentials(login));
        return {};
      },
      *this);
}

void SmarthostLogin::cancel(LoginWaiter& waiter) { std::erase(waiters_, &waiter); }

// Told one by one off the list: being told may cancel others.
void SmarthostLogin::on_background_done(base::Result<void> result) {
  fetching_.reset();
  base::Result<smtp::Credentials> credentials =
      result ? *std::exchange(*std::exchange(fetched_, nullptr), std::nullopt)
             : base::Result<smtp::Credentials>(result.error());
  kept_.reset();
  if (credentials) keep(credentials.value());
  while (!waiters_.empty()) {
    LoginWaiter* const waiter = waiters_.front();
    waiters_.erase(waiters_.begin());
    waiter->on_credentials(credentials);
  }
}

void SmarthostLogin::keep(const smtp::Credentials& credentials) {
  kept_ = credentials;
  expiry_.arm(loop_.now() + kKept);
  auto mark = tls::crypto().hmac(base::Hash::sha256, mark_key_, credentials.secret.view());
  if (!mark || *mark == mark_) return;
  if (!mark_.empty()) login_guard().renew(account_);
  mark_ = *std::move(mark);
}

void SmarthostLogin::on_timer() { kept_.reset(); }

smtp::Login SmarthostLogin::make(const smtp::Credentials& credentials, const std::string& host,
                                 std::uint16_t port) const {
  smtp::Login login;
  login.credentials = credentials;
  login.credentials.host = host;
  login.credentials.port = port;
  login.mechanism = login_.mechanism;
  login.crypto = &tls::crypto();
  return login;
}

}  // namespace app
