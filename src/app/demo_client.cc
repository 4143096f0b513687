// See demo_client.h.
#include "app/demo_client.h"

#include <algorithm>
#include <utility>

#include "smtp/mail_data.h"

namespace app {

namespace {

constexpr base::Duration kConnectTimeout = std::chrono::seconds(5);

}  // namespace

DemoClient::DemoClient(net::Loop& loop, DemoMail mail, DemoClientEvents& events)
    : loop_(loop), mail_(std::move(mail)), events_(events) {}

DemoClient::~DemoClient() = default;

void DemoClient::start(const net::SocketAddress& server) {
  connector_ = net::Connector::connect(loop_, server.host(), server.port, kConnectTimeout, *this);
}

void DemoClient::on_connected(net::TcpStream stream) {
  stream_.emplace(std::move(stream));
  if (const auto started = stream_->start(*this); !started) finish(started.error());
}

void DemoClient::on_connect_failed(const base::Error& error) { finish(error); }

void DemoClient::on_error(const base::Error& error) { finish(error); }

void DemoClient::on_eof() {
  if (step_ == Step::quit) {
    finish(std::nullopt);
  } else {
    finish(base::Error{base::Fault::connection, "the server closed the connection"});
  }
}

void DemoClient::on_read(std::string_view bytes) {
  replies_.receive(bytes);
  while (step_ != Step::done) {
    const auto next = replies_.next();
    if (const auto* malformed = std::get_if<smtp::MalformedReply>(&next)) {
      finish(base::Error{base::Fault::peer_protocol, "malformed reply: " + malformed->why});
      return;
    }
    const auto* reply = std::get_if<smtp::Reply>(&next);
    if (reply == nullptr) return;
    on_reply(*reply);
  }
}

void DemoClient::on_reply(const smtp::Reply& reply) {
  switch (step_) {
    case Step::greeting:
    case Step::hello:
      if (!reply.is_positive()) {
        outcome_.refusal = reply;
        say(Step::quit, "QUIT");
      } else if (step_ == Step::greeting) {
        say(Step::hello, (mail_.is_extended ? "EHLO " : "HELO ") + mail_.client_name);
      } else {
        say(Step::mail, "MAIL FROM:" + mail_.reverse_path);
      }
      break;
    case Step::mail:
      if (reply.is_positive()) {
        say(Step::rcpt, "RCPT TO:" + mail_.forward_paths.front());
      } else {
        outcome_.refusal = reply;
        say(Step::quit, "QUIT");
      }
      break;
    case Step::rcpt: on_rcpt_reply(reply); break;
    case Step::data:
      if (reply.code == 354) {
        send_content();
      } else {
        outcome_.refusal = reply;
        say(Step::quit, "QUIT");
      }
      break;
    case Step::end_of_data:
      outcome_.verdict = reply;
      say(Step::quit, "QUIT");
      break;
    case Step::quit: finish(std::nullopt); break;
    case Step::done: break;
  }
}

void DemoClient::on_rcpt_reply(const smtp::Reply& reply) {
  auto& replies = outcome_.rcpt_replies;
  replies.push_back(reply);
  if (replies.size() < mail_.forward_paths.size()) {
    say(Step::rcpt, "RCPT TO:" + mail_.forward_paths[replies.size()]);
    return;
  }
  const bool is_any_accepted = std::any_of(replies.begin(), replies.end(),
                                           [](const auto& one) { return one.is_positive(); });
  if (is_any_accepted) {
    say(Step::data, "DATA");
  } else {
    say(Step::quit, "QUIT");
  }
}

void DemoClient::say(Step awaited, std::string_view line) {
  step_ = awaited;
  stream_->write(std::string(line) + "\r\n");
}

void DemoClient::send_content() {
  smtp::MailDataEncoder encoder;
  std::string stuffed;
  encoder.send(mail_.content, stuffed);
  encoder.end(stuffed);
  step_ = Step::end_of_data;
  stream_->write(stuffed);
}

void DemoClient::finish(std::optional<base::Error> error) {
  if (std::exchange(step_, Step::done) == Step::done) return;
  outcome_.error = std::move(error);
  stream_.reset();
  events_.on_mail_done(outcome_);
}

}  // namespace app
