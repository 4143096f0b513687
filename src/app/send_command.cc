// `smtpseal send`: one test message through the listener, as a legacy client would send it:
// plaintext, command by command. Every line said is printed; the last line says how it ended.
#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <random>

#include "app/commands.h"
#include "app/load_config.h"
#include "app/mail_address.h"
#include "app/wire.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "config/values.h"
#include "platform/platform.h"
#include "smtp/mail_data.h"
#include "smtp/reply.h"
#include "smtp/trace.h"
#include "tls/files.h"

namespace app {

namespace {

constexpr base::Duration kConnectPatience = std::chrono::seconds(30);
// smtpseal greets when it has reached the smarthost, or has given it up.
constexpr base::Duration kGreetingPatience = std::chrono::seconds(60);
// RFC 5321 4.5.3.2: the listener answers when the smarthost does.
constexpr base::Duration kCommandPatience = std::chrono::minutes(5);
constexpr base::Duration kDataPatience = std::chrono::minutes(10);
constexpr std::uint16_t kSmtpPort = 25;

struct Via {
  std::string host;
  std::uint16_t port = kSmtpPort;
  std::optional<base::SocketAddress> socket;  // a Unix socket, instead

  // "127.0.0.1:25", "[::1]:25", "unix:/run/smtpseal/smtp"
  [[nodiscard]] std::string to_string() const {
    if (socket) return socket->to_string();
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ':' + std::to_string(port);
  }
};

struct Letter {
  std::string reverse_path;  // with angle brackets
  std::string forward_path;
  std::string hostname;  // ours
  bool needs_smtputf8 = false;
  std::vector<std::string> lines;
};

std::string random_word() {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
  std::random_device random;
  std::string word;
  for (int i = 0; i < 16; ++i) word.push_back(kDigits[random() % kDigits.size()]);
  return word;
}

std::vector<std::string> message_lines(const Letter& letter) {
  // RFC 5322 3.6: the null path is no address to stand in From.
  const bool is_null = letter.reverse_path == "<>";
  const std::string from = is_null ? "<postmaster@" + letter.hostname + ">" : letter.reverse_path;
  return {"Date: " + smtp::format_date(net::Loop::wall_now()),
          "From: " + from,
          "To: " + letter.forward_path,
          "Subject: smtpseal test message",
          "Message-ID: <" + random_word() + "@" + letter.hostname + ">",
          "MIME-Version: 1.0",
          "Content-Type: text/plain; charset=us-ascii",
          "Auto-Submitted: auto-generated",
          "",
          "This is a test message, sent by `smtpseal send` through smtpseal.",
          "If you can read it, mail gets through."};
}

// The conversation, blocking and line by line.
class Sender {
 public:
  static constexpr std::string_view kGreeting = "the greeting";

  Sender(net::Loop& loop, Wire& wire, WaitNote& note) : loop_(loop), wire_(wire), note_(note) {}

  // The reply that decided it: the final one, or the first that is not positive. Fault::connection
  // and Fault::peer_protocol when there was none.
  [[nodiscard]] base::Result<smtp::Reply> send(const Letter& letter);
  // kGreeting as long as nothing was said.
  [[nodiscard]] std::string_view latest_command() const { return latest_command_; }
  [[nodiscard]] bool was_greeted() const { return was_greeted_; }

 private:
  [[nodiscard]] base::Result<smtp::Reply> hear(const std::string& what, base::Duration patience);
  [[nodiscard]] base::Result<smtp::Reply> say(std::string_view line);
  [[nodiscard]] base::Result<smtp::Reply> hand_over(const Letter& letter);
  void quit();

  net::Loop& loop_;
  Wire& wire_;
  WaitNote& note_;
  smtp::ReplyParser replies_;
  std::string latest_command_{kGreeting};
  bool was_greeted_ = false;
};

base::Result<smtp::Reply> Sender::hear(const std::string& what, base::Duration patience) {
  const base::Instant deadline = loop_.now() + patience;
  note_.show(what, patience);
  while (true) {
    auto next = replies_.next();
    if (const auto* reply = std::get_if<smtp::Reply>(&next)) {
      was_greeted_ = true;
      note_.clear();
      for (std::size_t i = 0; i < reply->lines.size(); ++i) {
        const char separator = i + 1 < reply->lines.size() ? '-' : ' ';
        std::cout << "S: " << reply->code << separator << base::printable(reply->lines[i])
                  << std::endl;
      }
      return *reply;
    }
    if (const auto* bad = std::get_if<smtp::MalformedReply>(&next)) {
      return base::Error{base::Fault::peer_protocol,
                         "what answers there does not speak SMTP: " + bad->why};
    }
    switch (wire_.await_input(deadline)) {
      case Wire::Heard::bytes: replies_.receive(wire_.take_input()); break;
      case Wire::Heard::end:
        return wire_.error().value_or(
            base::Error{base::Fault::connection, "the listener closed the connection"});
      case Wire::Heard::silence:
        return base::Error{base::Fault::connection, "the listener did not answer in time"};
    }
  }
}

base::Result<smtp::Reply> Sender::say(std::string_view line) {
  latest_command_ = line.substr(0, line.find_first_of(" :"));
  std::cout << "C: " << base::printable(line) << std::endl;
  wire_.write(std::string(line) + "\r\n");
  return hear("the answer to " + latest_command_, kCommandPatience);
}

base::Result<smtp::Reply> Sender::send(const Letter& letter) {
  auto reply = hear(std::string(kGreeting), kGreetingPatience);
  if (!reply) return reply;
  if (reply->is_positive()) reply = say("EHLO " + letter.hostname);
  if (reply && reply->is_positive()) {
    const bool offers_utf8 = smtp::parse_extensions(*reply).smtputf8;
    const bool asks_utf8 = letter.needs_smtputf8 && offers_utf8;
    reply = say("MAIL FROM:" + letter.reverse_path + (asks_utf8 ? " SMTPUTF8" : ""));
  }
  if (reply && reply->is_positive()) reply = say("RCPT TO:" + letter.forward_path);
  if (reply && reply->is_positive()) reply = say("DATA");
  if (reply && reply->code == 354) reply = hand_over(letter);
  if (reply) quit();
  return reply;
}

base::Result<smtp::Reply> Sender::hand_over(const Letter& letter) {
  smtp::MailDataEncoder encoder;
  std::string octets;
  for (const std::string& line : letter.lines) {
    std::cout << "C: " << base::printable(line) << '\n';
    encoder.send(line + "\r\n", octets);
  }
  encoder.end(octets);
  std::cout << "C: ." << std::endl;
  latest_command_ = "the message";
  wire_.write(octets);
  return hear("the answer to the message", kDataPatience);
}

void Sender::quit() {
  const std::string decided_by = latest_command_;
  // The message's fate is known: how the listener says goodbye does not matter.
  static_cast<void>(say("QUIT"));
  latest_command_ = decided_by;
}

// --- what to send, and where

// Whether there is anything that says where the listener is.
bool has_configuration(const config::Sources& sources) {
  // Other variables of that prefix may be anybody's.
  const bool is_in_environment =
      std::any_of(sources.environment.begin(), sources.environment.end(), [](const auto& entry) {
        return entry.first.starts_with("SMTPSEAL_LISTENER_") ||
               entry.first.starts_with("SMTPSEAL_SMARTHOST_");
      });
  if (sources.file || is_in_environment) return true;
  for (const std::string& file : sources.search) {
    if (tls::is_there(file)) return true;
  }
  return false;
}

Via via_of(const base::Endpoint& endpoint) {
  base::SocketAddress listen = endpoint.address;
  if (listen.is_unix()) return {{}, 0, listen};
  if (listen.is_unspecified()) {
    // Whoever listens everywhere listens on the loopback: ::1 or 127.0.0.1.
    listen.ip.back() = 1;
    if (!listen.is_v6()) listen.ip.front() = 127;
  }
  return {listen.host(), listen.port, std::nullopt};
}

base::Result<Via> parse_via(std::string_view text) {
  if (base::istarts_with(text, "unix:")) {
    const auto endpoint = base::parse_endpoint(text);
    if (!endpoint) return endpoint.error();
    return via_of(*endpoint);
  }
  const auto parsed = config::parse_host_port(text);
  if (!parsed) return parsed.error();
  return Via{parsed->host, parsed->port.value_or(kSmtpPort), std::nullopt};
}

// Where the listener is, or the status to exit with.
struct Destination {
  std::optional<Via> via;
  ExitStatus status = ExitStatus::ok;
};

Destination find_listener(const Invocation& invocation) {
  if (invocation.via) {
    const auto parsed = parse_via(*invocation.via);
    if (parsed) return {*parsed};
    std::cerr << "smtpseal: --via: " << parsed.error().detail << '\n';
    return {std::nullopt, ExitStatus::usage};
  }
  if (!has_configuration(sources_of(invocation))) return {via_of(config::default_listen().front())};
  const auto loaded = load_config(invocation);
  if (!loaded) return {std::nullopt, ExitStatus::config};
  const auto& listeners = loaded->config.listeners;
  const auto taken = std::find_if(listeners.begin(), listeners.end(), [](const auto& listener) {
    return listener.tls == config::ClientTls::none || listener.tls == config::ClientTls::may;
  });
  if (taken == listeners.end()) {
    std::cerr
        << "smtpseal: every listener demands TLS, which this command does not speak: give one "
           "of them tls = may to try it\n";
    return {std::nullopt, ExitStatus::usage};
  }
  const auto known =
      std::find_if(taken->listen.begin(), taken->listen.end(), [](const base::Endpoint& endpoint) {
        return endpoint.is_unix() || (endpoint.is_ip() && endpoint.address.port != 0);
      });
  if (known != taken->listen.end()) return {via_of(*known)};
  std::cerr << "smtpseal: where the listener is will only be known when it starts: say it with "
               "--via ADDR:PORT or --via unix:PATH\n";
  return {std::nullopt, ExitStatus::usage};
}

// What to do where it was this command's lack of TLS that ended it; empty where it was not.
std::string advise_on_tls(const base::Result<smtp::Reply>& outcome, bool was_greeted) {
  constexpr std::string_view kStartTls = "STARTTLS";
  constexpr int kMustStartTls = 530;  // RFC 3207 4
  if (!outcome && !was_greeted) {
    return "\n        If it wants TLS first (tls = implicit): name another by --via";
  }
  if (outcome && outcome->code == kMustStartTls &&
      outcome->summary().find(kStartTls) != std::string::npos) {
    return "\n        It wants TLS (tls = encrypt), which send lacks: name another by --via";
  }
  return {};
}

// The command that explains what is wrong between smtpseal and the smarthost.
std::string check_command_for(const Invocation& invocation) {
  if (invocation.config_file) return "smtpseal check -c " + *invocation.config_file;
  if (has_configuration(sources_of(invocation))) return "smtpseal check";
  return "smtpseal check HOST:PORT (those of the smarthost)";
}

ExitStatus tell_outcome(const base::Result<smtp::Reply>& outcome, const Sender& sender,
                        const Invocation& invocation) {
  if (!outcome) {
    std::cout << "\nFAILED  " << (sender.was_greeted() ? "after " : "before ")
              << sender.latest_command() << ": " << outcome.error().detail
              << advise_on_tls(outcome, sender.was_greeted()) << '\n';
    return outcome.error().fault == base::Fault::connection ? ExitStatus::unavailable
                                                            : exit_status_of(outcome.error().fault);
  }
  const std::string said = outcome->summary();
  const std::string moment = sender.latest_command() == Sender::kGreeting
                                 ? "instead of a greeting"
                                 : "in answer to " + std::string(sender.latest_command());
  if (outcome->is_positive()) {
    std::cout << "\nOK  the smarthost took the message: " << said << '\n';
    return ExitStatus::ok;
  }
  if (outcome->is_transient()) {
    std::cout << "\nFAILED  put off, " << moment << ": " << said
              << "\n        To see what is wrong: " << check_command_for(invocation) << '\n';
    return ExitStatus::temporary;
  }
  std::cout << "\nFAILED  refused, " << moment << ": " << said
            << advise_on_tls(outcome, sender.was_greeted()) << '\n';
  return ExitStatus::unavailable;
}

}  // namespace

ExitStatus send_command(const Invocation& invocation) {
  Letter letter;
  for (const bool is_reverse : {true, false}) {
    const auto path = parse_mail_address(is_reverse ? invocation.from : invocation.to, is_reverse);
    if (!path) {
      std::cerr << "smtpseal: " << (is_reverse ? "--from: " : "--to: ") << path.error().detail
                << '\n';
      return ExitStatus::usage;
    }
    (is_reverse ? letter.reverse_path : letter.forward_path) = *path;
  }
  letter.hostname = config::usable_hostname(platform::host_fqdn());
  letter.needs_smtputf8 =
      !base::is_ascii(letter.reverse_path) || !base::is_ascii(letter.forward_path);
  letter.lines = message_lines(letter);
  const Destination destination = find_listener(invocation);
  if (!destination.via) return destination.status;
  auto loop = net::Loop::make();
  if (!loop) {
    std::cerr << "smtpseal: " << loop.error().detail << '\n';
    return ExitStatus::os_error;
  }
  Wire wire(**loop);
  const Via& via = *destination.via;
  if (via.socket) {
    wire.connect(*via.socket, kConnectPatience);
  } else {
    wire.connect(via.host, via.port, kConnectPatience);
  }
  if (const auto opened = wire.await_open(); !opened) {
    std::string why = without_address(opened.error().detail, via.host, via.port);
    if (why.starts_with(via.to_string() + ": ")) why.erase(0, via.to_string().size() + 2);
    std::cerr << "smtpseal: cannot reach the listener at " << via.to_string() << ": " << why
              << "\n          Is smtpseal running? Elsewhere: --via ADDR:PORT\n";
    return ExitStatus::unavailable;
  }
  std::cout << "connected to " << wire.peer().to_string() << std::endl;
  WaitNote note(platform::stdout_terminal().is_terminal ? &std::cout : nullptr);
  Sender sender(**loop, wire, note);
  const auto outcome = sender.send(letter);
  note.clear();
  wire.close();
  return tell_outcome(outcome, sender, invocation);
}

}  // namespace app
