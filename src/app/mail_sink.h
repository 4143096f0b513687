// Where the mail data of one mail goes, as it is to be sent: trace line, header put right, neither
// stuffed nor in chunks.
//
// To a connection, into a copy for the spool, or both: the copy is octet for octet what the
// smarthost gets, or would have got.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "app/spool_desk.h"

namespace app {

class SmarthostLink;

class MailSink {
 public:
  // Either may be null.
  void begin(SmarthostLink* link, std::unique_ptr<KeptMail> copy);
  void send_data(std::string_view bytes);
  // The mail data is whole.
  void end_data();
  // The connection has no more part in the mail.
  void drop_link() { link_ = nullptr; }
  void drop_copy() { copy_.reset(); }

  [[nodiscard]] bool is_open() const { return link_ != nullptr || copy_ != nullptr; }
  [[nodiscard]] KeptMail* copy() const { return copy_.get(); }
  // Octets that wait for the disk.
  [[nodiscard]] std::size_t queued_copy() const;

 private:
  SmarthostLink* link_ = nullptr;
  std::unique_ptr<KeptMail> copy_;
};

}  // namespace app
