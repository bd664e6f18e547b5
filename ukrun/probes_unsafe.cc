#include "ukrun/probes.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "base/host_fd.h"

namespace ukrun {
namespace {

// Runs `probe` in a child and returns its result, a small number.
template <typename Probe>
int InChild(Probe probe) {
  pid_t child = fork();
  if (child == 0) {
    _exit(probe());
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    return EPERM;  // killed: somebody's filter does not like the call
  }
  return WEXITSTATUS(status);
}

// 0 and a descriptor to close, or the errno value.
int ErrorOf(long fd) {
  if (fd < 0) {
    return errno;
  }
  close(static_cast<int>(fd));
  return 0;
}

int TraceChild() {
  pid_t traced = fork();
  if (traced == 0) {
    int error = ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : errno;
    if (error == 0) {
      raise(SIGSTOP);
    }
    _exit(error);
  }
  int status = 0;
  if (traced < 0 || waitpid(traced, &status, WUNTRACED) != traced) {
    return errno;
  }
  if (WIFEXITED(status)) {
    return WEXITSTATUS(status);
  }
  int error = ptrace(PTRACE_SYSEMU, traced, nullptr, nullptr) == 0 ? 0 : errno;
  kill(traced, SIGKILL);
  waitpid(traced, nullptr, 0);
  return error;
}

}  // namespace

int YamaScope() {
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  return file >> scope ? scope : 0;
}

int TryPtrace() { return InChild(TraceChild); }

int TryNamespaces(uint64_t clone_flags) {
  return InChild([clone_flags] {
    long child = syscall(SYS_clone, clone_flags | SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (child == 0) {
      _exit(0);
    }
    return child < 0 ? errno : 0;
  });
}

int LandlockVersion() {
  long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

bool HasSeccomp() {
  uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int TryIoUring() {
  return InChild([] {
    io_uring_params parameters{};
    return ErrorOf(syscall(SYS_io_uring_setup, 1, &parameters));
  });
}

int TryOpenat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return ErrorOf(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)));
}

int TryMemfd() { return ErrorOf(memfd_create("ukrun-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING)); }

bool HasProtectionKeys() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) == 0) {
      return (line + " ").find(" ospke ") != std::string::npos;
    }
  }
  return false;
}

uint64_t DescriptorLimit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 0;
}

}  // namespace ukrun
