// See spooler.h.
#include "app/spooler.h"

#include <algorithm>
#include <utility>

namespace app {

namespace {

bool has_mail(const std::string& folder, spool::Disk& disk) {
  const auto names = disk.list(folder + "/queue");
  return names && !names.value().empty();
}

SpoolSettings settings_of(const config::Config& config) {
  SpoolSettings settings;
  settings.options = config.general.spool;
  settings.hostname = config.general.hostname;
  for (const config::Smarthost& smarthost : config.smarthosts) {
    settings.sections.push_back({smarthost.name, smarthost.pool.max_connections});
  }
  return settings;
}

}  // namespace

bool wants_spool(const config::Config& config) {
  if (!config.places.of("smtpseal", "spool_dir").empty()) return true;
  return std::any_of(config.listeners.begin(), config.listeners.end(), [](const auto& listener) {
    return listener.delivery != config::Delivery::relay;
  });
}

Spooler::Need Spooler::need_of(const config::Config& config) const {
  if (wants_spool(config)) return Need::demanded;
  // Somebody may have gone back to `delivery = relay` while mail waited: 250 was said for it.
  return has_mail(config.general.spool.folder, *disk_) ? Need::if_left : Need::none;
}

Spooler::Spooler(base::LogSink& log) : log_(log), disk_(spool::system_disk()) {}

Spooler::~Spooler() { close(); }

base::Result<void> Spooler::open(const config::Config& config) {
  if (is_open()) return {};
  const Need need = need_of(config);
  if (need == Need::none) return {};
  const std::string& folder = config.general.spool.folder;
  // /var/lib/smtpseal, where no service manager made it. What is wrong with it shows below.
  if (const std::size_t slash = folder.find_last_of("/\\"); slash > 0 && slash != folder.npos) {
    static_cast<void>(disk_->make_folder(folder.substr(0, slash)));
  }
  spool::Recovery recovery;
  auto store = spool::Store::open(*disk_, folder, recovery);
  const base::Result<void> begun =
      store ? begin(std::move(store).value(), recovery, settings_of(config))
            : base::Result<void>(store.error());
  if (begun) return {};
  drop();  // the lock goes with it, and a reload may try again
  base::Error error = begun.error();
  error.detail = "spool: " + error.detail;
  if (error.fault == base::Fault::busy)
    error.detail += "; give each smtpseal a spool_dir of its own";
  if (need == Need::demanded) return error;
  log_.error("-", "spool-left", {{"folder", folder}, {"reason", error.detail}});
  return {};
}

base::Result<void> Spooler::begin(std::unique_ptr<spool::Store> store,
                                  const spool::Recovery& recovery, const SpoolSettings& settings) {
  auto loop = net::Loop::make();
  if (!loop) return loop.error();
  loop_ = std::move(loop).value();
  auto mailbox = net::Mailbox::open(*loop_);
  if (!mailbox) return mailbox.error();
  mailbox_ = std::move(mailbox).value();
  folder_ = store->folder();
  found_ = recovery.accepted.size();
  books_ = std::make_unique<SpoolBooks>(*loop_, log_, facts_, std::move(store));
  books_->begin(recovery);
  books_->use(settings);
  loop_->on_turn_end([this] { books_->on_turn_end(); });
  auto thread = net::Thread::start([this] { loop_->run(); });
  if (!thread) return thread.error();
  thread_ = std::move(thread).value();
  return {};
}

void Spooler::use(const config::Config& config) {
  if (!is_open()) return;
  post([settings = settings_of(config)](SpoolBooks& books) { books.use(settings); });
}

void Spooler::post(std::function<void(SpoolBooks&)> task) {
  mailbox_->post([this, task = std::move(task)] { task(*books_); });
}

void Spooler::close() {
  if (!is_open()) return;
  mailbox_->post([this] {
    books_->on_turn_end();
    loop_->stop();
  });
  thread_.reset();
  drop();
}

void Spooler::drop() {
  if (loop_) loop_->on_turn_end(nullptr);
  books_.reset();
  mailbox_.reset();
  loop_.reset();
}

}  // namespace app
