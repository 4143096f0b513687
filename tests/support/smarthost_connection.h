// The smarthost's end of one connection from smtpseal: blocking, bounded, recorded.
//
// Scripts talk through it. It says exactly what it is told, in the clear or inside TLS, and keeps
// what it hears in the journal. Whoever owns the smarthost can order it about from outside.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "support/fd.h"
#include "support/journal.h"
#include "tls/tls_engine.h"

namespace support {

// What a smarthost does after it has said something.
enum class Then {
  go_on,
  close,                       // FIN; inside TLS without close_notify
  close_notify,                // the polite end of TLS, then FIN
  alert,                       // a fatal alert inside TLS, then FIN
  plaintext,                   // inside TLS: a reply in the clear, then FIN
  close_notify_and_plaintext,  // the polite end of TLS, a reply in the clear, then FIN
  reset,                       // RST
  silence,                     // reads on, says nothing more
  deafness,                    // neither reads nor speaks
};

struct Answer {
  std::string bytes;
  Then then = Then::go_on;
};

// The conversation is over: thrown out of every call, and not an error of the script.
class Over {};

class SmarthostConnection {
 public:
  SmarthostConnection(Fd socket, int number, Journal& journal);

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_sealed() const { return is_sealed_; }

  // A line without its CRLF (or LF). Throws Over at the end of the connection.
  std::string read_line();
  // A line that begins like this; throws Failure when it does not.
  std::string expect(std::string_view prefix);
  // Waits for more input and returns all of it that is not read yet.
  std::string read_some();
  // Puts back what was read too much.
  void unread(std::string_view bytes) { input_.insert(0, bytes); }
  // Until the peer closes. Returns normally then.
  void read_until_closed();

  // In the clear or inside TLS, as things stand.
  void send(std::string_view bytes);
  void send(const Answer& answer);
  // Each octet in a write of its own, inside TLS in a record of its own.
  void send_bytewise(std::string_view bytes);
  // In the clear, even inside TLS.
  void send_raw(std::string_view bytes);
  // Throws Over when the handshake fails; the journal says why.
  void start_tls(tls::ServerContext& context);
  // In TLS 1.2: the end of the handshake, this and the polite end of TLS leave in one write.
  void start_and_end_tls(tls::ServerContext& context, std::string_view last_words);
  // From here on the peer speaks TLS, which this smarthost will not answer.
  void expect_tls();
  // Ends or stops the conversation; all but go_on throw Over in the end.
  void carry_out(Then then);

  // Closes it if it is still open.
  void hang_up();

  // From any thread: said and done as soon as the connection waits for input.
  void order(const Answer& answer);
  // From any thread: everything that waits throws Over from now on.
  void stop();

 private:
  void receive();  // what is there, or waits for it; throws Over at the end
  void flush_tls();
  void provoke_alert();
  void write_all(std::string_view bytes);
  void obey();
  void end(const std::string& how);

  Fd socket_;
  int number_;
  Journal& journal_;
  std::unique_ptr<tls::Engine> engine_;
  bool is_sealed_ = false;
  bool is_over_ = false;
  bool is_tls_expected_ = false;
  std::optional<std::string> last_words_;  // said with the end of the handshake
  std::string input_;

  Pipe wake_ = make_pipe();
  std::mutex mutex_;
  std::deque<Answer> orders_;
  bool is_stopped_ = false;
};

}  // namespace support
