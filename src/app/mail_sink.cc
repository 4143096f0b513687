#include "app/mail_sink.h"

#include <utility>

#include "app/smarthost_link.h"

namespace app {

void MailSink::begin(SmarthostLink* link, std::unique_ptr<KeptMail> copy) {
  link_ = link;
  copy_ = std::move(copy);
}

void MailSink::send_data(std::string_view bytes) {
  if (link_ != nullptr) link_->send_data(bytes);
  if (copy_) copy_->append(bytes);
}

void MailSink::end_data() {
  if (link_ != nullptr) link_->end_data();
}

std::size_t MailSink::queued_copy() const {
  // Nobody waits for a disk that takes no more.
  return copy_ && !copy_->trouble() ? copy_->queued() : 0;
}

}  // namespace app
