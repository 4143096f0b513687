// See keeping_server.h.
#include "peers/keeping_server.h"

#include "peers/postfix.h"
#include "peers/unpacked_server.h"

namespace support {

namespace {

using Files = std::map<std::string, std::string>;

class KeepingPostfix final : public KeepingServer {
 public:
  KeepingPostfix() : server_(options()) {}

  std::uint16_t port() const override { return server_.port(); }
  const std::string& ca_file() const override { return server_.ca_file(); }
  std::string version() const override { return Postfix::version(); }
  std::string log() const override { return server_.log(); }

 protected:
  std::vector<QueuedMail> queue() const override {
    return postfix_queue(server_.path("etc"), server_.path("queue/hold"));
  }

 private:
  static PostfixOptions options() {
    PostfixOptions options;
    options.security_level = "may";
    // As Debian 12 ships it, and as later versions do toward $mynetworks: what ends a line, and
    // what ends mail data, is up to the client.
    options.more =
        "smtpd_recipient_restrictions = check_recipient_access static:HOLD, permit_mynetworks, "
        "reject\nsmtpd_forbid_bare_newline = no\nsmtpd_forbid_unauth_pipelining = no\n"
        "smtpd_error_sleep_time = 0\nsmtpd_soft_error_limit = 1000\n"
        // More mail comes in than goes out: nothing does.
        "in_flow_delay = 0\n"
        "smtpd_hard_error_limit = 1000\n";
    return options;
  }

  Postfix server_;
};

Files exim_files(const PeerOptions&, std::uint16_t port, const std::string& store) {
  return {{"/etc/exim4/exim4.conf",
           "primary_hostname = exim.test\nkeep_environment =\nlog_file_path = /var/log/exim4/%s\n"
           "spool_directory = " +
               store + "\ndaemon_smtp_ports = " + std::to_string(port) +
               "\nlocal_interfaces = 127.0.0.1\ntls_advertise_hosts = *\n"
               "tls_certificate = /etc/peer/certificate.pem\ntls_privatekey = /etc/peer/key.pem\n"
               "pipelining_advertise_hosts = *\nchunking_advertise_hosts = *\n"
               "smtp_accept_max_nonmail = 1000\nsmtp_accept_max_per_connection = 0\n"
               "acl_smtp_mail = anything\nacl_smtp_rcpt = anything\nacl_smtp_data = anything\n"
               "host_lookup =\nrfc1413_query_timeout = 0s\nqueue_only\n"
               "begin acl\nanything:\n  accept\n"
               "begin routers\nstore:\n  driver = accept\n  transport = store\n"
               "begin transports\nstore:\n  driver = appendfile\n  file = /dev/null\n"}};
}

Files opensmtpd_files(const PeerOptions&, std::uint16_t port, const std::string&) {
  return {{"/etc/smtpd.conf",
           "pki smarthost.test cert \"/etc/peer/certificate.pem\"\n"
           "pki smarthost.test key \"/etc/peer/key.pem\"\n"
           "table everybody { \"@\" = \"keeper\" }\n"
           "listen on 127.0.0.1 port " +
               std::to_string(port) +
               " tls pki smarthost.test hostname opensmtpd.test\n"
               "action keep maildir virtual <everybody>\nmatch from any for any action keep\n"}};
}

std::vector<KeptMail> nothing_delivered(const std::string&) { return {}; }

const ServerRecipe& keeping_exim() {
  static const ServerRecipe kRecipe = {
      "exim",
      "Exim",
      {"Debian-exim", "keeper"},
      exim_files,
      "chgrp Debian-exim /etc/peer/key.pem\nchmod 640 /etc/peer/key.pem\n"
      "mkdir -p /var/log/exim4\nchown Debian-exim:Debian-exim ~keeper /var/log/exim4\n"
      "exec /usr/sbin/exim4 -bdf",
      nothing_delivered,
  };
  return kRecipe;
}

const ServerRecipe& keeping_opensmtpd() {
  static const ServerRecipe kRecipe = {
      "opensmtpd",
      "OpenSMTPD",
      {"opensmtpd", "opensmtpq", "keeper"},
      opensmtpd_files,
      "mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd\nchmod 711 ~keeper\n"
      "mount --bind ~keeper /var/spool/smtpd\n"
      "chgrp opensmtpq /usr/sbin/smtpctl\n"
      "exec /usr/sbin/smtpd -d -P mda",
      nothing_delivered,
  };
  return kRecipe;
}

class KeepingUnpacked final : public KeepingServer {
 public:
  using Reader = std::vector<QueuedMail> (*)(const std::string& folder);
  KeepingUnpacked(const ServerRecipe& recipe, std::string folder, Reader reader)
      : recipe_(recipe), folder_(std::move(folder)), reader_(reader), server_(recipe, {}) {}

  std::uint16_t port() const override { return server_.port(); }
  const std::string& ca_file() const override { return server_.ca_file(); }
  std::string version() const override { return UnpackedServer::version(recipe_); }
  std::string log() const override { return server_.log(); }

 protected:
  std::vector<QueuedMail> queue() const override { return reader_(server_.store() + folder_); }

 private:
  const ServerRecipe& recipe_;
  std::string folder_;
  Reader reader_;
  UnpackedServer server_;
};

}  // namespace

const char* to_string(Make make) {
  switch (make) {
    case Make::postfix: return "Postfix";
    case Make::exim: return "Exim";
    case Make::opensmtpd: return "OpenSmtpd";
  }
  return "";
}

std::optional<std::string> KeepingServer::why_not(Make make) {
  switch (make) {
    case Make::postfix: return Postfix::why_not();
    case Make::exim: return UnpackedServer::why_not(keeping_exim());
    case Make::opensmtpd: return UnpackedServer::why_not(keeping_opensmtpd());
  }
  return "there is no such server";
}

std::unique_ptr<KeepingServer> KeepingServer::start(Make make) {
  switch (make) {
    case Make::postfix: return std::make_unique<KeepingPostfix>();
    case Make::exim: return std::make_unique<KeepingUnpacked>(keeping_exim(), "/input", exim_queue);
    case Make::opensmtpd:
      return std::make_unique<KeepingUnpacked>(keeping_opensmtpd(), "/queue", opensmtpd_queue);
  }
  return nullptr;
}

std::vector<QueuedMail> KeepingServer::take_new() {
  std::vector<QueuedMail> mails = queue();
  std::erase_if(mails, [&](const QueuedMail& mail) { return !known_.insert(mail.id).second; });
  return mails;
}

}  // namespace support
