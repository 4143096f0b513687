// See spool_runner.h.
#include "app/spool_runner.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace app {

namespace {

// Of mails that are being received, unique in the process.
std::uint64_t next_key() {
  static std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

base::Result<std::unique_ptr<SpoolRunner>> SpoolRunner::make(net::Loop& loop, Turn& turn,
                                                             base::LogSink& log, Spooler& spooler) {
  auto mailbox = net::Mailbox::open(loop);
  if (!mailbox) return mailbox.error();
  return std::unique_ptr<SpoolRunner>(
      new SpoolRunner(turn, loop, log, spooler, std::move(mailbox).value()));
}

SpoolRunner::SpoolRunner(Turn& turn, net::Loop& loop, base::LogSink& log, Spooler& spooler,
                         std::unique_ptr<net::Mailbox> mailbox)
    : turn_(turn), loop_(loop), log_(log), spooler_(spooler), mailbox_(std::move(mailbox)) {}

SpoolRunner::~SpoolRunner() = default;

void SpoolRunner::begin() {
  if (!spooler_.is_open() || std::exchange(has_begun_, true)) return;
  has_left_ = false;
  tell([&seat = seat()](SpoolBooks& books) { books.sit(seat); });
}

void SpoolRunner::use(std::vector<SmarthostPool*> pools) {
  pools_ = std::move(pools);
  turn_.want(*this);
}

bool SpoolRunner::is_using(const SmarthostPool& pool) const {
  return std::any_of(deliveries_.begin(), deliveries_.end(),
                     [&](const auto& each) { return &each.second->pool() == &pool; });
}

void SpoolRunner::drain() {
  if (std::exchange(is_draining_, true)) return;
  for (const SpoolJob& job : std::exchange(waiting_, {})) put_back(job);
  if (!has_left_) tell([&seat = seat()](SpoolBooks& books) { books.leave(seat); });
}

void SpoolRunner::stop() {
  // Their marks stay: what had been sent is in doubt at the next start.
  for (auto& [id, delivery] : deliveries_) finished_.push_back(std::move(delivery));
  deliveries_.clear();
  has_left_ = true;  // as far as we are concerned: a disk that hangs is not waited for
}

std::optional<base::Error> SpoolRunner::why_full(std::uint64_t size) const {
  return spooler_.facts().why_full(size);
}

std::unique_ptr<KeptMail> SpoolRunner::keep(KeptMailEvents& events) {
  const std::uint64_t key = next_key();
  auto mail = std::make_unique<KeptInSpool>(*this, events, key);
  kept_.emplace(key, mail.get());
  return mail;
}

void SpoolRunner::on_kept_gone(std::uint64_t key, std::size_t in_memory) {
  memory_ -= in_memory;
  kept_.erase(key);
}

void SpoolRunner::smarthost_reached(const std::string& section) {
  if (has_left_) return;
  tell([section](SpoolBooks& books) { books.on_reached(section); });
}

// --- from the disk's thread, to the loop's

void SpoolRunner::deliver(SpoolJob job) {
  mailbox_->post([this, job = std::move(job)]() mutable {
    if (is_draining_) return put_back(job);
    waiting_.push_back(std::move(job));
    turn_.want(*this);
  });
}

void SpoolRunner::give(std::string id, base::Result<std::string> octets) {
  mailbox_->post([this, id = std::move(id), octets = std::move(octets)] {
    if (SpoolDelivery* delivery = find(id)) delivery->give(octets);
  });
}

void SpoolRunner::marked(std::string id, base::Result<void> result) {
  mailbox_->post([this, id = std::move(id), result = std::move(result)] {
    if (SpoolDelivery* delivery = find(id)) delivery->on_marked(result);
  });
}

void SpoolRunner::kept(std::uint64_t key, base::Result<std::size_t> octets) {
  mailbox_->post([this, key, octets = std::move(octets)] {
    const auto found = kept_.find(key);
    if (found != kept_.end()) found->second->on_kept(octets);
  });
}

void SpoolRunner::published(std::uint64_t key, base::Result<std::string> id) {
  mailbox_->post([this, key, id = std::move(id)] {
    const auto found = kept_.find(key);
    if (found != kept_.end()) found->second->on_published(id);
  });
}

void SpoolRunner::left() {
  mailbox_->post([this] { has_left_ = true; });
}

// --- deliveries

SmarthostPool* SpoolRunner::pool_of(const std::string& section) const {
  const auto found = std::find_if(pools_.begin(), pools_.end(), [&](const SmarthostPool* pool) {
    return pool->smarthost().name == section;
  });
  return found == pools_.end() ? nullptr : *found;
}

bool SpoolRunner::has_room(const SmarthostPool& pool) const {
  const auto taken = std::count_if(deliveries_.begin(), deliveries_.end(),
                                   [&](const auto& each) { return &each.second->pool() == &pool; });
  const unsigned most = std::max(1U, pool.smarthost().pool.max_connections - 1);
  return static_cast<std::size_t>(taken) < most;
}

void SpoolRunner::on_turn_end() {
  std::deque<SpoolJob> left;
  for (SpoolJob& job : std::exchange(waiting_, {})) {
    SmarthostPool* const pool = pool_of(job.envelope.smarthost);
    if (pool == nullptr) {
      put_back(job);
    } else if (!has_room(*pool)) {
      left.push_back(std::move(job));
    } else {
      const std::string id = job.envelope.id;
      SpoolDeliveryOwner& owner = *this;
      auto delivery = std::make_unique<SpoolDelivery>(owner, *pool, loop_, log_, std::move(job));
      SpoolDelivery& started = *delivery;
      deliveries_.emplace(id, std::move(delivery));
      started.start();
    }
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(left.begin()),
                  std::make_move_iterator(left.end()));
}

// As if it had never been here.
void SpoolRunner::put_back(const SpoolJob& job) {
  SpoolAttempt attempt;
  attempt.id = job.envelope.id;
  attempt.answers.resize(job.envelope.recipients.size());
  tell([attempt = std::move(attempt)](SpoolBooks& books) { books.on_attempt(attempt); });
}

// What waits for a smarthost that has just failed goes back to who decides when to try again.
void SpoolRunner::put_back_waiting(const std::string& section) {
  std::deque<SpoolJob> others;
  for (SpoolJob& job : std::exchange(waiting_, {})) {
    if (job.envelope.smarthost == section) {
      put_back(job);
    } else {
      others.push_back(std::move(job));
    }
  }
  waiting_ = std::move(others);
}

SpoolDelivery* SpoolRunner::find(const std::string& id) {
  const auto found = deliveries_.find(id);
  return found == deliveries_.end() ? nullptr : found->second.get();
}

void SpoolRunner::want_more(const std::string& id) {
  tell([id](SpoolBooks& books) { books.want_more(id); });
}

void SpoolRunner::want_mark(const std::string& id) {
  tell([id](SpoolBooks& books) { books.want_mark(id); });
}

void SpoolRunner::on_attempt(SpoolDelivery& delivery, SpoolAttempt attempt) {
  const std::string section = delivery.pool().smarthost().name;
  const bool is_well = attempt.is_answered;
  tell([attempt = std::move(attempt)](SpoolBooks& books) { books.on_attempt(attempt); });
  end(delivery);
  if (!is_well) put_back_waiting(section);
}

void SpoolRunner::on_damage(SpoolDelivery& delivery, const std::string& reason) {
  tell([id = delivery.id(), reason](SpoolBooks& books) { books.on_damage(id, reason); });
  end(delivery);
}

// It lives until the end of the turn: the call came from inside it.
void SpoolRunner::end(SpoolDelivery& delivery) {
  auto entry = deliveries_.extract(delivery.id());
  if (!entry.empty()) finished_.push_back(std::move(entry.mapped()));
  turn_.want(*this);
}

}  // namespace app
