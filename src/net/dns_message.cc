// The reading half of dns.h.
#include <algorithm>

#include "net/dns.h"

namespace net {

namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kHeader = 12;     // RFC 1035 4.1.1
constexpr std::size_t kMaxName = 255;   // 2.3.4, on the wire
constexpr std::uint16_t kInternet = 1;  // the class IN, 3.2.4
constexpr std::uint16_t kIsResponse = 0x8000;
constexpr std::uint16_t kIsTruncated = 0x0200;
constexpr std::uint16_t kResponseCode = 0x000f;
constexpr std::uint16_t kNoSuchName = 3;

// Reads on from a place in the message; what cannot be read makes it bad for good.
class Reader {
 public:
  explicit Reader(std::string_view message) : message_(message) {}

  [[nodiscard]] bool is_good() const { return is_good_; }
  [[nodiscard]] std::size_t at() const { return at_; }

  std::uint8_t octet() {
    if (at_ >= message_.size()) is_good_ = false;
    return is_good_ ? static_cast<std::uint8_t>(message_[at_++]) : 0;
  }
  std::uint16_t two() {
    const unsigned high = octet();
    return static_cast<std::uint16_t>(high << 8 | octet());
  }
  std::uint32_t four() {
    const std::uint32_t high = two();
    return high << 16 | two();
  }
  void skip(std::size_t count) {
    if (count > message_.size() - at_) {
      is_good_ = false;
    } else {
      at_ += count;
    }
  }

  // RFC 1035 4.1.4. A pointer leads to an earlier place always, so that it ends.
  std::vector<std::string_view> name() {
    std::vector<std::string_view> labels;
    std::size_t size = 1;
    std::size_t earliest = at_;
    std::optional<std::size_t> behind;
    while (is_good_) {
      const std::uint8_t length = octet();
      if (length == 0) break;
      if ((length & 0xc0) == 0xc0) {
        const std::size_t place = (length & 0x3fU) << 8 | octet();
        if (!behind) behind = at_;
        is_good_ = is_good_ && place < earliest;
        at_ = earliest = place;
        continue;
      }
      const std::size_t start = at_;
      skip(length);
      size += 1U + length;
      is_good_ = is_good_ && length < 0x40 && size <= kMaxName;
      if (is_good_) labels.push_back(message_.substr(start, length));
    }
    if (behind) at_ = *behind;
    return labels;
  }

 private:
  std::string_view message_;
  std::size_t at_ = 0;
  bool is_good_ = true;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_of_a_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

// A target as text; nothing when no host can have that name. One that ends in a number would be
// taken for an address.
std::optional<std::string> host_name(const std::vector<std::string_view>& labels) {
  std::string text;
  for (const std::string_view label : labels) {
    if (!std::all_of(label.begin(), label.end(), is_of_a_host) || label.starts_with('-')) {
      return std::nullopt;
    }
    if (!text.empty()) text += '.';
    text += label;
  }
  const bool is_number =
      !labels.empty() && std::all_of(labels.back().begin(), labels.back().end(), is_digit);
  if (is_number) return std::nullopt;
  return text;
}

Error broken() { return {Fault::peer_protocol, "the answer of the DNS cannot be read"}; }

// What stands in the answer section, CNAMEs included: what they lead to is there, too.
base::Result<DnsAnswer> read_records(Reader& reader, unsigned count, DnsType type) {
  DnsAnswer answer;
  std::optional<std::uint32_t> least;
  for (unsigned i = 0; i < count; ++i) {
    reader.name();
    const std::uint16_t its_type = reader.two();
    const std::uint16_t its_class = reader.two();
    std::uint32_t ttl = reader.four();
    const std::size_t size = reader.two();
    const std::size_t begin = reader.at();
    if (!reader.is_good()) return broken();
    if ((ttl & 0x80000000U) != 0) ttl = 0;  // RFC 2181 8
    least = least ? std::min(*least, ttl) : ttl;
    if (its_type != static_cast<std::uint16_t>(type) || its_class != kInternet) {
      reader.skip(size);
      continue;
    }
    DnsRecord record;
    record.priority = reader.two();
    if (type == DnsType::srv) {
      record.weight = reader.two();
      record.port = reader.two();
    }
    std::optional<std::string> target = host_name(reader.name());
    if (!reader.is_good() || reader.at() != begin + size) return broken();
    if (!target) answer.has_unusable = true;
    if (!target || answer.records.size() == kMaxDnsRecords) continue;
    record.target = std::move(*target);
    answer.records.push_back(std::move(record));
  }
  if (!reader.is_good()) return broken();
  answer.ttl = std::chrono::seconds(least.value_or(0));
  return answer;
}

}  // namespace

base::Result<DnsAnswer> parse_dns_answer(std::string_view message, DnsType type) {
  if (message.size() < kHeader) return broken();
  Reader reader(message);
  reader.two();  // whose question it answers is the resolver's to see to
  const std::uint16_t flags = reader.two();
  const unsigned questions = reader.two();
  const unsigned answers = reader.two();
  reader.skip(4);
  if ((flags & kIsResponse) == 0) return broken();
  const unsigned code = flags & kResponseCode;
  if (code == kNoSuchName) return DnsAnswer{};
  if (code != 0) {
    return Error{Fault::unreachable, "the DNS cannot answer (code " + std::to_string(code) + ")"};
  }
  if ((flags & kIsTruncated) != 0) return broken();
  for (unsigned i = 0; i < questions && reader.is_good(); ++i) {
    reader.name();
    reader.skip(4);
  }
  return read_records(reader, answers, type);
}

}  // namespace net
