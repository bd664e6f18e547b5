#include "platform/ptrace/process_watch.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <vector>

#include "base/check.h"
#include "base/host_call.h"
#include "base/thread.h"
#include "base/window.h"

namespace ukrun::ptrace {
namespace {

constexpr uint64_t kSigChldBit = uint64_t{1} << (SIGCHLD - 1);
// Deaths that were meant are the rule (every process ends), and cost a look at all others:
// so one look serves all of a moment.
constexpr timespec kMoment = {0, 100'000'000};

// As the kernel lays it out.
struct KernelSigaction {
  uint64_t handler, flags, restorer, mask;
};

}  // namespace

Result<void> ProcessWatch::Start() {
  // The host signals every death, of threads too. Stops are not deaths, and there are two a
  // system call.
  KernelSigaction deaths_only{0, SA_NOCLDSTOP, 0, 0};
  TRY(HostCall(SYS_rt_sigaction, SIGCHLD, &deaths_only, nullptr, sizeof(uint64_t)));
  // Blocked everywhere, since a thread that took it by default would throw it away.
  TRY(HostCall(SYS_rt_sigprocmask, SIG_BLOCK, &kSigChldBit, nullptr, sizeof(kSigChldBit)));
  return StartKernelThread(&ProcessWatch::Main, this);
}

bool ProcessWatch::IsAlive(int host_pid) {
  char byte = 0;
  iovec local{&byte, 1};
  iovec remote{reinterpret_cast<void*>(kWindowStub), 1};  // mapped in each of them, always
  return RawHostCall(SYS_process_vm_readv, host_pid, &local, 1, &remote, 1, 0) != -ESRCH;
}

void ProcessWatch::ReportDead(int host_pid) {
  auto processes = processes_.Lock();
  if (processes->erase(host_pid) != 0) {
    // Judged under the lock: whoever else finds the same process dead waits for the verdict.
    handler_.judge();
  }
}

void ProcessWatch::LookAtAll() {
  std::vector<int> pids;
  {
    auto processes = processes_.Lock();
    pids.assign(processes->begin(), processes->end());
  }
  for (int pid : pids) {
    if (IsAlive(pid)) {
      continue;
    }
    bool lost = false;
    {
      // Still meant to live: a process that is ended on purpose is taken from the list first.
      auto processes = processes_.Lock();
      lost = processes->erase(pid) != 0;
      if (lost) {
        handler_.judge();
      }
    }
    if (lost) {
      handler_.end_guest(pid);
    }
  }
}

void ProcessWatch::Main(void* self) {
  auto& watch = *static_cast<ProcessWatch*>(self);
  for (;;) {
    UKRUN_CHECK(
        HostCall(SYS_rt_sigtimedwait, &kSigChldBit, nullptr, nullptr, sizeof(kSigChldBit)).ok());
    static_cast<void>(HostCall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &kMoment, nullptr));
    // What died until here is seen by the look below; later deaths signal anew.
    constexpr timespec kNoTime = {0, 0};
    RawHostCall(SYS_rt_sigtimedwait, &kSigChldBit, nullptr, &kNoTime, sizeof(kSigChldBit));
    watch.LookAtAll();
  }
}

}  // namespace ukrun::ptrace
