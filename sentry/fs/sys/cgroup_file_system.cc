#include "sentry/fs/sys/cgroup_file_system.h"

#include <linux/magic.h>

#include "base/format.h"
#include "sentry/fs/proc/memory_text.h"
#include "sentry/fs/proc/status_text.h"
#include "sentry/fs/pseudo/text_file.h"
#include "sentry/kernel.h"
#include "sentry/start/settings.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

Result<std::string> ProcessesText(Task&) {
  std::string text;
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    AppendFormat(text, "{}\n", group->pid());
  }
  return text;
}

Result<std::string> ThreadsText(Task&) {
  std::string text;
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    for (const RefPtr<Task>& task : kernel().tasks().TasksOf(*group)) {
      AppendFormat(text, "{}\n", task->tid());
    }
  }
  return text;
}

Result<std::string> MemoryMaxText(Task&) {
  uint64_t limit = kernel().settings().memory_bytes;
  return limit == 0 ? std::string("max\n") : Format("{}\n", limit);
}

Result<std::string> MemoryCurrentText(Task&) { return Format("{}\n", MemoryInUse()); }

Result<std::string> MemoryStatText(Task&) {
  uint64_t shared = kernel().shared_memory().used();
  uint64_t used = MemoryInUse();
  return Format(
      "anon {}\nfile {}\nkernel 0\nshmem {}\nfile_mapped 0\nfile_dirty 0\n"
      "inactive_anon 0\nactive_anon {}\ninactive_file 0\nactive_file 0\nslab 0\n"
      "pgfault 0\npgmajfault 0\n",
      used, shared, shared, used);
}

Result<std::string> PidsMaxText(Task&) { return Format("{}\n", kernel().settings().process_limit); }
Result<std::string> PidsCurrentText(Task&) { return Format("{}\n", kernel().tasks().TaskCount()); }

Result<std::string> CpuStatText(Task&) {
  int64_t user_ns = 0;
  int64_t system_ns = 0;
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    MutexGuard guard(kernel().tasks().lock());
    ResourceUsage usage = UsageLocked(*group);
    user_ns += usage.user_ns + group->waited_children.user_ns;
    system_ns += usage.system_ns + group->waited_children.system_ns;
  }
  return Format(
      "usage_usec {}\nuser_usec {}\nsystem_usec {}\nnr_periods 0\nnr_throttled 0\n"
      "throttled_usec 0\n",
      (user_ns + system_ns) / 1000, user_ns / 1000, system_ns / 1000);
}

Result<std::string> CpusText(Task&) {
  uint32_t count = kernel().settings().cpu_count;
  return count <= 1 ? std::string("0\n") : Format("0-{}\n", count - 1);
}

struct Entry {
  std::string_view name;
  TextFunction text;
};
constexpr Entry kEntries[] = {
    {"cgroup.procs", &ProcessesText},     {"cgroup.threads", &ThreadsText},
    {"memory.max", &MemoryMaxText},       {"memory.current", &MemoryCurrentText},
    {"memory.stat", &MemoryStatText},     {"pids.max", &PidsMaxText},
    {"pids.current", &PidsCurrentText},   {"cpu.stat", &CpuStatText},
    {"cpuset.cpus.effective", &CpusText},
};

struct FixedEntry {
  std::string_view name;
  std::string_view text;
};
constexpr FixedEntry kFixedEntries[] = {
    {"cgroup.controllers", "cpuset cpu io memory pids\n"},
    {"cgroup.subtree_control", "\n"},
    {"cgroup.type", "domain\n"},
    {"cgroup.events", "populated 1\nfrozen 0\n"},
    {"cgroup.freeze", "0\n"},
    {"cgroup.max.depth", "max\n"},
    {"cgroup.max.descendants", "max\n"},
    {"cgroup.stat", "nr_descendants 0\nnr_dying_descendants 0\n"},
    // Shares of time are not limited; the number of CPUs is.
    {"cpu.max", "max 100000\n"},
    {"cpu.weight", "100\n"},
    {"cpuset.cpus", "\n"},
    {"cpuset.mems", "\n"},
    {"cpuset.mems.effective", "0\n"},
    {"io.stat", ""},
    {"memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"},
    {"memory.high", "max\n"},
    {"memory.low", "0\n"},
    {"memory.min", "0\n"},
    {"memory.oom.group", "0\n"},
    {"memory.swap.current", "0\n"},
    {"memory.swap.max", "0\n"},
    {"pids.events", "max 0\n"},
};

}  // namespace

Result<RefPtr<FileSystem>> CgroupFileSystem::Create() {
  return RefPtr<FileSystem>(RefPtr<CgroupFileSystem>::Adopt(new CgroupFileSystem));
}

CgroupFileSystem::CgroupFileSystem() : PseudoFileSystem("cgroup2", CGROUP2_SUPER_MAGIC) {
  root_ = MakeRef<PseudoDirectory>(*this, 0555u, uint64_t{1});
  for (const Entry& entry : kEntries) {
    root_->Add(entry.name, MakeRef<FunctionText>(*this, 0444u, entry.text));
  }
  for (const FixedEntry& entry : kFixedEntries) {
    root_->Add(entry.name, MakeRef<FixedText>(*this, 0444u, std::string(entry.text)));
  }
}

RefPtr<Inode> CgroupFileSystem::root() { return root_; }

}  // namespace ukrun
