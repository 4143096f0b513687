// See demo_server_only.h.
#include "app/demo_server_only.h"

#include <algorithm>
#include <utility>

#include "app/demo_mails.h"
#include "base/text.h"

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
      screen_.paragraph(
          "A smarthost that wants STARTTLS listens on " + smarthost_.address().to_string() + ".",
          Style::strong) +
      screen_.paragraph("Point an application at it to see whether it encrypts. Mail is shown "
                        "here and goes nowhere. Ctrl-C ends this.") +
      screen_.paragraph("Its certificate is for " + std::string(DemoSmarthost::kName) +
                        ", localhost and its address; the authority that clients must trust is " +
                        ca_file.value() + ".") +
      "\n");
  return {};
}

void DemoServerOnly::on_smarthost_exchange(const std::string& peer, const Exchange& exchange) {
  const bool is_leftover =
      exchange.reverse_path.empty() && exchange.lines.front().speaker == Speaker::client;
  if (is_leftover) return;  // QUIT after a mail that was shown
  output_.print(screen_.headline("From " + peer) + screen_.one_column(exchange) +
                finding(exchange) + "\n");
  if (output_.is_broken()) loop_.stop();
}

std::string DemoServerOnly::finding(const Exchange& exchange) const {
  const auto has = [&](auto is_such) {
    return std::any_of(exchange.lines.begin(), exchange.lines.end(), is_such);
  };
  if (const DemoMessage* message = find_message(smarthost_.messages(), exchange.verdict)) {
    const std::string size = std::to_string(message->size);
    std::string out = screen_.paragraph(
        "Encrypted: " + message->tls + ". Accepted, " + size + " bytes, with the trace",
        Style::good);
    for (const std::string_view line : base::split(base::trimmed(message->trace), '\n')) {
      const std::string_view text = line.substr(0, line.find('\r'));
      if (!text.empty()) out.append(screen_.paragraph(text, Style::plain, "  "));
    }
    return out;
  }
  if (has([](const SpokenLine& line) { return line.is_encrypted; })) {
    return exchange.reverse_path.empty()
               ? screen_.paragraph("Encrypted; no mail was offered.", Style::good)
               : screen_.paragraph("Encrypted; the mail was not accepted.", Style::transient);
  }
  if (!exchange.refusals.empty()) {
    return screen_.paragraph("NOT encrypted: refused.", Style::bad);
  }
  if (has([](const SpokenLine& line) { return line.speaker == Speaker::note; })) {
    return screen_.paragraph(
        "TLS was tried and failed. Clients must begin it with STARTTLS, and "
        "trust the authority named above.",
        Style::bad);
  }
  return screen_.paragraph("Not encrypted; no mail was offered.", Style::transient);
}

}  // namespace app
