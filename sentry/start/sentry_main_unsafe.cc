#include "sentry/start/sentry_main.h"

#include <sys/syscall.h>

#include "base/check.h"
#include "base/host_call.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/thread.h"
#include "sentry/fs/proc/net_text.h"
#include "sentry/fs/stdio/host_poller.h"
#include "sentry/fs/stdio/sandbox_terminal.h"
#include "sentry/kernel.h"
#include "sentry/mm/page_pool.h"
#include "sentry/net/unix/listing.h"
#include "sentry/start/control.h"
#include "sentry/start/filter.h"
#include "sentry/start/host_death.h"
#include "sentry/start/init_task.h"
#include "sentry/start/mounts.h"
#include "sentry/start/settings.h"
#include "sentry/strace/strace.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

constexpr int kStartFailureStatus = 125;

[[noreturn]] void FailStart(std::string_view what, int error) {
  std::string line = Format("ukrun: the sandbox could not be set up: {} (errno {})\n", what, error);
  HostWriteAll(2, line.data(), line.size());
  RawHostCall(SYS_exit_group, kStartFailureStatus);
  __builtin_trap();
}

// What a panic says of the task that met it.
size_t DescribeCurrent(char* buffer, size_t size) {
  auto* task = static_cast<Task*>(CurrentThread().task);
  if (task == nullptr) {
    return 0;
  }
  std::string line = Format("ukrun: in task {}, system call {}, guest pc {:#x}\n", task->tid(),
                            task->current_call.load(), task->current_pc.load());
  size_t count = line.size() < size ? line.size() : size;
  line.copy(buffer, count);
  return count;
}

void WaitForEnd() {
  while (SandboxEnded().load() == 0) {
    HostFutexWait(SandboxEnded(), 0);
  }
}

}  // namespace

void SentryMain(const startup::BootInfo& boot) {
  Result<SandboxSettings> loaded = LoadSettings(startup::kSentryConfigFd, boot);
  if (!loaded.ok()) {
    FailStart("the configuration does not parse", loaded.error());
  }
  auto* settings = new SandboxSettings(*std::move(loaded));
  LogInitialize(settings->debug_fd);
  StraceInitialize(settings->strace_fd);
  SetPanicDescriber(&DescribeCurrent);
  PagePoolInitialize();
  HostDeathInitialize(settings->memory_events_fd);
  SetSocketLister(SocketTableKind::kUnix, &ListUnixSockets);

  PlatformOptions options;
  options.guest_filter = settings->guest_filter;
  options.host_cpus = settings->host_cpus;
  options.host_death = {&JudgeHostDeath, &EndGuestIn};
  Result<std::unique_ptr<Platform>> platform = MakePlatform(settings->platform, options);
  if (!platform.ok()) {
    FailStart(Format("platform {}", settings->platform), platform.error());
  }
  auto* the_kernel = new Kernel(*settings, *std::move(platform));
  SetKernel(*the_kernel);

  Result<void> mounted = MountEverything(*settings);
  if (!mounted.ok()) {
    FailStart(Format("the file tree ({}:{})", mounted.failure().site().file,
                     mounted.failure().site().line),
              mounted.error());
  }
  StartHostPoller();
  Result<void> filtered = InstallFilter(settings->sentry_filter);
  if (!filtered.ok()) {
    FailStart("the system call filter", filtered.error());
  }
  Result<void> started = StartInit(*settings);
  if (!started.ok()) {
    FailStart("the first process", started.error());
  }
  StartControl();
  WaitForEnd();
  EndEverybody();
  SandboxEndReport report = FinishMounts(*settings);
  report.wait_status = SandboxStatus();
  FlushSandboxTerminal();
  SendExited(report);
  RawHostCall(SYS_exit_group, 0);
  __builtin_trap();
}

}  // namespace ukrun
