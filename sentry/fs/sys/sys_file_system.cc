#include "sentry/fs/sys/sys_file_system.h"

#include <linux/magic.h>

#include "base/format.h"
#include "sentry/fs/proc/memory_text.h"
#include "sentry/fs/proc/status_text.h"
#include "sentry/fs/pseudo/text_file.h"
#include "sentry/kernel.h"
#include "sentry/start/settings.h"

namespace ukrun {
namespace {

struct FixedEntry {
  std::string_view directory;
  std::string_view name;
  std::string_view text;
};

constexpr FixedEntry kFixedEntries[] = {
    {"devices/system/cpu", "kernel_max", "8191\n"},
    {"devices/system/cpu", "isolated", "\n"},
    {"devices/system/cpu", "offline", "\n"},
    {"devices/system/cpu/smt", "active", "0\n"},
    {"devices/system/cpu/smt", "control", "notsupported\n"},
    {"devices/system/node", "online", "0\n"},
    {"devices/system/node", "possible", "0\n"},
    {"devices/system/node", "has_cpu", "0\n"},
    {"devices/system/node", "has_memory", "0\n"},
    {"devices/system/node", "has_normal_memory", "0\n"},
    {"devices/system/node/node0", "distance", "10\n"},
    {"kernel/mm/transparent_hugepage", "enabled", "always [madvise] never\n"},
    {"kernel/mm/transparent_hugepage", "defrag", "always defer defer+madvise [madvise] never\n"},
    {"kernel/mm/transparent_hugepage", "shmem_enabled",
     "always within_size advise [never] deny force\n"},
    {"kernel/mm/transparent_hugepage", "hpage_pmd_size", "2097152\n"},
    {"kernel/mm/transparent_hugepage", "use_zero_page", "1\n"},
    {"kernel", "uevent_seqnum", "0\n"},
    {"class/net/lo", "address", "00:00:00:00:00:00\n"},
    {"class/net/lo", "addr_len", "6\n"},
    {"class/net/lo", "carrier", "1\n"},
    {"class/net/lo", "flags", "0x9\n"},
    {"class/net/lo", "ifindex", "1\n"},
    {"class/net/lo", "mtu", "65536\n"},
    {"class/net/lo", "operstate", "unknown\n"},
    {"class/net/lo", "tx_queue_len", "1000\n"},
    {"class/net/lo", "type", "772\n"},
};

constexpr std::string_view kEmptyDirectories[] = {
    "block",    "bus",       "class/block", "class/tty",           "dev/block", "dev/char",
    "firmware", "fs/cgroup", "hypervisor",  "kernel/mm/hugepages", "module",    "power",
};

Result<std::string> NodeMeminfoText(Task&) {
  uint64_t total = kernel().settings().memory_bytes;
  uint64_t used = MemoryInUse();
  return Format(
      "Node 0 MemTotal:       {:>8} kB\nNode 0 MemFree:        {:>8} kB\n"
      "Node 0 MemUsed:        {:>8} kB\n",
      total / 1024, (total - used) / 1024, used / 1024);
}

std::vector<uint64_t> FirstCpus(uint32_t count) {
  std::vector<uint64_t> mask((count + 63) / 64);
  for (uint32_t cpu = 0; cpu < count; ++cpu) {
    mask[cpu / 64] |= uint64_t{1} << (cpu % 64);
  }
  return mask;
}

std::vector<uint64_t> OneCpu(uint32_t cpu) {
  std::vector<uint64_t> mask(cpu / 64 + 1);
  mask[cpu / 64] = uint64_t{1} << (cpu % 64);
  return mask;
}

class TreeBuilder {
 public:
  TreeBuilder(PseudoFileSystem& file_system, PseudoDirectory& root)
      : file_system_(file_system), root_(root) {}

  void Add(std::string_view directory, std::string_view name, std::string text) {
    root_.MakeDirectories(directory).Add(name,
                                         MakeRef<FixedText>(file_system_, 0444u, std::move(text)));
  }
  void Add(std::string_view directory, std::string_view name, TextFunction text) {
    root_.MakeDirectories(directory).Add(name, MakeRef<FunctionText>(file_system_, 0444u, text));
  }

  // Every CPU is a core of its own, and all are in one package.
  void AddCpus() {
    uint32_t count = kernel().settings().cpu_count;
    std::vector<uint64_t> all = FirstCpus(count);
    std::string list = CpuListText(all) + "\n";
    for (std::string_view name : {"online", "possible", "present"}) {
      Add("devices/system/cpu", name, list);
    }
    Add("devices/system/node/node0", "cpulist", list);
    Add("devices/system/node/node0", "cpumap", CpuMaskText(all) + "\n");
    for (uint32_t cpu = 0; cpu < count; ++cpu) {
      std::string topology = Format("devices/system/cpu/cpu{}/topology", cpu);
      std::vector<uint64_t> own = OneCpu(cpu);
      Add(topology, "core_id", Format("{}\n", cpu));
      Add(topology, "die_id", "0\n");
      Add(topology, "physical_package_id", "0\n");
      for (std::string_view name : {"core_cpus", "thread_siblings"}) {
        Add(topology, name, CpuMaskText(own) + "\n");
      }
      for (std::string_view name : {"core_cpus_list", "thread_siblings_list"}) {
        Add(topology, name, CpuListText(own) + "\n");
      }
      for (std::string_view name : {"package_cpus", "core_siblings"}) {
        Add(topology, name, CpuMaskText(all) + "\n");
      }
      for (std::string_view name : {"package_cpus_list", "core_siblings_list"}) {
        Add(topology, name, list);
      }
    }
  }

 private:
  PseudoFileSystem& file_system_;
  PseudoDirectory& root_;
};

}  // namespace

Result<RefPtr<FileSystem>> SysFileSystem::Create() {
  return RefPtr<FileSystem>(RefPtr<SysFileSystem>::Adopt(new SysFileSystem));
}

SysFileSystem::SysFileSystem() : PseudoFileSystem("sysfs", SYSFS_MAGIC) {
  root_ = MakeRef<PseudoDirectory>(*this, 0555u, uint64_t{1});
  TreeBuilder builder(*this, *root_);
  for (const FixedEntry& entry : kFixedEntries) {
    builder.Add(entry.directory, entry.name, std::string(entry.text));
  }
  for (std::string_view path : kEmptyDirectories) {
    root_->MakeDirectories(path);
  }
  builder.AddCpus();
  builder.Add("devices/system/node/node0", "meminfo", &NodeMeminfoText);
}

RefPtr<Inode> SysFileSystem::root() { return root_; }

}  // namespace ukrun
