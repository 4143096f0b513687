// See kept_mail.h.
#include "app/kept_mail.h"

#include <utility>

#include "app/smarthost_link.h"
#include "app/spool_runner.h"

namespace app {

KeptInSpool::KeptInSpool(SpoolRunner& runner, KeptMailEvents& events, std::uint64_t key)
    : runner_(runner), events_(events), key_(key) {}

KeptInSpool::~KeptInSpool() {
  runner_.on_kept_gone(key_, memory_.size());
  runner_.facts().incoming -= size_;
  if (has_file_ && !is_published_) {
    runner_.tell([key = key_](SpoolBooks& books) { books.drop(key); });
  }
}

void KeptInSpool::append(std::string_view bytes) {
  size_ += bytes.size();
  runner_.facts().incoming += bytes.size();
  if (trouble_) return;
  memory_.append(bytes);
  runner_.add_memory(bytes.size());
  const std::size_t most = runner_.is_memory_short() ? kInMemoryWhenMany : kInMemory;
  if (memory_.size() > most) spill();
}

void KeptInSpool::spill() {
  has_file_ = true;
  const std::size_t size = memory_.size();
  queued_ += size;
  runner_.remove_memory(size);
  runner_.tell([&seat = runner_.seat(), key = key_, octets = std::exchange(memory_, {})](
                   SpoolBooks& books) { books.keep(seat, key, octets); });
}

void KeptInSpool::publish(spool::Envelope envelope) {
  is_published_ = true;
  runner_.remove_memory(memory_.size());
  runner_.tell([&seat = runner_.seat(), key = key_, octets = std::exchange(memory_, {}),
                envelope = std::move(envelope)](SpoolBooks& books) mutable {
    books.publish(seat, key, octets, std::move(envelope));
  });
}

void KeptInSpool::on_kept(const base::Result<std::size_t>& octets) {
  const bool was_big = queued_ >= SmarthostLink::kLowWater;
  if (octets) {
    queued_ -= octets.value();
  } else {
    if (!trouble_) trouble_ = octets.error();
    queued_ = 0;
  }
  if (was_big && queued_ < SmarthostLink::kLowWater) events_.on_kept();
}

// The last thing it does: whoever is told may destroy it.
void KeptInSpool::on_published(const base::Result<std::string>& id) {
  if (id) {
    events_.on_published(id.value());
  } else {
    events_.on_publish_failed(trouble_.value_or(id.error()));
  }
}

}  // namespace app
