// How Exim, OpenSMTPD and sendmail are told to take mail over TLS of one version and to keep it.
#include <filesystem>

#include "peers/unpacked_server.h"

namespace support {

namespace fs = std::filesystem;

namespace {

using Files = std::map<std::string, std::string>;

std::vector<std::string> files_of(const std::string& folder, const std::string& prefix = "") {
  std::vector<std::string> paths;
  std::error_code error;  // a folder that is not there yet is empty
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(prefix)) {
      paths.push_back(entry.path().string());
    }
  }
  return paths;
}

std::vector<KeptMail> maildir_mails(const std::string& store) {
  std::vector<KeptMail> mails;
  for (const std::string& path : files_of(store + "/new")) {
    const std::string text = read_file(path);
    const std::size_t empty_line = text.find("\n\n");
    if (empty_line == std::string::npos) throw Failure("no body in " + text);
    mails.push_back({text.substr(0, empty_line + 1), text.substr(empty_line + 2)});
  }
  return mails;
}

Files exim_files(const PeerOptions& options, std::uint16_t port, const std::string& store) {
  const std::string number = std::to_string(port);
  const bool is_old = options.version == tls::Version::tls12;
  return {{"/etc/exim4/exim4.conf",
           "primary_hostname = exim.test\nkeep_environment =\nlog_file_path = /var/log/exim4/%s\n"
           "daemon_smtp_ports = " +
               number + "\nlocal_interfaces = 127.0.0.1\n" +
               (options.is_implicit_tls ? "tls_on_connect_ports = " + number + "\n" : "") +
               "tls_advertise_hosts = *\ntls_certificate = /etc/peer/certificate.pem\n"
               "tls_privatekey = /etc/peer/key.pem\ntls_require_ciphers = NORMAL:-VERS-ALL:+VERS-" +
               (is_old ? "TLS1.2" : "TLS1.3") +
               "\nacl_smtp_mail = sealed\nacl_smtp_rcpt = anything\nacl_smtp_data = anything\n"
               "host_lookup =\nrfc1413_query_timeout = 0s\n"
               "begin acl\nanything:\n  accept\nsealed:\n  deny !encrypted = *\n  accept\n"
               "begin routers\nstore:\n  driver = accept\n  transport = store\n"
               "begin transports\nstore:\n  driver = appendfile\n  directory = " +
               store + "\n  maildir_format\n  user = keeper\n"}};
}

Files opensmtpd_files(const PeerOptions& options, std::uint16_t port, const std::string& store) {
  const std::string version = options.version == tls::Version::tls12 ? "TLSv1.2" : "TLSv1.3";
  return {{"/etc/smtpd.conf",
           "pki smarthost.test cert \"/etc/peer/certificate.pem\"\n"
           "pki smarthost.test key \"/etc/peer/key.pem\"\n"
           "table everybody { \"@\" = \"keeper\" }\n"
           "listen on 127.0.0.1 port " +
               std::to_string(port) + (options.is_implicit_tls ? " smtps" : " tls-require") +
               " pki smarthost.test hostname opensmtpd.test\naction keep maildir \"" + store +
               "\" virtual <everybody>\nmatch from any for domain \"example.test\" action keep\n"},
          // It has no word for the versions it takes: OpenSSL's own configuration says it.
          {"/etc/ssl/openssl.cnf",
           "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = limits\n"
           "[limits]\nMinProtocol = " +
               version + "\nMaxProtocol = " + version + "\n"}};
}

Files sendmail_files(const PeerOptions& options, std::uint16_t port, const std::string& store) {
  const auto define = [](const std::string& name, const std::string& value) {
    return "define(`" + name + "', `" + value + "')\n";
  };
  const bool is_old = options.version == tls::Version::tls12;
  return {
      {"/etc/mail/test.mc",
       "OSTYPE(`linux')\n" + define("confDOMAIN_NAME", "sendmail.test") +
           define("confPID_FILE", "/run/sendmail.pid") + define("QUEUE_DIR", store) +
           define("confSERVER_CERT", "/etc/peer/certificate.pem") +
           define("confSERVER_KEY", "/etc/peer/key.pem") +
           // It sends no more than the first of its certificates, and what of these stands above.
           define("confCACERT", "/etc/peer/authorities.pem") +
           define("confCACERT_PATH", "/etc/ssl/certs") +
           define("confSERVER_SSL_OPTIONS", is_old ? "+SSL_OP_NO_TLSv1_3" : "+SSL_OP_NO_TLSv1_2") +
           define("confTO_IDENT", "0") +
           // However busy the machine is.
           define("confREFUSE_LA", "1000") + define("confEIGHT_BIT_HANDLING", "pass8") +
           // Its queue keeps a mail as it came: header and body in a file each.
           define("confDELIVERY_MODE", "queueonly") +
           "MODIFY_MAILER_FLAGS(`LOCAL', `-w')\nFEATURE(`no_default_msa')\n"
           "FEATURE(`nocanonify')\nFEATURE(`accept_unresolvable_domains')\n"
           "undefine(`ALIAS_FILE')\n"
           "DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port=" +
           std::to_string(port) + (options.is_implicit_tls ? ", Modifiers=s" : "") +
           "')\nMAILER(`local')\nMAILER(`smtp')\nLOCAL_CONFIG\nCwexample.test\n"}};
}

std::vector<KeptMail> sendmail_mails(const std::string& store) {
  std::vector<KeptMail> mails;
  // The file with the header is complete when it has its name.
  for (const std::string& path : files_of(store, "qf")) {
    std::string body = path;
    body.replace(body.rfind("/qf") + 1, 2, "df");
    mails.push_back({read_file(path), read_file(body)});
  }
  return mails;
}

}  // namespace

const ServerRecipe& exim() {
  static const ServerRecipe kRecipe = {
      "exim",
      "Exim",
      {"Debian-exim", "keeper"},
      exim_files,
      "chgrp Debian-exim /etc/peer/key.pem\nchmod 640 /etc/peer/key.pem\n"
      "mkdir -p /var/spool/exim4 /var/log/exim4\n"
      "chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4\n"
      "chown keeper:keeper ~keeper\n"
      "exec /usr/sbin/exim4 -bdf",
      maildir_mails,
  };
  return kRecipe;
}

const ServerRecipe& opensmtpd() {
  static const ServerRecipe kRecipe = {
      "opensmtpd",
      "OpenSMTPD",
      {"opensmtpd", "opensmtpq", "keeper"},
      opensmtpd_files,
      "mkdir -p /var/lib/opensmtpd/empty\n"
      "chgrp opensmtpq /usr/sbin/smtpctl\n"
      "chown keeper:keeper ~keeper\n"
      "exec /usr/sbin/smtpd -d",
      maildir_mails,
  };
  return kRecipe;
}

const ServerRecipe& sendmail() {
  static const ServerRecipe kRecipe = {
      "sendmail",
      "sendmail",
      {"smmsp", "smmta"},
      sendmail_files,
      "chmod 700 ~smmsp\n"
      "m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /usr/share/sendmail/cf/m4/cf.m4 /etc/mail/test.mc "
      ">/etc/mail/sendmail.cf\n"
      "exec /usr/libexec/sendmail/sendmail -bD",
      sendmail_mails,
  };
  return kRecipe;
}

}  // namespace support
