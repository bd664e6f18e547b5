#include "sentry/kernel.h"

#include <time.h>

#include "base/check.h"
#include "sentry/start/settings.h"
#include "sentry/time/timer_service.h"

namespace ukrun {
namespace {

constinit Kernel* g_kernel = nullptr;

}  // namespace

Kernel::Kernel(const SandboxSettings& settings, std::unique_ptr<Platform> platform)
    : settings_(settings),
      platform_(std::move(platform)),
      timers_(TimerService::Create()),
      names_(HostNames{settings.host_name}),
      shared_memory_(settings.memory_bytes == 0 ? UINT64_MAX : settings.memory_bytes),
      start_time_ns_(HostClockNs(CLOCK_BOOTTIME)) {
  tasks_.set_limit(settings.process_limit);
}

Kernel& kernel() {
  UKRUN_CHECK(g_kernel != nullptr);
  return *g_kernel;
}

void SetKernel(Kernel& the_kernel) { g_kernel = &the_kernel; }

}  // namespace ukrun
