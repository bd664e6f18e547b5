// Calls about signals: rt_sigaction(2), kill(2), sigaltstack(2), …
#include <sys/syscall.h>

#include "sentry/kernel.h"
#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

// rt_sigreturn has no arguments: the mask that it has restored is shown in their place.
void FormatRestoredMask(const Call& call, uint64_t, std::string& out) {
  abi::SignalSet mask;
  {
    MutexGuard guard(kernel().tasks().lock());
    mask = call.task.signals.blocked;
  }
  out += "{mask=";
  AppendSignalSet(out, mask);
  out.push_back('}');
}
constexpr Argument kRestoredMask{&FormatAddress, &FormatRestoredMask};

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_rt_sigaction, {kSignal}},
    {SYS_rt_sigprocmask, {kNamed<kMaskChanges>, kSignalSet, kSignalSetReturned}},
    {SYS_rt_sigpending, {kSignalSetReturned}},
    {SYS_rt_sigsuspend, {kSignalSet}},
    {SYS_rt_sigtimedwait, {kSignalSet, kStructureReturned<abi::SigInfo>}},
    {SYS_rt_sigqueueinfo, {kType, kSignal, kStructure<abi::SigInfo>}},
    {SYS_rt_tgsigqueueinfo, {kType, kType, kSignal, kStructure<abi::SigInfo>}},
    {SYS_rt_sigreturn, {kRestoredMask}},
    {SYS_kill, {kType, kSignal}},
    {SYS_tkill, {kType, kSignal}},
    {SYS_tgkill, {kType, kType, kSignal}},
    {SYS_pidfd_send_signal, {kType, kSignal, kStructure<abi::SigInfo>}},
    {SYS_signalfd, {kType, kSignalSet}},
    {SYS_signalfd4, {kType, kSignalSet, kType, kNamed<kSignalFdFlags>}},
});

}  // namespace

std::span<const CallFormat> SignalRows() { return kRows; }

}  // namespace ukrun::strace
