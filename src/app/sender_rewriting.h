// What a listener with `sender` does to its clients' mail: one for each client session.
//
// It stands between a client's transaction and where its mail goes: MAIL passes through it before
// anybody else sees it, mail data last of all, behind our own trace line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/command.h"
#include "smtp/header_rewriter.h"
#include "smtp/reply.h"
#include "smtp/sender.h"

namespace app {

class MailSink;

class SenderRewriting {
 public:
  // Null where mail stays as it is. `options` must outlive it.
  [[nodiscard]] static std::unique_ptr<SenderRewriting> make(const smtp::SenderOptions& options);

  // The client's MAIL.
  void on_mail(smtp::MailCommand& mail) { client_path_ = smtp::rewrite_sender(options_, mail); }
  // What the last MAIL had said; empty when that stayed.
  [[nodiscard]] const std::string& client_path() const { return client_path_; }

  void begin_data();
  // Sends what the mail data becomes. A refusal, instead: the mail must not be sent.
  [[nodiscard]] std::optional<smtp::Reply> send_data(std::string_view bytes, MailSink& sink);
  // Sends what is still held, before the end of the mail data.
  void end_data(MailSink& sink);

 private:
  explicit SenderRewriting(const smtp::SenderOptions& options) : options_(options) {}

  const smtp::SenderOptions& options_;
  std::string client_path_;
  std::optional<smtp::HeaderRewriter> header_;  // while the header of mail comes
};

}  // namespace app
