#include "sentry/fs/proc/stat_text.h"

#include "base/format.h"
#include "sentry/fs/proc/maps_text.h"
#include "sentry/fs/proc/process_facts.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

constexpr int kRlimitRss = 5;
constexpr uint32_t kFlags = 0x0040'0000;  // PF_RANDOMIZE
// stat has room for the first 31 signals only.
constexpr abi::SignalSet kOldSignals = 0x7fff'ffff;

uint64_t HeapBegin(const MemoryManager& mm, uint64_t fallback) {
  for (const Vma& vma : mm.Mappings()) {
    if (vma.label == "[heap]") {
      return vma.begin;
    }
  }
  return fallback;
}

struct MemoryNumbers {
  uint64_t size = 0;
  uint64_t resident_pages = 0;
  ProgramInfo program;
  uint64_t heap_begin = 0;
};

// Addresses are shown to those only who may look into the process.
MemoryNumbers CollectMemory(const TargetView& view, bool may_inspect) {
  MemoryNumbers numbers;
  if (!view.resources.mm) {
    return numbers;
  }
  MemoryManager& mm = *view.resources.mm;
  numbers.size = mm.GetSizes().total;
  numbers.resident_pages = GetResidentSizes(mm).total() / kPageSize;
  if (may_inspect) {
    numbers.program = mm.program();
    numbers.heap_begin = HeapBegin(mm, numbers.program.data_end);
  }
  return numbers;
}

}  // namespace

// The fields are those of proc(5), /proc/PID/stat, in its order.
Result<std::string> StatText(const TargetView& view) {
  bool may_inspect = CheckInspect(view.reader, view.task).ok();
  ProcessFacts facts = CollectFacts(view);
  MemoryNumbers memory = CollectMemory(view, may_inspect);
  const ProgramInfo& program = memory.program;
  ResourceLimit resident_limit = view.group().GetLimit(kRlimitRss);
  int32_t nice = view.task.nice.load();
  const ResourceUsage& usage = facts.usage;
  const ResourceUsage& children = facts.waited_children;
  std::string text = Format("{} ({}) {} {} {} {} {} {} {} ", view.target.tid, view.task.name(),
                            facts.state, facts.parent_pid, facts.process_group, facts.session,
                            facts.terminal_device, facts.foreground_group, kFlags);
  AppendFormat(text, "{} {} {} {} ", usage.minor_faults, children.minor_faults, usage.major_faults,
               children.major_faults);
  AppendFormat(text, "{} {} {} {} ", ToTicks(usage.user_ns), ToTicks(usage.system_ns),
               ToTicks(children.user_ns), ToTicks(children.system_ns));
  AppendFormat(text, "{} {} {} 0 {} ", 20 + nice, nice, facts.threads,
               ToTicks(view.group().start_time_ns()));
  AppendFormat(text, "{} {} {} ", memory.size, memory.resident_pages, resident_limit.soft);
  AppendFormat(text, "{} {} {} 0 0 ", program.code_begin, program.code_end, program.stack_begin);
  const SignalFacts& signals = facts.signals;
  AppendFormat(text, "{} {} {} {} ", signals.pending & kOldSignals, signals.blocked & kOldSignals,
               signals.ignored & kOldSignals, signals.caught & kOldSignals);
  // wchan, nswap, cnswap, exit_signal, processor, rt_priority, policy, delays, guest times.
  AppendFormat(text, "0 0 0 {} 0 0 0 0 0 0 ", facts.exit_signal);
  AppendFormat(text, "{} {} {} {} {} {} {} {}\n", program.data_begin, program.data_end,
               memory.heap_begin, program.arguments_begin, program.arguments_end,
               program.environment_begin, program.environment_end,
               may_inspect ? facts.exit_status : 0);
  return text;
}

// size resident shared text lib data dirty, in pages.
Result<std::string> StatmText(const TargetView& view) {
  if (!view.resources.mm) {
    return std::string("0 0 0 0 0 0 0\n");
  }
  MemoryManager::Sizes sizes = view.resources.mm->GetSizes();
  ResidentSizes resident = GetResidentSizes(*view.resources.mm);
  ProgramInfo program = view.resources.mm->program();
  uint64_t code = PageCeil(program.code_end) - PageFloor(program.code_begin);
  return Format("{} {} {} {} 0 {} 0\n", sizes.total / kPageSize, resident.total() / kPageSize,
                (resident.file + resident.shared) / kPageSize, code / kPageSize,
                (sizes.data + sizes.stack) / kPageSize);
}

}  // namespace ukrun
