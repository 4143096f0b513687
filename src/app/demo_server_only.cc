// See demo_server_only.h.
#include "app/demo_server_only.h"

#include <algorithm>
#include <utility>

#include "app/demo_mails.h"

namespace app {

DemoServerOnly::DemoServerOnly(net::Loop& loop, Look look)
    : loop_(loop), screen_(look), smarthost_(loop, counter_, *this) {}

base::Result<void> DemoServerOnly::start(const net::SocketAddress& address) {
  // First of all, so that no signal leaves the folder behind.
  auto watched = net::Signals::watch(loop_, *this);
  if (!watched) return watched.error();
  signals_ = std::move(watched).value();
  auto done = smarthost_.start(address);
  if (!done) return done;
  done = folder_.make();
  if (!done) return done;
  auto ca_file = folder_.write("ca.pem", smarthost_.ca_pem());
  if (!ca_file) return ca_file.error();
  output_.print(
      screen_.paragraph("A smarthost that wants STARTTLS listens on " +
                            smarthost_.address().to_string() + ".",
                        Style::strong) +
      screen_.paragraph("Point an application at it to see whether it encrypts. Mail is shown "
                        "here and goes nowhere. Ctrl-C ends this.") +
      screen_.paragraph("Its certificate is for " + std::string(DemoSmarthost::kName) +
                        ", localhost and its address; the authority that a client must trust is in " +
                        ca_file.value() + " while this runs.") +
      "\n");
  return {};
}

void DemoServerOnly::on_smarthost_exchange(const std::string& peer, const Exchange& exchange) {
  const bool is_leftover = exchange.reverse_path.empty() &&
                           exchange.lines.front().speaker == Speaker::client;
  if (is_leftover) return;  // QUIT after a mail that was shown
  output_.print(screen_.headline("From " + peer) + screen_.one_column(exchange) +
                finding(exchange) + "\n");
  if (output_.is_broken()) loop_.stop();
}

std::string DemoServerOnly::finding(const Exchange& exchange) const {
  const auto is_encrypted = [](const SpokenLine& line) { return line.is_encrypted; };
  if (const DemoMessage* message = find_message(smarthost_.messages(), exchange.verdict)) {
    return screen_.paragraph("Encrypted: " + message->tls + ". Accepted, " +
                                 std::to_string(message->size) + " octets, with this trace:",
                             Style::good) +
           screen_.paragraph(message->trace, Style::plain, "  ");
  }
  if (std::any_of(exchange.lines.begin(), exchange.lines.end(), is_encrypted)) {
    return screen_.paragraph("Encrypted, but no mail was accepted.", Style::transient);
  }
  if (!exchange.refusals.empty()) {
    return screen_.paragraph("NOT encrypted: refused.", Style::bad);
  }
  return screen_.paragraph("Not encrypted; no mail was offered.", Style::transient);
}

}  // namespace app
