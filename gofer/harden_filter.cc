// The gofer's seccomp filter: the calls that answering requests needs, each with its reason.
#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <memory>

#include "gofer/harden.h"

namespace ukrun::gofer {
namespace {

struct AllowedCall {
  int number;
  const char* reason;
};

constexpr AllowedCall kAlways[] = {
    // Looking at files.
    {SCMP_SYS(openat2), "host_files: every step of a path"},
    {SCMP_SYS(openat), "tree_open: an inode again; hidden_inodes: hidden directories"},
    {SCMP_SYS(statx), "host_files: attributes"},
    {SCMP_SYS(fstatfs), "host_files: statfs(2) of guests; hidden_filesystems"},
    {SCMP_SYS(readlinkat), "host_files: symlinks"},
    {SCMP_SYS(getdents64), "host_files: directories"},
    {SCMP_SYS(lseek), "directory_streams: the next page of a directory"},
    {SCMP_SYS(getxattr), "tree_attributes"},
    {SCMP_SYS(listxattr), "tree_attributes"},
    {SCMP_SYS(close), "everywhere"},
    {SCMP_SYS(io_uring_enter), "host_batch: the restricted ring, made earlier"},
    // Talking to the Sentry.
    {SCMP_SYS(futex), "server: doorbells; locks of the C++ library"},
    {SCMP_SYS(sendmsg), "server: donated descriptors"},
    {SCMP_SYS(poll), "server: the Sentry's end"},
    {SCMP_SYS(write), "debug_log"},
    // The C library.
    {SCMP_SYS(brk), "malloc"},
    {SCMP_SYS(munmap), "malloc"},
    {SCMP_SYS(mremap), "malloc: large buffers"},
    {SCMP_SYS(madvise), "malloc: gives memory back"},
    {SCMP_SYS(sched_getaffinity), "malloc: how many arenas"},
    {SCMP_SYS(getrandom), "malloc: a thread's cache key"},
    {SCMP_SYS(sched_yield), "locks of the C library"},
    {SCMP_SYS(clock_gettime), "where the vDSO has no clock"},
    {SCMP_SYS(restart_syscall), "poll and futex after a stop"},
    {SCMP_SYS(rt_sigreturn), "return from a signal handler, if there ever is one"},
    {SCMP_SYS(rt_sigprocmask), "abort"},
    {SCMP_SYS(gettid), "abort"},
    {SCMP_SYS(getpid), "abort"},
    {SCMP_SYS(tgkill), "abort"},
    {SCMP_SYS(exit), "never by design; a thread that ends must not end the process oddly"},
    {SCMP_SYS(exit_group), "the end"},
};

constexpr AllowedCall kForChanges[] = {
    {SCMP_SYS(mkdirat), "tree_change"},
    {SCMP_SYS(mknodat), "tree_change: fifos"},
    {SCMP_SYS(symlinkat), "tree_change"},
    {SCMP_SYS(linkat), "tree_change"},
    {SCMP_SYS(unlinkat), "tree_change"},
    {SCMP_SYS(renameat2), "tree_change"},
    {SCMP_SYS(renameat), "tree_change: what the C library makes of renameat2 without flags"},
    {SCMP_SYS(fchown), "tree_change: the owner of a new file"},
    {SCMP_SYS(fchownat), "tree_change, tree_attributes"},
    {SCMP_SYS(fchmodat), "tree_attributes"},
    {SCMP_SYS(utimensat), "tree_attributes"},
    {SCMP_SYS(ftruncate), "tree_attributes, tree_open"},
    {SCMP_SYS(setxattr), "tree_attributes"},
    {SCMP_SYS(removexattr), "tree_attributes"},
};

// Memory, but never executable memory.
constexpr AllowedCall kWithoutExec[] = {
    {SCMP_SYS(mmap), "malloc"},
    {SCMP_SYS(mprotect), "malloc: grows an arena"},
};

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};

}  // namespace

Result<void> InstallFilter(Changes changes) {
  std::unique_ptr<void, ReleaseFilter> filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (filter == nullptr) {
    return Fail(ENOMEM);
  }
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  auto allow = [&](std::span<const AllowedCall> calls) {
    for (const AllowedCall& call : calls) {
      if (error == 0) {
        error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call.number, 0);
      }
    }
  };
  allow(kAlways);
  if (changes == Changes::kAllowed) {
    allow(kForChanges);
  }
  // Malloc looks at /proc/sys/vm/overcommit_memory before it shrinks a heap, and takes no
  // for an answer. The gofer reads no file's contents.
  if (error == 0) {
    error = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(read), 0);
  }
  for (const AllowedCall& call : kWithoutExec) {
    if (error == 0) {
      error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call.number, 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
  }
  if (error == 0) {
    error = seccomp_load(filter.get());
  }
  return error == 0 ? Ok() : Result<void>(Fail(-error));
}

}  // namespace ukrun::gofer
