#include "app/sender_rewriting.h"

#include "app/mail_sink.h"

namespace app {

std::unique_ptr<SenderRewriting> SenderRewriting::make(const smtp::SenderOptions& options) {
  if (options.address.empty()) return nullptr;
  return std::unique_ptr<SenderRewriting>(new SenderRewriting(options));
}

void SenderRewriting::begin_data() {
  header_.reset();
  if (options_.changes_header()) header_.emplace(options_);
}

std::optional<smtp::Reply> SenderRewriting::send_data(std::string_view bytes, MailSink& sink) {
  if (header_) {
    std::string header;
    bytes.remove_prefix(header_->receive(bytes, header));
    if (header_->refusal()) return header_->refusal();
    if (!header.empty()) sink.send_data(header);
    if (header_->is_header_over()) header_.reset();
  }
  if (!bytes.empty()) sink.send_data(bytes);
  return std::nullopt;
}

void SenderRewriting::end_data(MailSink& sink) {
  if (!header_) return;
  std::string header;
  header_->end(header);
  header_.reset();
  if (!header.empty()) sink.send_data(header);
}

}  // namespace app
