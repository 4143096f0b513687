// See postfix.h.
#include "peers/postfix.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <poll.h>
#include <pwd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peers/loopback_port.h"
#include "support/fd.h"

namespace support {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDaemons = "/usr/lib/postfix/sbin";

void own(const std::string& path, const passwd& user) {
  if (chown(path.c_str(), user.pw_uid, user.pw_gid) != 0) throw Failure("cannot chown " + path);
}

const passwd& postfix_user() {
  const passwd* user = getpwnam("postfix");
  if (user == nullptr) throw Failure("there is no user postfix");
  return *user;
}

}  // namespace

std::optional<std::string> Postfix::why_not() {
  if (!find_program("postfix") || !fs::exists(kDaemons)) return "Postfix is not installed";
  if (geteuid() != 0) return "Postfix can only be started by root";
  return std::nullopt;
}

std::string Postfix::version() {
  // "mail_version = 3.7.11"
  const std::string said = run({*find_program("postconf"), {"-d", "mail_version"}}).output;
  const std::size_t digit = said.find_first_of("0123456789");
  return digit == std::string::npos ? "?" : said.substr(digit, said.find('\n') - digit);
}

Postfix::Postfix(const PostfixOptions& options) : port_(free_port()) {
  write_configuration(options);
  process_.emplace(Process::Start{
      *find_program("postfix"), {"-c", directory_.path("etc"), "start-fg"}, {}, "/dev/null"});
  try {
    wait_for_listener(*process_, port_);
  } catch (const Failure& failure) {
    throw Failure(failure.what() + log());
  }
}

Postfix::~Postfix() {
  // Its master is the leader of a session of its own: ending `postfix start-fg` does not end it.
  pid_t master = 0;
  std::ifstream(directory_.path("queue/pid/master.pid")) >> master;
  if (master > 1) kill(master, SIGTERM);
  const Deadline deadline(kPatience);
  while (master > 1 && kill(master, 0) == 0 && !deadline.has_passed()) poll(nullptr, 0, 20);
  if (!process_ || !process_->is_running()) return;
  process_->signal(SIGTERM);
  try {
    process_->wait();
  } catch (const Failure&) {
    // Process's own destructor ends what is left.
  }
}

// Everything for example.test lands in one mailbox, and for example.edu, as documents have it.
std::string Postfix::keep_configuration(const PostfixOptions& options) const {
  const passwd& user = postfix_user();
  return "virtual_mailbox_limit = 0\nmailbox_size_limit = 0\n"
         "virtual_mailbox_domains = example.test, example.edu\n"
         "default_transport = error:not kept\nvirtual_mailbox_base = " +
         directory_.path("mail") +
         "\nvirtual_mailbox_maps = static:inbox/\nvirtual_minimum_uid = 1\n"
         "virtual_uid_maps = static:" +
         std::to_string(user.pw_uid) +
         "\nvirtual_gid_maps = static:" + std::to_string(user.pw_gid) + "\n" +
         (options.is_discarding ? "virtual_transport = discard\n" : "");
}

void Postfix::write_configuration(const PostfixOptions& options) {
  const passwd& user = postfix_user();
  chmod(directory_.path().c_str(), 0755);
  for (const char* name : {"etc", "queue", "data", "mail", "mail/inbox", "mail/inbox/new",
                           "mail/inbox/cur", "mail/inbox/tmp"}) {
    fs::create_directory(directory_.path(name));
  }
  for (const char* name :
       {"data", "mail", "mail/inbox", "mail/inbox/new", "mail/inbox/cur", "mail/inbox/tmp"}) {
    own(directory_.path(name), user);
  }
  const TempDir made;
  const Identity identity = write_identity(made, options.certificate);
  ca_file_ = directory_.write("ca.pem", read_file(identity.ca));
  directory_.write("etc/cert.pem", read_file(identity.chain));
  directory_.write("etc/key.pem", read_file(identity.key));
  const std::string here = directory_.path();
  if (!options.sasl.empty()) {
    // Debian's Postfix looks there, whatever cyrus_sasl_config_path says to others.
    fs::create_directory(directory_.path("etc/sasl"));
    fs::permissions(directory_.write("etc/sasl/smtpd.conf", options.sasl), fs::perms(0644));
  }
  directory_.write(
      "etc/main.cf",
      "compatibility_level = 3.6\ncommand_directory = /usr/sbin\ndaemon_directory = " +
          std::string(kDaemons) + "\nqueue_directory = " + here +
          "/queue\ndata_directory = " + here + "/data\nmaillog_file = " + here +
          "/maillog\nmaillog_file_prefixes = " + here + "\nmyhostname = " + options.hostname +
          "\nmydestination =\ninet_interfaces = 127.0.0.1\n"
          "inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\ndisable_dns_lookups = yes\n"
          "smtpd_peername_lookup = no\nsmtpd_relay_restrictions = permit_mynetworks, reject\n"
          "smtpd_client_connection_count_limit = 0\nappend_dot_mydomain = no\n"
          "local_header_rewrite_clients =\nalways_add_missing_headers = no\n"
          "message_size_limit = 60000000\n" +
          (options.relay.empty() ? keep_configuration(options) : options.relay) +
          "alias_maps =\nalias_database =\nsmtpd_tls_security_level = " + options.security_level +
          "\n"
          "smtpd_tls_cert_file = " +
          here + "/etc/cert.pem\nsmtpd_tls_key_file = " + here +
          "/etc/key.pem\nsmtpd_tls_mandatory_protocols = " + options.protocols + "\n" +
          (options.is_implicit_tls ? "smtpd_tls_wrappermode = yes\n" : "") +
          (options.sasl.empty() ? "" : "cyrus_sasl_config_path = " + here + "/etc/sasl\n") +
          options.more);
  const std::string smtpd = "127.0.0.1:" + std::to_string(port_);
  std::string master = smtpd + " inet n - n - - smtpd\n";
  for (const char* line :
       {"cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "smtp unix - - n - - smtp",
        "virtual unix - n n - - virtual", "error unix - - n - - error",
        "retry unix - - n - - error", "discard unix - - n - - discard",
        "tlsmgr unix - - n 1000? 1 tlsmgr", "anvil unix - - n - 1 anvil",
        "proxymap unix - - n - - proxymap", "postlog unix-dgram n - n - 1 postlogd"}) {
    master += std::string(line) + "\n";
  }
  directory_.write("etc/master.cf", master);
}

std::vector<std::string> Postfix::files() const {
  std::vector<fs::directory_entry> entries;
  for (const auto& entry : fs::directory_iterator(directory_.path("mail/inbox/new"))) {
    entries.push_back(entry);
  }
  std::vector<std::string> paths;
  for (const auto& entry : entries) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> Postfix::wait_for_mails(std::size_t count, Milliseconds patience) {
  const Fd watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (inotify_add_watch(watch.get(), directory_.path("mail/inbox/new").c_str(),
                        IN_MOVED_TO | IN_CREATE) < 0) {
    throw Failure("cannot watch the mailbox");
  }
  const Deadline deadline(patience);
  while (files().size() < count) {
    if (deadline.has_passed()) {
      throw Failure("only " + std::to_string(files().size()) + " mails came: " + log());
    }
    pollfd event{watch.get(), POLLIN, 0};
    poll(&event, 1, deadline.left());
    char ignored[4096];
    while (read(watch.get(), ignored, sizeof ignored) > 0) {
    }
  }
  std::vector<std::string> mails;
  for (const std::string& path : files()) mails.push_back(read_file(path));
  return mails;
}

void Postfix::clear() {
  for (const std::string& path : files()) fs::remove(path);
}

std::string Postfix::log() const {
  return fs::exists(directory_.path("maillog")) ? read_file(directory_.path("maillog")) : "";
}

}  // namespace support
