// Sending and delivering signals, as signal(7) says.
#pragma once

#include "abi/signal.h"
#include "base/result.h"

namespace ukrun {

class Credentials;
class ProcessGroup;
class Task;
class ThreadGroup;

// --- Sending. Take the task tree's lock; `...Locked` need it held.
// A queue at its limit (RLIMIT_SIGPENDING) gives EAGAIN for signals that carry a value.
Result<void> SendSignal(Task& task, const abi::SigInfo& info);
Result<void> SendSignal(ThreadGroup& group, const abi::SigInfo& info);
void SendSignal(ProcessGroup& group, const abi::SigInfo& info);
Result<void> SendSignalLocked(Task& task, const abi::SigInfo& info);
Result<void> SendSignalLocked(ThreadGroup& group, const abi::SigInfo& info);
// The same as one of many: children that the group is forking just now get it too.
Result<void> SendSignalToManyLocked(ThreadGroup& group, const abi::SigInfo& info);
// What came while the parent forked. Before the child runs.
void AddForkedSignalsLocked(ThreadGroup& child, abi::SignalSet signals);

// siginfo of a signal that the kernel itself raises, and one that a process sends.
abi::SigInfo KernelSignal(int signal);
abi::SigInfo UserSignal(const Task& sender, int signal, int code = abi::kSiUser);

// A fault of the task's own code: not ignorable, not blockable (force_sig_fault).
void ForceSignal(Task& task, const abi::SigInfo& info);

// May `sender` signal `target` (kill(2), "Permissions")?
bool MaySignal(const Task& sender, const ThreadGroup& target, int signal);

// --- Receiving.
// True when the task has something to do before it may run guest code or go on sleeping:
// a signal that is not blocked, a stop, its end. Lock-free.
bool SignalPending(const Task& task);
// Called by the run loop before guest code runs while SignalPending. Sets up at most one
// handler frame, stops, continues or ends the task. `interrupted_call` is the restart
// code in rax's place (kErestart...) of the call just made, 0 if none.
void DeliverSignals(Task& task, int interrupted_call);
// After the blocked mask or the handlers have changed. Requires the task tree's lock.
void RecalculatePendingLocked(Task& task);
void SetBlockedMask(Task& task, abi::SignalSet mask);
// For the duration of a call (ppoll, sigsuspend): installs `mask`, to be undone when the
// call's result has been delivered.
void SetTemporaryMask(Task& task, abi::SignalSet mask);

// --- What other parts of the task's life do to signals.
void ResetSignalsOnExec(Task& task);
// Takes the next pending signal of `set` (of the task, else of its group), for sigtimedwait
// and signalfd. Returns false when there is none.
bool TakeSignalLocked(Task& task, abi::SignalSet set, abi::SigInfo* info);
// Signals of `set` pending for this task (own and group's).
abi::SignalSet PendingSet(const Task& task);
// The child ended, stopped or continued: SIGCHLD to its parent. Requires the lock.
void NotifyParentLocked(ThreadGroup& child, const abi::SigInfo& info);

}  // namespace ukrun
