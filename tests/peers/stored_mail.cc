// See stored_mail.h.
#include "peers/stored_mail.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "support/process.h"
#include "support/temp_dir.h"

namespace support {

namespace fs = std::filesystem;

namespace {

// Takes a line off `text`, without its LF.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Takes the header and the empty line behind it off `text`.
std::vector<std::string> take_fields(std::string_view& text) {
  std::vector<std::string> fields;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const bool is_folded = !fields.empty() && (line.front() == ' ' || line.front() == '\t');
    if (!is_folded) fields.emplace_back();
    fields.back().append(line).push_back('\n');
  }
  return fields;
}

std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;  // a folder that is not there yet is empty
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    paths.push_back(entry.path().string());
  }
  return paths;
}

// "<a@b>" or "a@b".
std::string without_brackets(std::string_view path) {
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return std::string(path);
}

// What postcat prints of one queue file, from the line behind its heading on.
QueuedMail read_postcat(std::string_view& text) {
  QueuedMail mail;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with("*** MESSAGE CONTENTS ")) break;
    if (line.starts_with("sender: ")) mail.sender = line.substr(8);
    if (line.starts_with("recipient: ")) mail.recipients.emplace_back(line.substr(11));
  }
  const std::size_t end = text.find("*** HEADER EXTRACTED ");
  if (end == std::string_view::npos) throw Failure("postcat says " + std::string(text));
  std::string_view content = text.substr(0, end);
  text.remove_prefix(end);
  mail.fields = take_fields(content);
  mail.body = content;
  while (!text.empty() && !take_line(text).starts_with("*** MESSAGE FILE END ")) {
  }
  return mail;
}

QueuedMail read_exim(const std::string& header_file) {
  QueuedMail mail;
  const std::string header = read_file(header_file);
  std::string_view text = header;
  mail.id = take_line(text);
  static_cast<void>(take_line(text));  // whose process took it
  mail.sender = without_brackets(take_line(text));
  // Facts follow, then the recipients that are served already: "XX", there are none.
  while (!text.empty() && take_line(text) != "XX") {
  }
  const std::string count(take_line(text));
  for (std::size_t i = 0; i < std::stoul(count); ++i) {
    mail.recipients.emplace_back(take_line(text));
  }
  static_cast<void>(take_line(text));
  // "057F From: ...": its size, what it is to Exim, a space, the field. "*" is one that is gone.
  while (text.size() > 5) {
    const std::size_t size = std::stoul(std::string(text.substr(0, 3)));
    const bool is_gone = text[3] == '*';
    if (!is_gone) mail.fields.emplace_back(text.substr(5, size));
    text.remove_prefix(std::min(5 + size, text.size()));
  }
  std::string body_file = header_file;
  body_file.back() = 'D';
  const std::string body = read_file(body_file);
  mail.body = body.substr(body.find('\n') + 1);
  return mail;
}

QueuedMail read_opensmtpd(const std::string& folder) {
  QueuedMail mail;
  mail.id = fs::path(folder).filename().string();
  for (const std::string& path : entries_of(folder)) {
    const std::string text = read_file(path);
    std::string_view rest = text;
    if (fs::path(path).filename() == "message") {
      mail.fields = take_fields(rest);
      mail.body = rest;
      continue;
    }
    while (!rest.empty()) {
      const std::string_view line = take_line(rest);
      if (line.starts_with("sender: ")) mail.sender = line.substr(8);
      if (line.starts_with("rcpt: ")) mail.recipients.emplace_back(line.substr(6));
    }
  }
  return mail;
}

}  // namespace

std::vector<QueuedMail> postfix_queue(const std::string& configuration, const std::string& folder) {
  Process::Start postcat{*find_program("postcat"), {"-c", configuration}, {}, "/dev/null"};
  const std::vector<std::string> paths = entries_of(folder);
  postcat.arguments.insert(postcat.arguments.end(), paths.begin(), paths.end());
  std::vector<QueuedMail> mails;
  if (paths.empty()) return mails;
  const Finished told = run(std::move(postcat));
  if (told.status != 0) throw Failure("postcat: " + told.errors);
  std::string_view text = told.output;
  while (!text.empty()) {
    const std::string_view heading = take_line(text);  // "*** ENVELOPE RECORDS PATH ***"
    mails.push_back(read_postcat(text));
    mails.back().id = heading;
  }
  return mails;
}

std::vector<QueuedMail> exim_queue(const std::string& folder) {
  std::vector<QueuedMail> mails;
  for (const std::string& path : entries_of(folder)) {
    if (path.ends_with("-H")) mails.push_back(read_exim(path));
  }
  return mails;
}

std::vector<QueuedMail> opensmtpd_queue(const std::string& folder) {
  std::vector<QueuedMail> mails;
  for (const std::string& bucket : entries_of(folder)) {
    for (const std::string& path : entries_of(bucket)) mails.push_back(read_opensmtpd(path));
  }
  return mails;
}

}  // namespace support
