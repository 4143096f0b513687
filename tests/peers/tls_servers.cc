// See tls_servers.h.
#include "peers/tls_servers.h"

#include <array>

#include <sys/socket.h>
#include <unistd.h>

#include "peers/loopback_port.h"
#include "support/smarthost_session.h"
#include "support/smtpseal_process.h"

namespace support {

namespace {

// A smarthost for whom somebody else does the TLS.
Behavior plain_behavior() {
  Behavior behavior;
  behavior.is_tls_wanted = false;
  behavior.clear_keywords = {"PIPELINING", "8BITMIME", "SIZE 1000000"};
  return behavior;
}

std::string address_of(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

// What the process inherits is the other end's only copy once both ends here are closed.
std::pair<Fd, Fd> make_console() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Failure("no socket pair");
  }
  return {Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

std::string version_of(const std::string& program, const std::string& flag) {
  const Finished said = run({program, {flag}});
  for (const std::string& text : {said.output, said.errors}) {
    const std::size_t digit = text.find_first_of("0123456789");
    if (digit != std::string::npos)
      return text.substr(digit, text.find_first_of(" \n", digit) - digit);
  }
  return "?";
}

std::vector<std::string> s_server_arguments(const PeerOptions& options, const Identity& identity) {
  std::vector<std::string> arguments = {
      "-quiet", "-cert",      identity.certificate,
      "-key",   identity.key, options.version == tls::Version::tls12 ? "-tls1_2" : "-tls1_3"};
  if (!identity.intermediate.empty()) {
    arguments.insert(arguments.end(), {"-cert_chain", identity.intermediate});
  }
  return arguments;
}

SServer::SServer(const std::vector<std::string>& arguments, Script script) : port_(free_port()) {
  auto [ours, theirs] = make_console();
  Process::Start start{"openssl", {"s_server", "-accept", address_of(port_)}};
  start.arguments.insert(start.arguments.end(), arguments.begin(), arguments.end());
  start.console = theirs.get();
  process_.emplace(std::move(start));
  theirs.reset();
  wait_for_listener(*process_, port_);
  wire_ = std::make_unique<SmarthostConnection>(std::move(ours), journal_.open(false), journal_);
  conversation_ = std::thread([this, script = std::move(script)] { converse(script); });
}

void SServer::converse(const Script& script) {
  try {
    if (script) {
      script(*wire_);
    } else {
      SmarthostSession(*wire_, journal_, plain_behavior(), [](const Situation&) {
        return std::optional<Answer>();
      }).run();
    }
  } catch (const Over&) {
  } catch (const std::exception& failure) {
    journal_.complain(failure.what());
  }
}

SServer::~SServer() {
  wire_->stop();
  conversation_.join();
}

std::vector<StoredMail> SServer::wait_for_mails(std::size_t count) const {
  const bool has_come = journal_.wait_until(
      [count](const auto&, const auto& mails) { return mails.size() >= count; });
  if (!has_come) throw Failure("s_server did not get the mail: " + process_->errors());
  return journal_.mails();
}

Stunnel::Stunnel(const PeerOptions& options)
    : identity_(write_identity(directory_, options.certificate)),
      smarthost_(plain_behavior()),
      port_(free_port()) {
  const std::string version = to_string(options.version);
  const std::string file = directory_.write(
      "stunnel.conf", "foreground = yes\npid =\ndebug = warning\nsyslog = no\n[smtp]\naccept = " +
                          address_of(port_) + "\nconnect = " + address_of(smarthost_.port()) +
                          "\ncert = " + identity_.chain + "\nkey = " + identity_.key +
                          "\nsslVersionMin = " + version + "\nsslVersionMax = " + version + "\n" +
                          (options.is_implicit_tls ? "" : "protocol = smtp\n"));
  process_.emplace(Process::Start{"stunnel", {file}});
  wait_for_listener(*process_, port_);
}

std::optional<std::string> GnutlsServ::why_not() {
  for (const char* program : {"gnutls-serv", "unshare", "nsenter", "ip"}) {
    if (!find_program(program)) return std::string(program) + " is not installed";
  }
  if (geteuid() != 0) return "only root can give it a network of its own";
  static const Finished kTried = run({"unshare", {"--net", "ip", "link", "set", "lo", "up"}});
  if (kTried.status != 0) return "it cannot have a network of its own here: " + kTried.errors;
  return std::nullopt;
}

GnutlsServ::GnutlsServ(const PeerOptions& options)
    : identity_(write_identity(directory_, options.certificate)), port_(free_port()) {
  const std::string version = options.version == tls::Version::tls12 ? "1.2" : "1.3";
  process_.emplace(Process::Start{
      "unshare",
      {"--net", "sh", "-c", "ip link set lo up && exec gnutls-serv \"$@\"", "sh", "--echo",
       "--quiet", "--port", std::to_string(port_), "--x509certfile", identity_.chain,
       "--x509keyfile", identity_.key, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version}});
  wait_for_listener(*process_, port_);
}

Finished GnutlsServ::run_smtpseal(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"--net=/proc/" + std::to_string(process_->pid()) + "/ns/net",
                                  smtpseal_program()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run({"nsenter", all});
}

}  // namespace support
