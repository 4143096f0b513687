// A queue of bytes: appended at the back, looked at and consumed at the front.
//
// Every buffer between two layers is one of these. Consuming is cheap (an offset moves); the
// storage is compacted when the consumed part outweighs the rest, and given back when it is empty,
// so that an idle connection holds no buffer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

class ByteQueue {
 public:
  // Storage above this many bytes is freed, not kept, once the queue is empty.
  static constexpr std::size_t kKeptCapacity = 4096;

  void append(std::string_view bytes) { storage_.append(bytes); }

  // The unread bytes. Valid until the next call that is not const.
  [[nodiscard]] std::string_view view() const { return std::string_view(storage_).substr(offset_); }
  [[nodiscard]] std::size_t size() const { return storage_.size() - offset_; }
  [[nodiscard]] bool is_empty() const { return size() == 0; }

  void consume(std::size_t count) {
    SMTPSEAL_CHECK(count <= size());
    offset_ += count;
    if (offset_ == storage_.size()) {
      clear();
    } else if (offset_ >= kCompactAt && offset_ >= storage_.size() / 2) {
      storage_.erase(0, offset_);
      offset_ = 0;
    }
  }

  void clear() {
    offset_ = 0;
    if (storage_.capacity() > kKeptCapacity) {
      std::string().swap(storage_);
    } else {
      storage_.clear();
    }
  }

  // For writers that fill in place (formatting, decoding): append to the returned string only.
  [[nodiscard]] std::string& back() { return storage_; }

 private:
  static constexpr std::size_t kCompactAt = 16384;

  std::string storage_;
  std::size_t offset_ = 0;
};

}  // namespace base
