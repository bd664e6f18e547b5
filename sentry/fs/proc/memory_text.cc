#include "sentry/fs/proc/memory_text.h"

#include <algorithm>

#include "base/format.h"
#include "sentry/fs/proc/maps_text.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/start/settings.h"

namespace ukrun {
namespace {

// All in bytes.
struct MemoryUse {
  uint64_t total = 0;
  uint64_t free = 0;
  uint64_t anonymous = 0;
  uint64_t mapped = 0;
  uint64_t shared = 0;
};

MemoryUse CollectUse() {
  MemoryUse use;
  use.total = kernel().settings().memory_bytes;
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    std::vector<RefPtr<Task>> tasks = kernel().tasks().TasksOf(*group);
    RefPtr<MemoryManager> mm = tasks.empty() ? nullptr : tasks.front()->Resources().mm;
    if (mm) {
      ResidentSizes sizes = GetResidentSizes(*mm);
      use.anonymous += sizes.anonymous;
      use.mapped += sizes.file;
    }
  }
  // Processes share most pages of a fork, which nothing here knows; sums are estimates, and
  // half of the memory is always shown as free to be had.
  use.anonymous = std::min(use.anonymous, use.total / 4);
  use.mapped = std::min(use.mapped, use.total / 8);
  use.shared = std::min(kernel().shared_memory().used(), use.total / 8);
  use.free = use.total - use.anonymous - use.mapped - use.shared;
  return use;
}

void AppendLine(std::string& out, std::string_view name, uint64_t bytes) {
  std::string label(name);
  label += ':';
  AppendFormat(out, "{:<16}{:>8} kB\n", label, bytes / 1024);
}

}  // namespace

Result<std::string> MeminfoText(Task&) {
  MemoryUse use = CollectUse();
  std::string out;
  AppendLine(out, "MemTotal", use.total);
  AppendLine(out, "MemFree", use.free);
  AppendLine(out, "MemAvailable", use.free + use.mapped);
  AppendLine(out, "Buffers", 0);
  AppendLine(out, "Cached", use.mapped + use.shared);
  AppendLine(out, "SwapCached", 0);
  AppendLine(out, "Active", use.anonymous + use.mapped);
  AppendLine(out, "Inactive", 0);
  AppendLine(out, "Active(anon)", use.anonymous);
  AppendLine(out, "Inactive(anon)", 0);
  AppendLine(out, "Active(file)", use.mapped);
  AppendLine(out, "Inactive(file)", 0);
  AppendLine(out, "Unevictable", 0);
  AppendLine(out, "Mlocked", 0);
  AppendLine(out, "SwapTotal", 0);
  AppendLine(out, "SwapFree", 0);
  AppendLine(out, "Dirty", 0);
  AppendLine(out, "Writeback", 0);
  AppendLine(out, "AnonPages", use.anonymous);
  AppendLine(out, "Mapped", use.mapped);
  AppendLine(out, "Shmem", use.shared);
  AppendLine(out, "KReclaimable", 0);
  AppendLine(out, "Slab", 0);
  AppendLine(out, "SReclaimable", 0);
  AppendLine(out, "SUnreclaim", 0);
  AppendLine(out, "KernelStack", 0);
  AppendLine(out, "PageTables", 0);
  AppendLine(out, "NFS_Unstable", 0);
  AppendLine(out, "Bounce", 0);
  AppendLine(out, "WritebackTmp", 0);
  AppendLine(out, "CommitLimit", use.total);
  AppendLine(out, "Committed_AS", use.anonymous);
  AppendLine(out, "VmallocTotal", uint64_t{34359738367} * 1024);
  AppendLine(out, "VmallocUsed", 0);
  AppendLine(out, "VmallocChunk", 0);
  AppendLine(out, "AnonHugePages", 0);
  out += "HugePages_Total:       0\nHugePages_Free:        0\n";
  out += "HugePages_Rsvd:        0\nHugePages_Surp:        0\n";
  AppendLine(out, "Hugepagesize", 2048 * 1024);
  AppendLine(out, "Hugetlb", 0);
  return out;
}

uint64_t MemoryInUse() {
  MemoryUse use = CollectUse();
  return use.total - use.free;
}

Result<std::string> VmstatText(Task&) {
  MemoryUse use = CollectUse();
  return Format(
      "nr_free_pages {}\nnr_anon_pages {}\nnr_mapped {}\nnr_shmem {}\nnr_dirty 0\n"
      "nr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n"
      "oom_kill 0\n",
      use.free / kPageSize, use.anonymous / kPageSize, use.mapped / kPageSize,
      use.shared / kPageSize);
}

}  // namespace ukrun
