// What a listener with `sender` does to its clients' mail: one for each client session.
#pragma once

#include <memory>
#include <string>

#include "smtp/command.h"
#include "smtp/sender.h"

namespace app {

class SenderRewriting {
 public:
  // Null where mail stays as it is. `options` must outlive it.
  [[nodiscard]] static std::unique_ptr<SenderRewriting> make(const smtp::SenderOptions& options);

  // The client's MAIL, before anybody else sees it.
  void on_mail(smtp::MailCommand& mail) { client_path_ = smtp::rewrite_sender(options_, mail); }
  // What the last MAIL had said; empty when that stayed.
  [[nodiscard]] const std::string& client_path() const { return client_path_; }

 private:
  explicit SenderRewriting(const smtp::SenderOptions& options) : options_(options) {}

  const smtp::SenderOptions& options_;
  std::string client_path_;
};

}  // namespace app
