// The demo's legacy application: plaintext SMTP, one command at a time, as in 1995.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/connector.h"
#include "smtp/reply.h"

namespace app {

struct DemoMail {
  bool is_extended = true;  // EHLO; else HELO
  std::string client_name;
  std::string reverse_path;
  std::vector<std::string> forward_paths;
  std::string content;  // lines ended by CRLF, not stuffed
};

// What became of it.
struct DemoOutcome {
  std::optional<base::Error> error;    // the connection failed
  std::optional<smtp::Reply> refusal;  // to MAIL, or to DATA
  std::vector<smtp::Reply> rcpt_replies;
  std::optional<smtp::Reply> verdict;  // to the end of data
};

class DemoClientEvents {
 public:
  // The conversation is over. Comes from inside the client: destroy it later.
  virtual void on_mail_done(const DemoOutcome& outcome) = 0;

 protected:
  ~DemoClientEvents() = default;
};

// Sends one mail in a connection of its own.
class DemoClient final : net::ConnectorEvents, net::StreamEvents {
 public:
  DemoClient(net::Loop& loop, DemoMail mail, DemoClientEvents& events);
  ~DemoClient();
  DemoClient(const DemoClient&) = delete;
  DemoClient& operator=(const DemoClient&) = delete;

  void start(const net::SocketAddress& server);

 private:
  enum class Step { greeting, hello, mail, rcpt, data, end_of_data, quit, done };

  void on_connected(net::TcpStream stream) override;
  void on_connect_failed(const base::Error& error) override;
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_error(const base::Error& error) override;
  void on_drained() override {}

  void on_reply(const smtp::Reply& reply);
  void on_rcpt_reply(const smtp::Reply& reply);
  void say(Step awaited, std::string_view line);
  void send_content();
  void finish(std::optional<base::Error> error);

  net::Loop& loop_;
  DemoMail mail_;
  DemoClientEvents& events_;
  std::unique_ptr<net::Connector> connector_;
  std::optional<net::TcpStream> stream_;
  smtp::ReplyParser replies_;
  Step step_ = Step::greeting;
  DemoOutcome outcome_;
};

}  // namespace app
