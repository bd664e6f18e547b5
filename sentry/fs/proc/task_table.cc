#include "sentry/fs/proc/task_table.h"

#include <array>

#include "sentry/fs/proc/descriptor_directory.h"
#include "sentry/fs/proc/maps_text.h"
#include "sentry/fs/proc/memory_file.h"
#include "sentry/fs/proc/mount_text.h"
#include "sentry/fs/proc/namespace_directory.h"
#include "sentry/fs/proc/program_text.h"
#include "sentry/fs/proc/stat_text.h"
#include "sentry/fs/proc/status_text.h"
#include "sentry/fs/proc/task_directory.h"
#include "sentry/fs/proc/task_misc_text.h"

namespace ukrun {
namespace {

using enum TaskEntry::Where;
using enum TaskEntry::Reach;

constexpr TaskEntry Text(std::string_view name, uint32_t permissions, TaskEntry::Text text,
                         TaskEntry::Reach reach = kAnybody, TaskEntry::Where where = kBoth) {
  TaskEntry entry;
  entry.name = name;
  entry.mode = S_IFREG | permissions;
  entry.text = text;
  entry.reach = reach;
  entry.where = where;
  return entry;
}

constexpr TaskEntry Setting(std::string_view name, TaskEntry::Text text, TaskEntry::Apply apply) {
  TaskEntry entry = Text(name, 0644, text);
  entry.apply = apply;
  return entry;
}

constexpr TaskEntry Link(std::string_view name, TaskEntry::Follow follow) {
  TaskEntry entry;
  entry.name = name;
  entry.mode = S_IFLNK | 0777;
  entry.reach = kInspect;
  entry.follow = follow;
  return entry;
}

constexpr TaskEntry Special(std::string_view name, uint32_t mode, TaskEntry::Make make,
                            TaskEntry::Where where = kBoth) {
  TaskEntry entry;
  entry.name = name;
  entry.mode = mode;
  entry.make = make;
  entry.where = where;
  return entry;
}

// In Linux's order, which is that of ls -U.
constexpr auto kEntries = std::to_array<TaskEntry>({
    Special("task", S_IFDIR | 0555, &MakeThreadList, kProcess),
    Special("fd", S_IFDIR | 0500, &MakeDescriptorDirectory),
    Special("fdinfo", S_IFDIR | 0555, &MakeDescriptorInfoDirectory),
    Special("ns", S_IFDIR | 0511, &MakeNamespaceDirectory),
    Special("net", S_IFDIR | 0555, &MakeNetDirectory),
    Text("environ", 0400, &EnvironmentText, kInspect),
    Text("auxv", 0400, &AuxiliaryVectorText, kInspect),
    Text("status", 0444, &StatusText),
    Text("personality", 0400, &PersonalityText, kInspect),
    Text("limits", 0444, &LimitsText),
    Text("sched", 0444, &SchedText),
    Setting("comm", &NameText, &ApplyName),
    Text("cmdline", 0444, &CommandLineText),
    Text("stat", 0444, &StatText),
    Text("statm", 0444, &StatmText),
    Text("maps", 0444, &MapsText, kInspect),
    Special("mem", S_IFREG | 0600, &MakeMemoryFile),
    Link("cwd", &FollowCwd),
    Link("root", &FollowRoot),
    Link("exe", &FollowExecutable),
    Text("mounts", 0444, &MountsText),
    Text("mountinfo", 0444, &MountinfoText),
    Text("mountstats", 0400, &MountstatsText, kAnybody, kProcess),
    Text("smaps", 0444, &SmapsText, kInspect),
    Text("smaps_rollup", 0444, &SmapsRollupText, kInspect, kProcess),
    Text("wchan", 0444, &WaitChannelText),
    Text("schedstat", 0444, &SchedstatText),
    Text("cpuset", 0444, &CpusetText),
    Text("cgroup", 0444, &CgroupText),
    Text("children", 0444, &ChildrenText, kAnybody, kThread),
    Text("oom_score", 0444, &OutOfMemoryScoreText),
    Setting("oom_adj", &OldOutOfMemoryAdjustText, &ApplyOldOutOfMemoryAdjust),
    Setting("oom_score_adj", &OutOfMemoryAdjustText, &ApplyOutOfMemoryAdjust),
    Setting("loginuid", &NoAuditIdText, &RefuseAuditId),
    Text("sessionid", 0444, &NoAuditIdText),
    Text("io", 0400, &IoText, kInspect),
    Setting("uid_map", &IdMapText, &RefuseIdMap),
    Setting("gid_map", &IdMapText, &RefuseIdMap),
    Setting("projid_map", &IdMapText, &RefuseIdMap),
    Setting("setgroups", &SetgroupsText, &RefuseIdMap),
    Text("coredump_filter", 0644, &CoredumpFilterText, kAnybody, kProcess),
    Text("timerslack_ns", 0666, &TimerSlackText, kInspect, kProcess),
});

}  // namespace

std::span<const TaskEntry> TaskEntries() { return kEntries; }

}  // namespace ukrun
