// A smarthost in the test's own process, on 127.0.0.1 and a port of the system's choice.
//
// Left alone it is a well-behaved server that offers STARTTLS, wants it, and stores mail. A test
// makes it differ in one point (on), or writes the whole of a conversation itself (script). All of
// it is recorded; each connection runs in a thread of its own; stop() ends everything.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/journal.h"
#include "support/smarthost_accounts.h"
#include "support/smarthost_connection.h"

namespace support {

// Where a smarthost may be made to differ.
enum class Point {
  greeting,
  ehlo,
  helo,
  starttls,  // ehlo and helo: before TLS
  sealed_ehlo,
  sealed_helo,
  mail,
  rcpt,
  data,
  body,   // each piece of mail data as it comes; go_on with no bytes: as usual
  chunk,  // BDAT that is not the last; the last is end_of_data
  end_of_data,
  rset,
  quit,
  auth,
  other,
};

// The moment a hook is asked about.
struct Situation {
  Point point = Point::other;
  std::string line;      // the command, without CRLF; empty for greeting, body, end_of_data
  int count = 0;         // how often this point was reached on this connection, from 1
  std::size_t size = 0;  // octets of mail data so far, for body and end_of_data
  SmarthostConnection& wire;
};

// What to answer instead of the usual; nothing: the usual.
using Hook = std::function<std::optional<Answer>(const Situation&)>;
using Script = std::function<void(SmarthostConnection&)>;

// Always this.
[[nodiscard]] Hook always(std::string bytes, Then then = Then::go_on);
// This for the first time in the life of the hook, then the usual.
[[nodiscard]] Hook once(std::string bytes, Then then = Then::go_on);

struct Behavior {
  std::string name = "smarthost.test";
  bool is_implicit_tls = false;
  bool is_tls_wanted = true;  // MAIL in the clear gets 530
  std::vector<std::string> clear_keywords = {"PIPELINING", "8BITMIME", "STARTTLS"};
  std::vector<std::string> keywords = {"PIPELINING", "SIZE 52428800", "8BITMIME",
                                       "DSN",        "SMTPUTF8",      "ENHANCEDSTATUSCODES"};
  std::shared_ptr<tls::ServerContext> tls;  // may be shared by several smarthosts
  std::optional<Account> account;           // MAIL is for this one alone, after AUTH
};

class ScriptedSmarthost {
 public:
  struct Place {
    std::uint16_t port = 0;  // 0: the system chooses
    unsigned number = 1;     // of the address 127.0.0.NUMBER
  };

  explicit ScriptedSmarthost(Behavior behavior) : ScriptedSmarthost(std::move(behavior), Place()) {}
  ScriptedSmarthost(Behavior behavior, Place place);
  ~ScriptedSmarthost() { stop(); }
  ScriptedSmarthost(const ScriptedSmarthost&) = delete;
  ScriptedSmarthost& operator=(const ScriptedSmarthost&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // All of these hold for connections and commands that come later.
  void set_behavior(Behavior behavior);
  [[nodiscard]] Behavior behavior() const;
  void on(Point point, Hook hook);
  void be_healthy();  // forgets hooks and scripts
  // The next connection that has no script yet runs this instead of the usual conversation.
  void script(Script script);
  void script_always(Script script);

  // Refuses connections and drops those it has; the port stays its own. And back.
  void go_down();
  void come_up();
  // Every open connection says and does this when it next waits for input.
  void tell_all(const Answer& answer);
  void stop();

  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] std::vector<StoredMail> mails() const { return journal_.mails(); }
  [[nodiscard]] std::size_t connections() const { return journal_.records().size(); }
  // How many of them got as far as to run TLS.
  [[nodiscard]] std::size_t handshakes() const;
  // Waits for that many stored mails in all and returns them.
  std::vector<StoredMail> wait_for_mails(std::size_t count) const;
  // Waits until no connection is open any more.
  void wait_until_idle(Milliseconds patience = kPatience) const;

 private:
  void accept_connections();
  void serve(SmarthostConnection& wire);
  [[nodiscard]] Script next_script();
  void drop_connections();

  Journal journal_;
  Place place_;
  Fd listener_;
  std::uint16_t port_ = 0;
  Pipe stop_pipe_ = make_pipe();
  std::thread acceptor_;

  mutable std::mutex mutex_;
  Behavior behavior_;
  std::map<Point, Hook> hooks_;
  std::deque<Script> scripts_;
  Script script_always_;
  struct Served {
    std::shared_ptr<SmarthostConnection> wire;
    std::thread thread;
  };
  std::vector<Served> served_;
};

}  // namespace support
