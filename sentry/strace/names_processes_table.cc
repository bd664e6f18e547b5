// Names of flags and values of calls about processes.
#include <asm/prctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kCloneFlagsChoices = std::to_array<NamedValue>(
    {UKRUN_NAMED(SIGHUP),  UKRUN_NAMED(SIGINT),    UKRUN_NAMED(SIGQUIT), UKRUN_NAMED(SIGILL),
     UKRUN_NAMED(SIGTRAP), UKRUN_NAMED(SIGABRT),   UKRUN_NAMED(SIGBUS),  UKRUN_NAMED(SIGFPE),
     UKRUN_NAMED(SIGKILL), UKRUN_NAMED(SIGUSR1),   UKRUN_NAMED(SIGSEGV), UKRUN_NAMED(SIGUSR2),
     UKRUN_NAMED(SIGPIPE), UKRUN_NAMED(SIGALRM),   UKRUN_NAMED(SIGTERM), UKRUN_NAMED(SIGSTKFLT),
     UKRUN_NAMED(SIGCHLD), UKRUN_NAMED(SIGCONT),   UKRUN_NAMED(SIGSTOP), UKRUN_NAMED(SIGTSTP),
     UKRUN_NAMED(SIGTTIN), UKRUN_NAMED(SIGTTOU),   UKRUN_NAMED(SIGURG),  UKRUN_NAMED(SIGXCPU),
     UKRUN_NAMED(SIGXFSZ), UKRUN_NAMED(SIGVTALRM), UKRUN_NAMED(SIGPROF), UKRUN_NAMED(SIGWINCH),
     UKRUN_NAMED(SIGIO),   UKRUN_NAMED(SIGPWR),    UKRUN_NAMED(SIGSYS)});
constexpr auto kCloneFlagsList = std::to_array<NamedValue>({UKRUN_NAMED(CLONE_VM),
                                                            UKRUN_NAMED(CLONE_FS),
                                                            UKRUN_NAMED(CLONE_FILES),
                                                            UKRUN_NAMED(CLONE_SIGHAND),
                                                            UKRUN_NAMED(CLONE_PIDFD),
                                                            UKRUN_NAMED(CLONE_PTRACE),
                                                            UKRUN_NAMED(CLONE_VFORK),
                                                            UKRUN_NAMED(CLONE_PARENT),
                                                            UKRUN_NAMED(CLONE_THREAD),
                                                            UKRUN_NAMED(CLONE_SYSVSEM),
                                                            UKRUN_NAMED(CLONE_SETTLS),
                                                            UKRUN_NAMED(CLONE_PARENT_SETTID),
                                                            UKRUN_NAMED(CLONE_CHILD_CLEARTID),
                                                            UKRUN_NAMED(CLONE_DETACHED),
                                                            UKRUN_NAMED(CLONE_UNTRACED),
                                                            UKRUN_NAMED(CLONE_CHILD_SETTID),
                                                            UKRUN_NAMED(CLONE_IO),
                                                            UKRUN_NAMED(CLONE_NEWNS),
                                                            UKRUN_NAMED(CLONE_NEWCGROUP),
                                                            UKRUN_NAMED(CLONE_NEWUTS),
                                                            UKRUN_NAMED(CLONE_NEWIPC),
                                                            UKRUN_NAMED(CLONE_NEWUSER),
                                                            UKRUN_NAMED(CLONE_NEWPID),
                                                            UKRUN_NAMED(CLONE_NEWNET)});
constexpr auto kNamespaceFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(CLONE_FS), UKRUN_NAMED(CLONE_FILES), UKRUN_NAMED(CLONE_SYSVSEM),
     UKRUN_NAMED(CLONE_NEWTIME), UKRUN_NAMED(CLONE_NEWNS), UKRUN_NAMED(CLONE_NEWCGROUP),
     UKRUN_NAMED(CLONE_NEWUTS), UKRUN_NAMED(CLONE_NEWIPC), UKRUN_NAMED(CLONE_NEWUSER),
     UKRUN_NAMED(CLONE_NEWPID), UKRUN_NAMED(CLONE_NEWNET)});
constexpr auto kWaitOptionsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(WNOHANG), UKRUN_NAMED(WUNTRACED), UKRUN_NAMED(WEXITED), UKRUN_NAMED(WCONTINUED),
     UKRUN_NAMED(WNOWAIT), UKRUN_NAMED(__WNOTHREAD), UKRUN_NAMED(__WALL),
     NamedValue{0x80000000, "__WCLONE"}});
constexpr auto kWaitIdTypesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(P_ALL), UKRUN_NAMED(P_PID), UKRUN_NAMED(P_PGID), NamedValue{3, "P_PIDFD"}});
constexpr auto kArchOptionsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(ARCH_SET_GS), UKRUN_NAMED(ARCH_SET_FS), UKRUN_NAMED(ARCH_GET_FS),
     UKRUN_NAMED(ARCH_GET_GS), UKRUN_NAMED(ARCH_GET_CPUID), UKRUN_NAMED(ARCH_SET_CPUID),
     NamedValue{0x3001, "ARCH_CET_STATUS"}});
constexpr auto kProcessOptionsList =
    std::to_array<NamedValue>({UKRUN_NAMED(PR_SET_PDEATHSIG),
                               UKRUN_NAMED(PR_GET_PDEATHSIG),
                               UKRUN_NAMED(PR_GET_DUMPABLE),
                               UKRUN_NAMED(PR_SET_DUMPABLE),
                               UKRUN_NAMED(PR_GET_KEEPCAPS),
                               UKRUN_NAMED(PR_SET_KEEPCAPS),
                               UKRUN_NAMED(PR_GET_TIMING),
                               UKRUN_NAMED(PR_SET_TIMING),
                               UKRUN_NAMED(PR_SET_NAME),
                               UKRUN_NAMED(PR_GET_NAME),
                               UKRUN_NAMED(PR_GET_SECCOMP),
                               UKRUN_NAMED(PR_SET_SECCOMP),
                               UKRUN_NAMED(PR_CAPBSET_READ),
                               UKRUN_NAMED(PR_CAPBSET_DROP),
                               UKRUN_NAMED(PR_GET_TSC),
                               UKRUN_NAMED(PR_SET_TSC),
                               UKRUN_NAMED(PR_GET_SECUREBITS),
                               UKRUN_NAMED(PR_SET_SECUREBITS),
                               UKRUN_NAMED(PR_SET_TIMERSLACK),
                               UKRUN_NAMED(PR_GET_TIMERSLACK),
                               UKRUN_NAMED(PR_MCE_KILL),
                               UKRUN_NAMED(PR_MCE_KILL_GET),
                               UKRUN_NAMED(PR_SET_MM),
                               UKRUN_NAMED(PR_SET_CHILD_SUBREAPER),
                               UKRUN_NAMED(PR_GET_CHILD_SUBREAPER),
                               UKRUN_NAMED(PR_SET_NO_NEW_PRIVS),
                               UKRUN_NAMED(PR_GET_NO_NEW_PRIVS),
                               UKRUN_NAMED(PR_GET_TID_ADDRESS),
                               UKRUN_NAMED(PR_SET_THP_DISABLE),
                               UKRUN_NAMED(PR_GET_THP_DISABLE),
                               UKRUN_NAMED(PR_CAP_AMBIENT),
                               UKRUN_NAMED(PR_GET_SPECULATION_CTRL),
                               UKRUN_NAMED(PR_SET_SPECULATION_CTRL),
                               UKRUN_NAMED(PR_SET_IO_FLUSHER),
                               UKRUN_NAMED(PR_GET_IO_FLUSHER),
                               UKRUN_NAMED(PR_SCHED_CORE),
                               UKRUN_NAMED(PR_SET_VMA),
                               UKRUN_NAMED(PR_SET_PTRACER)});
constexpr auto kResourcesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(RLIMIT_CPU), UKRUN_NAMED(RLIMIT_FSIZE), UKRUN_NAMED(RLIMIT_DATA),
     UKRUN_NAMED(RLIMIT_STACK), UKRUN_NAMED(RLIMIT_CORE), UKRUN_NAMED(RLIMIT_RSS),
     UKRUN_NAMED(RLIMIT_NPROC), UKRUN_NAMED(RLIMIT_NOFILE), UKRUN_NAMED(RLIMIT_MEMLOCK),
     UKRUN_NAMED(RLIMIT_AS), UKRUN_NAMED(RLIMIT_LOCKS), UKRUN_NAMED(RLIMIT_SIGPENDING),
     UKRUN_NAMED(RLIMIT_MSGQUEUE), UKRUN_NAMED(RLIMIT_NICE), UKRUN_NAMED(RLIMIT_RTPRIO),
     UKRUN_NAMED(RLIMIT_RTTIME)});
constexpr auto kUsageTargetsList =
    std::to_array<NamedValue>({UKRUN_NAMED(RUSAGE_SELF), NamedValue{0xffffffff, "RUSAGE_CHILDREN"},
                               UKRUN_NAMED(RUSAGE_THREAD)});
constexpr auto kSchedulersList = std::to_array<NamedValue>(
    {NamedValue{0, "SCHED_OTHER"}, UKRUN_NAMED(SCHED_FIFO), UKRUN_NAMED(SCHED_RR),
     UKRUN_NAMED(SCHED_BATCH), UKRUN_NAMED(SCHED_IDLE), UKRUN_NAMED(SCHED_DEADLINE)});
constexpr auto kPriorityTargetsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(PRIO_PROCESS), UKRUN_NAMED(PRIO_PGRP), UKRUN_NAMED(PRIO_USER)});

}  // namespace

constinit const Names kCloneFlags = {
    .choice_mask = CSIGNAL, .choices = kCloneFlagsChoices, .flags = kCloneFlagsList};
constinit const Names kNamespaceFlags = FlagsOf(kNamespaceFlagsList);
constinit const Names kWaitOptions = FlagsOf(kWaitOptionsList);
constinit const Names kWaitIdTypes = OneOf(kWaitIdTypesList);
constinit const Names kArchOptions = OneOf(kArchOptionsList);
constinit const Names kProcessOptions = OneOf(kProcessOptionsList);
constinit const Names kResources = OneOf(kResourcesList);
constinit const Names kUsageTargets = OneOf(kUsageTargetsList);
constinit const Names kSchedulers = OneOf(kSchedulersList);
constinit const Names kPriorityTargets = OneOf(kPriorityTargetsList);

}  // namespace ukrun::strace
