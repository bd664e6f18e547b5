// Names of flags and values of calls about signals, and of a signal's origin.
#include <signal.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kSignalActionFlagsList = std::to_array<NamedValue>(
    {NamedValue{0x04000000, "SA_RESTORER"}, UKRUN_NAMED(SA_NOCLDSTOP), UKRUN_NAMED(SA_NOCLDWAIT),
     UKRUN_NAMED(SA_SIGINFO), UKRUN_NAMED(SA_ONSTACK), UKRUN_NAMED(SA_RESTART),
     UKRUN_NAMED(SA_NODEFER), NamedValue{0x80000000, "SA_RESETHAND"}});
constexpr auto kMaskChangesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(SIG_BLOCK), UKRUN_NAMED(SIG_UNBLOCK), UKRUN_NAMED(SIG_SETMASK)});
constexpr auto kAlternateStackFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(SS_ONSTACK), UKRUN_NAMED(SS_DISABLE), NamedValue{0x80000000, "SS_AUTODISARM"}});
constexpr auto kSignalCodesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(SI_USER), UKRUN_NAMED(SI_KERNEL), NamedValue{0xffffffff, "SI_QUEUE"},
     NamedValue{0xfffffffe, "SI_TIMER"}, NamedValue{0xfffffffd, "SI_MESGQ"},
     NamedValue{0xfffffffc, "SI_ASYNCIO"}, NamedValue{0xfffffffb, "SI_SIGIO"},
     NamedValue{0xfffffffa, "SI_TKILL"}});
constexpr auto kChildCodesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(CLD_EXITED), UKRUN_NAMED(CLD_KILLED), UKRUN_NAMED(CLD_DUMPED),
     UKRUN_NAMED(CLD_TRAPPED), UKRUN_NAMED(CLD_STOPPED), UKRUN_NAMED(CLD_CONTINUED)});
constexpr auto kIllegalCodesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(ILL_ILLOPC), UKRUN_NAMED(ILL_ILLOPN), UKRUN_NAMED(ILL_ILLADR),
     UKRUN_NAMED(ILL_ILLTRP), UKRUN_NAMED(ILL_PRVOPC), UKRUN_NAMED(ILL_PRVREG),
     UKRUN_NAMED(ILL_COPROC), UKRUN_NAMED(ILL_BADSTK)});
constexpr auto kArithmeticCodesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(FPE_INTDIV), UKRUN_NAMED(FPE_INTOVF), UKRUN_NAMED(FPE_FLTDIV),
     UKRUN_NAMED(FPE_FLTOVF), UKRUN_NAMED(FPE_FLTUND), UKRUN_NAMED(FPE_FLTRES),
     UKRUN_NAMED(FPE_FLTINV), UKRUN_NAMED(FPE_FLTSUB)});
constexpr auto kSegmentCodesList =
    std::to_array<NamedValue>({UKRUN_NAMED(SEGV_MAPERR), UKRUN_NAMED(SEGV_ACCERR),
                               UKRUN_NAMED(SEGV_BNDERR), UKRUN_NAMED(SEGV_PKUERR)});
constexpr auto kBusCodesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(BUS_ADRALN), UKRUN_NAMED(BUS_ADRERR), UKRUN_NAMED(BUS_OBJERR)});
constexpr auto kTrapCodesList =
    std::to_array<NamedValue>({UKRUN_NAMED(TRAP_BRKPT), UKRUN_NAMED(TRAP_TRACE),
                               UKRUN_NAMED(TRAP_BRANCH), UKRUN_NAMED(TRAP_HWBKPT)});
constexpr auto kPollCodesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(POLL_IN), UKRUN_NAMED(POLL_OUT), UKRUN_NAMED(POLL_MSG), UKRUN_NAMED(POLL_ERR),
     UKRUN_NAMED(POLL_PRI), UKRUN_NAMED(POLL_HUP)});

}  // namespace

constinit const Names kSignalActionFlags = FlagsOf(kSignalActionFlagsList);
constinit const Names kMaskChanges = OneOf(kMaskChangesList);
constinit const Names kAlternateStackFlags = FlagsOf(kAlternateStackFlagsList);
constinit const Names kSignalCodes = OneOf(kSignalCodesList);
constinit const Names kChildCodes = OneOf(kChildCodesList);
constinit const Names kIllegalCodes = OneOf(kIllegalCodesList);
constinit const Names kArithmeticCodes = OneOf(kArithmeticCodesList);
constinit const Names kSegmentCodes = OneOf(kSegmentCodesList);
constinit const Names kBusCodes = OneOf(kBusCodesList);
constinit const Names kTrapCodes = OneOf(kTrapCodesList);
constinit const Names kPollCodes = OneOf(kPollCodesList);

}  // namespace ukrun::strace
