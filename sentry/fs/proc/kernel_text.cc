#include "sentry/fs/proc/kernel_text.h"

#include "base/format.h"
#include "sentry/kernel.h"
#include "sentry/kernel_version.h"
#include "sentry/start/settings.h"

namespace ukrun {
namespace {

// A header with one column for each CPU.
std::string CpuColumns(std::string_view indent) {
  std::string header(indent);
  for (uint32_t cpu = 0; cpu < kernel().settings().cpu_count; ++cpu) {
    AppendFormat(header, "{:<11}", Format("CPU{}", cpu));
  }
  header += '\n';
  return header;
}

}  // namespace

Result<std::string> VersionText(Task&) {
  return Format("Linux version {} (ukrun) (gcc) {}\n", kKernelRelease, kKernelVersion);
}

Result<std::string> ReleaseText(Task&) { return std::string(kKernelRelease) + "\n"; }
Result<std::string> KernelVersionText(Task&) { return std::string(kKernelVersion) + "\n"; }

Result<std::string> FilesystemsText(Task&) {
  return std::string(
      "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevtmpfs\n"
      "nodev\tsockfs\nnodev\tpipefs\nnodev\tdevpts\nnodev\toverlay\n");
}

Result<std::string> DevicesText(Task&) {
  return std::string(
      "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n"
      "136 pts\n\nBlock devices:\n");
}

Result<std::string> InterruptsText(Task&) { return CpuColumns("           "); }
Result<std::string> SoftirqsText(Task&) { return CpuColumns("                    "); }

// Locks are kept with the files they lock, and there is no list of files.
Result<std::string> LocksText(Task&) { return std::string(); }

}  // namespace ukrun
