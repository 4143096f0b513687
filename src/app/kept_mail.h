// A mail that is being received for the spool: in memory while it is small, then in a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/spool_desk.h"

namespace app {

class SpoolRunner;

// It belongs to whoever receives the mail; the runner knows it by its key while it lives.
class KeptInSpool final : public KeptMail {
 public:
  // Octets that stay in memory: most mails never touch the disk before they are published.
  static constexpr std::size_t kInMemory = 256 * 1024;
  // The same while many mails are being received.
  static constexpr std::size_t kInMemoryWhenMany = 32 * 1024;

  KeptInSpool(SpoolRunner& runner, KeptMailEvents& events, std::uint64_t key);
  ~KeptInSpool();
  KeptInSpool(const KeptInSpool&) = delete;
  KeptInSpool& operator=(const KeptInSpool&) = delete;

  void append(std::string_view bytes) override;
  [[nodiscard]] std::size_t queued() const override { return queued_; }
  [[nodiscard]] std::optional<base::Error> trouble() const override { return trouble_; }
  void publish(spool::Envelope envelope) override;

  // What the disk's thread said.
  void on_kept(const base::Result<std::size_t>& octets);
  void on_published(const base::Result<std::string>& id);

 private:
  void spill();

  SpoolRunner& runner_;
  KeptMailEvents& events_;
  std::uint64_t key_;
  std::string memory_;
  std::size_t queued_ = 0;  // on their way to the file
  std::uint64_t size_ = 0;  // of the mail so far
  bool has_file_ = false;
  bool is_published_ = false;
  std::optional<base::Error> trouble_;
};

}  // namespace app
