// See smarthost_session.h.
#include "support/smarthost_session.h"

#include <cctype>

namespace support {

namespace {

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

bool is_positive(const std::string& said) { return said.starts_with("2"); }

// RFC 5321 4.5.2, the other way: a dot at the start of a line is taken off.
std::string unstuffed(std::string_view stuffed) {
  std::string out;
  out.reserve(stuffed.size());
  bool is_line_start = true;
  for (const char c : stuffed) {
    if (!is_line_start || c != '.') out += c;
    is_line_start = c == '\n';
  }
  return out;
}

}  // namespace

std::optional<Answer> SmarthostSession::ask(Point point, const std::string& line) {
  return hook_(Situation{point, line, ++counts_[point], size_, wire_});
}

std::string SmarthostSession::answer(Point point, const std::string& line,
                                     const std::string& usual) {
  const Answer said = ask(point, line).value_or(Answer{usual});
  wire_.send(said);
  return said.bytes;
}

std::string SmarthostSession::hello(const std::vector<std::string>& keywords) const {
  std::string out = keywords.empty() ? "250 " : "250-";
  out += behavior_.name + "\r\n";
  for (std::size_t i = 0; i < keywords.size(); ++i) {
    out += (i + 1 == keywords.size() ? "250 " : "250-") + keywords[i] + "\r\n";
  }
  return out;
}

void SmarthostSession::run() {
  if (behavior_.is_implicit_tls) wire_.start_tls(*behavior_.tls);
  answer(Point::greeting, "", "220 " + behavior_.name + " ESMTP\r\n");
  while (obey(wire_.read_line())) {
  }
}

bool SmarthostSession::obey(const std::string& line) {
  const std::string verb = upper(line.substr(0, line.find(' ')));
  if (verb == "EHLO" || verb == "HELO") {
    on_hello(line, verb == "EHLO");
  } else if (verb == "STARTTLS") {
    on_starttls(line);
  } else if (verb == "QUIT") {
    answer(Point::quit, line, "221 2.0.0 bye\r\n");
    return false;
  } else if (verb == "RSET") {
    mail_.clear();
    rcpts_.clear();
    answer(Point::rset, line, "250 2.0.0 reset\r\n");
  } else if (!wire_.is_sealed() && behavior_.is_tls_wanted) {
    answer(Point::other, line, "530 5.7.0 Must issue a STARTTLS command first\r\n");
  } else if (verb == "MAIL") {
    on_mail(line);
  } else if (verb == "RCPT") {
    on_rcpt(line);
  } else if (verb == "DATA") {
    on_data(line);
  } else if (verb == "BDAT") {
    on_bdat(line);
  } else if (verb == "AUTH") {
    on_auth(line);
  } else {
    answer(Point::other, line, "500 5.5.2 command not recognized\r\n");
  }
  return true;
}

void SmarthostSession::on_hello(const std::string& line, bool is_extended) {
  mail_.clear();
  rcpts_.clear();
  const bool is_sealed = wire_.is_sealed();
  if (is_extended) {
    answer(is_sealed ? Point::sealed_ehlo : Point::ehlo, line,
           hello(is_sealed ? behavior_.keywords : behavior_.clear_keywords));
  } else {
    answer(is_sealed ? Point::sealed_helo : Point::helo, line, "250 " + behavior_.name + "\r\n");
  }
}

void SmarthostSession::on_starttls(const std::string& line) {
  const std::string said = answer(Point::starttls, line, "220 2.0.0 go ahead\r\n");
  if (said.starts_with("220")) wire_.start_tls(*behavior_.tls);
}

void SmarthostSession::on_auth(const std::string& line) {
  const auto said = ask(Point::auth, line);
  if (said) {
    wire_.send(*said);
  } else if (!behavior_.account || is_logged_in_) {
    wire_.send("503 5.5.1 AUTH not available\r\n");
  } else {
    const std::string verdict = run_auth(wire_, *behavior_.account, line);
    is_logged_in_ = is_positive(verdict);
    wire_.send(verdict);
  }
}

void SmarthostSession::on_mail(const std::string& line) {
  if (behavior_.account && !is_logged_in_) {
    answer(Point::mail, line, "530 5.7.0 Authentication required\r\n");
    return;
  }
  if (!is_positive(answer(Point::mail, line, "250 2.1.0 sender ok\r\n"))) return;
  mail_ = line;
  rcpts_.clear();
  chunks_.clear();
}

void SmarthostSession::on_rcpt(const std::string& line) {
  if (mail_.empty()) {
    wire_.send("503 5.5.1 MAIL first\r\n");
  } else if (is_positive(answer(Point::rcpt, line, "250 2.1.5 recipient ok\r\n"))) {
    rcpts_.push_back(line);
  }
}

void SmarthostSession::on_data(const std::string& line) {
  size_ = 0;
  if (rcpts_.empty()) {
    wire_.send("503 5.5.1 RCPT first\r\n");
    return;
  }
  if (!answer(Point::data, line, "354 go ahead\r\n").starts_with("354")) return;
  std::string data;
  if (!read_mail_data(data)) return;
  finish_mail(data);
}

// RFC 3030 2.
void SmarthostSession::on_bdat(const std::string& line) {
  const std::size_t size = std::stoul(line.substr(line.find(' ') + 1));
  std::string chunk;
  while (chunk.size() < size) chunk += wire_.read_some();
  wire_.unread(chunk.substr(size));
  chunk.resize(size);
  if (rcpts_.empty()) {
    wire_.send("503 5.5.1 RCPT first\r\n");
    return;
  }
  chunks_ += chunk;
  size_ = chunks_.size();
  if (line.ends_with(" LAST")) {
    finish_mail(chunks_);
  } else if (!is_positive(answer(Point::chunk, line, "250 2.0.0 taken\r\n"))) {
    rcpts_.clear();  // whatever follows is refused
  }
}

void SmarthostSession::finish_mail(const std::string& data) {
  const Answer said =
      ask(Point::end_of_data, "")
          .value_or(Answer{"250 2.0.0 queued as " + std::to_string(data.size()) + "\r\n"});
  // First stored, then said: whoever sees the reply finds the mail.
  if (is_positive(said.bytes)) journal_.store({wire_.number(), mail_, rcpts_, data});
  mail_.clear();
  rcpts_.clear();
  wire_.send(said);
}

bool SmarthostSession::read_mail_data(std::string& data) {
  static constexpr std::string_view kEnd = "\r\n.\r\n";
  // The line of DATA ended in CRLF: a mail without any content is just the lone dot.
  std::string stuffed = "\r\n";
  std::size_t searched = 0;
  while (true) {
    const std::string piece = wire_.read_some();
    stuffed += piece;
    size_ = stuffed.size() - 2;
    if (!piece.empty()) {
      if (const auto cut = ask(Point::body, "")) {
        wire_.send(*cut);
        if (!cut->bytes.empty()) return false;
      }
    }
    const std::size_t end = stuffed.find(kEnd, searched);
    if (end != std::string::npos) {
      wire_.unread(stuffed.substr(end + kEnd.size()));
      data = unstuffed(std::string_view(stuffed).substr(2, end));
      return true;
    }
    searched = stuffed.size() > kEnd.size() ? stuffed.size() - kEnd.size() : 0;
  }
}

}  // namespace support
