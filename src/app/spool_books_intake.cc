// Mails on their way into the spool: see spool_books.h.
#include <utility>

#include "app/spool_books.h"

namespace app {

namespace {

// Mails that are made durable together: each has two files open meanwhile.
constexpr std::size_t kMaxBatch = 64;

}  // namespace

// What could not be written once is not begun anew: the mail would lack its beginning.
SpoolBooks::Reception& SpoolBooks::reception_of(std::uint64_t key) {
  const auto [entry, is_new] = receptions_.try_emplace(key);
  Reception& reception = entry->second;
  if (!is_new) return reception;
  reception.id = store_->make_id(net::Loop::wall_now());
  auto draft = store_->begin(reception.id);
  if (draft) {
    reception.draft = std::move(draft).value();
  } else {
    reception.trouble = draft.error();
  }
  return reception;
}

void SpoolBooks::append(Reception& reception, const std::string& octets) {
  if (reception.trouble || octets.empty()) return;
  const auto appended = reception.draft->append(octets);
  if (appended) return;
  reception.trouble = appended.error();
  reception.draft.reset();
}

void SpoolBooks::keep(SpoolSeat& seat, std::uint64_t key, const std::string& octets) {
  Reception& reception = reception_of(key);
  append(reception, octets);
  if (reception.trouble) {
    seat.kept(key, *reception.trouble);
  } else {
    seat.kept(key, octets.size());
  }
}

void SpoolBooks::drop(std::uint64_t key) { receptions_.erase(key); }

void SpoolBooks::publish(SpoolSeat& seat, std::uint64_t key, const std::string& octets,
                         spool::Envelope envelope) {
  append(reception_of(key), octets);
  auto entry = receptions_.extract(key);
  Reception& all = entry.mapped();
  if (all.trouble) return seat.published(key, *all.trouble);
  // By then the facts of others may have changed.
  if (store_->used() + all.draft->size() > settings_.options.max_size) {
    return seat.published(key,
                          base::Error{base::Fault::busy, "the spool is full (spool_max_size)"});
  }
  Handing handing;
  handing.seat = &seat;
  handing.key = key;
  envelope.id = all.id;
  envelope.since = net::Loop::wall_now();
  handing.publication.envelope = std::move(envelope);
  handing.publication.draft = std::move(all.draft);
  handings_.push_back(std::move(handing));
  if (handings_.size() >= kMaxBatch) publish_batch();
}

// Each is answered by itself; those that can be sent at once are marked in the same breath.
void SpoolBooks::publish_batch() {
  if (handings_.empty()) return;
  std::vector<Handing> batch = std::exchange(handings_, {});
  std::vector<spool::Publication> publications;
  for (Handing& each : batch) {
    const std::string& section = each.publication.envelope.smarthost;
    Place* const place = place_of(*each.seat);
    each.is_sent_at_once = place != nullptr && has_room(*place, section) &&
                           schedule_.may_begin_at_once(section, now());
    if (each.is_sent_at_once) ++place->under_way[section];
    each.publication.is_sending = each.is_sent_at_once;
    spool::Publication publication;
    publication.draft = std::move(each.publication.draft);
    publication.envelope = each.publication.envelope;
    publication.is_sending = each.is_sent_at_once;
    publications.push_back(std::move(publication));
  }
  const std::vector<base::Result<void>> results = store_->publish(std::move(publications));
  SMTPSEAL_CHECK(results.size() == batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Handing& each = batch[i];
    if (results[i]) {
      each.seat->published(each.key, each.publication.envelope.id);
      add_published(each);
      continue;
    }
    if (each.is_sent_at_once) {
      --place_of(*each.seat)->under_way[each.publication.envelope.smarthost];
    }
    log_.error(each.publication.envelope.id, "spool-trouble",
               {{"reason", results[i].error().detail}});
    each.seat->published(each.key, results[i].error());
  }
  update_facts();
}

void SpoolBooks::add_published(Handing& handing) {
  const spool::Envelope& envelope = handing.publication.envelope;
  const SpoolId number = number_of(envelope.id);
  schedule_.add(number, envelope.smarthost, base::Duration::zero(), now());
  if (!handing.is_sent_at_once) return;
  Place& place = *place_of(*handing.seat);
  --place.under_way[envelope.smarthost];  // counted again when it starts
  if (!schedule_.begin_attempt_of(number, now())) return store_->end_sending(envelope.id);
  auto stored = read(envelope.id);
  if (!stored) return on_unreadable(envelope.id, stored.error());
  start_with(std::move(stored).value(), place, true);
}

void SpoolBooks::update_facts() {
  facts_.used = store_->used();
  facts_.free = store_->free_space().value_or(UINT64_MAX);
}

}  // namespace app
