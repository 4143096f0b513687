// A spool's desk without a disk: what is published is kept here, on a later turn, as long as the
// test lets it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/spool_desk.h"
#include "net/loop.h"
#include "net/timer.h"

namespace app {

class FakeDesk final : public SpoolDesk, net::TimerEvents {
 public:
  struct Mail {
    spool::Envelope envelope;
    std::string data;
  };

  explicit FakeDesk(net::Loop& loop) : loop_(loop), timer_(loop, *this) {}

  std::optional<base::Error> why_full(std::uint64_t size) const override {
    asked_size = std::max(asked_size, size);
    return full;
  }
  std::unique_ptr<KeptMail> keep(KeptMailEvents& events) override {
    ++begun;
    return std::make_unique<Kept>(*this, events);
  }
  void smarthost_reached(const std::string&) override {}

  // Octets that every mail says it has waiting.
  void hold_up(std::size_t queued) {
    queued_ = queued;
    if (queued == 0 && kept_ != nullptr) kept_->events.on_kept();
  }
  void hold_publications(bool is_held) {
    is_held_ = is_held;
    timer_.arm(loop_.now());
  }
  [[nodiscard]] bool is_publishing() const { return !pending_.empty(); }
  // Of the mail that is being received.
  [[nodiscard]] std::size_t received() const { return kept_ == nullptr ? 0 : kept_->data.size(); }

  std::vector<Mail> mails;           // published
  std::vector<std::string> dropped;  // what copies held that were never published
  int begun = 0;
  mutable std::uint64_t asked_size = 0;
  std::optional<base::Error> full;
  std::optional<base::Error> failure;  // of every publication

 private:
  struct Kept final : KeptMail {
    Kept(FakeDesk& desk, KeptMailEvents& listener) : owner(desk), events(listener) {
      owner.kept_ = this;
    }
    ~Kept() override {
      if (owner.kept_ == this) owner.kept_ = nullptr;
      for (Pending& pending : owner.pending_) {
        if (pending.kept == this) pending.kept = nullptr;
      }
      if (!is_published) owner.dropped.push_back(data);
    }
    void append(std::string_view bytes) override { data.append(bytes); }
    std::size_t queued() const override { return owner.queued_; }
    std::optional<base::Error> trouble() const override { return std::nullopt; }
    void publish(spool::Envelope envelope) override {
      is_published = true;
      owner.pending_.push_back({this, {std::move(envelope), data}});
      owner.timer_.arm(owner.loop_.now());
    }

    FakeDesk& owner;
    KeptMailEvents& events;
    std::string data;
    bool is_published = false;
  };
  struct Pending {
    Kept* kept = nullptr;  // null once nobody waits any more
    Mail mail;
  };

  void on_timer() override {
    if (is_held_) return;
    while (!pending_.empty()) {
      Pending pending = std::move(pending_.front());
      pending_.erase(pending_.begin());
      if (failure) {
        if (pending.kept != nullptr) pending.kept->events.on_publish_failed(*failure);
        continue;
      }
      char id[17];
      std::snprintf(id, sizeof id, "%016zx", mails.size() + 1);
      mails.push_back(std::move(pending.mail));
      if (pending.kept != nullptr) pending.kept->events.on_published(id);
    }
  }

  net::Loop& loop_;
  net::Timer timer_;
  std::vector<Pending> pending_;
  Kept* kept_ = nullptr;
  std::size_t queued_ = 0;
  bool is_held_ = false;
};

}  // namespace app
