// The ordinary conversation of a scripted smarthost, with a hook at every point.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/scripted_smarthost.h"

namespace support {

class SmarthostSession {
 public:
  SmarthostSession(SmarthostConnection& wire, Journal& journal, Behavior behavior, Hook hook)
      : wire_(wire), journal_(journal), behavior_(std::move(behavior)), hook_(std::move(hook)) {}

  // Until QUIT (returns) or the end of the connection (throws Over).
  void run();

 private:
  // Says the hook's answer or, without one, the usual; returns what was said.
  std::string answer(Point point, const std::string& line, const std::string& usual);
  [[nodiscard]] std::optional<Answer> ask(Point point, const std::string& line);
  [[nodiscard]] std::string hello(const std::vector<std::string>& keywords) const;
  // False after QUIT.
  bool obey(const std::string& line);
  void on_hello(const std::string& line, bool is_extended);
  void on_starttls(const std::string& line);
  void on_auth(const std::string& line);
  void on_mail(const std::string& line);
  void on_rcpt(const std::string& line);
  void on_data(const std::string& line);
  void on_bdat(const std::string& line);
  void finish_mail(const std::string& data);
  // False when the hook cut it short.
  bool read_mail_data(std::string& data);

  SmarthostConnection& wire_;
  Journal& journal_;
  Behavior behavior_;
  Hook hook_;
  std::map<Point, int> counts_;
  std::size_t size_ = 0;
  bool is_logged_in_ = false;
  std::string mail_;
  std::vector<std::string> rcpts_;
  std::string chunks_;  // since MAIL
};

}  // namespace support
