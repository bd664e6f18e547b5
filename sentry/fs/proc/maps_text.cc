#include "sentry/fs/proc/maps_text.h"

#include <algorithm>

#include "base/format.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/start/settings.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// Where names begin in a line of maps, counted from 0.
constexpr size_t kNameColumn = 73;
// What programs use of a stack, as far as anybody can guess.
constexpr uint64_t kUsualStack = 132 * 1024;

// One line, ready to print.
struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  int protection = 0;
  bool shared = false;
  uint64_t offset = 0;
  uint64_t device = 0;
  uint64_t inode_number = 0;
  std::string name;
  Vma vma;
};

// What may be in memory of one mapping.
uint64_t ResidentBytes(const Vma& vma) {
  if (vma.protection == PROT_NONE) {
    return 0;
  }
  if (vma.label == "[stack]") {
    return std::min(vma.size(), kUsualStack);
  }
  return vma.object ? std::min(vma.resolved, vma.size()) : vma.size();
}

std::string EscapedName(std::string_view name) {
  std::string escaped;
  for (char c : name) {
    if (c == '\n') {
      escaped += "\\012";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

Mapping Describe(const Vma& vma, const Path& root) {
  Mapping mapping;
  mapping.begin = vma.begin;
  mapping.end = vma.end;
  mapping.protection = vma.protection;
  mapping.shared = vma.shared;
  mapping.offset = vma.object ? vma.offset : 0;
  mapping.vma = vma;
  mapping.name = vma.label;
  if (vma.name) {
    mapping.name = EscapedName(PathName(vma.name, root));
    RefPtr<Inode> inode = vma.name.dentry->inode();
    if (inode) {
      Attributes attributes = inode->GetAttributes().value_or(Attributes());
      mapping.device = attributes.device;
      mapping.inode_number = attributes.inode_number;
    }
  }
  return mapping;
}

std::vector<Mapping> AllMappings(const TargetView& view) {
  std::vector<Mapping> mappings;
  if (!view.resources.mm) {
    return mappings;
  }
  Path root = view.reader.fs().root();
  for (const Vma& vma : view.resources.mm->Mappings()) {
    mappings.push_back(Describe(vma, root));
  }
  // The vDSO is not listed: it lies in the kernel window, which belongs to no guest, and
  // programs that check their own layout (ThreadSanitizer) refuse to start when they see it.
  return mappings;
}

void AppendMapping(std::string& out, const Mapping& mapping) {
  size_t begin = out.size();
  AppendFormat(out, "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {} ", mapping.begin, mapping.end,
               (mapping.protection & PROT_READ) != 0 ? 'r' : '-',
               (mapping.protection & PROT_WRITE) != 0 ? 'w' : '-',
               (mapping.protection & PROT_EXEC) != 0 ? 'x' : '-', mapping.shared ? 's' : 'p',
               mapping.offset, DeviceMajor(mapping.device), DeviceMinor(mapping.device),
               mapping.inode_number);
  if (!mapping.name.empty()) {
    size_t length = out.size() - begin;
    out.append(length < kNameColumn ? kNameColumn - length : 0, ' ');
    out += mapping.name;
  }
  out += '\n';
}

// --- smaps ------------------------------------------------------------------------------------

struct PageCounts {
  uint64_t size = 0;
  uint64_t resident = 0;
  uint64_t shared = 0;
  uint64_t anonymous = 0;
  uint64_t locked = 0;

  void Add(const PageCounts& other) {
    size += other.size;
    resident += other.resident;
    shared += other.shared;
    anonymous += other.anonymous;
    locked += other.locked;
  }
};

PageCounts Count(const Mapping& mapping) {
  PageCounts counts;
  counts.size = mapping.end - mapping.begin;
  counts.resident = ResidentBytes(mapping.vma);
  bool anonymous = !mapping.vma.object;
  counts.anonymous = anonymous ? counts.resident : 0;
  counts.shared = anonymous ? 0 : counts.resident;
  counts.locked = mapping.vma.locked ? counts.resident : 0;
  return counts;
}

void AppendField(std::string& out, std::string_view name, uint64_t bytes) {
  std::string label(name);
  label += ':';
  AppendFormat(out, "{:<16}{:>8} kB\n", label, bytes / 1024);
}

void AppendCounts(std::string& out, const PageCounts& counts) {
  AppendField(out, "Rss", counts.resident);
  AppendField(out, "Pss", counts.resident);
  AppendField(out, "Pss_Dirty", counts.anonymous);
}

void AppendDetails(std::string& out, const PageCounts& counts) {
  AppendField(out, "Shared_Clean", counts.shared);
  AppendField(out, "Shared_Dirty", 0);
  AppendField(out, "Private_Clean", 0);
  AppendField(out, "Private_Dirty", counts.anonymous);
  AppendField(out, "Referenced", counts.resident);
  AppendField(out, "Anonymous", counts.anonymous);
  AppendField(out, "KSM", 0);
  AppendField(out, "LazyFree", 0);
  AppendField(out, "AnonHugePages", 0);
  AppendField(out, "ShmemPmdMapped", 0);
  AppendField(out, "FilePmdMapped", 0);
  AppendField(out, "Shared_Hugetlb", 0);
  AppendField(out, "Private_Hugetlb", 0);
  AppendField(out, "Swap", 0);
  AppendField(out, "SwapPss", 0);
  AppendField(out, "Locked", counts.locked);
}

// The two-letter codes of proc(5), "VmFlags".
std::string FlagCodes(const Mapping& mapping) {
  const Vma& vma = mapping.vma;
  std::string codes;
  auto add = [&codes](bool condition, std::string_view code) {
    if (condition) {
      codes += code;
      codes += ' ';
    }
  };
  add((mapping.protection & PROT_READ) != 0, "rd");
  add((mapping.protection & PROT_WRITE) != 0, "wr");
  add((mapping.protection & PROT_EXEC) != 0, "ex");
  add(vma.shared, "sh");
  add((vma.max_protection & PROT_READ) != 0, "mr");
  add((vma.max_protection & PROT_WRITE) != 0, "mw");
  add((vma.max_protection & PROT_EXEC) != 0, "me");
  add(vma.shared, "ms");
  add(vma.label == "[stack]", "gd");
  add(vma.locked, "lo");
  add(vma.dont_fork, "dc");
  add(vma.wipe_on_fork, "wf");
  add(vma.dont_dump, "dd");
  add(!vma.shared, "ac");
  return codes;
}

}  // namespace

Result<std::string> MapsText(const TargetView& view) {
  std::string out;
  for (const Mapping& mapping : AllMappings(view)) {
    AppendMapping(out, mapping);
  }
  return out;
}

Result<std::string> SmapsText(const TargetView& view) {
  std::string out;
  for (const Mapping& mapping : AllMappings(view)) {
    PageCounts counts = Count(mapping);
    AppendMapping(out, mapping);
    AppendField(out, "Size", counts.size);
    AppendField(out, "KernelPageSize", kPageSize);
    AppendField(out, "MMUPageSize", kPageSize);
    AppendCounts(out, counts);
    AppendDetails(out, counts);
    AppendFormat(out, "{:<16}{:>8}\n", "THPeligible:", 0u);
    AppendFormat(out, "VmFlags: {}\n", FlagCodes(mapping));
  }
  return out;
}

Result<std::string> SmapsRollupText(const TargetView& view) {
  std::vector<Mapping> mappings = AllMappings(view);
  if (mappings.empty()) {
    return Fail(ESRCH);
  }
  PageCounts total;
  PageCounts anonymous;
  for (const Mapping& mapping : mappings) {
    PageCounts counts = Count(mapping);
    total.Add(counts);
    if (counts.anonymous != 0) {
      anonymous.Add(counts);
    }
  }
  Mapping whole;
  whole.begin = mappings.front().begin;
  whole.end = mappings.back().end;
  whole.name = "[rollup]";
  std::string out;
  AppendMapping(out, whole);
  AppendCounts(out, total);
  AppendField(out, "Pss_Anon", anonymous.resident);
  AppendField(out, "Pss_File", total.resident - anonymous.resident);
  AppendField(out, "Pss_Shmem", 0);
  AppendDetails(out, total);
  return out;
}

ResidentSizes GetResidentSizes(const MemoryManager& mm) {
  ResidentSizes sizes;
  for (const Vma& vma : mm.Mappings()) {
    uint64_t bytes = ResidentBytes(vma);
    if (!vma.object) {
      sizes.anonymous += bytes;
    } else if (vma.name) {
      sizes.file += bytes;
    } else {
      sizes.shared += bytes;
    }
  }
  // Nobody has more than there is.
  uint64_t memory = kernel().settings().memory_bytes;
  if (memory != 0) {
    sizes.anonymous = std::min(sizes.anonymous, memory);
  }
  return sizes;
}

}  // namespace ukrun
