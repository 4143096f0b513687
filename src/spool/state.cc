#include "spool/state.h"

#include "base/text.h"
#include "spool/hex.h"
#include "spool/names.h"

namespace spool {

namespace {

using base::Result;

constexpr std::string_view kName = "state";
constexpr std::string_view kNewName = "state.new";
constexpr std::string_view kBoot = "boot: ";
constexpr std::string_view kDoubted = "doubted: ";
constexpr std::size_t kMaxState = 1024;  // octets; it has two short lines

}  // namespace

State read_state(Disk& disk, const std::string& folder) {
  const auto text = read_file(disk, join(folder, kName), kMaxState);
  if (!text || !*text) return {};
  const auto lines = base::split(**text, '\n');
  if (lines.size() != 3 || !lines[2].empty() || !lines[0].starts_with(kBoot) ||
      !lines[1].starts_with(kDoubted)) {
    return {};
  }
  const auto doubted = parse_hex(lines[1].substr(kDoubted.size()), kIdDigits);
  if (!doubted) return {};
  return {std::string(lines[0].substr(kBoot.size())), *doubted};
}

Result<void> write_state(Disk& disk, const std::string& folder, const State& state) {
  const std::string name = join(folder, kNewName);
  if (auto removed = disk.remove(name); !removed) return removed;
  auto file = disk.create(name);
  if (!file) return file.error();
  auto done = (*file)->append(std::string(kBoot) + state.boot + "\n" + std::string(kDoubted) +
                              format_hex(state.doubted, kIdDigits) + "\n");
  if (done) done = (*file)->sync();
  if (done) done = disk.rename(name, join(folder, kName));
  if (done) done = disk.sync_folder(folder);
  return done;
}

}  // namespace spool
