// Prints notifications for another reader than our own, delivery_reading.py: the size of each on a
// line, then the text itself.
#include "smtp/delivery_samples.h"

#include <cstdio>
#include <string>

namespace {

void print(const smtp::DeliveryReport& report) {
  const std::string text = smtp::make_delivery_notification(report).text;
  std::printf("%zu %zu\n", text.size(), report.recipients.size());
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

int main() {
  smtp::DeliveryReport report = smtp::sample_report(smtp::kPlainMail);
  report.recipients = {smtp::refused_recipient()};
  print(report);
  report.mail.parameters = {{"RET", "FULL"}, {"ENVID", "a+20b"}};
  print(report);
  report.recipients.push_back(smtp::delayed_recipient());
  print(report);
  for (const std::string_view words : smtp::kHostileWords) {
    smtp::RecipientReport recipient = smtp::refused_recipient();
    recipient.reply = words;
    recipient.smarthost = words;
    const std::string original = "Subject: " + std::string(words) + "\r\n\r\n";
    report = smtp::sample_report(original);
    report.recipients = {recipient};
    print(report);
  }
  return 0;
}
