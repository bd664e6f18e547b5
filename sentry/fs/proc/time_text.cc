#include "sentry/fs/proc/time_text.h"

#include <time.h>

#include <algorithm>

#include "base/format.h"
#include "base/host_call.h"
#include "sentry/fs/proc/process_facts.h"
#include "sentry/kernel.h"
#include "sentry/start/settings.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

// As on Linux, CLOCK_BOOTTIME; guests read that clock themselves (vdso(7)), and start times
// of processes count from the same moment.
int64_t UptimeNs() { return HostClockNs(CLOCK_BOOTTIME); }

struct SystemActivity {
  int64_t user_ns = 0;
  int64_t system_ns = 0;
  int64_t idle_ns = 0;
  int running = 0;
  int threads = 0;
  int32_t newest_pid = 0;
};

SystemActivity CollectActivity() {
  SystemActivity activity;
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    MutexGuard guard(kernel().tasks().lock());
    ResourceUsage usage = UsageLocked(*group);
    // Those that are gone live on in the sums of whoever has waited for them.
    activity.user_ns += usage.user_ns + group->waited_children.user_ns;
    activity.system_ns += usage.system_ns + group->waited_children.system_ns;
    activity.newest_pid = std::max(activity.newest_pid, group->pid());
    for (const Task* task = group->tasks; task != nullptr; task = task->next_in_group) {
      activity.running += task->state == TaskState::kRunning ? 1 : 0;
      ++activity.threads;
    }
  }
  int64_t lifetime = UptimeNs() - kernel().start_time_ns();
  int64_t available = lifetime * static_cast<int64_t>(kernel().settings().cpu_count);
  activity.idle_ns = std::max(available - activity.user_ns - activity.system_ns, int64_t{0});
  return activity;
}

// user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice.
void AppendCpuLine(std::string& out, std::string_view name, const SystemActivity& activity,
                   int64_t share) {
  AppendFormat(out, "{} {} 0 {} {} 0 0 0 0 0 0\n", name, ToTicks(activity.user_ns / share),
               ToTicks(activity.system_ns / share), ToTicks(activity.idle_ns / share));
}

std::string Seconds(int64_t ns) {
  return Format("{}.{:02}", ns / kSecondNs, ns % kSecondNs / 10'000'000);
}

}  // namespace

Result<std::string> UptimeText(Task&) {
  return Format("{} {}\n", Seconds(UptimeNs()), Seconds(CollectActivity().idle_ns));
}

// There is no sampling: the load is what runs now, so the three averages are alike.
Result<std::string> LoadavgText(Task&) {
  SystemActivity activity = CollectActivity();
  return Format("{}.00 {}.00 {}.00 {}/{} {}\n", activity.running, activity.running,
                activity.running, activity.running, activity.threads, activity.newest_pid);
}

Result<std::string> SystemStatText(Task&) {
  SystemActivity activity = CollectActivity();
  uint32_t cpus = kernel().settings().cpu_count;
  std::string out;
  AppendCpuLine(out, "cpu ", activity, 1);
  for (uint32_t cpu = 0; cpu < cpus; ++cpu) {
    AppendCpuLine(out, Format("cpu{}", cpu), activity, cpus);
  }
  int64_t boot_seconds = (HostClockNs(CLOCK_REALTIME) - UptimeNs()) / kSecondNs;
  AppendFormat(out, "intr 0\nctxt 0\nbtime {}\nprocesses {}\n", boot_seconds, activity.newest_pid);
  AppendFormat(out, "procs_running {}\nprocs_blocked 0\n", std::max(activity.running, 1));
  out += "softirq 0 0 0 0 0 0 0 0 0 0 0\n";
  return out;
}

}  // namespace ukrun
