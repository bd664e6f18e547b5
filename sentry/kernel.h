// The kernel of one sandbox: what there is one of.
#pragma once

#include <memory>
#include <string>

#include "base/locked.h"
#include "platform/platform.h"
#include "sentry/mm/memory_object.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

class GoferClient;
class TimerService;
struct SandboxSettings;

struct HostNames {
  std::string host_name;
  std::string domain_name = "(none)";
};

class Kernel {
 public:
  Kernel(const SandboxSettings& settings, std::unique_ptr<Platform> platform);

  const SandboxSettings& settings() const { return settings_; }
  Platform& platform() const { return *platform_; }
  TaskTree& tasks() { return tasks_; }
  TimerService& timers() const { return *timers_; }
  Locked<HostNames, LockRank::kIds>& names() { return names_; }
  // Shared anonymous memory and memfds count against the sandbox's memory.
  MemoryBudget& shared_memory() { return shared_memory_; }
  // CLOCK_BOOTTIME of the sandbox's start; uptime inside counts from here.
  int64_t start_time_ns() const { return start_time_ns_; }

 private:
  const SandboxSettings& settings_;
  const std::unique_ptr<Platform> platform_;
  TaskTree tasks_;
  std::unique_ptr<TimerService> timers_;
  Locked<HostNames, LockRank::kIds> names_;
  MemoryBudget shared_memory_;
  const int64_t start_time_ns_;
};

// Set once at start, before the first task.
Kernel& kernel();
void SetKernel(Kernel& the_kernel);

}  // namespace ukrun
