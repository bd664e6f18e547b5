#include "ukrun/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ukrun/status.h"

namespace ukrun {
namespace {

// What a child says when it cannot become the program.
struct Complaint {
  int error = 0;
  char step[48] = "";
};

// Above every number that a child is given, so that moving one descriptor into place
// never overwrites another.
constexpr int kSafeFd = 64;

class ChildSide {
 public:
  ChildSide(const ChildPlan& plan, int program_fd, int report_fd)
      : plan_(plan), program_fd_(program_fd), report_fd_(report_fd) {}

  [[noreturn]] void Run(uint32_t uid, uint32_t gid, bool in_namespaces);

 private:
  void JoinCgroups();
  void ResetSignals();
  void SetLimits();
  void PlaceDescriptors();
  void Check(bool ok, const char* step);

  const ChildPlan& plan_;
  int program_fd_;
  int report_fd_;
};

void ChildSide::Check(bool ok, const char* step) {
  if (ok) {
    return;
  }
  Complaint complaint;
  complaint.error = errno;
  std::strncpy(complaint.step, step, sizeof(complaint.step) - 1);
  [[maybe_unused]] ssize_t written = write(report_fd_, &complaint, sizeof(complaint));
  _exit(125);
}

void ChildSide::JoinCgroups() {
  for (int procs : plan_.cgroups) {
    Check(write(procs, "0", 1) == 1, "cannot join the control group");
  }
}

void ChildSide::ResetSignals() {
  // The sandbox's processes answer to no signal of the terminal: in a session of their
  // own they get none, and may still read and write the terminal they inherited.
  Check(setsid() >= 0, "cannot start a session");
  signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void ChildSide::SetLimits() {
  // A core file of the Sentry would hold the guest's secrets.
  rlimit core = {0, 0};
  setrlimit(RLIMIT_CORE, &core);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (!plan_.cpus.empty()) {
    uint32_t last = *std::max_element(plan_.cpus.begin(), plan_.cpus.end());
    cpu_set_t* set = CPU_ALLOC(last + 1);
    size_t bytes = CPU_ALLOC_SIZE(last + 1);
    CPU_ZERO_S(bytes, set);
    for (uint32_t cpu : plan_.cpus) {
      CPU_SET_S(cpu, bytes, set);
    }
    Check(sched_setaffinity(0, bytes, set) == 0, "cannot choose its processors");
  }
}

void ChildSide::PlaceDescriptors() {
  auto lift = [this](int fd) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, kSafeFd);
    Check(high >= 0, "cannot pass a descriptor");
    return high;
  };
  report_fd_ = lift(report_fd_);
  program_fd_ = lift(program_fd_);
  std::vector<GivenFd> given = plan_.fds;
  for (GivenFd& fd : given) {
    fd.ours = lift(fd.ours);
  }
  if (plan_.proc_self_as >= 0) {
    int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    Check(self >= 0, "cannot open /proc/self");
    given.push_back({lift(self), plan_.proc_self_as});
  }
  // Everything of ours goes; then the few that are meant come.
  Check(close_range(3, kSafeFd - 1, 0) == 0, "cannot close descriptors");
  unsigned highest = static_cast<unsigned>(std::max(report_fd_, program_fd_));
  for (const GivenFd& fd : given) {
    Check(dup2(fd.ours, fd.theirs) >= 0, "cannot pass a descriptor");
    highest = std::max(highest, static_cast<unsigned>(fd.ours));
  }
  Check(
      close_range(kSafeFd, ~0U, CLOSE_RANGE_CLOEXEC) == 0 && close_range(highest + 1, ~0U, 0) == 0,
      "cannot close descriptors");
}

void ChildSide::Run(uint32_t uid, uint32_t gid, bool in_namespaces) {
  JoinCgroups();
  ResetSignals();
  SetLimits();
  PlaceDescriptors();
  if (in_namespaces && (plan_.namespaces.clone_flags & CLONE_NEWUSER) != 0) {
    MapOwnIds(uid, gid);
  }
  if (in_namespaces && plan_.namespaces.empty_root) {
    EnterEmptyRoot();
  }
  errno = DropPrivileges(plan_.capabilities);
  Check(errno == 0, "cannot drop privileges");
  // Last, because a change of privileges takes it back. When ukrun died before this line,
  // the child notices by its control socket.
  Check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "cannot tie its life to ukrun's");
  std::string name = plan_.program.substr(plan_.program.rfind('/') + 1);
  char* argv[] = {name.data(), nullptr};
  char* envp[] = {nullptr};
  syscall(SYS_execveat, program_fd_, "", argv, envp, AT_EMPTY_PATH);
  Check(false, "cannot execute it");
  _exit(125);
}

// Like fork(2), into new namespaces, with a descriptor that stands for the child. The older
// clone call, because container runtimes refuse the newer one.
pid_t ForkInto(uint64_t namespaces, int& pidfd) {
  return static_cast<pid_t>(
      syscall(SYS_clone, namespaces | CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, 0));
}

}  // namespace

absl::StatusOr<StartingChild> StartChild(const ChildPlan& plan) {
  HostFd program(open(plan.program.c_str(), O_PATH | O_CLOEXEC));
  if (!program.valid()) {
    return SystemError(plan.program, errno);
  }
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    return SystemError("cannot make a pipe", errno);
  }
  HostFd report_read(report[0]);
  HostFd report_write(report[1]);
  uint32_t uid = geteuid();
  uint32_t gid = getegid();

  int pidfd = -1;
  bool in_namespaces = plan.namespaces.clone_flags != 0;
  pid_t pid = in_namespaces ? ForkInto(plan.namespaces.clone_flags, pidfd) : -1;
  if (pid < 0) {
    in_namespaces = false;
    pid = ForkInto(0, pidfd);
  }
  if (pid < 0) {
    return SystemError("cannot start a process", errno);
  }
  if (pid == 0) {
    ChildSide(plan, program.get(), report_write.get()).Run(uid, gid, in_namespaces);
  }
  return StartingChild{{pid, HostFd(pidfd)}, plan.program, std::move(report_read)};
}

absl::StatusOr<Child> FinishStart(StartingChild starting) {
  Complaint complaint;
  ssize_t got;
  do {
    got = read(starting.report.get(), &complaint, sizeof(complaint));
  } while (got < 0 && errno == EINTR);
  if (got == 0) {
    return std::move(starting.child);
  }
  waitpid(starting.child.pid, nullptr, 0);
  return SystemError(absl::StrCat(starting.program, ": ", complaint.step), complaint.error);
}

}  // namespace ukrun
