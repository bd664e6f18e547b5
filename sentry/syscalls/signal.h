// Signals: sigaction(2), kill(2), sigaltstack(2), sigsuspend(2) and their relatives.
#pragma once

#include "abi/signal.h"
#include "abi/timespec.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> RtSigaction(Task& task, int32_t signal, UserIn<abi::SigAction> action,
                         UserOut<abi::SigAction> old_action, uint64_t set_size);
Result<void> RtSigprocmask(Task& task, int32_t how, UserIn<uint64_t> set, UserOut<uint64_t> old_set,
                           uint64_t set_size);
Result<void> RtSigpending(Task& task, GuestAddr set, uint64_t set_size);
Result<void> RtSigsuspend(Task& task, UserIn<uint64_t> set, uint64_t set_size);
Result<int32_t> RtSigtimedwait(Task& task, UserIn<uint64_t> set, GuestAddr info,
                               UserIn<abi::Timespec> timeout, uint64_t set_size);
Result<void> RtSigqueueinfo(Task& task, int32_t pid, int32_t signal, GuestAddr info);
Result<void> RtTgsigqueueinfo(Task& task, int32_t pid, int32_t tid, int32_t signal, GuestAddr info);
Result<void> RtSigreturn(Task& task);
Result<void> Sigaltstack(Task& task, UserIn<abi::SigAltStack> stack,
                         UserOut<abi::SigAltStack> old_stack);
Result<void> Kill(Task& task, int32_t pid, int32_t signal);
Result<void> Tkill(Task& task, int32_t tid, int32_t signal);
Result<void> Tgkill(Task& task, int32_t pid, int32_t tid, int32_t signal);
Result<void> Pause(Task& task);
Result<void> PidfdSendSignal(Task& task, Fd pidfd, int32_t signal, GuestAddr info, uint32_t flags);
Result<int64_t> RestartSyscall(Task& task);

}  // namespace ukrun
