// The smaller files of /proc/PID.
#pragma once

#include "sentry/fs/proc/process_target.h"

namespace ukrun {

Result<std::string> NameText(const TargetView& view);
Result<void> ApplyName(const TargetView& view, std::string_view text);
Result<std::string> LimitsText(const TargetView& view);
Result<std::string> PersonalityText(const TargetView& view);
Result<std::string> SchedText(const TargetView& view);
Result<std::string> SchedstatText(const TargetView& view);
Result<std::string> WaitChannelText(const TargetView& view);
Result<std::string> CpusetText(const TargetView& view);
Result<std::string> CgroupText(const TargetView& view);
Result<std::string> ChildrenText(const TargetView& view);
Result<std::string> IoText(const TargetView& view);
Result<std::string> CoredumpFilterText(const TargetView& view);
Result<std::string> TimerSlackText(const TargetView& view);

// --- Who goes first when memory runs out.
Result<std::string> OutOfMemoryScoreText(const TargetView& view);
Result<std::string> OutOfMemoryAdjustText(const TargetView& view);
Result<void> ApplyOutOfMemoryAdjust(const TargetView& view, std::string_view text);
Result<std::string> OldOutOfMemoryAdjustText(const TargetView& view);
Result<void> ApplyOldOutOfMemoryAdjust(const TargetView& view, std::string_view text);

// --- There is no audit, and one user namespace whose maps are set.
Result<std::string> NoAuditIdText(const TargetView& view);
Result<void> RefuseAuditId(const TargetView& view, std::string_view text);
Result<std::string> IdMapText(const TargetView& view);
Result<void> RefuseIdMap(const TargetView& view, std::string_view text);
Result<std::string> SetgroupsText(const TargetView& view);

}  // namespace ukrun
