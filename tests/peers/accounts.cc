// See accounts.h.
#include "peers/accounts.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace support {

namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

std::string describe(const QueuedMail& mail) {
  return "from <" + mail.sender + "> to <" + joined(mail.recipients, ">, <") +
         ">: " + shown(joined(mail.fields, "") + "\n" + mail.body);
}

std::string describe(const ClientMail& mail) {
  return "from <" + mail.sender + "> to <" + joined(mail.recipients, ">, <") +
         ">: " + shown(mail.text);
}

// A last line without an end is given one by servers.
std::string with_last_end(std::string text) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

// Empty when they are the same mail.
std::string difference(const ClientMail& sent, const QueuedMail& held) {
  if (sent.sender != held.sender) return "another sender";
  // A server may keep them in an order of its own, and each once.
  const std::set<std::string> wanted(sent.recipients.begin(), sent.recipients.end());
  const std::set<std::string> given(held.recipients.begin(), held.recipients.end());
  if (wanted != given) return "other recipients";
  if (held.fields.size() < 2) return "no two Received lines";
  const auto is_trace = [](const std::string& field) { return field.starts_with("Received: "); };
  const bool is_ours = held.fields[1].find("(smtpseal)") != std::string::npos;
  if (!is_trace(held.fields[0]) || !is_trace(held.fields[1]) || !is_ours) {
    return "other fields than two Received lines come first";
  }
  const std::string fields = joined({held.fields.begin() + 2, held.fields.end()}, "");
  if (fields + "\n" + held.body == with_last_end(sent.text)) return {};
  // Without a body a server may leave out the empty line as the client did.
  return held.body.empty() && fields == sent.text ? "" : "another content";
}

}  // namespace

std::string shown(const std::string& bytes) {
  static constexpr std::size_t kEnough = 700;
  std::string out;
  for (const char c : std::string_view(bytes).substr(0, kEnough)) {
    static constexpr const char* kHex = "0123456789abcdef";
    const auto octet = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (octet < ' ' || octet > '~') {
      out += std::string("\\x") + kHex[octet / 16] + kHex[octet % 16];
    } else {
      out += c;
    }
  }
  return bytes.size() > kEnough ? out + "..." : out;
}

std::vector<std::string> differences(const std::vector<ClientMail>& sent,
                                     const std::vector<QueuedMail>& held) {
  std::vector<std::string> findings;
  std::vector<QueuedMail> left = held;
  for (const ClientMail& mail : sent) {
    const auto same = std::find_if(left.begin(), left.end(), [&](const QueuedMail& each) {
      return difference(mail, each).empty();
    });
    if (same != left.end()) {
      left.erase(same);
      continue;
    }
    const auto like = std::find_if(left.begin(), left.end(), [&](const QueuedMail& each) {
      return each.sender == mail.sender;
    });
    if (like == left.end()) {
      findings.push_back("missing " + describe(mail));
      continue;
    }
    findings.push_back(difference(mail, *like) + ": held " + describe(*like) + " instead of " +
                       describe(mail));
    left.erase(like);
  }
  for (const QueuedMail& mail : left) findings.push_back("nobody sent " + describe(mail));
  return findings;
}

std::vector<std::string> strangers(const std::vector<std::string>& commands,
                                   const std::vector<std::string>& addresses) {
  const std::set<std::string> given(addresses.begin(), addresses.end());
  std::vector<std::string> found;
  for (const std::string& command : commands) {
    if (!command.starts_with("MAIL ") && !command.starts_with("RCPT ")) continue;
    const std::size_t begin = command.find('<') + 1;
    // Quoted local parts may hold a ">": the path ends at the last.
    const std::size_t end = command.rfind('>');
    if (!given.contains(command.substr(begin, end - begin))) found.push_back(command);
  }
  return found;
}

}  // namespace support
