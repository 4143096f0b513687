// Errors as values.
//
// A function that can fail returns Result<T>: either the value or an Error that says whose fault
// it is (Fault) and, in words a person can act on, what happened (detail). Only relay/outcome turns
// a Fault into an SMTP reply; nothing else may guess one from the text.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace base {

// Who is to blame, as finely as the replies to the client need it.
enum class Fault {
  local,            // this machine: memory, descriptors, a bug that was caught
  unreachable,      // the peer was never reached: name, route, refused, time-out of the connect
  connection,       // an established connection was lost or fell silent
  tls_unavailable,  // the peer offers no TLS, or refuses to start it
  tls,              // handshake, certificate or identity did not meet the policy
  login,            // the peer does not let us in with the credentials that we have
  peer_protocol,    // the peer broke the protocol
  peer_unable,      // the peer said it cannot now (4yz)
  peer_refused,     // the peer said no (5yz)
  config,           // the configuration is wrong
  storage,          // disk trouble
  busy,             // a limit of the configuration is reached for now
};

// The name of a fault as it stands in the log.
[[nodiscard]] constexpr std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::local: return "local";
    case Fault::unreachable: return "unreachable";
    case Fault::connection: return "connection";
    case Fault::tls_unavailable: return "tls-unavailable";
    case Fault::tls: return "tls";
    case Fault::login: return "login";
    case Fault::peer_protocol: return "peer-protocol";
    case Fault::peer_unable: return "peer-unable";
    case Fault::peer_refused: return "peer-refused";
    case Fault::config: return "config";
    case Fault::storage: return "storage";
    case Fault::busy: return "busy";
  }
  return "unknown";
}

struct Error {
  Fault fault = Fault::local;
  std::string detail;  // one line, printable, no trailing full stop

  friend bool operator==(const Error&, const Error&) = default;
};

// A value or an Error. Look before you take: value() of an error aborts the program.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool is_ok() const { return state_.index() == 0; }
  explicit operator bool() const { return is_ok(); }

  [[nodiscard]] T& value() & { return *std::get_if<0>(&checked()); }
  [[nodiscard]] const T& value() const& { return *std::get_if<0>(&checked()); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&checked())); }
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error>& checked() {
    if (!is_ok()) std::abort();
    return state_;
  }
  const std::variant<T, Error>& checked() const {
    if (!is_ok()) std::abort();
    return state_;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool is_ok() const { return !error_.has_value(); }
  explicit operator bool() const { return is_ok(); }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: internal check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace base

// For the impossible only, never for input: a bug must not run on.
#define SMTPSEAL_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::base::check_failed(__FILE__, __LINE__, #condition))
