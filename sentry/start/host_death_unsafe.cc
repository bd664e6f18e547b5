#include "sentry/start/host_death.h"

#include <sys/syscall.h>

#include <string_view>

#include "base/host_call.h"
#include "base/panic.h"
#include "sentry/kernel.h"
#include "sentry/signal/signals.h"

namespace ukrun {
namespace {

// Constant after HostDeathInitialize.
constinit int g_events_fd = -1;
// Kills that have been matched with a death, and those from before the sandbox.
constinit uint64_t g_kills_explained = 0;

// The number in the line "oom_kill N"; both kinds of control groups write it so.
uint64_t HostMemoryKills() {
  char buffer[512];
  Result<long> got = HostCall(SYS_pread64, g_events_fd, buffer, sizeof(buffer), 0);
  std::string_view text(buffer, got.ok() ? static_cast<size_t>(*got) : 0);
  constexpr std::string_view kName = "oom_kill ";
  while (!text.empty() && !text.starts_with(kName)) {
    size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  uint64_t count = 0;
  for (size_t i = kName.size(); i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    count = count * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  return count;
}

void Say(std::string_view line) { HostWriteAll(2, line.data(), line.size()); }

}  // namespace

void HostDeathInitialize(int events_fd) {
  g_events_fd = events_fd;
  g_kills_explained = events_fd < 0 ? 0 : HostMemoryKills();
}

void JudgeHostDeath() {
  // The host counts a kill before it sends the signal.
  if (g_events_fd >= 0 && HostMemoryKills() > g_kills_explained) {
    ++g_kills_explained;
    Say("ukrun: out of memory: the host killed a process of the command's\n");
    return;
  }
  Say("ukrun: the sandbox broke down: a process that ran the command was killed from outside\n");
  RawHostCall(SYS_exit_group, kPanicStatus);
  __builtin_trap();
}

void EndGuestIn(int host_pid) {
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    for (const RefPtr<Task>& task : kernel().tasks().TasksOf(*group)) {
      if (task->RunsInHostProcess(host_pid)) {
        static_cast<void>(SendSignal(*group, KernelSignal(abi::kSigKill)));
        break;
      }
    }
  }
}

}  // namespace ukrun
