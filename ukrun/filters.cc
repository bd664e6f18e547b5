#include "ukrun/filters.h"

#include <asm/termbits.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>

#include "ukrun/filter_build.h"

namespace ukrun {
namespace {

// Only this value of one argument.
constexpr ArgumentCheck Exactly(unsigned argument, uint64_t value) {
  // System calls take most of their small arguments as 32 bits and ignore the rest.
  return {argument, 0xffff'ffff, value};
}

constexpr auto kPtraceSentry = std::to_array<AllowedCall>({
    // Files that the gofer has opened and handed over, and memory files of the Sentry's.
    {SYS_read, "sentry/fs: the guest reads a file", {}},
    {SYS_write, "sentry/fs: the guest writes a file; base/log; panic", {}},
    {SYS_pread64, "sentry/fs: the guest reads a file", {}},
    {SYS_pwrite64, "sentry/fs: the guest writes a file", {}},
    {SYS_readv, "sentry/fs: reads into several buffers", {}},
    {SYS_writev, "sentry/fs: writes of several buffers", {}},
    {SYS_preadv, "sentry/fs: reads into several buffers", {}},
    {SYS_pwritev, "sentry/fs: writes of several buffers", {}},
    {SYS_preadv2, "sentry/fs: reads with flags", {}},
    {SYS_pwritev2, "sentry/fs: writes with flags (append)", {}},
    {SYS_close, "base/host_fd", {}},
    {SYS_fstat, "sentry/fs: size of a host file", {}},
    {SYS_newfstatat, "sentry/fs: attributes of an open host file", Exactly(3, 0x1000)},
    {SYS_statx, "sentry/fs: attributes of an open host file", ArgumentCheck{2, 0x1000, 0x1000}},
    {SYS_lseek, "sentry/fs: holes and data of a host file", {}},
    {SYS_ftruncate, "sentry/fs: truncation; base/heap and the page pool grow", {}},
    {SYS_fallocate, "sentry/fs: fallocate; the page pool gives pages back", {}},
    {SYS_fsync, "sentry/fs: fsync of a bound file", {}},
    {SYS_fdatasync, "sentry/fs: fdatasync of a bound file", {}},
    {SYS_sync_file_range, "sentry/fs: sync_file_range of a bound file", {}},
    {SYS_copy_file_range, "sentry/fs: copy-up and copies between bound files", {}},
    {SYS_dup, "sentry/fs: a second owner of a host descriptor", {}},
    {SYS_fcntl, "sentry/fs: flags and seals of a descriptor", {}},
    {SYS_memfd_create, "base/heap, sentry/mm: memory files", {}},

    // Memory: the Sentry's own at start, the guest's by injected calls.
    {SYS_mmap, "platform/ptrace: guest mappings; base: the window", {}},
    {SYS_munmap, "platform/ptrace: guest mappings; the first stage goes", {}},
    {SYS_mprotect, "platform/ptrace: guest mappings", {}},
    {SYS_mremap, "platform/ptrace: guest mappings", {}},
    {SYS_madvise, "platform/ptrace: guest advice; base/heap gives pages back", {}},
    {SYS_msync, "platform/ptrace: msync of a shared file mapping", {}},
    {SYS_mincore, "platform/ptrace: mincore of the guest", {}},
    {SYS_mlock, "platform/ptrace: mlock of the guest", {}},
    {SYS_munlock, "platform/ptrace: munlock of the guest", {}},
    {SYS_process_vm_readv, "platform/ptrace: guest memory", {}},
    {SYS_process_vm_writev, "platform/ptrace: guest memory", {}},
    {SYS_membarrier, "platform/ptrace: membarrier of the guest", {}},
    {SYS_getrusage, "platform/ptrace: memory that a guest process has used", {}},

    // Processes and threads.
    {SYS_clone, "base/thread: kernel threads; platform/ptrace: guest threads and processes", {}},
    {SYS_exit, "base/thread: a kernel thread ends; platform/ptrace: a guest thread", {}},
    {SYS_exit_group, "the sandbox ends; panic", {}},
    {SYS_ptrace, "platform/ptrace: everything it does", {}},
    {SYS_wait4, "platform/ptrace: why a guest stopped", {}},
    {SYS_waitid, "platform/ptrace: reaps host processes", {}},
    {SYS_kill, "platform/ptrace: ends a host process", {}},
    {SYS_tgkill, "platform/ptrace: interrupts a running guest", {}},
    {SYS_gettid, "base/thread", {}},
    {SYS_getpid, "base/thread, platform/ptrace", {}},
    {SYS_getppid, "platform/ptrace: whether the tracer lives, seen by a new guest process", {}},
    {SYS_set_robust_list, "platform/ptrace: a new guest thread forgets the Sentry's", {}},
    {SYS_set_tid_address, "platform/ptrace: a new guest thread forgets the Sentry's", {}},
    {SYS_arch_prctl, "platform/ptrace: FS and GS of a guest thread", {}},
    {SYS_prctl, "no_new_privs, parent-death signal, names of threads", {}},
    {SYS_seccomp, "platform/ptrace: the guest's filter on top of this one", {}},
    {SYS_prlimit64, "platform/ptrace: limits of a guest's host process", {}},
    {SYS_setsid, "platform/ptrace: a guest's host process leaves the terminal", {}},

    // Sleeping and time.
    {SYS_futex, "base/wait_queue, base/mutex", {}},
    {SYS_clock_gettime, "base/host_call: clocks, where the vDSO cannot serve", {}},
    {SYS_clock_getres, "sentry/time: resolution of a clock", {}},
    {SYS_clock_nanosleep, "base: sleeps", {}},
    {SYS_nanosleep, "base: sleeps", {}},
    {SYS_pause, "platform/ptrace: a guest thread that waits to be seized", {}},
    {SYS_eventfd2, "sentry/fs/stdio: wakes the thread that waits for the standard streams", {}},
    {SYS_poll, "sentry/fs/stdio: readiness of the standard streams", {}},
    {SYS_ppoll, "gofer/client: whether the gofer lives", {}},
    {SYS_restart_syscall, "the host repeats a sleep after a stop", {}},
    {SYS_sched_yield, "base/mutex: a short spin", {}},
    {SYS_sched_setaffinity, "sentry/task: --cpus", {}},
    {SYS_sched_getaffinity, "sentry/task: --cpus", {}},
    {SYS_getcpu, "sentry/time: getcpu", {}},
    {SYS_getrusage, "sentry/time: processor time of the sandbox", {}},
    {SYS_getrandom, "sentry/fs/dev: random numbers; base: seeds", {}},

    // Signals of the kernel threads themselves.
    {SYS_rt_sigaction, "base/thread: the handler of an interrupted sleep", {}},
    {SYS_rt_sigprocmask, "base/thread: blocks signals", {}},
    {SYS_seccomp, "platform/ptrace: a guest process confines itself further", Exactly(0, 1)},
    {SYS_rt_sigreturn, "base/thread: a handler returns", {}},
    {SYS_rt_sigtimedwait, "platform/ptrace: waits until a host process has died", {}},
    {SYS_sigaltstack, "base/thread: stacks of handlers", {}},

    // Talking to ukrun and to the gofer.
    {SYS_recvmsg, "gofer/client: descriptors; the control socket", {}},
    {SYS_sendmsg, "gofer/client; the control socket", {}},
    {SYS_recvfrom, "the control socket", {}},
    // An address would be a way out; a connected socket needs none.
    {SYS_sendto, "the control socket", ArgumentCheck{4, ~uint64_t{0}, 0}},

    // The caller's standard streams.
    {SYS_ioctl, "the terminal pump: modes", Exactly(1, TCGETS)},
    {SYS_ioctl, "the terminal pump: size", Exactly(1, TIOCGWINSZ)},
    {SYS_ioctl, "sentry/fs: bytes that a standard stream has ready", Exactly(1, FIONREAD)},
});

// As platform/ptrace/address_space_unsafe.cc clones.
constexpr uint64_t kGuestThread =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
constexpr uint64_t kGuestFork = CLONE_FILES | CLONE_PARENT;

constexpr auto kPtraceGuest = std::to_array<AllowedCall>({
    // Everything here is injected by the Sentry or made by the stub (platform/ptrace): a call
    // of the guest's own never reaches the host (PTRACE_SYSEMU).
    {SYS_mmap, "injected: guest mappings", {}},
    {SYS_munmap, "injected: guest mappings; the stub empties a new process", {}},
    {SYS_mprotect, "injected: guest mappings", {}},
    {SYS_mremap, "injected: guest mappings", {}},
    {SYS_madvise, "injected: guest advice", {}},
    {SYS_mincore, "injected: mincore", {}},
    {SYS_membarrier, "injected: membarrier", {}},
    {SYS_getrusage, "injected: memory that the process has used", {}},
    {SYS_rt_sigaction, "injected: handlers whose frames tell of faults", {}},
    {SYS_clone, "injected: guest threads", Exactly(0, kGuestThread)},
    {SYS_clone, "injected: guest fork", Exactly(0, kGuestFork)},
    {SYS_exit, "injected: a guest thread ends", {}},
    {SYS_exit_group, "stub: it has lost its Sentry", {}},
    {SYS_getppid, "stub: whether the Sentry lives", {}},
    {SYS_poll, "stub: waits to be seized", {}},
    {SYS_restart_syscall, "the host repeats a wait after a stop", {}},
});

// What the vsyscall page offers. The host carries it out without asking a tracer first, so the
// guest's SIGSYS tells the Sentry of the call. Of two filters the severer verdict wins: the
// Sentry's, which guests inherit, must not kill for them.
constexpr auto kVsyscalls = std::to_array<int>({SYS_gettimeofday, SYS_time, SYS_getcpu});
// The Sentry itself may ask for the CPU.
constexpr auto kVsyscallsOfSentry = std::to_array<int>({SYS_gettimeofday, SYS_time});

}  // namespace

absl::StatusOr<std::string> SentryFilter(absl::string_view platform) {
  static_cast<void>(platform);  // ptrace is the only one yet
  return BuildFilter(kPtraceSentry, kVsyscallsOfSentry);
}

absl::StatusOr<std::string> GuestFilter(absl::string_view platform) {
  static_cast<void>(platform);
  return BuildFilter(kPtraceGuest, kVsyscalls);
}

}  // namespace ukrun
