// See demo_story.h.
#include "app/demo_story.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "base/text.h"

namespace app {

namespace {

// The scenes take a tenth of a second; a machine that needs this long has a fault worth hearing of.
constexpr base::Duration kWatchdog = std::chrono::seconds(10);
constexpr base::Duration kStepTimeout = std::chrono::seconds(5);
constexpr base::Duration kDrainTimeout = std::chrono::seconds(1);
constexpr base::Duration kLastWords = std::chrono::milliseconds(200);
constexpr std::string_view kVerified = " verified";

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// "9, 3, 3"
std::string listed(const std::vector<unsigned>& numbers) {
  std::string text;
  for (const unsigned number : numbers) {
    if (!text.empty()) text.append(", ");
    text.append(std::to_string(number));
  }
  return text;
}

}  // namespace

void DemoOutput::print(const std::string& text) {
  std::cout << text << std::flush;
  is_broken_ = is_broken_ || !std::cout;
}

DemoStory::DemoStory(net::Loop& loop, Look look, std::string program, bool is_once)
    : loop_(loop),
      screen_(look),
      program_(std::move(program)),
      is_once_(is_once),
      has_utf8_(look.has_utf8),
      smarthost_(loop, counter_, *this),
      app_(loop, log_, sessions_),
      tap_(loop, counter_, *this),
      next_(loop, [this] { go_on(); }),
      watchdog_(loop, [this] {
        fail("the demonstration did not end within 10 seconds", ExitStatus::unavailable);
      }) {}

DemoStory::~DemoStory() = default;

base::Result<void> DemoStory::start() {
  // First of all, so that no signal leaves the folder behind.
  auto watched = net::Signals::watch(loop_, *this);
  if (!watched) return watched.error();
  signals_ = std::move(watched).value();
  if (const auto set = set_stage(); !set) return set.error();
  watchdog_.arm(loop_.now() + kWatchdog);
  begin_direct();
  return {};
}

base::Result<void> DemoStory::set_stage() {
  const auto address = net::parse_ip("127.0.0.1", 0);
  if (!address) return address.error();
  auto done = smarthost_.start(address.value());
  if (!done) return done;
  done = folder_.make();
  if (!done) return done;
  auto written = folder_.write("ca.pem", smarthost_.ca_pem());
  if (!written) return written.error();
  ca_file_ = std::move(written).value();
  done = app_.start(smtpseal_config(ca_file_));
  if (!done) return done;
  return tap_.start(app_.addresses().front());
}

config::Config DemoStory::smtpseal_config(const std::string& ca_file) const {
  config::Config config;
  config.general.hostname = "smtpseal.demo.test";
  config.general.drain_timeout = kDrainTimeout;
  config::Listener listener;
  listener.listen = {smarthost_.address()};
  listener.listen.front().address.port = 0;
  config.listeners.push_back(std::move(listener));
  config::Smarthost smarthost;
  smarthost.hosts = {smarthost_.address().host()};
  smarthost.port = smarthost_.address().port;
  smarthost.tls.verify_name = std::string(DemoSmarthost::kName);
  smarthost.tls.ca_files = {ca_file};
  smarthost.connect_timeout = kStepTimeout;
  smarthost.command_timeout = kStepTimeout;
  smarthost.data_timeout = kStepTimeout;
  config.smarthosts.push_back(std::move(smarthost));
  return config;
}

void DemoStory::send(const DemoMail& mail, const net::SocketAddress& server) {
  DemoClientEvents& self = *this;
  client_ = std::make_unique<DemoClient>(loop_, mail, self);
  client_->start(server);
}

void DemoStory::on_mail_done(const DemoOutcome& outcome) {
  outcome_ = outcome;
  next_.arm(loop_.now());  // the client must not be destroyed from inside itself
}

void DemoStory::go_on() {
  client_.reset();
  if (output_.is_broken()) {
    end(ExitStatus::io_error);
  } else if (act_ == Act::direct) {
    end_direct();
  } else if (act_ == Act::scenes) {
    end_scene();
  }
}

// --- the problem ---

void DemoStory::begin_direct() {
  output_.print(
      screen_.paragraph("smtpseal, shown on this machine alone: an application that cannot do TLS, "
                        "a smarthost that insists on it, and smtpseal between them.") +
      screen_.legend() + "\n" +
      screen_.headline("The problem: the application goes straight to the smarthost"));
  send(scenes_.front().mail, smarthost_.address());
}

void DemoStory::end_direct() {
  const auto exchange = smarthost_.take_exchange("", scenes_.front().mail.reverse_path);
  if (exchange) output_.print(screen_.one_column(*exchange));
  if (!outcome_.refusal || outcome_.refusal->code != 530) {
    const std::string what = outcome_.error     ? outcome_.error->detail
                             : outcome_.refusal ? outcome_.refusal->summary()
                                                : "accepted";
    fail("mail in plaintext was to be refused with 530 by the smarthost, but: " + what,
         ExitStatus::unavailable);
    return;
  }
  output_.print("\n");
  act_ = Act::scenes;
  begin_scene();
}

// --- the way out ---

void DemoStory::begin_scene() {
  const std::string number = std::to_string(scene_ + 1) + " of " + std::to_string(scenes_.size());
  output_.print(screen_.headline("Through smtpseal, " + number + ": " + scenes_[scene_].title));
  send(scenes_[scene_].mail, tap_.address());
}

void DemoStory::end_scene() {
  const DemoScene& scene = scenes_[scene_];
  std::string fault = fault_of(scene, outcome_, smarthost_.messages());
  const std::string verdict = outcome_.verdict ? outcome_.verdict->summary() : "";
  const DemoLog::Transaction* logged = log_.find_transaction(verdict);
  const bool is_verified = logged != nullptr && logged->tls.ends_with(kVerified);
  ExitStatus status = ExitStatus::unavailable;
  if (fault.empty() && !is_verified) {
    fault = "it did not go over verified TLS";
    status = ExitStatus::refused;
  }
  if (fault.empty() && tally_.round_trips.size() != scene_ + 1) {
    fault = "what went over the wire to the smarthost was not seen, or not encrypted";
  }
  if (!fault.empty()) {
    fail("message " + std::to_string(scene_ + 1) + ": " + fault, status);
    return;
  }
  ++tally_.delivered;
  tally_.refused += static_cast<unsigned>(scene.refused);
  ++scene_;
  if (scene_ < scenes_.size()) {
    begin_scene();
    return;
  }
  watchdog_.arm(std::nullopt);
  sum_up();
  if (is_once_) {
    end(ExitStatus::ok);
  } else {
    invite();
  }
}

void DemoStory::sum_up() {
  const std::string mark = has_utf8_ ? "✓ " : "* ";
  const std::string tls = [&] {
    const std::string text = smarthost_.messages().back().tls;
    return text.substr(0, text.find(' '));
  }();
  std::string out = screen_.headline("What happened");
  const auto add = [&](const std::string& text) {
    out.append(screen_.paragraph(text, Style::good, mark));
  };
  add("straight to the smarthost, in plaintext: refused (530)");
  add(counted(tally_.delivered, "message") + " delivered through smtpseal over " +
      counted(smarthost_.handshakes(), "TLS connection") + " (" + tls +
      ", certificate verified), unchanged but for the Received line on top");
  add(counted(tally_.refused, "recipient") +
      " refused by the smarthost; the application was told so in the smarthost's own words");
  out.append(screen_.paragraph("round trips to the smarthost: " + listed(tally_.round_trips) +
                                   ". The connection stays warm; an application that does TLS "
                                   "itself pays for the handshake every time.",
                               Style::plain, "  "));
  output_.print(out);
}

// --- whoever comes ---

void DemoStory::invite() {
  act_ = Act::live;
  const std::string here = tap_.address().to_string();
  const std::string mails = "--mail-from me@demo.test --mail-rcpt you@demo.test";
  std::string out = "\n" + screen_.headline("Your turn");
  out.append(screen_.paragraph("Point your own client at " + here + ", for example:"));
  out.append(screen_.command(program_ + " send --via " + here + " \\"));
  out.append(screen_.command("    --from me@demo.test --to you@demo.test"));
  out.append(screen_.command("printf 'Subject: hello\\n\\nIt works.\\n' | curl -sS smtp://" + here +
                             " -T - \\"));
  out.append(screen_.command("    " + mails));
  out.append(screen_.command("swaks --server " + here + " --to you@demo.test"));
  out.append(
      screen_.paragraph("Each message is shown here as it passes. Mail to nobody@... is "
                        "refused, to anybody else it is taken. Ctrl-C ends this."));
  const std::string smarthost = smarthost_.address().to_string();
  out.append(screen_.paragraph("The smarthost itself is at " + smarthost +
                               "; to see what smtpseal finds out about it, told to trust the "
                               "authority that was made for it:"));
  out.append(screen_.command("SMTPSEAL_SMARTHOST_CA_FILE=" + ca_file_ + " \\"));
  out.append(screen_.command("    " + program_ + " check " + smarthost) + "\n");
  output_.print(out);
}

void DemoStory::on_client_exchange(const Exchange& exchange) {
  if (act_ != Act::scenes && act_ != Act::live) return;
  const bool is_leftover = exchange.reverse_path.empty() && !exchange.lines.empty() &&
                           exchange.lines.front().speaker == Speaker::client;
  if (is_leftover) return;  // QUIT after a mail that was shown
  Exchange right;
  if (!exchange.reverse_path.empty()) {
    right = smarthost_.take_exchange(exchange.verdict, exchange.reverse_path).value_or(Exchange{});
  }
  if (act_ == Act::scenes && right.is_sealed()) tally_.round_trips.push_back(right.round_trips);
  if (act_ == Act::live) {
    std::string title = "A client without mail";
    if (!exchange.reverse_path.empty()) {
      title = "Your message " + std::to_string(++messages_of_others_) + ", from " +
              exchange.reverse_path + (exchange.is_accepted() ? ": delivered" : ": not delivered");
    }
    output_.print(screen_.headline(title));
  }
  show(exchange, std::move(right));
  if (output_.is_broken()) end(ExitStatus::io_error);
}

void DemoStory::show(const Exchange& left, Exchange right) {
  for (SpokenLine& line : right.lines) {
    if (line.speaker != Speaker::tls || !log_.opened()) continue;
    line.text.append(", certificate of " + log_.opened()->name +
                     (log_.opened()->verify == "verified" ? " verified" : " NOT verified"));
  }
  if (right.lines.empty()) {
    const std::uint64_t first = left.lines.empty() ? 0 : left.lines.front().order;
    right.lines.push_back(
        {Speaker::note, "(nothing is said to the smarthost)", first, false, false});
  } else if (!right.has_handshake && right.lines.front().is_encrypted) {
    right.lines.insert(right.lines.begin(), {Speaker::note, "(on the open TLS connection)",
                                             right.lines.front().order, false, true});
  }
  output_.print(screen_.side_by_side("application to smtpseal, in plaintext", left,
                                     "smtpseal to smarthost, over the wire", right) +
                caption(left, right) + "\n");
}

std::string DemoStory::caption(const Exchange& left, const Exchange& right) const {
  if (left.reverse_path.empty()) return {};
  if (!left.is_accepted()) {
    const std::string why = !left.verdict.empty()    ? left.verdict
                            : !left.refusals.empty() ? left.refusals.back()
                                                     : "the client gave up";
    return screen_.paragraph("Not delivered: " + why, Style::bad);
  }
  std::string text = "Delivered to " + counted(left.recipients.size(), "recipient");
  if (!left.refusals.empty()) text.append(", " + std::to_string(left.refusals.size()) + " refused");
  text.append(": " + counted(right.round_trips, "round trip") + " to the smarthost, ");
  text.append(right.has_handshake ? "TLS handshake included" : "no handshake");
  return screen_.paragraph(text + ".", Style::good);
}

// --- the end ---

void DemoStory::on_terminate() {
  if (act_ == Act::over) {
    loop_.stop();  // asked twice
    return;
  }
  if (act_ != Act::live) {
    fail("interrupted", ExitStatus::temporary);
    return;
  }
  output_.print("\n" + screen_.paragraph("Ended, and everything temporary removed."));
  end(ExitStatus::ok);
}

void DemoStory::fail(const std::string& why, ExitStatus status) {
  std::cout << std::flush;
  std::cerr << "smtpseal: the demonstration failed: " << base::printable(why) << '\n';
  for (const std::string& line : log_.troubles()) std::cerr << "  " << line << '\n';
  end(status);
}

void DemoStory::end(ExitStatus status) {
  if (std::exchange(act_, Act::over) == Act::over) return;
  status_ = status;
  watchdog_.arm(std::nullopt);
  app_.drain();  // stops the loop when its last session is over
}

void DemoStory::settle() {
  const base::Instant end = loop_.now() + kLastWords;
  next_.arm(end);
  while (tap_.has_sessions() && loop_.now() < end) loop_.run_once();
}

}  // namespace app
