// See demo_mails.h.
#include "app/demo_mails.h"

#include <algorithm>

#include "base/text.h"

namespace app {

namespace {

// The mail as the client sent it: the first header field, if it is a trace line, taken off with
// its folded lines (RFC 5321 4.4).
std::string_view without_trace(std::string_view content) {
  if (!base::istarts_with(content, "Received:")) return content;
  do {
    const std::size_t end = content.find("\r\n");
    if (end == std::string_view::npos) return {};
    content.remove_prefix(end + 2);
  } while (content.starts_with(' ') || content.starts_with('\t'));
  return content;
}

}  // namespace

std::vector<DemoScene> demo_scenes() {
  std::vector<DemoScene> scenes;
  scenes.push_back({"a power supply's mail",
                    {true,
                     "ups.demo.test",
                     "<ups@demo.test>",
                     {"<operator@demo.test>"},
                     "From: ups@demo.test\r\n"
                     "To: operator@demo.test\r\n"
                     "Subject: On battery\r\n"
                     "\r\n"
                     "Mains failed, 42 minutes left.\r\n"},
                    0});
  scenes.push_back({"an old fax: HELO only, a line starts with a dot",
                    {false,
                     "fax",
                     "<fax@demo.test>",
                     {"<office@demo.test>"},
                     "From: fax@demo.test\r\n"
                     "To: office@demo.test\r\n"
                     "Subject: 2 pages received\r\n"
                     "\r\n"
                     ".5 minutes on the line\r\n"},
                    0});
  scenes.push_back({"a backup job, two recipients, one refused",
                    {true,
                     "backup.demo.test",
                     "<backup@demo.test>",
                     {"<nobody@demo.test>", "<operator@demo.test>"},
                     "From: backup@demo.test\r\n"
                     "To: nobody@demo.test, operator@demo.test\r\n"
                     "Subject: Backup done\r\n"
                     "\r\n"
                     "4711 files, no errors.\r\n"},
                    1});
  return scenes;
}

const DemoMessage* find_message(const std::deque<DemoMessage>& messages, std::string_view verdict) {
  const auto found = std::find_if(messages.begin(), messages.end(), [&](const auto& message) {
    return verdict.ends_with(" " + message.queue_id);
  });
  return found == messages.end() ? nullptr : &*found;
}

std::string fault_of(const DemoScene& scene, const DemoOutcome& outcome,
                     const std::deque<DemoMessage>& messages) {
  if (outcome.error) return outcome.error->detail;
  if (outcome.refusal) return "refused: " + outcome.refusal->summary();
  std::size_t refused = 0;
  for (const smtp::Reply& reply : outcome.rcpt_replies) {
    if (reply.is_positive()) continue;
    ++refused;
    if (reply.code != 550) return "a recipient got " + reply.summary() + " instead of a 550";
  }
  if (refused != scene.refused) {
    return std::to_string(refused) + " recipients were refused instead of " +
           std::to_string(scene.refused);
  }
  if (!outcome.verdict || !outcome.verdict->is_positive()) {
    return "not accepted" + (outcome.verdict ? ": " + outcome.verdict->summary() : std::string());
  }
  const DemoMessage* message = find_message(messages, outcome.verdict->summary());
  if (message == nullptr) return "the smarthost has no such message";
  if (!base::istarts_with(message->content, "Received:")) return "it has no Received line";
  if (without_trace(message->content) != scene.mail.content) {
    return "the smarthost got something else than what was sent";
  }
  if (message->reverse_path != scene.mail.reverse_path ||
      message->recipients.size() + refused != scene.mail.forward_paths.size()) {
    return "the smarthost got another envelope than what was sent";
  }
  return {};
}

}  // namespace app
