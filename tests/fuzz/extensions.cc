// smtp/extensions: whatever a smarthost says it can do, a client is shown only what is on the list
// of what smtpseal carries, and no more of it than the smarthost has.
//
// The input: an octet of policy, then the lines of an EHLO reply.
#include "smtp/extensions.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz/target.h"
#include "smtp/limits.h"

namespace {

constexpr std::size_t kLongestReplyLine = 512;  // RFC 5321 4.5.3.1.5

smtp::OfferPolicy policy_of(unsigned bits) {
  smtp::OfferPolicy policy;
  policy.max_message_size = (bits & 1U) != 0 ? 1000 : 0;
  policy.is_auth_offered = (bits & 2U) != 0;
  if ((bits & 4U) != 0) policy.own_mechanisms = {"SCRAM-SHA-256", "PLAIN"};
  policy.is_starttls_offered = (bits & 8U) != 0;
  policy.is_tls_missing = (bits & 16U) != 0;
  return policy;
}

// A word of an EHLO line, upper-cased; "AUTH=" is the old form of "AUTH ".
std::vector<std::string> words_of(std::string_view line) {
  std::string text = base::uppered(line);
  if (text.starts_with("AUTH=")) text[4] = ' ';
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + ' ') {
    if (c != ' ' && c != '\t') {
      word.push_back(c);
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

bool is_on_the_list(const std::string& keyword) {
  static const std::vector<std::string> kList = {
      "PIPELINING",          "SIZE",     "8BITMIME", "SMTPUTF8", "DSN",
      "ENHANCEDSTATUSCODES", "STARTTLS", "CHUNKING", "AUTH",     "BINARYMIME",
  };
  return std::find(kList.begin(), kList.end(), keyword) != kList.end();
}

// What is shown without being asked for, or not because of the smarthost.
bool is_our_own(const std::string& keyword, const smtp::OfferPolicy& policy) {
  if (keyword == "PIPELINING" || keyword == "ENHANCEDSTATUSCODES") return true;
  if (policy.is_tls_missing) return keyword == "STARTTLS";
  return keyword == "SIZE" || keyword == "STARTTLS" ||
         (keyword == "AUTH" && !policy.is_auth_offered);
}

void expect_allowed(const std::vector<std::vector<std::string>>& said,
                    const std::vector<std::string>& shown, const smtp::OfferPolicy& policy) {
  const std::string& keyword = shown.front();
  FUZZ_EXPECT_SAYING(is_on_the_list(keyword), keyword);
  if (keyword == "STARTTLS") FUZZ_EXPECT(policy.is_starttls_offered);
  if (keyword != "AUTH" && keyword != "SIZE") FUZZ_EXPECT(shown.size() == 1);
  if (is_our_own(keyword, policy)) return;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    FUZZ_EXPECT_SAYING(!shown[i].ends_with("-PLUS"), shown[i]);
    const bool is_said = std::any_of(said.begin(), said.end(), [&](const auto& line) {
      return !line.empty() && line.front() == keyword &&
             std::find(line.begin(), line.end(), shown[i]) != line.end();
    });
    FUZZ_EXPECT_SAYING(is_said, shown[i]);
  }
}

}  // namespace

FUZZ_TARGET(extensions) {
  const smtp::OfferPolicy policy = policy_of(input.byte());
  smtp::Reply ehlo;
  ehlo.code = 250;
  std::vector<std::vector<std::string>> said;
  while (!input.is_over() && ehlo.lines.size() < smtp::kMaxReplyLines) {
    ehlo.lines.emplace_back(input.line().substr(0, smtp::kMaxReplyLine));
    if (ehlo.lines.size() > 1) said.push_back(words_of(ehlo.lines.back()));
  }
  if (ehlo.lines.empty()) ehlo.lines.emplace_back();
  const smtp::Extensions theirs = smtp::parse_extensions(ehlo);
  const smtp::Extensions offered = smtp::offer_to_client(theirs, policy);
  FUZZ_EXPECT(smtp::covers(theirs, offered));
  FUZZ_EXPECT(!offered.mail_max && !offered.rcpt_max);
  if (policy.max_message_size > 0 && !policy.is_tls_missing) {
    FUZZ_EXPECT(offered.max_size > 0 && offered.max_size <= policy.max_message_size);
  }
  const smtp::Reply shown = smtp::format_ehlo("seal.test", offered);
  FUZZ_EXPECT(shown.code == 250 && shown.lines.front() == "seal.test");
  for (std::size_t i = 1; i < shown.lines.size(); ++i) {
    for (const char c : shown.lines[i]) FUZZ_EXPECT_SAYING(c >= ' ' && c <= '~', shown.lines[i]);
    FUZZ_EXPECT(shown.lines[i].size() + 6 <= kLongestReplyLine);
    expect_allowed(said, words_of(shown.lines[i]), policy);
  }
  FUZZ_EXPECT(smtp::parse_extensions(shown) == offered);
}
