#include "sentry/fs/proc/status_text.h"

#include "base/format.h"
#include "sentry/fs/proc/maps_text.h"
#include "sentry/fs/proc/process_facts.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/start/settings.h"

namespace ukrun {
namespace {

constexpr uint32_t kFdTableSize = 256;  // FDSize as small tables have it

void AppendKilobytes(std::string& out, std::string_view name, uint64_t bytes) {
  AppendFormat(out, "{}:\t{:>8} kB\n", name, bytes / 1024);
}

// As the kernel does, so that a name cannot forge lines.
std::string EscapedName(const std::string& name) {
  std::string escaped;
  for (char c : name) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\\') {
      escaped += "\\\\";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void AppendIds(std::string& out, const TargetView& view) {
  const Credentials& ids = *view.resources.credentials;
  AppendFormat(out, "Uid:\t{}\t{}\t{}\t{}\n", ids.uid, ids.euid, ids.suid, ids.fsuid);
  AppendFormat(out, "Gid:\t{}\t{}\t{}\t{}\n", ids.gid, ids.egid, ids.sgid, ids.fsgid);
  size_t table_size = kFdTableSize;
  if (view.resources.fds) {
    std::vector<int32_t> numbers = view.resources.fds->Numbers();
    while (!numbers.empty() && static_cast<size_t>(numbers.back()) >= table_size) {
      table_size *= 2;
    }
  }
  AppendFormat(out, "FDSize:\t{}\nGroups:\t", table_size);
  for (uint32_t group : ids.groups) {
    AppendFormat(out, "{} ", group);
  }
  out += ids.groups.empty() ? " \n" : "\n";
}

void AppendMemory(std::string& out, const TargetView& view) {
  if (!view.resources.mm) {
    return;
  }
  MemoryManager& mm = *view.resources.mm;
  MemoryManager::Sizes sizes = mm.GetSizes();
  ResidentSizes resident = GetResidentSizes(mm);
  ProgramInfo program = mm.program();
  uint64_t code = PageCeil(program.code_end) - PageFloor(program.code_begin);
  uint64_t libraries = sizes.text > code ? sizes.text - code : 0;
  // What page tables for it would take.
  uint64_t tables = PageCeil(sizes.total / 512);
  AppendKilobytes(out, "VmPeak", std::max(sizes.peak, sizes.total));
  AppendKilobytes(out, "VmSize", sizes.total);
  AppendKilobytes(out, "VmLck", sizes.locked);
  AppendKilobytes(out, "VmPin", 0);
  AppendKilobytes(out, "VmHWM", resident.total());
  AppendKilobytes(out, "VmRSS", resident.total());
  AppendKilobytes(out, "RssAnon", resident.anonymous);
  AppendKilobytes(out, "RssFile", resident.file);
  AppendKilobytes(out, "RssShmem", resident.shared);
  AppendKilobytes(out, "VmData", sizes.data);
  AppendKilobytes(out, "VmStk", sizes.stack);
  AppendKilobytes(out, "VmExe", code);
  AppendKilobytes(out, "VmLib", libraries);
  AppendKilobytes(out, "VmPTE", tables);
  AppendKilobytes(out, "VmSwap", 0);
  AppendKilobytes(out, "HugetlbPages", 0);
  out += "CoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\n";
}

void AppendSignals(std::string& out, const TargetView& view, const SignalFacts& signals) {
  AppendFormat(out, "SigQ:\t{}/{}\n", signals.queued,
               view.group().GetLimit(kRlimitSigpending).soft);
  AppendFormat(out, "SigPnd:\t{:016x}\nShdPnd:\t{:016x}\n", signals.pending, signals.group_pending);
  AppendFormat(out, "SigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n", signals.blocked,
               signals.ignored, signals.caught);
}

void AppendPrivileges(std::string& out, const Credentials& credentials) {
  AppendFormat(out, "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\n",
               credentials.inheritable, credentials.permitted, credentials.effective);
  AppendFormat(out, "CapBnd:\t{:016x}\nCapAmb:\t{:016x}\n", credentials.bounding,
               credentials.ambient);
  AppendFormat(out, "NoNewPrivs:\t{}\n", credentials.no_new_privileges ? 1 : 0);
  out += "Seccomp:\t0\nSeccomp_filters:\t0\n";
  out += "Speculation_Store_Bypass:\tthread vulnerable\n";
  out += "SpeculationIndirectBranch:\tconditional enabled\n";
}

}  // namespace

std::string CpuMaskText(const std::vector<uint64_t>& mask) {
  // Groups of 32 bits, the highest first.
  uint32_t cpus = kernel().settings().cpu_count;
  std::string text;
  for (uint32_t group = (cpus + 31) / 32; group-- > 0;) {
    uint64_t word = group / 2 < mask.size() ? mask[group / 2] : 0;
    auto bits = static_cast<uint32_t>(word >> (group % 2 * 32));
    bool leading = text.empty();
    if (leading) {
      text = Format("{:x}", bits);
    } else {
      AppendFormat(text, ",{:08x}", bits);
    }
  }
  return text;
}

std::string CpuListText(const std::vector<uint64_t>& mask) {
  std::string text;
  uint32_t count = static_cast<uint32_t>(mask.size() * 64);
  auto is_set = [&mask](uint32_t cpu) { return (mask[cpu / 64] >> (cpu % 64) & 1) != 0; };
  for (uint32_t cpu = 0; cpu < count; ++cpu) {
    if (!is_set(cpu)) {
      continue;
    }
    uint32_t last = cpu;
    while (last + 1 < count && is_set(last + 1)) {
      ++last;
    }
    text += text.empty() ? "" : ",";
    text += last == cpu ? Format("{}", cpu) : Format("{}-{}", cpu, last);
    cpu = last;
  }
  return text;
}

Result<std::string> StatusText(const TargetView& view) {
  if (!view.resources.credentials) {
    return Fail(ESRCH);
  }
  ProcessFacts facts = CollectFacts(view);
  std::string out = Format("Name:\t{}\n", EscapedName(view.task.name()));
  if (view.resources.fs) {
    AppendFormat(out, "Umask:\t{:04o}\n", view.resources.fs->umask());
  }
  AppendFormat(out, "State:\t{}\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n",
               StateName(facts.state), view.group().pid(), view.target.tid, facts.parent_pid);
  AppendIds(out, view);
  AppendFormat(out, "NStgid:\t{}\nNSpid:\t{}\nNSpgid:\t{}\nNSsid:\t{}\n", view.group().pid(),
               view.target.tid, facts.process_group, facts.session);
  AppendMemory(out, view);
  AppendFormat(out, "Threads:\t{}\n", facts.threads);
  AppendSignals(out, view, facts.signals);
  AppendPrivileges(out, *view.resources.credentials);
  std::vector<uint64_t> cpus = view.task.affinity();
  AppendFormat(out, "Cpus_allowed:\t{}\nCpus_allowed_list:\t{}\n", CpuMaskText(cpus),
               CpuListText(cpus));
  out += "Mems_allowed:\t1\nMems_allowed_list:\t0\n";
  AppendFormat(out, "voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
               facts.usage.voluntary_switches, facts.usage.involuntary_switches);
  return out;
}

}  // namespace ukrun
