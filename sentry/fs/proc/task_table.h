// What there is in /proc/PID and /proc/PID/task/TID: one row for each name.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sentry/fs/proc/process_target.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class ProcFileSystem;

struct TaskEntry {
  enum class Where : uint8_t { kBoth, kProcess, kThread };
  // kInspect: only for those who pass CheckInspect.
  enum class Reach : uint8_t { kAnybody, kInspect };
  using Text = Result<std::string> (*)(const TargetView& view);
  using Apply = Result<void> (*)(const TargetView& view, std::string_view text);
  using Follow = Result<Path> (*)(const TargetView& view);
  using Make = RefPtr<PseudoInode> (*)(ProcFileSystem& file_system, const ProcessTarget& target,
                                       uint64_t number);

  std::string_view name;
  uint32_t mode = 0;  // with type
  Where where = Where::kBoth;
  Reach reach = Reach::kAnybody;
  // A file's contents; a link leads to what `follow` finds; `make` does as it likes.
  Text text = nullptr;
  Apply apply = nullptr;
  Follow follow = nullptr;
  Make make = nullptr;
};

std::span<const TaskEntry> TaskEntries();

}  // namespace ukrun
