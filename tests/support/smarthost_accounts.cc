// See smarthost_accounts.h. Written from the RFCs, and not from what smtpseal does.
#include "support/smarthost_accounts.h"

#include <string_view>

#include "base/base64.h"
#include "support/smarthost_connection.h"
#include "tls/crypto.h"

namespace support {

namespace {

using base::decode_base64;
using base::encode_base64;
using base::Hash;

constexpr const char* kWelcome = "235 2.7.0 Authentication successful\r\n";
constexpr const char* kRefusal = "535 5.7.8 Error: authentication failed\r\n";
constexpr const char* kMalformed = "501 5.5.2 cannot decode response\r\n";

std::string verdict(bool is_right) { return is_right ? kWelcome : kRefusal; }

class Dialogue {
 public:
  Dialogue(SmarthostConnection& wire, const Account& account, std::string initial)
      : wire_(wire), account_(account), initial_(std::move(initial)) {}

  std::string run(const std::string& mechanism) {
    if (mechanism == "PLAIN") return run_plain();
    if (mechanism == "LOGIN") return run_login();
    if (mechanism == "CRAM-MD5") return run_cram();
    if (mechanism == "SCRAM-SHA-1") return run_scram(Hash::sha1);
    if (mechanism == "SCRAM-SHA-256") return run_scram(Hash::sha256);
    if (mechanism == "XOAUTH2") return run_bearer("user=" + account_.username + "\x01", "");
    if (mechanism == "OAUTHBEARER") {
      return run_bearer("n,a=" + account_.username + ",\x01host=", "\x01");
    }
    return "504 5.5.4 Unrecognized authentication type\r\n";
  }

 private:
  // The client's next response; nothing when it gave up or sent rubbish.
  std::optional<std::string> ask(std::string_view challenge) {
    wire_.send("334 " + encode_base64(challenge) + "\r\n");
    return decode_base64(wire_.read_line());
  }
  // The first one, which may have come with the command.
  std::optional<std::string> first() {
    if (initial_.empty()) return ask("");
    return initial_ == "=" ? std::string() : decode_base64(initial_);
  }

  std::string run_plain() {
    const auto response = first();
    if (!response) return kMalformed;
    return verdict(*response == std::string(1, '\0') + account_.username + '\0' + account_.secret);
  }

  std::string run_login() {
    const auto name = ask("Username:");
    const auto password = ask("Password:");
    if (!name || !password) return kMalformed;
    return verdict(*name == account_.username && *password == account_.secret);
  }

  std::string run_cram() {
    constexpr std::string_view kChallenge = "<17.4711@smarthost.test>";
    const auto response = ask(kChallenge);
    if (!response) return kMalformed;
    std::string hex;
    const std::string digest = tls::crypto().hmac(Hash::md5, account_.secret, kChallenge).value();
    for (const char c : digest) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      hex += kDigits[static_cast<unsigned char>(c) >> 4U];
      hex += kDigits[static_cast<unsigned char>(c) & 15U];
    }
    return verdict(*response == account_.username + ' ' + hex);
  }

  // RFC 5802 3.
  std::string run_scram(Hash hash) {
    const auto client_first = first();
    if (!client_first || !client_first->starts_with("n,,n=")) return kMalformed;
    const std::string bare = client_first->substr(3);
    const std::size_t comma = bare.find(",r=");
    if (comma == std::string::npos) return kMalformed;
    const std::string nonce = bare.substr(comma + 3) + "smarthost";
    const std::string salt = "salt and pepper";
    const std::string server_first = "r=" + nonce + ",s=" + encode_base64(salt) + ",i=4096";
    const auto client_final = ask(server_first);
    const std::string without_proof = "c=biws,r=" + nonce;
    if (!client_final || !client_final->starts_with(without_proof + ",p=")) return kMalformed;
    const std::string auth_message = bare + ',' + server_first + ',' + without_proof;

    const base::Crypto& crypto = tls::crypto();
    const std::string salted =
        crypto.pbkdf2(hash, account_.secret, salt, 4096, base::digest_size(hash)).value();
    std::string proof = crypto.hmac(hash, salted, "Client Key").value();
    const std::string stored_key = crypto.digest(hash, proof).value();
    const std::string signature = crypto.hmac(hash, stored_key, auth_message).value();
    for (std::size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    }
    const bool is_right = bare.substr(2, comma - 2) == account_.username &&
                          client_final->substr(without_proof.size() + 3) == encode_base64(proof);
    if (!is_right) return kRefusal;
    const std::string server_key = crypto.hmac(hash, salted, "Server Key").value();
    const auto last =
        ask("v=" + encode_base64(crypto.hmac(hash, server_key, auth_message).value()));
    return last && last->empty() ? kWelcome : kMalformed;
  }

  std::string run_bearer(const std::string& beginning, const std::string& acknowledgement) {
    const auto response = first();
    if (!response) return kMalformed;
    const std::string end = "auth=Bearer " + account_.secret + "\x01\x01";
    if (response->starts_with(beginning) && response->ends_with(end)) return kWelcome;
    const auto heard = ask(R"({"status":"401","schemes":"bearer","scope":"mail"})");
    return heard == acknowledgement ? kRefusal : kMalformed;
  }

  SmarthostConnection& wire_;
  const Account& account_;
  std::string initial_;
};

}  // namespace

std::string run_auth(SmarthostConnection& wire, const Account& account, const std::string& line) {
  const std::string argument = line.substr(std::string_view("AUTH ").size());
  const std::size_t space = argument.find(' ');
  const std::string initial = space == std::string::npos ? "" : argument.substr(space + 1);
  return Dialogue(wire, account, initial).run(argument.substr(0, space));
}

}  // namespace support
