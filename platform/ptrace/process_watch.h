// Notices when a guest's host process dies that nobody here has ended: killed from outside,
// or by the host for want of memory. The guest may be asleep in the Sentry at that time, so
// its kernel thread would not come to know.
#pragma once

#include <set>

#include "base/locked.h"
#include "base/result.h"
#include "platform/platform.h"

namespace ukrun::ptrace {

// The host processes that are meant to live.
// Thread rule: synchronizes itself.
class ProcessWatch {
 public:
  explicit ProcessWatch(const HostDeathHandler& handler) : handler_(handler) {}
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  // Requires: no other kernel thread runs yet; they inherit a blocked SIGCHLD.
  Result<void> Start();

  void Add(int host_pid) { processes_.Lock()->insert(host_pid); }
  // Before the platform ends the process itself.
  void Remove(int host_pid) { processes_.Lock()->erase(host_pid); }
  // For the kernel thread that finds one of its guest threads gone. Returns if the sandbox
  // goes on without that process.
  void ReportDead(int host_pid);

  // False once the process has lost its memory, even if some of its threads wait to be
  // reaped: a host pid alone would then still answer.
  static bool IsAlive(int host_pid);

 private:
  static void Main(void* self);
  void LookAtAll();

  const HostDeathHandler handler_;
  Locked<std::set<int>, LockRank::kPlatform> processes_;
};

}  // namespace ukrun::ptrace
