// Clients as people have them, with TLS to smtpseal: what they can do, and that it is used.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client_tls.h"

namespace support {
namespace {

using ::testing::HasSubstr;

// In both ways to TLS.
class TlsClientsTest : public ClientTlsTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    set_up(GetParam());
    tls::CertificateRequest request = seal_request();
    request.dns_names.push_back("localhost");
    request.ip_addresses = {"127.0.0.1"};
    write_certificate(request);
  }

  [[nodiscard]] bool is_implicit() const { return GetParam() == "implicit"; }

  std::string port() {
    if (!seal_) start();
    return std::to_string(seal().port());
  }

  // What came was sent inside TLS.
  void expect_sealed(const std::string& part) {
    const StoredMail mail = last_mail();
    EXPECT_THAT(mail.data, HasSubstr(part));
    EXPECT_THAT(mail.data, HasSubstr("\r\n\t(using TLSv1."));
    EXPECT_THAT(mail.data, HasSubstr(" with ESMTPS id "));
    EXPECT_EQ(seal().count("session-tls-fail"), 0u);
  }

  // Runs a program of this name, or skips the test.
  static Finished run_client(const std::string& program, std::vector<std::string> arguments,
                             const std::string& input_file = "/dev/null") {
    return run({program, std::move(arguments), {}, input_file}, 60s);
  }
};

TEST_P(TlsClientsTest, OpenSslSends) {
  if (!find_program("openssl")) GTEST_SKIP() << "openssl is not installed";
  // Not in capitals: a line that begins with Q or R is a command to s_client.
  const std::string input = directory_.write(
      "input",
      "ehlo s-client.test\nmail from:<a@client.test>\nrcpt to:<b@example.test>\ndata\n"
      "Subject: openssl\n\nhello\n.\nquit\n");
  std::vector<std::string> arguments = {
      "s_client",         "-connect", "127.0.0.1:" + port(),  "-CAfile",
      ca_file_,           "-crlf",    "-verify_return_error", "-quiet",
      "-verify_hostname", kSealName,  "-servername",          kSealName};
  if (!is_implicit()) arguments.insert(arguments.end(), {"-starttls", "smtp"});
  const Finished client = run_client("openssl", arguments, input);
  EXPECT_EQ(client.status, 0) << client.errors << client.output;
  EXPECT_THAT(client.output, HasSubstr("354 "));
  expect_sealed("Subject: openssl");
}

TEST_P(TlsClientsTest, OpenSslSendsWithTls12) {
  if (!find_program("openssl")) GTEST_SKIP() << "openssl is not installed";
  const std::string input = directory_.write(
      "input",
      "ehlo s-client.test\nmail from:<a@client.test>\nrcpt to:<b@example.test>\ndata\n"
      "Subject: openssl 1.2\n\nhello\n.\nquit\n");
  std::vector<std::string> arguments = {"s_client", "-connect", "127.0.0.1:" + port(),
                                        "-crlf",    "-quiet",   "-tls1_2"};
  if (!is_implicit()) arguments.insert(arguments.end(), {"-starttls", "smtp"});
  const Finished client = run_client("openssl", arguments, input);
  EXPECT_EQ(client.status, 0) << client.errors << client.output;
  expect_sealed("Subject: openssl 1.2");
  EXPECT_THAT(last_mail().data, HasSubstr("(using TLSv1.2 TLS_ECDHE_ECDSA_WITH_"));
}

// What an old device can do, and what its administrator reads in the log.
TEST_P(TlsClientsTest, OpenSslIsToldWhatIsNotAcceptedAnyMore) {
  if (!find_program("openssl")) GTEST_SKIP() << "openssl is not installed";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"-tls1_1"}, "client knows no TLS version that is accepted"},
      {{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:AES128-SHA256"},
       "client knows no cipher, group or kind of certificate that is accepted"},
      {{"-verify_return_error", "-CAfile",
        directory_.write("other.pem", foreign_authority().certificate_pem())},
       "does not trust whoever issued our certificate"}};
  std::size_t count = 0;
  for (const auto& [options, reason] : cases) {
    std::vector<std::string> arguments = {"s_client", "-connect", "127.0.0.1:" + port()};
    if (!is_implicit()) arguments.insert(arguments.end(), {"-starttls", "smtp"});
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_NE(run_client("openssl", arguments).status, 0);
    EXPECT_THAT(seal().wait_for("session-tls-fail", ++count).field("reason"), HasSubstr(reason));
  }
}

TEST_P(TlsClientsTest, GnuTlsSends) {
  if (is_implicit() || !find_program("gnutls-cli")) GTEST_SKIP() << "gnutls-cli: STARTTLS only";
  const std::string input = directory_.write(
      "input",
      "EHLO gnutls.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n"
      "Subject: gnutls\r\n\r\nhello\r\n.\r\nQUIT\r\n");
  const Finished client = run_client(
      "gnutls-cli",
      {"--starttls-proto=smtp", "--x509cafile", ca_file_, "--port", port(), "localhost"}, input);
  EXPECT_EQ(client.status, 0) << client.errors << client.output;
  smarthost().wait_for_mails(1);
  expect_sealed("Subject: gnutls");
}

TEST_P(TlsClientsTest, CurlSends) {
  if (!find_program("curl")) GTEST_SKIP() << "curl is not installed";
  const std::string url = (is_implicit() ? "smtps" : "smtp") + ("://127.0.0.1:" + port());
  const Finished client =
      run_client("curl", {"-sS", "--ssl-reqd", "--cacert", ca_file_, "--url", url, "--mail-from",
                          "a@client.test", "--mail-rcpt", "b@example.test", "--upload-file",
                          directory_.write("mail", "Subject: curl\r\n\r\n.dot\r\n")});
  EXPECT_EQ(client.status, 0) << client.errors;
  expect_sealed("Subject: curl");
}

TEST_P(TlsClientsTest, SwaksSends) {
  if (!find_program("swaks")) GTEST_SKIP() << "swaks is not installed";
  if (run_client("perl", {"-MNet::SSLeay", "-e", "1"}).status != 0) {
    GTEST_SKIP() << "swaks cannot do TLS without Net::SSLeay";
  }
  const Finished client = run_client(
      "swaks", {"--server", "127.0.0.1", "--port", port(), is_implicit() ? "-tlsc" : "-tls",
                "--tls-verify", "--tls-ca-path", ca_file_, "--from", "a@client.test", "--to",
                "b@example.test", "--helo", "swaks.test", "--header", "Subject: swaks"});
  EXPECT_EQ(client.status, 0) << client.output << client.errors;
  expect_sealed("Subject: swaks");
}

TEST_P(TlsClientsTest, PythonSends) {
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  const std::string script = directory_.write(
      "send.py",
      "import smtplib, ssl, sys\n"
      "port, ca, way = int(sys.argv[1]), sys.argv[2], sys.argv[3]\n"
      "context = ssl.create_default_context(cafile=ca)\n"
      "if way == 'implicit':\n"
      "    server = smtplib.SMTP_SSL('localhost', port, timeout=30, context=context)\n"
      "else:\n"
      "    server = smtplib.SMTP('localhost', port, timeout=30)\n"
      "    server.starttls(context=context)\n"
      "for number in range(3):\n"
      "    refused = server.sendmail('a@client.test', ['b@example.test'],\n"
      "        'Subject: python %d\\r\\n\\r\\n.x\\r\\n' % number)\n"
      "    assert refused == {}\n"
      "server.quit()\n");
  const Finished client = run_client("python3", {script, port(), ca_file_, GetParam()});
  EXPECT_EQ(client.status, 0) << client.errors;
  EXPECT_EQ(smarthost().mails().size(), 3u);
  expect_sealed("Subject: python 2");
}

// RFC 8446 6.1: who has said all that it wants to say still listens.
TEST_P(TlsClientsTest, PythonThatEndsItsSideBehindTheMailHearsTheVerdict) {
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  const std::string script = directory_.write(
      "end.py",
      "import socket, ssl, sys\n"
      "port, ca, way = int(sys.argv[1]), sys.argv[2], sys.argv[3]\n"
      "wire = socket.create_connection(('localhost', port), 30)\n"
      "wire.settimeout(30)\n"
      "def plain(command):\n"
      "    wire.sendall(command)\n"
      "    heard = b''\n"
      "    while not heard.endswith(b'\\n'): heard += wire.recv(4096)\n"
      "if way != 'implicit':\n"
      "    plain(b''), plain(b'EHLO end.test\\r\\n'), plain(b'STARTTLS\\r\\n')\n"
      "inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()\n"
      "tls = ssl.create_default_context(cafile=ca).wrap_bio(\n"
      "    inward, outward, server_hostname='localhost')\n"
      "def do(action):\n"
      "    for attempt in range(1000):\n"
      "        try:\n"
      "            return action()\n"
      "        except ssl.SSLWantReadError:\n"
      "            wire.sendall(outward.read())\n"
      "            inward.write(wire.recv(4096))\n"
      "def say(text):\n"
      "    tls.write(text)\n"
      "    wire.sendall(outward.read())\n"
      "def heard(code):\n"
      "    reply = do(lambda: tls.read(4096))\n"
      "    assert reply.startswith(code), reply\n"
      "do(tls.do_handshake)\n"
      "wire.sendall(outward.read())\n"
      "if way == 'implicit': heard(b'220')\n"
      "for text, code in ((b'EHLO end.test\\r\\n', b'250'), (b'MAIL FROM:<a@client.test>\\r\\n', "
      "b'250'),\n"
      "                   (b'RCPT TO:<b@example.test>\\r\\n', b'250'), (b'DATA\\r\\n', b'354')):\n"
      "    say(text), heard(code)\n"
      "tls.write(b'Subject: last words\\r\\n\\r\\nx\\r\\n.\\r\\n')\n"
      "try:\n"
      "    tls.unwrap()  # writes close_notify, wants to read theirs\n"
      "except ssl.SSLWantReadError:\n"
      "    pass\n"
      "wire.sendall(outward.read())\n"
      "heard(b'250')\n");
  const Finished client = run_client("python3", {script, port(), ca_file_, GetParam()});
  EXPECT_EQ(client.status, 0) << client.errors;
  EXPECT_EQ(smarthost().wait_for_mails(1).size(), 1u);
  expect_sealed("Subject: last words");
}

INSTANTIATE_TEST_SUITE_P(Ways, TlsClientsTest, testing::Values("encrypt", "implicit"),
                         [](const auto& way) { return way.param; });

}  // namespace
}  // namespace support
