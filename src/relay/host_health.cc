// See host_health.h.
#include "relay/host_health.h"

#include <algorithm>

#include "base/text.h"

namespace relay {

namespace {

// For all that a summary says: what fits into a reply line of 512 octets (RFC 5321 4.5.3.1.5).
constexpr std::size_t kMaxSummary = 470;
// A reason is not cut shorter than this, however many there are.
constexpr std::size_t kLeastReason = 60;

// RFC 2782: a number from 0 to the sum of the weights decides; those of weight 0 come first, so
// that they have a very small chance. The order that is drawn from is a random one.
void draw_by_weight(std::span<Target> rank, const Random& random) {
  for (std::size_t i = rank.size(); i > 1; --i) std::swap(rank[i - 1], rank[random() % i]);
  std::stable_partition(rank.begin(), rank.end(),
                        [](const Target& one) { return one.weight == 0; });
  for (std::size_t first = 0; first + 1 < rank.size(); ++first) {
    std::uint64_t sum = 0;
    for (const Target& one : rank.subspan(first)) sum += one.weight;
    const std::uint64_t drawn = random() % (sum + 1);
    std::uint64_t running = 0;
    std::size_t chosen = first;
    while ((running += rank[chosen].weight) < drawn) ++chosen;
    const auto begin = rank.begin() + static_cast<std::ptrdiff_t>(first);
    const auto taken = rank.begin() + static_cast<std::ptrdiff_t>(chosen);
    std::rotate(begin, taken, taken + 1);
  }
}

}  // namespace

std::vector<Target> arranged(std::vector<Target> targets, const Random& random) {
  std::stable_sort(targets.begin(), targets.end(),
                   [](const Target& a, const Target& b) { return a.rank < b.rank; });
  for (auto begin = targets.begin(); begin != targets.end();) {
    const auto end = std::find_if(begin, targets.end(),
                                  [&](const Target& one) { return one.rank != begin->rank; });
    draw_by_weight({begin, end}, random);
    begin = end;
  }
  return targets;
}

base::Duration HostHealth::spacing(const Suspect& suspect) {
  base::Duration spacing = kFirst;
  for (unsigned i = 1; i < suspect.failures && spacing < kMost; ++i) spacing *= 2;
  return std::min(spacing, kMost);
}

void HostHealth::on_failure(const Target& target, base::Instant now, std::uint64_t random) {
  Suspect& suspect = suspects_[key(target)];
  suspect.is_on_trial = false;
  // Several connections that fail together are one failure.
  if (suspect.failures > 0 && now < suspect.due) return;
  if (suspect.failures < 16) ++suspect.failures;
  const base::Duration most = spacing(suspect);
  const auto quarter = static_cast<std::uint64_t>((most / 4).count());
  suspect.due =
      now + most - base::Duration(static_cast<base::Duration::rep>(random % (quarter + 1)));
}

void HostHealth::on_trial(const Target& target) {
  const auto found = suspects_.find(key(target));
  if (found != suspects_.end()) found->second.is_on_trial = true;
}

void HostHealth::on_trial_ended(const Target& target, base::Instant now) {
  const auto found = suspects_.find(key(target));
  if (found == suspects_.end()) return;
  found->second.is_on_trial = false;
  found->second.due = now + spacing(found->second);
}

std::size_t HostHealth::first_of(std::span<const Target> left) const {
  const auto well = std::find_if(left.begin(), left.end(),
                                 [this](const Target& one) { return !is_suspect(one); });
  return well == left.end() ? 0 : static_cast<std::size_t>(well - left.begin());
}

std::optional<Target> HostHealth::due_for_trial(std::span<const Target> all,
                                                base::Instant now) const {
  std::optional<unsigned> best_well;
  for (const Target& one : all) {
    if (is_suspect(one)) continue;
    best_well = best_well ? std::min(*best_well, one.rank) : one.rank;
  }
  if (!best_well) return std::nullopt;
  std::optional<Target> due;
  for (const Target& one : all) {
    const auto found = suspects_.find(key(one));
    if (found == suspects_.end() || one.rank > *best_well) continue;
    if (found->second.is_on_trial || now < found->second.due) continue;
    if (!due || one.rank < due->rank) due = one;
  }
  return due;
}

bool HostHealth::is_outdone(const Target& target, std::span<const Target> all) const {
  const auto same = std::find_if(all.begin(), all.end(),
                                 [&](const Target& one) { return key(one) == key(target); });
  if (same == all.end()) return false;
  return std::any_of(all.begin(), all.end(),
                     [&](const Target& one) { return one.rank < same->rank && !is_suspect(one); });
}

void HostHealth::keep_only(std::span<const Target> all) {
  std::erase_if(suspects_, [&](const auto& entry) {
    return std::none_of(all.begin(), all.end(),
                        [&](const Target& one) { return key(one) == entry.first; });
  });
}

base::Error summary_of(std::span<const HostFailure> failures) {
  if (failures.empty()) return {base::Fault::unreachable, "there is no smarthost to go to"};
  if (failures.size() == 1) return failures.front().error;
  const std::size_t share = std::max(kLeastReason, kMaxSummary / failures.size());
  std::string detail;
  for (const HostFailure& failure : failures) {
    // The connector names whom it could not reach.
    const bool is_named = failure.error.detail.starts_with(failure.label + ":");
    const std::string words =
        is_named ? failure.error.detail : failure.label + ": " + failure.error.detail;
    if (!detail.empty()) detail.append("; ");
    detail.append(base::printable(words, share - 2));
  }
  return {failures.front().error.fault, std::move(detail)};
}

}  // namespace relay
