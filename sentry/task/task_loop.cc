#include "sentry/task/task_loop.h"

#include <time.h>

#include "base/host_call.h"
#include "base/log.h"
#include "base/thread.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/signal/signals.h"
#include "sentry/strace/strace.h"
#include "sentry/syscalls/dispatch.h"
#include "sentry/task/exit.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

constexpr int kBusAddressError = 2;  // BUS_ADRERR

void HandleFault(Task& task, const FaultStop& fault) {
  abi::SigInfo info;
  info.signal = fault.signal;
  info.code = fault.code;
  info.fault.address = fault.address.value();
  if (fault.signal == abi::kSigSegv) {
    switch (task.mm().ResolveMissing(fault.address.value())) {
      case FaultOutcome::kResolved:
        return;
      case FaultOutcome::kBusError:
        info.signal = abi::kSigBus;
        info.code = kBusAddressError;
        break;
      case FaultOutcome::kNotMapped:
      case FaultOutcome::kNoPermission:
        break;
    }
  }
  task.last_fault = fault;
  ForceSignal(task, info);
}

void Loop(Task& task) {
  int interrupted_call = 0;
  while (!task.exiting.load()) {
    // A call's temporary mask ends even if another task took the signal that ended the call.
    if (SignalPending(task) || interrupted_call != 0 || task.signals.restore_saved_mask) {
      DeliverSignals(task, interrupted_call);
      interrupted_call = 0;
      continue;
    }
    task.registers().orig_rax = UINT64_MAX;
    task.mm().UnmapStale();
    Stop stop = task.context().Run();
    int64_t begin = HostClockNs(CLOCK_THREAD_CPUTIME_ID);
    task.mm().UnmapStale();
    if (std::holds_alternative<SyscallStop>(stop)) {
      interrupted_call = DispatchSyscall(task);
    } else if (const auto* fault = std::get_if<FaultStop>(&stop)) {
      HandleFault(task, *fault);
    } else if (std::holds_alternative<GoneStop>(stop)) {
      // The host took the process for its memory, or the guest asked for impossible
      // registers: as good as SIGKILL.
      BeginGroupExit(task.thread_group(), abi::kSigKill);
    }
    // What the kernel thread uses while the guest runs (waiting for it) is the platform's
    // cost, and already counted as the guest's time.
    task.AddSystemTime(HostClockNs(CLOCK_THREAD_CPUTIME_ID) - begin);
  }
}

Result<void> Prepare(Task& task, TaskStart& start) {
  if (start.thread) {
    task.set_context(TRY(start.thread->Attach()));
    start.thread.reset();
  }
  return start.prepare(task);
}

void TaskMain(void* argument) {
  std::unique_ptr<TaskStart> start(static_cast<TaskStart*>(argument));
  RefPtr<Task> task = std::move(start->task);
  CurrentThread().task = task.get();
  Result<void> ready = Prepare(*task, *start);
  start.reset();
  if (ready.ok()) {
    Loop(*task);
    StraceEnd(*task);
  } else {
    LogWarning("task {} could not start (errno {})", task->tid(), ready.error());
    BeginGroupExit(task->thread_group(), abi::kSigKill);
  }
  ExitTask(*task);
  CurrentThread().task = nullptr;
}

}  // namespace

Result<void> StartTask(TaskStart start) {
  auto argument = std::make_unique<TaskStart>(std::move(start));
  TRY(StartKernelThread(&TaskMain, argument.get()));
  static_cast<void>(argument.release());
  return Ok();
}

}  // namespace ukrun
