// One life of a spool's store, all of its operations by chance, each announced before it begins and
// when it is done: the store alone, so that thousands of deaths take a minute (store_crash.py).
//
//     spool_life FOLDER SEED STEPS
//
// Writes lines to standard output, unbuffered, which outlive it: `begin OP ID [N]`, `done OP ID
// [N]`, `found queue|failed ID ATTEMPTS DOUBT CONTENT` for what it finds at its start, `damaged
// NAME`, `foreign NAME`, `open`. With no steps it only looks. Exits 1 with `trouble WHAT` when
// anything fails: the disk is well.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "spool/disk.h"
#include "spool/look.h"
#include "spool/store.h"

namespace spool {
namespace {

void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::abort();
}

[[noreturn]] void give_up(const base::Error& error) {
  say("trouble " + error.detail);
  std::exit(1);
}

template <typename Value>
Value must(base::Result<Value> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}
void must(const base::Result<void>& result) {
  if (!result) give_up(result.error());
}

// What a mail holds follows from its id.
std::string content_of(const std::string& id) {
  const std::size_t lines = 1 + std::strtoull(id.c_str() + 8, nullptr, 16) % 50;
  std::string text;
  for (std::size_t i = 0; i < lines; ++i)
    text += "mail " + id + " line " + std::to_string(i) + "\r\n";
  return text;
}

class Life {
 public:
  Life(Disk& disk, std::string folder, unsigned seed)
      : disk_(disk), folder_(std::move(folder)), chance_(seed) {}

  void open();
  void step();

 private:
  using WallClock = std::chrono::system_clock;

  [[nodiscard]] std::size_t pick(std::size_t count) { return chance_() % count; }
  [[nodiscard]] static std::string content_found(Store& store, const Envelope& envelope);
  [[nodiscard]] Publication make_publication();
  void accept(std::size_t count);
  void update(Envelope& envelope);
  void send(Envelope& envelope);
  void remove(std::size_t index);
  void fail(std::size_t index);
  void restore();

  Disk& disk_;
  std::string folder_;
  std::mt19937 chance_;
  std::unique_ptr<Store> store_;
  std::vector<Envelope> queue_;
  std::vector<std::string> failed_;
};

std::string Life::content_found(Store& store, const Envelope& envelope) {
  auto reader = store.open_mail(envelope);
  if (!reader) return "unreadable";
  std::string text;
  for (;;) {
    const auto got = (*reader)->read(1000, text);
    if (!got) return "damaged";
    if (*got == 0) break;
  }
  return text == content_of(envelope.id) ? "whole" : "other";
}

void Life::open() {
  Recovery recovery;
  store_ = must(Store::open(disk_, folder_, recovery));
  for (const auto& damage : recovery.damaged) say("damaged " + damage.id + " " + damage.reason);
  for (const auto& name : recovery.foreign) say("foreign " + name);
  for (const Brief& each : recovery.accepted) {
    queue_.push_back(must(store_->read(each.id)));
    const Envelope& envelope = queue_.back();
    say("found queue " + each.id + " " + std::to_string(envelope.attempts) + " " +
        (each.is_in_doubt ? "doubt " : "sure ") + content_found(*store_, envelope));
  }
  for (const Seen& seen : must(look_at(disk_, folder_))) {
    if (!seen.is_failed) continue;
    failed_.push_back(seen.envelope.id);
    say("found failed " + seen.envelope.id + " " + std::to_string(seen.envelope.attempts) +
        " sure " + (seen.damage.empty() ? "whole" : "damaged"));
  }
  say("open");
}

Publication Life::make_publication() {
  const std::string id = store_->make_id(WallClock::now());
  say("begin accept " + id);
  Publication publication;
  publication.draft = must(store_->begin(id));
  const std::string content = content_of(id);
  const std::size_t half = content.size() / 2;
  must(publication.draft->append(std::string_view(content).substr(0, half)));
  must(publication.draft->append(std::string_view(content).substr(half)));
  publication.envelope.id = id;
  publication.envelope.since = WallClock::now();
  publication.envelope.mail.reverse_path = "<a@client.test>";
  publication.envelope.recipients.emplace_back();
  publication.envelope.recipients.back().command.forward_path = "<b@far.test>";
  return publication;
}

void Life::accept(std::size_t count) {
  std::vector<Publication> publications;
  for (std::size_t i = 0; i < count; ++i) publications.push_back(make_publication());
  std::vector<Envelope> envelopes;
  for (const Publication& each : publications) envelopes.push_back(each.envelope);
  const std::vector<base::Result<void>> results = store_->publish(std::move(publications));
  for (std::size_t i = 0; i < count; ++i) {
    must(results[i]);
    say("done accept " + envelopes[i].id);
    queue_.push_back(must(store_->read(envelopes[i].id)));
  }
}

void Life::update(Envelope& envelope) {
  ++envelope.attempts;
  envelope.last_error = "450 4.2.1 not now";
  const std::string what = "update " + envelope.id + " " + std::to_string(envelope.attempts);
  say("begin " + what);
  must(store_->update(envelope));
  say("done " + what);
}

void Life::send(Envelope& envelope) {
  say("begin sending " + envelope.id);
  must(store_->begin_sending(envelope.id));
  say("done sending " + envelope.id);
  if (pick(2) == 0) return;
  say("begin refused " + envelope.id);
  store_->end_sending(envelope.id);
  say("done refused " + envelope.id);
}

void Life::remove(std::size_t index) {
  const std::string id = queue_[index].id;
  say("begin remove " + id);
  must(store_->remove(id));
  say("done remove " + id);
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Life::fail(std::size_t index) {
  const std::string id = queue_[index].id;
  queue_[index].last_error = "550 5.1.1 nobody";
  say("begin fail " + id);
  must(store_->fail(queue_[index]));
  say("done fail " + id);
  failed_.push_back(id);
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Life::restore() {
  const std::size_t index = pick(failed_.size());
  const std::string id = failed_[index];
  say("begin restore " + id);
  queue_.push_back(must(store_->restore(id, WallClock::now())));
  say("done restore " + id);
  failed_.erase(failed_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Life::step() {
  const std::size_t what = pick(10);
  if (what < 3 || queue_.empty()) return accept(1 + pick(3));
  const std::size_t index = pick(queue_.size());
  switch (what) {
    case 3: return update(queue_[index]);
    case 4:
    case 5: return send(queue_[index]);
    case 6:
    case 7: return remove(index);
    case 8: return fail(index);
    default:
      if (!failed_.empty()) return restore();
      return must(store_->settle());
  }
}

}  // namespace
}  // namespace spool

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const auto disk = spool::system_disk();
  spool::Life life(*disk, argv[1], static_cast<unsigned>(std::atoi(argv[2])));
  life.open();
  for (int left = std::atoi(argv[3]); left > 0; --left) life.step();
  return 0;
}
