// See corpus.h.
#include "peers/corpus.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "support/patience.h"
#include "support/temp_dir.h"

namespace support {

namespace fs = std::filesystem;

namespace {

struct Field {
  std::string name;  // in lower case
  std::string text;  // the whole of it, with its line ends
};

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The header's length with the empty line behind it.
std::size_t header_size(const std::string& mail) {
  const std::size_t empty_line = mail.find("\n\n");
  if (empty_line == std::string::npos) throw Failure("no empty line behind the header: " + mail);
  return empty_line + 2;
}

std::vector<Field> fields_of(const std::string& header) {
  std::vector<Field> fields;
  std::istringstream lines(header);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) break;
    if (!fields.empty() && (line[0] == ' ' || line[0] == '\t')) {
      fields.back().text += line + "\n";
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) throw Failure("no header field: " + line);
    fields.push_back({lower_case(line.substr(0, colon)), line + "\n"});
  }
  return fields;
}

// Value alone, each run of blanks one space.
std::string unfolded(const Field& field) {
  std::istringstream words(field.text.substr(field.text.find(':') + 1));
  std::string out = field.name + ":";
  for (std::string word; words >> word;) out += " " + word;
  return out;
}

std::string excerpt(const std::string& before, const std::string& after) {
  const auto [left, right] =
      std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto from = [](const std::string& text, std::string::const_iterator at) {
    const auto size = std::min<std::ptrdiff_t>(160, text.end() - at);
    return at == text.end() ? std::string("(the end)") : std::string(at, at + size);
  };
  return "they differ from octet " + std::to_string(left - before.begin()) + " on; before: {" +
         from(before, left) + "}, after: {" + from(after, right) + "}";
}

std::vector<std::string> addresses_of(const std::string& mail) {
  for (const Field& field : fields_of(mail)) {
    if (field.name != "to") continue;
    std::string list = field.text.substr(field.text.find(':') + 1);
    std::replace(list.begin(), list.end(), ',', ' ');
    std::istringstream words(list);
    std::vector<std::string> addresses;
    for (std::string word; words >> word;) addresses.push_back(word);
    return addresses;
  }
  throw Failure("no To field in " + mail);
}

std::vector<CorpusMail> read_corpus() {
  const char* folder = std::getenv("SEAL_CORPUS");
  if (folder == nullptr) throw Failure("SEAL_CORPUS does not say where the corpus is");
  std::vector<CorpusMail> mails;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".eml") continue;
    const std::string text = read_file(entry.path().string());
    mails.push_back(
        {entry.path().stem().string(), entry.path().string(), text, addresses_of(text)});
  }
  std::sort(mails.begin(), mails.end(),
            [](const CorpusMail& a, const CorpusMail& b) { return a.name < b.name; });
  return mails;
}

}  // namespace

const std::vector<CorpusMail>& corpus() {
  static const std::vector<CorpusMail> kMails = read_corpus();
  return kMails;
}

std::vector<CorpusMail> corpus_without_dots() {
  std::vector<CorpusMail> mails = corpus();
  std::erase_if(mails,
                [](const CorpusMail& each) { return each.text.find("\n.") != std::string::npos; });
  return mails;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string with_lf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out += text[i];
  }
  return out;
}

const std::set<std::string>& trace_fields() {
  static const std::set<std::string> kNames = {"received", "return-path", "delivered-to",
                                               "x-original-to"};
  return kNames;
}

std::string difference(const std::string& before, const std::string& after) {
  if (after.size() < before.size() || !after.ends_with(before)) {
    // From where the header that was sent begins, as far as that can be told.
    const std::size_t start = after.find(before.substr(0, before.find('\n') + 1));
    return excerpt(before, start == std::string::npos ? after : after.substr(start));
  }
  const std::string added = after.substr(0, after.size() - before.size());
  if (added.find("\n\n") != std::string::npos) return "an empty line was added: " + added;
  for (const Field& field : fields_of(added)) {
    if (!trace_fields().contains(field.name)) return "added: " + field.text;
  }
  return {};
}

std::string difference_unfolded(const std::string& before, const std::string& after) {
  const std::size_t before_size = header_size(before);
  const std::size_t after_size = header_size(after);
  const std::string body = after.substr(after_size);
  if (body != before.substr(before_size)) return excerpt(before.substr(before_size), body);
  const auto lines_of = [](const std::string& header) {
    std::vector<std::string> lines;
    for (const Field& field : fields_of(header)) lines.push_back(unfolded(field));
    return lines;
  };
  const std::vector<std::string> wanted = lines_of(before.substr(0, before_size));
  std::vector<std::string> found = lines_of(after.substr(0, after_size));
  while (found.size() > wanted.size() &&
         trace_fields().contains(found.front().substr(0, found.front().find(':')))) {
    found.erase(found.begin());
  }
  for (std::size_t i = 0; i < std::max(found.size(), wanted.size()); ++i) {
    const std::string was = i < wanted.size() ? wanted[i] : "(nothing)";
    const std::string is = i < found.size() ? found[i] : "(nothing)";
    if (was != is) return "the header says \"" + is + "\" instead of \"" + was + "\"";
  }
  return {};
}

}  // namespace support
