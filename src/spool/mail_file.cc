// The mail itself: written by a Draft, read by a MailReader. See store.h.
#include <algorithm>

#include "spool/checksum.h"
#include "spool/store.h"

namespace spool {

namespace {

using base::Error;
using base::Fault;
using base::Result;

// After so many octets the system is told to write: the sync at the end of a big mail, for which
// its client waits, finds little left to do.
constexpr std::uint64_t kWriteBehind = 1024 * 1024;

}  // namespace

Draft::Draft(Disk& disk, std::string path, std::unique_ptr<DiskFile> file)
    : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

Draft::~Draft() {
  file_.reset();
  // What cannot be removed now is removed at the next start.
  if (!path_.empty()) static_cast<void>(disk_.remove(path_));
}

Result<void> Draft::append(std::string_view bytes) {
  if (trouble_) return *trouble_;
  if (auto written = file_->append(bytes); !written) {
    trouble_ = written.error();
    return written;
  }
  size_ += bytes.size();
  checksum_ = crc32c(bytes, checksum_);
  unwritten_ += bytes.size();
  if (unwritten_ >= kWriteBehind) {
    file_->start_writing();
    unwritten_ = 0;
  }
  return {};
}

MailReader::MailReader(std::unique_ptr<DiskFile> file, std::uint64_t size, std::uint32_t checksum)
    : file_(std::move(file)), size_(size), checksum_(checksum) {}

Result<std::size_t> MailReader::read(std::size_t most, std::string& out) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(most, size_ - offset_));
  const std::size_t before = out.size();
  const auto count = file_->read(offset_, wanted, out);
  if (!count) return count;
  if (*count < wanted) {
    out.resize(before);
    return Error{Fault::storage, "the mail is shorter than what was accepted"};
  }
  so_far_ = crc32c(std::string_view(out).substr(before), so_far_);
  offset_ += wanted;
  if (offset_ == size_ && so_far_ != checksum_) {
    out.resize(before);
    return Error{Fault::storage, "the mail is not what was accepted: its checksum differs"};
  }
  return wanted;
}

}  // namespace spool
