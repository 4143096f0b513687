#include "support/transcript.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace support {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One escape at the front of `text`, which begins with a backslash.
bool resolve_escape(std::string_view& text, std::string& out) {
  if (text.size() < 2) return false;
  switch (text[1]) {
    case 'r': out.push_back('\r'); break;
    case 'n': out.push_back('\n'); break;
    case 't': out.push_back('\t'); break;
    case '\\': out.push_back('\\'); break;
    case '{': out.push_back('{'); break;
    case 'x': {
      if (text.size() < 4) return false;
      const int high = hex_digit(text[2]);
      const int low = hex_digit(text[3]);
      if (high < 0 || low < 0) return false;
      out.push_back(static_cast<char>(high * 16 + low));
      text.remove_prefix(2);
      break;
    }
    default: return false;
  }
  text.remove_prefix(2);
  return true;
}

// {N*c} at the front of `text`.
bool resolve_repeat(std::string_view& text, std::string& out) {
  std::size_t count = 0;
  std::size_t at = 1;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at < 9) {
    count = count * 10 + static_cast<std::size_t>(text[at++] - '0');
  }
  if (at == 1 || at + 2 >= text.size() || text[at] != '*' || text[at + 2] != '}') return false;
  out.append(count, text[at + 1]);
  text.remove_prefix(at + 3);
  return true;
}

bool resolve(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (text.front() == '\\') {
      if (!resolve_escape(text, out)) return false;
    } else if (text.front() == '{') {
      if (!resolve_repeat(text, out)) return false;
    } else {
      out.push_back(text.front());
      text.remove_prefix(1);
    }
  }
  return true;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

std::string take_line(Transcript& transcript, std::size_t number, std::string_view line) {
  if (line.starts_with("@")) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return "a setting is `@ key = value`";
    transcript.settings[trimmed(line.substr(1, equals - 1))] = trimmed(line.substr(equals + 1));
    return {};
  }
  const std::size_t mark = line.find_first_of(":~");
  if (mark == std::string_view::npos || mark == 0) return "no channel";
  TranscriptLine step;
  step.number = number;
  step.channel = trimmed(line.substr(0, mark));
  step.is_whole = line[mark] == ':';
  std::string_view text = line.substr(mark + 1);
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (!resolve(text, step.text)) return "an escape is malformed";
  transcript.lines.push_back(std::move(step));
  return {};
}

// The lines that were written of one output channel, and the lines that came.
std::string compare(Stage::Use use, const std::vector<TranscriptLine>& group,
                    const std::string& channel, const std::vector<std::string>& came) {
  std::vector<std::string> written;
  for (const TranscriptLine& line : group) {
    if (line.channel != channel) continue;
    const bool is_ended = use == Stage::Use::look && line.is_whole;
    written.push_back(line.text + (is_ended ? "\r\n" : ""));
  }
  const auto joined = [use](const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) {
      all.append(use == Stage::Use::list ? "\n      " : "").append(escaped(line));
    }
    return all.empty() ? std::string("nothing") : all;
  };
  const std::string expected = joined(written);
  const std::string actual = joined(came);
  if (expected == actual) return {};
  return "on " + channel + " expected " + expected + "\n  but got " + actual;
}

class Player {
 public:
  Player(const Transcript& transcript, Stage& stage, std::size_t step)
      : transcript_(transcript), stage_(stage), step_(step) {}

  std::vector<std::string> play() {
    failures_ = transcript_.faults;
    for (const TranscriptLine& line : transcript_.lines) {
      if (!failures_.empty()) return failures_;
      take(line);
    }
    feed();
    check();
    return failures_;
  }

 private:
  void take(const TranscriptLine& line) {
    const Stage::Use use = stage_.use_of(line.channel);
    const bool is_output = use == Stage::Use::look || use == Stage::Use::list;
    if (use != Stage::Use::feed || line.channel != fed_channel_) feed();
    if (!is_output && !group_.empty()) check();
    number_ = line.number;
    switch (use) {
      case Stage::Use::unknown: fail("no such channel: " + line.channel); break;
      case Stage::Use::feed:
        fed_channel_ = line.channel;
        block_.append(line.text).append(line.is_whole ? "\r\n" : "");
        break;
      case Stage::Use::act:
        if (const std::string fault = stage_.act(line.channel, line.text); !fault.empty()) {
          fail(fault);
        }
        break;
      case Stage::Use::look:
      case Stage::Use::list: group_.push_back(line); break;
    }
  }

  void feed() {
    std::string_view rest = block_;
    while (!rest.empty()) {
      const std::size_t length = step_ == 0 ? rest.size() : std::min(step_, rest.size());
      stage_.feed(fed_channel_, rest.substr(0, length));
      rest.remove_prefix(length);
    }
    block_.clear();
  }

  void check() {
    for (const std::string& channel : stage_.outputs()) {
      const std::vector<std::string> came = stage_.take(channel);
      const std::string fault = compare(stage_.use_of(channel), group_, channel, came);
      if (!fault.empty()) fail(fault);
    }
    group_.clear();
  }

  void fail(const std::string& message) {
    const std::size_t at = group_.empty() ? number_ : group_.front().number;
    const std::string pace = step_ == 0 ? "whole blocks" : std::to_string(step_) + " at a time";
    failures_.push_back(transcript_.name + ":" + std::to_string(at) + ": (" + pace + ") " +
                        message);
  }

  const Transcript& transcript_;
  Stage& stage_;
  std::size_t step_;
  std::size_t number_ = 0;
  std::string fed_channel_;
  std::string block_;
  std::vector<TranscriptLine> group_;
  std::vector<std::string> failures_;
};

}  // namespace

std::string Transcript::setting(const std::string& key, const std::string& otherwise) const {
  const auto found = settings.find(key);
  return found == settings.end() ? otherwise : found->second;
}

Transcript parse_transcript(std::string name, std::string_view text) {
  Transcript transcript;
  transcript.name = std::move(name);
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const std::string fault = take_line(transcript, number, line);
    if (fault.empty()) continue;
    transcript.faults.push_back(transcript.name + ":" + std::to_string(number) + ": " + fault);
  }
  if (transcript.lines.empty()) transcript.faults.push_back(transcript.name + ": no lines");
  return transcript;
}

Transcript load_transcript(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_transcript(path.filename().string(), text.str());
}

std::vector<std::filesystem::path> transcripts_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".smtp") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> replay(const Transcript& transcript, Stage& stage, std::size_t step) {
  return Player(transcript, stage, step).play();
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    switch (c) {
      case '\r': out.append("\\r"); continue;
      case '\n': out.append("\\n"); continue;
      case '\t': out.append("\\t"); continue;
      case '\\': out.append("\\\\"); continue;
      default: break;
    }
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet < 0x7f) {
      out.push_back(c);
      continue;
    }
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x", octet);
    out.append(text);
  }
  return out;
}

}  // namespace support
