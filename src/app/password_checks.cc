// See password_checks.h.
#include "app/password_checks.h"

#include <algorithm>
#include <utility>

namespace app {

namespace {

// The work ends well for a right password, and with this for a wrong one.
constexpr std::string_view kWrong = "wrong password";

}  // namespace

// One that a thread works on. It stays until that is done, whoever asked.
struct PasswordChecks::Run final : net::BackgroundEvents {
  Run(PasswordChecks& checks, Check& check) : owner(checks), asker(&check) {}

  void begin() {
    // A thread may outlive this program's interest in it: it has copies of all it needs.
    background = net::Background::begin(
        owner.loop_,
        [what = asker->what_, &crypto = owner.crypto_]() -> base::Result<void> {
          const auto is_right =
              smtp::is_password_of(what.found.verifier, what.password.view(), crypto);
          if (!is_right) return is_right.error();
          if (!*is_right) return base::Error{base::Fault::peer_refused, std::string(kWrong)};
          return {};
        },
        *this);
  }

  void on_background_done(base::Result<void> result) override {
    const bool is_trouble = !result && result.error().fault != base::Fault::peer_refused;
    const bool is_right = result.is_ok();
    owner.on_done(*this, is_trouble ? base::Result<bool>(result.error()) : is_right);
  }

  PasswordChecks& owner;
  Check* asker;  // nothing once it has left
  std::unique_ptr<net::Background> background;
};

PasswordChecks::Check::~Check() { owner_.forget(*this); }

PasswordChecks::PasswordChecks(net::Loop& loop, const base::Crypto& crypto)
    : loop_(loop), crypto_(crypto) {}

PasswordChecks::~PasswordChecks() = default;

std::unique_ptr<PasswordChecks::Check> PasswordChecks::begin(smtp::SaslCheck what,
                                                             PasswordCheckEvents& events) {
  std::unique_ptr<Check> check(new Check(*this, std::move(what), events));
  waiting_.push_back(check.get());
  start_waiting();
  return check;
}

void PasswordChecks::start_waiting() {
  while (!waiting_.empty() && runs_.size() < kMaxAtOnce) {
    Check& next = *waiting_.front();
    waiting_.pop_front();
    runs_.push_back(std::make_unique<Run>(*this, next));
    runs_.back()->begin();
  }
}

void PasswordChecks::on_done(Run& run, const base::Result<bool>& is_right) {
  Check* const asker = run.asker;
  // The run goes last of all: it is its call that we are in.
  const auto place = std::find_if(runs_.begin(), runs_.end(),
                                  [&](const auto& each) { return each.get() == &run; });
  SMTPSEAL_CHECK(place != runs_.end());
  const std::unique_ptr<Run> ended = std::move(*place);
  runs_.erase(place);
  start_waiting();
  if (asker == nullptr) return;
  if (is_right && *is_right && asker->what_.found.is_known) remember(asker->what_);
  asker->events_.on_password_checked(is_right);
}

void PasswordChecks::forget(const Check& check) {
  std::erase(waiting_, &check);
  for (const std::unique_ptr<Run>& run : runs_) {
    if (run->asker == &check) run->asker = nullptr;
  }
}

// --- those that were right before

std::optional<std::string> PasswordChecks::mark_of(const smtp::SaslCheck& what) {
  if (mark_key_.empty()) {
    auto key = crypto_.random(digest_size(base::Hash::sha256));
    if (!key) return std::nullopt;
    mark_key_ = std::move(key).value();
  }
  const auto mark = crypto_.hmac(base::Hash::sha256, mark_key_, what.password.view());
  return mark ? std::optional(*mark) : std::nullopt;
}

bool PasswordChecks::is_proven(const smtp::SaslCheck& what) {
  const auto known = proven_.find(what.user);
  if (known == proven_.end()) return false;
  const auto mark = mark_of(what);
  return mark && base::equals_in_constant_time(*mark, known->second);
}

void PasswordChecks::remember(const smtp::SaslCheck& what) {
  if (auto mark = mark_of(what)) proven_.insert_or_assign(what.user, *std::move(mark));
}

}  // namespace app
