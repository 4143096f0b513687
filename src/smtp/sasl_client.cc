// The mechanisms but SCRAM: see sasl_client.h.
#include "smtp/sasl_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "smtp/sasl_scram.h"

namespace smtp {

using base::Error;
using base::Fault;
using base::Result;

namespace {

struct MechanismRow {
  Mechanism mechanism;
  std::string_view name;
  SecretKind kind;
};

// The strongest first, of those that take the same secret: SCRAM shows the server nothing that it
// could use elsewhere and makes it prove itself, CRAM-MD5 does the first half of that.
constexpr std::array<MechanismRow, 8> kMechanisms = {{
    {Mechanism::oauthbearer, "OAUTHBEARER", SecretKind::token},
    {Mechanism::xoauth2, "XOAUTH2", SecretKind::token},
    {Mechanism::external, "EXTERNAL", SecretKind::none},
    {Mechanism::scram_sha_256, "SCRAM-SHA-256", SecretKind::password},
    {Mechanism::scram_sha_1, "SCRAM-SHA-1", SecretKind::password},
    {Mechanism::cram_md5, "CRAM-MD5", SecretKind::password},
    {Mechanism::plain, "PLAIN", SecretKind::password},
    {Mechanism::login, "LOGIN", SecretKind::password},
}};

const MechanismRow& row_of(Mechanism mechanism) {
  return *std::find_if(kMechanisms.begin(), kMechanisms.end(),
                       [&](const MechanismRow& row) { return row.mechanism == mechanism; });
}

Error unasked(std::string_view mechanism) {
  return {Fault::peer_protocol,
          "smarthost asks for more than AUTH " + std::string(mechanism) + " has to say"};
}

std::string hex(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : octets) {
    text += kDigits[static_cast<unsigned char>(c) >> 4U];
    text += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

// Everything is said in the first response: PLAIN, EXTERNAL.
class SingleResponse final : public SaslClient {
 public:
  SingleResponse(Mechanism mechanism, std::string response)
      : mechanism_(mechanism), response_(std::move(response)) {}

  Result<std::optional<std::string>> begin() override {
    return std::optional<std::string>(response_.view());
  }
  // Some servers pass over what came with the command, and ask for it.
  Result<std::string> respond(std::string_view) override {
    if (std::exchange(is_repeated_, true)) return unasked(to_string(mechanism_));
    return std::string(response_.view());
  }

 private:
  Mechanism mechanism_;
  base::Secret response_;
  bool is_repeated_ = false;
};

class Login final : public SaslClient {
 public:
  explicit Login(const Credentials& credentials) : credentials_(credentials) {}

  Result<std::optional<std::string>> begin() override { return std::optional<std::string>(); }
  // The first is for the name, the second for the password, whatever they say.
  Result<std::string> respond(std::string_view) override {
    switch (++asked_) {
      case 1: return credentials_.username;
      case 2: return std::string(credentials_.secret.view());
      default: return unasked("LOGIN");
    }
  }
  bool has_opaque_challenges() const override { return true; }

 private:
  Credentials credentials_;
  int asked_ = 0;
};

class CramMd5 final : public SaslClient {
 public:
  CramMd5(const Credentials& credentials, const base::Crypto& crypto)
      : credentials_(credentials), crypto_(crypto) {}

  Result<std::optional<std::string>> begin() override { return std::optional<std::string>(); }
  Result<std::string> respond(std::string_view challenge) override {
    if (std::exchange(is_answered_, true)) return unasked("CRAM-MD5");
    // One that is always the same makes the answer as good as the password.
    if (challenge.empty()) {
      return Error{Fault::peer_protocol, "smarthost sent an empty challenge to AUTH CRAM-MD5"};
    }
    const auto digest = crypto_.hmac(base::Hash::md5, credentials_.secret.view(), challenge);
    if (!digest) return digest.error();
    return credentials_.username + ' ' + hex(digest.value());
  }

 private:
  Credentials credentials_;
  const base::Crypto& crypto_;
  bool is_answered_ = false;
};

// A refusal comes as a challenge that says why, and is only told after it was answered.
class Bearer final : public SaslClient {
 public:
  Bearer(Mechanism mechanism, std::string message, std::string acknowledgement)
      : mechanism_(mechanism),
        message_(std::move(message)),
        acknowledgement_(std::move(acknowledgement)) {}

  Result<std::optional<std::string>> begin() override {
    return std::optional<std::string>(message_.view());
  }
  Result<std::string> respond(std::string_view challenge) override {
    if (!complaint_.empty()) return unasked(to_string(mechanism_));
    const std::string_view reason = challenge.substr(0, challenge.find_last_not_of(" \t\r\n") + 1);
    complaint_ = reason.empty() ? "no reason given" : base::printable(reason, kMaxComplaint);
    return acknowledgement_;
  }
  Result<void> finish() override {
    if (complaint_.empty()) return {};
    return Error{Fault::peer_protocol, "smarthost refused the token and said 235 to it"};
  }
  std::string complaint() const override { return complaint_; }

 private:
  static constexpr std::size_t kMaxComplaint = 160;

  Mechanism mechanism_;
  base::Secret message_;
  std::string acknowledgement_;
  std::string complaint_;
};

constexpr char kSeparator = '\x01';

// RFC 4616 2: no authorisation identity, then who and what.
std::string plain_message(const Credentials& credentials) {
  std::string message;
  message.reserve(credentials.username.size() + credentials.secret.view().size() + 2);
  message.push_back('\0');
  message.append(credentials.username);
  message.push_back('\0');
  message.append(credentials.secret.view());
  return message;
}

std::string xoauth2_message(const Credentials& credentials) {
  std::string message = "user=" + credentials.username + kSeparator + "auth=Bearer ";
  message.append(credentials.secret.view()).append(2, kSeparator);
  return message;
}

// RFC 7628 3.1.
std::string oauthbearer_message(const Credentials& credentials) {
  std::string message = "n,";
  if (!credentials.username.empty()) message += "a=" + sasl_name(credentials.username);
  message.append(",").append(1, kSeparator);
  if (!credentials.host.empty()) message += "host=" + credentials.host + kSeparator;
  if (credentials.port != 0) message += "port=" + std::to_string(credentials.port) + kSeparator;
  message.append("auth=Bearer ").append(credentials.secret.view()).append(2, kSeparator);
  return message;
}

}  // namespace

std::string_view to_string(Mechanism mechanism) { return row_of(mechanism).name; }

bool is_fit(Mechanism mechanism, SecretKind kind) { return row_of(mechanism).kind == kind; }

Result<void> check_credential(std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet != 0x7f) continue;
    const std::string name = c == '\n' || c == '\r' ? "a line end"
                             : c == '\0'            ? "a NUL octet"
                                         : "a control character (0x" + hex({&c, 1}) + ')';
    return Error{Fault::config, "holds " + name + ", which no name, password or token may"};
  }
  return {};
}

std::vector<Mechanism> usable_mechanisms(const std::vector<std::string>& offered, SecretKind kind) {
  std::vector<Mechanism> usable;
  for (const MechanismRow& row : kMechanisms) {
    if (row.kind != kind) continue;
    if (std::find(offered.begin(), offered.end(), row.name) == offered.end()) continue;
    usable.push_back(row.mechanism);
  }
  return usable;
}

std::unique_ptr<SaslClient> make_sasl_client(Mechanism mechanism, const Credentials& credentials,
                                             const base::Crypto& crypto) {
  switch (mechanism) {
    case Mechanism::plain:
      return std::make_unique<SingleResponse>(mechanism, plain_message(credentials));
    case Mechanism::login: return std::make_unique<Login>(credentials);
    case Mechanism::cram_md5: return std::make_unique<CramMd5>(credentials, crypto);
    case Mechanism::scram_sha_1:
      return std::make_unique<ScramClient>(base::Hash::sha1, credentials, crypto);
    case Mechanism::scram_sha_256:
      return std::make_unique<ScramClient>(base::Hash::sha256, credentials, crypto);
    case Mechanism::xoauth2:
      return std::make_unique<Bearer>(mechanism, xoauth2_message(credentials), "");
    case Mechanism::oauthbearer:
      return std::make_unique<Bearer>(mechanism, oauthbearer_message(credentials),
                                      std::string(1, kSeparator));
    case Mechanism::external:
      return std::make_unique<SingleResponse>(mechanism, credentials.username);
  }
  return nullptr;
}

}  // namespace smtp
