// Whatever is done to the spool, let every single step of it fail, or be the last before the
// process dies or the machine loses power: what store.h promises has to hold at the next start.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool/names.h"
#include "spool/spool_mails.h"
#include "spool/store.h"
#include "support/memory_disk.h"

namespace spool {
namespace {

using support::MemoryDisk;

const std::string kFolder = "/spool";
const base::WallTime kNow{std::chrono::seconds(1'795'735'200)};

// What a mail's owner knows about it.
struct Known {
  std::string text;
  bool is_acknowledged = false;  // publish() said so
  bool is_removal_begun = false;
  bool may_have_failed = false;  // fail() was called
  bool is_restored = false;      // restore() said so
  bool is_being_sent = false;    // begin_sending() said so, and nothing ended it
  unsigned attempts = 0;         // as update() said at last
  unsigned attempts_asked = 0;   // as it was asked to
};

// A spool, and somebody who uses it and remembers what was promised.
class World {
 public:
  explicit World(MemoryDisk& disk) : disk_(disk) {}

  base::Result<void> open() {
    recovery_ = {};
    auto opened = Store::open(disk_, kFolder, recovery_);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
    return {};
  }
  void close() { store_.reset(); }
  [[nodiscard]] bool is_open() const { return store_ != nullptr; }
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] const Recovery& recovery() const { return recovery_; }

  std::vector<std::string> publish(const std::vector<std::string>& texts, bool is_sending = false) {
    std::vector<Publication> publications;
    std::vector<std::string> ids;
    for (const std::string& text : texts) {
      const std::string id = store_->make_id(kNow);
      known[id].text = text;
      auto draft = store_->begin(id);
      if (!draft) continue;
      // In two pieces: a failure in between leaves half of it.
      const bool is_written = (*draft)->append(text.substr(0, text.size() / 2)).is_ok() &&
                              (*draft)->append(text.substr(text.size() / 2)).is_ok();
      if (!is_written) continue;
      publications.push_back({std::move(*draft), make_envelope(id), is_sending});
      ids.push_back(id);
    }
    const auto results = store_->publish(std::move(publications));
    std::vector<std::string> accepted;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!results[i]) continue;
      known[ids[i]].is_acknowledged = true;
      known[ids[i]].is_being_sent = is_sending;
      accepted.push_back(ids[i]);
    }
    return accepted;
  }

  void update(const std::string& id, unsigned attempts) {
    auto envelope = store_->read(id);
    if (!envelope) return;
    envelope->attempts = attempts;
    known[id].attempts_asked = attempts;
    if (store_->update(*envelope)) known[id].attempts = attempts;
  }
  void begin_sending(const std::string& id) {
    if (store_->begin_sending(id)) known[id].is_being_sent = true;
  }
  void end_sending(const std::string& id) {
    store_->end_sending(id);
    known[id].is_being_sent = false;
  }
  void remove(const std::string& id) {
    known[id].is_removal_begun = true;
    static_cast<void>(store_->remove(id));
  }
  void fail(const std::string& id) {
    auto envelope = store_->read(id);
    if (!envelope) return;
    known[id].may_have_failed = true;
    known[id].is_restored = false;
    envelope->last_error = "expired";
    static_cast<void>(store_->fail(*envelope));
  }
  void restore(const std::string& id) {
    if (store_->restore(id, kNow)) known[id].is_restored = true;
  }

  std::string mail_of(const std::string& id) {
    const auto envelope = store_->read(id);
    if (!envelope) return envelope.error().detail;
    auto reader = store_->open_mail(*envelope);
    if (!reader) return reader.error().detail;
    std::string text;
    while (true) {
      const auto count = (*reader)->read(50, text);
      if (!count) return count.error().detail;
      if (*count == 0) return text;
    }
  }

  std::map<std::string, Known> known;  // by id

 private:
  MemoryDisk& disk_;
  Recovery recovery_;
  std::unique_ptr<Store> store_;
};

struct Scenario {
  std::string name;
  std::function<void(World&)> before;  // nothing fails
  std::function<void(World&)> during;

  friend void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }
};

// Each of them another fate of what was not synced.
constexpr std::uint64_t kSeeds = 3;

// How a run ends.
enum class End { close, kill, lose_power };

class StoreFaults : public testing::TestWithParam<Scenario> {
 protected:
  // Runs it all with one fault, and looks at what the next start finds. Whether the fault came.
  bool run(std::uint64_t step, MemoryDisk::Trouble trouble, End end, std::uint64_t seed) {
    MemoryDisk disk;
    World world(disk);
    EXPECT_TRUE(world.open().is_ok());
    GetParam().before(world);
    disk.fail_at(step, trouble);
    GetParam().during(world);
    const bool is_hit = disk.steps() >= step;
    if (trouble == MemoryDisk::Trouble::once && world.is_open()) {
      disk.fail_no_more();
      check_what_is_open(world);
    }
    if (end != End::close) disk.fail_at(1, MemoryDisk::Trouble::from_on);
    world.close();
    if (end == End::lose_power) disk.lose_power(seed);
    if (end != End::lose_power) disk.kill_process();
    const auto opened = world.open();
    EXPECT_TRUE(opened.is_ok()) << opened.error().detail;
    if (opened) {
      check_mails(world, disk, trouble, end);
      check_folders(world, disk, end);
    }
    return is_hit;
  }

  // After a fault that passed, the store goes on, and knows what is where.
  static void check_what_is_open(World& world) {
    for (const auto& [id, known] : world.known) {
      if (world.store().is_accepted(id)) {
        EXPECT_EQ(world.mail_of(id), known.text);
      } else {
        EXPECT_TRUE(!known.is_acknowledged || known.is_removal_begun ||
                    world.store().is_failed(id));
      }
    }
  }

  static void check_mails(World& world, MemoryDisk& disk, MemoryDisk::Trouble trouble, End end) {
    // One fault that passed, and everybody was told about it.
    const bool is_gentle = trouble == MemoryDisk::Trouble::once && end == End::close;
    std::map<std::string, Brief> accepted;
    for (const Brief& brief : world.recovery().accepted) accepted[brief.id] = brief;
    const std::map<std::string, std::string> files = disk.files();
    for (const auto& [id, known] : world.known) {
      const auto found = accepted.find(id);
      const bool is_accepted = found != accepted.end();
      if (is_accepted) {
        // Never truncated, whatever was told.
        EXPECT_EQ(world.mail_of(id), known.text);
        EXPECT_TRUE(found->second.attempts == known.attempts ||
                    found->second.attempts == known.attempts_asked);
        EXPECT_TRUE(found->second.is_in_doubt || !known.is_being_sent);
      }
      const auto failed = files.find(kFolder + "/failed/" + id + ".mail");
      const bool is_failed = failed != files.end();
      EXPECT_FALSE(is_accepted && is_failed) << "both";
      if (is_failed) {
        EXPECT_EQ(failed->second, known.text);
        // What was restored is sure to stay so once there was a sync without an error.
        EXPECT_TRUE(known.may_have_failed && (!known.is_restored || end == End::lose_power));
        EXPECT_TRUE(files.contains(kFolder + "/failed/" + id + ".envelope") ||
                    known.is_removal_begun);
      }
      if (known.is_acknowledged && !known.is_removal_begun) {
        EXPECT_TRUE(is_accepted || is_failed) << "lost";
      }
      EXPECT_FALSE(!known.is_acknowledged && is_gentle && is_accepted) << "not accepted";
    }
    EXPECT_TRUE(std::all_of(accepted.begin(), accepted.end(),
                            [&](const auto& each) { return world.known.contains(each.first); }));
  }

  static void check_folders(World& world, MemoryDisk& disk, End end) {
    std::uint64_t used = 0;
    for (const auto& [name, content] : disk.files()) {
      const bool is_counted =
          name.find("/queue/") != std::string::npos || name.find("/failed/") != std::string::npos;
      if (is_counted) used += content.size();
      EXPECT_EQ(name.find("/tmp/"), std::string::npos) << name;
    }
    EXPECT_EQ(world.store().used(), used);
    EXPECT_TRUE(world.recovery().foreign.empty());
    // Only a machine that forgot half of a removal leaves what looks like damage.
    for (const Recovery::Damage& damage : world.recovery().damaged) {
      const Known& known = world.known[damage.id];
      EXPECT_TRUE(end == End::lose_power && (known.is_removal_begun || !known.is_acknowledged))
          << damage.id << ": " << damage.reason;
    }
  }

  // Every step, until there are no more.
  void sweep(MemoryDisk::Trouble trouble, End end, std::uint64_t seeds) {
    constexpr std::uint64_t kMostSteps = 1000;
    bool is_hit = true;
    for (std::uint64_t step = 1; is_hit && step < kMostSteps; ++step) {
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE("step " + std::to_string(step) + ", seed " + std::to_string(seed));
        is_hit = run(step, trouble, end, step * 1000 + seed);
        if (HasFailure()) return;
      }
    }
    EXPECT_FALSE(is_hit) << "more steps than there can be";
  }
};

TEST_P(StoreFaults, OneStepFails) { sweep(MemoryDisk::Trouble::once, End::close, 1); }

TEST_P(StoreFaults, TheProcessDiesAtAStep) { sweep(MemoryDisk::Trouble::from_on, End::kill, 1); }

TEST_P(StoreFaults, TheDiskIsGoneFromAStepOn) {
  sweep(MemoryDisk::Trouble::from_on, End::close, 1);
}

TEST_P(StoreFaults, PowerIsLostAtAStep) {
  sweep(MemoryDisk::Trouble::from_on, End::lose_power, kSeeds);
}

TEST_P(StoreFaults, PowerIsLostAfterAStepFailed) {
  sweep(MemoryDisk::Trouble::once, End::lose_power, kSeeds);
}

const std::vector<std::string> kTexts = {"From: a\r\n\r\nthe first\r\n", "",
                                         "From: b\r\n\r\n" + std::string(200, 'x') + "\r\n"};

void accept_three(World& world) { ASSERT_EQ(world.publish(kTexts).size(), 3U); }

std::string nth(World& world, std::size_t n) {
  auto at = world.known.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(n));
  return at->first;
}

void fail_first(World& world) {
  accept_three(world);
  world.fail(nth(world, 0));
  ASSERT_TRUE(world.store().is_failed(nth(world, 0)));
}

void everything(World& world) {
  const std::string old = nth(world, 0);
  world.begin_sending(old);
  const auto fresh = world.publish({"From: c\r\n\r\n"}, true);
  world.end_sending(old);
  world.update(old, 1);
  for (const std::string& id : fresh) world.remove(id);
  world.fail(nth(world, 1));
  world.publish({"From: d\r\n\r\n", "From: e\r\n\r\n"});
  world.restore(nth(world, 1));
  world.remove(nth(world, 2));
  static_cast<void>(world.store().settle());
}

INSTANTIATE_TEST_SUITE_P(
    All, StoreFaults,
    testing::Values(
        Scenario{"Publish", [](World&) {}, [](World& world) { world.publish(kTexts); }},
        Scenario{"PublishAndSend", [](World&) {},
                 [](World& world) { world.publish(kTexts, true); }},
        Scenario{"Update", accept_three,
                 [](World& world) {
                   world.update(nth(world, 0), 1);
                   world.update(nth(world, 2), 2);
                 }},
        Scenario{"Send", accept_three,
                 [](World& world) {
                   world.begin_sending(nth(world, 0));
                   world.begin_sending(nth(world, 1));
                   world.end_sending(nth(world, 1));
                 }},
        Scenario{"Remove", accept_three,
                 [](World& world) {
                   world.remove(nth(world, 0));
                   static_cast<void>(world.store().settle());
                   world.remove(nth(world, 2));
                 }},
        Scenario{"Fail", accept_three, [](World& world) { world.fail(nth(world, 0)); }},
        Scenario{"Restore", fail_first, [](World& world) { world.restore(nth(world, 0)); }},
        Scenario{"DropFailed", fail_first, [](World& world) { world.remove(nth(world, 0)); }},
        Scenario{"FailAndRestore", accept_three,
                 [](World& world) {
                   world.fail(nth(world, 0));
                   world.restore(nth(world, 0));
                   world.fail(nth(world, 0));
                 }},
        Scenario{"Everything", accept_three, everything},
        // The start itself, with something to put in order.
        Scenario{"Open", accept_three,
                 [](World& world) {
                   world.begin_sending(nth(world, 0));
                   world.close();
                   static_cast<void>(world.open());
                 }}),
    [](const testing::TestParamInfo<Scenario>& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace spool
