// Mails of the spool as JSON: contrib/schema/queue.schema.json describes it.
#include <nlohmann/json.hpp>

#include "app/queue_report.h"

namespace app {

namespace {

using Json = nlohmann::ordered_json;

// "a@b" of "<a@b>", "" of "<>".
std::string address_of(std::string_view path) {
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return std::string(path);
}

Json to_json(const spool::Recipient& recipient) {
  return {{"address", address_of(recipient.command.forward_path)},
          {"command", smtp::format(recipient.command)},
          {"outcome", spool::to_string(recipient.outcome)},
          {"reply", recipient.reply}};
}

Json to_json(const spool::Seen& mail) {
  const spool::Envelope& envelope = mail.envelope;
  Json json = {{"id", envelope.id}, {"state", state_of(mail)}, {"failed", mail.is_failed}};
  if (!mail.damage.empty()) json["damage"] = mail.damage;
  // An envelope that cannot be read says nothing.
  if (envelope.recipients.empty()) return json;
  Json recipients = Json::array();
  for (const spool::Recipient& each : envelope.recipients) recipients.push_back(to_json(each));
  json["since"] = spool::format_time(envelope.since);
  json["size"] = envelope.size;
  json["smarthost"] = envelope.smarthost;
  json["client"] = envelope.client;
  json["sender"] = address_of(envelope.mail.reverse_path);
  json["command"] = smtp::format(envelope.mail);
  json["recipients"] = std::move(recipients);
  json["attempts"] = envelope.attempts;
  json["last_error"] = envelope.last_error;
  json["sending"] = mail.is_sending;
  json["held"] = envelope.is_held;
  json["in_doubt"] = envelope.is_in_doubt;
  json["sender_warned"] = envelope.is_sender_warned;
  json["notification"] = envelope.is_notification;
  return json;
}

// Octets that are no UTF-8 are replaced rather than thrown about.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

// One after another: a hundred thousand of them need not stand in memory twice.
std::string format_queue_json(const std::vector<spool::Seen>& mails) {
  std::string text = "[";
  for (const spool::Seen& mail : mails) {
    if (text.size() > 1) text += ",";
    text += "\n" + dump(to_json(mail));
  }
  return text + (mails.empty() ? "]\n" : "\n]\n");
}

std::string format_mail_json(const spool::Seen& mail, std::string_view beginning) {
  Json json = to_json(mail);
  const std::size_t end = beginning.find("\r\n\r\n");
  json["header"] = beginning.substr(0, end == std::string_view::npos ? end : end + 2);
  return dump(json) + "\n";
}

std::string format_outcome_json(const std::string& id, const std::string& outcome) {
  Json json = {{"id", nullptr}, {"outcome", outcome}};
  if (!id.empty()) json["id"] = id;
  return dump(json) + "\n";
}

}  // namespace app
