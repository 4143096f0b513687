// The spool's side in one loop: takes mails from the loop's clients, and delivers mails of the
// spool over the loop's pools.
//
// The disk's thread decides what is tried when; here is only the work. What it gives beyond the
// connections there are waits, so that the next mail is at hand when one is done. One connection of
// a pool is left to clients that are there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/kept_mail.h"
#include "app/smarthost_pool.h"
#include "app/spool_delivery.h"
#include "app/spool_desk.h"
#include "app/spooler.h"
#include "app/turn.h"
#include "base/log.h"
#include "net/mailbox.h"

namespace app {

class SpoolRunner final : public SpoolDesk, SpoolSeat, SpoolDeliveryOwner, TurnTask {
 public:
  // Octets of mails being received that a loop keeps in memory in all before each keeps little.
  static constexpr std::size_t kMemory = std::size_t{32} << 20;

  [[nodiscard]] static base::Result<std::unique_ptr<SpoolRunner>> make(net::Loop& loop, Turn& turn,
                                                                       base::LogSink& log,
                                                                       Spooler& spooler);
  // Only when the spooler is closed.
  ~SpoolRunner();

  // When the spooler has been opened: it takes and delivers mail.
  void begin();
  // The pools of the configuration in force. Those before must live while is_using() them.
  void use(std::vector<SmarthostPool*> pools);
  [[nodiscard]] bool is_using(const SmarthostPool& pool) const;
  // Deliveries under way finish, no others begin.
  void drain();
  // They do not even finish.
  void stop();
  [[nodiscard]] bool is_idle() const { return has_left_ && deliveries_.empty(); }
  // Destroys what is finished. From the end of the turn only.
  void reap() { finished_.clear(); }

  [[nodiscard]] std::optional<base::Error> why_full(std::uint64_t size) const override;
  [[nodiscard]] std::unique_ptr<KeptMail> keep(KeptMailEvents& events) override;
  void smarthost_reached(const std::string& section) override;

  // For the mails that it keeps.
  void tell(std::function<void(SpoolBooks&)> task) { spooler_.post(std::move(task)); }
  [[nodiscard]] SpoolSeat& seat() { return *this; }
  [[nodiscard]] SpoolFacts& facts() { return spooler_.facts(); }
  void add_memory(std::size_t octets) { memory_ += octets; }
  void remove_memory(std::size_t octets) { memory_ -= octets; }
  [[nodiscard]] bool is_memory_short() const { return memory_ > kMemory; }
  void on_kept_gone(std::uint64_t key, std::size_t in_memory);

 private:
  SpoolRunner(Turn& turn, net::Loop& loop, base::LogSink& log, Spooler& spooler,
              std::unique_ptr<net::Mailbox> mailbox);

  // On the disk's thread.
  void deliver(SpoolJob job) override;
  void give(std::string id, base::Result<std::string> octets) override;
  void marked(std::string id, base::Result<void> result) override;
  void kept(std::uint64_t key, base::Result<std::size_t> octets) override;
  void published(std::uint64_t key, base::Result<std::string> id) override;
  void left() override;

  void want_more(const std::string& id) override;
  void want_mark(const std::string& id) override;
  void on_attempt(SpoolDelivery& delivery, SpoolAttempt attempt) override;
  void on_damage(SpoolDelivery& delivery, const std::string& reason) override;
  void on_turn_end() override;

  [[nodiscard]] SmarthostPool* pool_of(const std::string& section) const;
  [[nodiscard]] bool has_room(const SmarthostPool& pool) const;
  void put_back(const SpoolJob& job);
  void put_back_waiting(const std::string& section);
  void end(SpoolDelivery& delivery);
  [[nodiscard]] SpoolDelivery* find(const std::string& id);

  Turn& turn_;
  net::Loop& loop_;
  base::LogSink& log_;
  Spooler& spooler_;
  std::unique_ptr<net::Mailbox> mailbox_;
  std::vector<SmarthostPool*> pools_;
  std::deque<SpoolJob> waiting_;
  std::map<std::string, std::unique_ptr<SpoolDelivery>> deliveries_;  // by id of the mail
  std::vector<std::unique_ptr<SpoolDelivery>> finished_;
  std::map<std::uint64_t, KeptInSpool*> kept_;
  std::size_t memory_ = 0;
  bool has_begun_ = false;
  bool is_draining_ = false;
  bool has_left_ = true;  // there is no seat at the books
};

}  // namespace app
