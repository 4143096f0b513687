#include "relay/pair.h"

#include <utility>

#include "relay/describe_actions.h"

namespace relay {

namespace {

constexpr int kMostSteps = 100000;

constexpr std::size_t kSmallChunk = 16;

smtp::ClientOptions client_options() {
  smtp::ClientOptions options;
  options.chunk_size = kSmallChunk;
  options.ehlo_name = "seal.test";
  options.starttls = smtp::StartTls::never;
  return options;
}

}  // namespace

Pair::Pair(PairOptions options)
    : options_(std::move(options)),
      server_(options_.server, now_),
      transaction_(options_.transaction) {
  if (options_.starts_warm) {
    Connection& warm = open(options_.smarthost);
    warm.is_unused = false;
    warm.is_idle_long = options_.is_idle_long;
  }
  server_.greet(offered(), now_);
}

smtp::Extensions Pair::offered() const {
  // The spool takes no octets as they are, and nobody's password.
  const bool is_queue = options_.transaction.delivery == Delivery::queue;
  smtp::Extensions smarthost;
  smarthost.pipelining = true;
  smarthost.eight_bit_mime = true;
  smarthost.size = true;
  if (!is_queue) smarthost.auth_mechanisms = {"PLAIN", "LOGIN"};
  smarthost.chunking = options_.is_chunking_offered;
  smtp::OfferPolicy policy;
  policy.max_message_size = options_.max_size;
  policy.is_auth_offered = options_.is_auth_offered;
  return smtp::offer_to_client(smarthost, policy);
}

// --- the client's side ---

void Pair::client_says(std::string_view bytes) {
  server_.receive(bytes, now_);
  drive();
}

void Pair::client_half_closes() {
  server_.receive_eof();
  drive();
}

void Pair::client_vanishes() { leave(); }

std::string Pair::client_hears() {
  std::string heard(server_.output());
  server_.consume_output(heard.size());
  return heard;
}

void Pair::drive() {
  if (std::exchange(is_driving_, true)) return;
  for (int i = 0; i < kMostSteps && !has_left_; ++i) {
    const smtp::ServerEvent event = server_.next_event();
    if (std::holds_alternative<smtp::NeedMore>(event)) break;
    dispatch(event);
  }
  is_driving_ = false;
  if (server_.is_finished()) leave();
}

void Pair::dispatch(const smtp::ServerEvent& event) {
  namespace from = smtp::from_client;
  if (std::holds_alternative<from::Hello>(event)) {
    perform(transaction_.on(from::Reset{}, now_));
    server_.answer_hello(offered(), now_);
  } else if (const auto* mail = std::get_if<from::Mail>(&event)) {
    envelopes_ = 0;
    is_data_sent_ = false;
    is_end_sent_ = false;
    is_data_whole_ = false;
    tell_spool_trouble();
    perform(transaction_.on(*mail, offered(), now_));
  } else if (const auto* rcpt = std::get_if<from::Rcpt>(&event)) {
    perform(transaction_.on(*rcpt, now_));
  } else if (const auto* data = std::get_if<from::Data>(&event)) {
    perform(transaction_.on(*data, now_));
  } else if (const auto* bytes = std::get_if<from::MailData>(&event)) {
    perform(transaction_.on(*bytes, now_));
  } else if (const auto* refused = std::get_if<from::MailDataRefused>(&event)) {
    perform(transaction_.on(*refused, now_));
  } else if (const auto* chunk = std::get_if<from::EndOfChunk>(&event)) {
    perform(transaction_.on(*chunk, now_));
  } else if (const auto* end = std::get_if<from::EndOfData>(&event)) {
    perform(transaction_.on(*end, now_));
  } else if (const auto* reset = std::get_if<from::Reset>(&event)) {
    perform(transaction_.on(*reset, now_));
  } else if (const auto* auth = std::get_if<from::Auth>(&event)) {
    is_data_sent_ = false;
    perform(transaction_.on(*auth, now_));
  } else if (const auto* response = std::get_if<from::AuthResponse>(&event)) {
    perform(transaction_.on(*response, now_));
  } else {
    leave();
  }
}

void Pair::leave() {
  if (std::exchange(has_left_, true)) return;
  perform(transaction_.on(smtp::from_client::Gone{"left"}, now_));
  if (leased_ != nullptr) fault("the client left and a lease is still held");
  if (request_) fault("the client left and a lease is still asked for");
  if (!transaction_.is_idle()) fault("the client left and the transaction is not idle");
  if (copy_) fault("the client left and a copy is still kept");
}

// --- steps ---

bool Pair::step() {
  if (request_ && !is_lease_held_ && grant()) return true;
  if (publication_ && publish()) return true;
  for (const auto& connection : connections_) {
    if (connection->is_alive && travel(*connection)) return true;
  }
  return false;
}

void Pair::settle() {
  for (int i = 0; i < kMostSteps; ++i) {
    if (!step()) return;
  }
  fault("steps without end");
}

bool Pair::wait() {
  std::optional<base::Instant> next = has_left_ ? std::nullopt : server_.deadline();
  for (const auto& connection : connections_) {
    if (connection->is_alive) next = base::earlier(next, connection->session->deadline());
  }
  if (!next) return false;
  now_ = std::max(now_, *next);
  for (const auto& connection : connections_) {
    if (!connection->is_alive) continue;
    connection->session->on_time(now_);
    pump(*connection);
  }
  if (!has_left_) {
    server_.on_time(now_);
    drive();
  }
  return true;
}

Pair::Connection& Pair::open(const SmarthostScript& script) {
  auto connection = std::make_unique<Connection>();
  connection->id = connections_.size() + 1;
  connection->session.emplace(client_options(), now_);
  connection->smarthost.emplace(script);
  connections_.push_back(std::move(connection));
  Connection& opened = *connections_.back();
  for (int i = 0; i < 10 && !opened.session->is_ready(); ++i) travel(opened);
  if (!opened.session->is_ready()) fault("a connection did not become ready");
  return opened;
}

bool Pair::grant() {
  const action::Lease request = *std::exchange(request_, std::nullopt);
  if (!options_.is_reachable) {
    ++refused_;
    log_.push_back("refused");
    tell_spool_trouble();
    perform(transaction_.on(LeaseFailed{{base::Fault::unreachable, "no route"}}, now_));
    drive();
    return true;
  }
  Connection* chosen = nullptr;
  for (const auto& connection : connections_) {
    const bool is_fit = connection->is_alive && connection->session->reuse().is_clean &&
                        smtp::covers(connection->session->extensions(), request.needs);
    if (is_fit && (!request.must_be_fresh || connection->is_unused)) chosen = connection.get();
  }
  if (chosen == nullptr) {
    chosen = &open(connections_.empty() ? options_.smarthost : options_.later);
  }
  ++granted_;
  const bool is_reused = !std::exchange(chosen->is_unused, false);
  leased_ = chosen;
  chosen->mails = 0;
  const bool is_reset_owed =
      is_reused && (chosen->is_idle_long || chosen->session->is_in_transaction());
  chosen->is_idle_long = false;
  log_.push_back(std::string("granted ") + (is_reused ? "warm" : "fresh"));
  perform(transaction_.on(Leased{chosen->session->extensions(), is_reused, is_reset_owed}, now_));
  drive();
  return true;
}

// What happened already, bytes one way or one reply the other way.
bool Pair::travel(Connection& connection) {
  if (pump(connection)) return true;
  const std::string output(connection.session->output());
  if (!output.empty()) {
    connection.session->consume_output(output.size());
    connection.record.exchanges.push_back({true, false, output});
    if (!connection.is_mute) connection.smarthost->receive(output);
    return true;
  }
  if (connection.is_mute || !connection.smarthost->has_reply()) return false;
  std::string reply = connection.smarthost->take_reply();
  if (leased_ == &connection && connection.smarthost->is_at_rest()) {
    reply.append(std::exchange(surplus_, {}));
  }
  tell(connection, reply);
  pump(connection);
  return true;
}

void Pair::tell(Connection& connection, std::string_view bytes) {
  connection.record.exchanges.push_back({false, false, std::string(bytes)});
  connection.session->receive(bytes, now_);
}

bool Pair::pump(Connection& connection) {
  bool has_happened = false;
  for (int i = 0; i < kMostSteps && connection.is_alive; ++i) {
    const smtp::ClientEvent event = connection.session->next_event();
    if (std::holds_alternative<smtp::NeedMore>(event)) break;
    has_happened = true;
    if (const auto* replied = std::get_if<smtp::from_smarthost::Replied>(&event)) {
      if (leased_ != &connection) {
        fault("a reply for nobody: " + smtp::describe(event));
        continue;
      }
      tell_spool_trouble();
      perform(transaction_.on(*replied, now_));
      drive();
    } else if (const auto* failed = std::get_if<smtp::from_smarthost::Failed>(&event)) {
      lost(connection, failed->error);
    }
  }
  return has_happened;
}

void Pair::lost(Connection& connection, const base::Error& error) {
  connection.is_alive = false;
  log_.push_back("lost: " + error.detail);
  if (leased_ != &connection) return;
  leased_ = nullptr;
  ++lost_;
  tell_spool_trouble();
  perform(transaction_.on(SmarthostLost{error}, now_));
  drive();
}

bool Pair::break_connection(Break how) {
  if (leased_ == nullptr) return false;
  Connection& connection = *leased_;
  connection.is_mute = true;
  switch (how) {
    case Break::mute: return true;
    case Break::cut:
      lost(connection, {base::Fault::connection, "connection reset by smarthost"});
      return true;
    case Break::said_421: tell(connection, "421 4.3.2 bye\r\n"); break;
    case Break::garbage: tell(connection, "garbage\r\n"); break;
    case Break::half: tell(connection, "250-half"); break;
    case Break::closed: break;
  }
  pump(connection);
  if (connection.is_alive) {
    connection.session->receive_eof();
    pump(connection);
  }
  return true;
}

bool Pair::inject(std::string_view bytes) {
  if (leased_ == nullptr || !leased_->smarthost->is_at_rest()) return false;
  if (!leased_->session->output().empty()) return false;
  Connection& connection = *leased_;
  tell(connection, bytes);
  pump(connection);
  return true;
}

bool Pair::smarthost_says(std::string_view bytes) {
  if (leased_ == nullptr) return false;
  Connection& connection = *leased_;
  // What is on its way to it comes first.
  const std::string output(connection.session->output());
  if (!output.empty()) {
    connection.session->consume_output(output.size());
    connection.record.exchanges.push_back({true, false, output});
  }
  connection.is_mute = true;
  tell(connection, bytes);
  pump(connection);
  return true;
}

// --- actions ---

void Pair::perform(const Actions& actions) {
  for (const Action& action : actions) {
    log_.push_back(describe(action));
    std::visit([this](const auto& one) { perform(one); }, action);
  }
}

void Pair::perform(const action::Reply& action) {
  if (!server_.is_finished() && !server_.is_reply_owed()) {
    fault("a reply that nobody waits for: " + action.reply.summary());
    return;
  }
  server_.reply(action.reply, now_);
}

void Pair::perform(const action::Lease& action) {
  ++asked_;
  if (request_ || leased_ != nullptr) fault("a lease beside another");
  if (is_data_sent_) fault("a lease after DATA");
  request_ = action;
}

void Pair::perform(const action::CancelLease&) {
  ++cancelled_;
  if (!request_) fault("a lease is cancelled that nobody asked for");
  request_.reset();
}

void Pair::perform(const action::Send& action) {
  if (leased_ == nullptr) {
    fault("sent without a lease: " + action.line);
    return;
  }
  if (action.sent == smtp::Sent::mail && ++envelopes_ > 2) fault("replayed more than once");
  if (is_data_sent_) fault("sent after DATA: " + action.line);
  leased_->session->send(action.sent, action.line, now_);
}

void Pair::perform(const action::BeginData& action) {
  if (action.is_kept) {
    if (copy_) fault("a copy beside another");
    copy_ = "Received: trace\r\n";
    if (!action.is_sent) return;
  }
  if (leased_ == nullptr) {
    fault("mail data without a lease");
    return;
  }
  if (std::exchange(is_data_sent_, true)) fault("DATA twice");
  is_data_chunked_ = action.is_chunked;
  if (action.is_chunked) {
    leased_->session->begin_chunks();
  } else {
    leased_->session->send(smtp::Sent::data, "DATA", now_);
  }
  leased_->session->send_data("Received: trace\r\n", now_);
}

void Pair::perform(const action::SendData& action) {
  if (leased_ == nullptr && !copy_) fault("mail data for nobody");
  if (copy_) copy_->append(action.bytes);
  if (leased_ != nullptr) leased_->session->send_data(action.bytes, now_);
}

void Pair::perform(const action::EndData&) {
  if (leased_ == nullptr && !copy_) fault("end of data for nobody");
  if (std::exchange(is_data_whole_, true)) fault("two ends of data");
  if (leased_ == nullptr) return;
  is_end_sent_ = true;
  leased_->session->end_data(now_);
}

// --- the spool ---

void Pair::tell_spool_trouble() {
  transaction_.tell_spool_trouble(
      options_.is_spool_full ? std::optional<base::Error>({base::Fault::busy, "the spool is full"})
                             : std::nullopt);
}

void Pair::perform(const action::Publish& action) {
  if (leased_ != nullptr) fault("published while a smarthost has a part in it");
  if (!copy_ || !is_data_whole_) fault("published without a whole copy");
  if (transaction_.is_pinned()) fault("published although the client authenticated itself");
  if (publication_) fault("published twice");
  if (is_end_sent_ && action.recipients.empty()) fault("published for nobody");
  Spooled spooled;
  spooled.id = std::to_string(spooled_.size() + 1);
  spooled.mail.sender = action.mail.reverse_path;
  for (const auto& rcpt : action.recipients) spooled.mail.recipients.push_back(rcpt.forward_path);
  spooled.mail.content = copy_.value_or("");
  spooled.is_in_doubt = action.is_in_doubt;
  publication_ = std::move(spooled);
  is_publication_awaited_ = true;
}

bool Pair::publish() {
  Spooled spooled = *std::exchange(publication_, std::nullopt);
  const bool is_awaited = std::exchange(is_publication_awaited_, false);
  if (options_.is_spool_failing) {
    log_.push_back("not published");
    if (is_awaited) {
      perform(transaction_.on(PublishFailed{{base::Fault::storage, "disk trouble"}}, now_));
    }
  } else {
    log_.push_back("published");
    const std::string id = spooled.id;
    spooled_.push_back(std::move(spooled));
    if (is_awaited) perform(transaction_.on(Published{id}, now_));
  }
  drive();
  return true;
}

void Pair::perform(const action::DropCopy&) {
  if (!copy_) fault("a copy is dropped that there is not");
  copy_.reset();
  is_publication_awaited_ = false;
}

void Pair::perform(const action::Return& action) {
  ++returned_;
  if (leased_ == nullptr) {
    fault("a lease is returned that nobody holds");
    return;
  }
  Connection& connection = *std::exchange(leased_, nullptr);
  connection.session->abandon_data();
  // Bytes behind the last reply are the session's to see, and the pool asks it. So are replies to
  // chunks.
  const std::string_view why_not = connection.session->reuse().why_not;
  const bool is_doubted =
      why_not == "bytes nothing asked for" || why_not == "session is not ready" ||
      (is_data_chunked_ && (why_not == "a reply is owed" || why_not == "smarthost said 421"));
  if (action.is_clean && !is_doubted) {
    check_clean(connection);
  } else {
    connection.is_alive = false;
  }
}

void Pair::check_clean(const Connection& connection) {
  const smtp::Reuse reuse = connection.session->reuse();
  if (!reuse.is_clean) fault("returned as clean: " + std::string(reuse.why_not));
  if (connection.is_mute) return;
  if (!connection.smarthost->is_at_rest()) fault("returned as clean: the smarthost is not at rest");
  if (connection.smarthost->is_authenticated()) fault("returned as clean: it is authenticated");
  if (connection.smarthost->is_transaction_open() && !connection.session->is_in_transaction()) {
    fault("returned as clean: a transaction is open and no RSET is owed");
  }
}

void Pair::perform(const action::CloseClient& action) { server_.refuse(action.reply); }

void Pair::perform(const action::Finished& action) { finished_.push_back(action); }

// --- books ---

void Pair::fault(const std::string& what) { faults_.push_back(what); }

std::size_t Pair::queued() const {
  if (leased_ == nullptr) return 0;
  return leased_->session->output().size() + leased_->session->held_data();
}

std::vector<support::ConnectionRecord> Pair::records() const {
  std::vector<support::ConnectionRecord> all;
  for (const auto& connection : connections_) {
    all.push_back(connection->record);
    all.back().number = static_cast<int>(connection->id);
  }
  return all;
}

std::vector<const FakeSmarthost*> Pair::smarthosts() const {
  std::vector<const FakeSmarthost*> all;
  for (const auto& connection : connections_) all.push_back(&*connection->smarthost);
  return all;
}

std::vector<FakeSmarthost::Mail> Pair::accepted() const {
  std::vector<FakeSmarthost::Mail> all;
  for (const FakeSmarthost* smarthost : smarthosts()) {
    all.insert(all.end(), smarthost->accepted().begin(), smarthost->accepted().end());
  }
  return all;
}

std::vector<std::string> Pair::faults() const {
  std::vector<std::string> all = faults_;
  for (const FakeSmarthost* smarthost : smarthosts()) {
    for (const std::string& what : smarthost->faults()) all.push_back("smarthost: " + what);
  }
  const unsigned open_requests = request_ ? 1 : 0;
  if (asked_ != granted_ + refused_ + cancelled_ + open_requests) {
    all.push_back("leases asked for are not those granted, refused and cancelled");
  }
  const unsigned held = leased_ != nullptr ? 1 : 0;
  if (granted_ != returned_ + lost_ + held) {
    all.push_back("leases granted are not those returned and lost");
  }
  return all;
}

}  // namespace relay
