#include "ukrun/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/panic.h"
#include "gofer/channel.h"
#include "ukrun/outcome.h"
#include "ukrun/startup.h"
#include "ukrun/status.h"

namespace ukrun {
namespace {

absl::StatusOr<HostFd> CreateMemory(const char* name) {
  HostFd memory(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) {
    return SystemError("cannot make shared memory", errno);
  }
  return memory;
}

// A configuration in memory that nobody can change any more.
absl::StatusOr<HostFd> SealedConfig(const char* name, const std::string& bytes) {
  absl::StatusOr<HostFd> memory = CreateMemory(name);
  UKRUN_RETURN_IF_ERROR(memory.status());
  // One write is enough: memory files take whole buffers of this size.
  bool ok = write(memory->get(), bytes.data(), bytes.size()) == ssize_t(bytes.size()) &&
            lseek(memory->get(), 0, SEEK_SET) == 0 &&
            fcntl(memory->get(), F_ADD_SEALS,
                  F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  if (!ok) {
    return SystemError("cannot write a configuration", errno);
  }
  return memory;
}

// The strings of the command, as ConfigHeader wants them.
std::string Terminated(const std::vector<std::string>& strings) {
  std::string bytes;
  for (const std::string& text : strings) {
    bytes.append(text.c_str(), text.size() + 1);
  }
  return bytes;
}

std::string SentryConfigBytes(const SandboxPlan& plan) {
  std::string message = plan.sentry.SerializeAsString();
  std::string arguments = Terminated(plan.arguments);
  std::string environment = Terminated(plan.environment);
  startup::ConfigHeader header{message.size(), arguments.size(), environment.size()};
  return absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&header), sizeof(header)),
                      message, arguments, environment);
}

absl::StatusOr<HostFd> ChannelMemory() {
  absl::StatusOr<HostFd> memory = CreateMemory("ukrun-channel");
  UKRUN_RETURN_IF_ERROR(memory.status());
  bool ok = ftruncate(memory->get(), ssize_t{gofer::kChannelBytes}) == 0 &&
            fcntl(memory->get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  if (!ok) {
    return SystemError("cannot make the gofer's channel", errno);
  }
  return memory;
}

absl::Status SocketPair(HostFd& one, HostFd& other) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return SystemError("cannot make a socket pair", errno);
  }
  one = HostFd(pair[0]);
  other = HostFd(pair[1]);
  return absl::OkStatus();
}

void Signal(const Child& child, int signal) {
  syscall(SYS_pidfd_send_signal, child.pidfd.get(), signal, nullptr, 0);
}

// Waits for the child's end and returns its wait status.
int Reap(Child& child) {
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  child.pidfd = HostFd();
  return status;
}

// The wait status of a child that is dead or dies within the time, which is then reaped.
std::optional<int> StatusIfDead(Child& child, int wait_ms) {
  pollfd polled = {child.pidfd.get(), POLLIN, 0};
  if (poll(&polled, 1, wait_ms) <= 0) {
    return std::nullopt;
  }
  return Reap(child);
}

// Empty for a process that has printed itself why it ended.
std::string DescribeEnd(absl::string_view who, int status) {
  bool explained = WIFEXITED(status) && (WEXITSTATUS(status) == kOwnFailureStatus ||
                                         WEXITSTATUS(status) == kPanicStatus);
  return explained ? "" : absl::StrCat(who, " ", DescribeWait(status));
}

void Kill(Child& child) {
  if (child.pidfd.valid()) {
    Signal(child, SIGKILL);
    Reap(child);
  }
}

// What connects the processes of a sandbox.
struct Links {
  HostFd ukrun_control, sentry_control;
  HostFd sentry_gofer, gofer_sentry;
  HostFd channel;
  HostFd image;  // the Sentry's, for the first stage to map
};

absl::Status OpenLinks(const Installation& files, Links& links) {
  UKRUN_RETURN_IF_ERROR(SocketPair(links.ukrun_control, links.sentry_control));
  UKRUN_RETURN_IF_ERROR(SocketPair(links.sentry_gofer, links.gofer_sentry));
  absl::StatusOr<HostFd> channel = ChannelMemory();
  UKRUN_RETURN_IF_ERROR(channel.status());
  links.channel = *std::move(channel);
  links.image = HostFd(open(files.sentry.c_str(), O_RDONLY | O_CLOEXEC));
  return links.image.valid() ? absl::OkStatus() : SystemError(files.sentry, errno);
}

ChildPlan PlanGofer(const Installation& files, const Links& links) {
  ChildPlan plan;
  plan.program = files.gofer;
  plan.fds = {{links.gofer_sentry.get(), startup::kGoferSentryFd},
              {links.channel.get(), startup::kGoferChannelFd}};
  plan.namespaces = GoferNamespaces();
  plan.capabilities = CapabilityPlan::kFilesOfRoot;
  return plan;
}

// Also tells the Sentry under which numbers it finds the files that not every sandbox has.
ChildPlan PlanSentry(const Installation& files, const Links& links, const TraceFiles& trace,
                     const HostFd& memory_events, proto::SandboxConfig& config) {
  ChildPlan plan;
  plan.program = files.boot;
  plan.fds = {{links.sentry_control.get(), startup::kSentryControlFd},
              {links.sentry_gofer.get(), startup::kSentryGoferFd},
              {links.channel.get(), startup::kSentryChannelFd},
              {links.image.get(), startup::kSentryImageFd}};
  int next_fd = startup::kSentryFirstFreeFd;
  if (trace.strace.valid()) {
    plan.fds.push_back({trace.strace.get(), next_fd});
    config.set_strace_fd(next_fd++);
  }
  if (trace.debug.valid()) {
    plan.fds.push_back({trace.debug.get(), next_fd});
    config.set_debug_fd(next_fd++);
  }
  if (memory_events.valid()) {
    plan.fds.push_back({memory_events.get(), next_fd});
    config.set_memory_events_fd(next_fd++);
  }
  plan.proc_self_as = startup::kBootProcFd;
  plan.namespaces = SentryNamespaces();
  return plan;
}

}  // namespace

Sandbox::Sandbox(Child gofer, Child sentry, ControlSocket control)
    : gofer_(std::move(gofer)), sentry_(std::move(sentry)), control_(std::move(control)) {}

absl::StatusOr<Sandbox> Sandbox::Start(SandboxPlan plan, const Installation& files,
                                       const TraceFiles& trace, const ControlGroups& groups) {
  Links links;
  UKRUN_RETURN_IF_ERROR(OpenLinks(files, links));
  HostFd memory_events = groups.OpenMemoryEvents();
  ChildPlan sentry = PlanSentry(files, links, trace, memory_events, plan.sentry);
  ChildPlan gofer = PlanGofer(files, links);
  absl::StatusOr<HostFd> sentry_config =
      SealedConfig("ukrun-sentry-config", SentryConfigBytes(plan));
  UKRUN_RETURN_IF_ERROR(sentry_config.status());
  absl::StatusOr<HostFd> gofer_config =
      SealedConfig("ukrun-gofer-config", plan.gofer.SerializeAsString());
  UKRUN_RETURN_IF_ERROR(gofer_config.status());
  sentry.fds.push_back({sentry_config->get(), startup::kSentryConfigFd});
  gofer.fds.push_back({gofer_config->get(), startup::kGoferConfigFd});
  for (ChildPlan* child : {&sentry, &gofer}) {
    child->cgroups = groups.procs();
    child->cpus.assign(plan.sentry.host_cpus().begin(), plan.sentry.host_cpus().end());
  }

  // Both set themselves up at the same time.
  absl::StatusOr<StartingChild> starting_gofer = StartChild(gofer);
  UKRUN_RETURN_IF_ERROR(starting_gofer.status());
  absl::StatusOr<StartingChild> starting_sentry = StartChild(sentry);
  absl::StatusOr<Child> gofer_child = FinishStart(*std::move(starting_gofer));
  absl::StatusOr<Child> sentry_child =
      starting_sentry.ok() ? FinishStart(*std::move(starting_sentry)) : starting_sentry.status();
  // From here on what runs is taken care of, whatever comes.
  Sandbox sandbox(gofer_child.ok() ? *std::move(gofer_child) : Child(),
                  sentry_child.ok() ? *std::move(sentry_child) : Child(),
                  ControlSocket(std::move(links.ukrun_control)));
  UKRUN_RETURN_IF_ERROR(gofer_child.status());
  UKRUN_RETURN_IF_ERROR(sentry_child.status());
  return sandbox;
}

Sandbox::~Sandbox() {
  // The Sentry first: it must not see the gofer die and call that a breakdown.
  Kill(sentry_);
  Kill(gofer_);
}

void Sandbox::Pause() const {
  Signal(sentry_, SIGSTOP);
  // On a busy machine its threads may run on for a while, and read what is typed for the
  // caller's shell.
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(sentry_.pid), &info, WSTOPPED | WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
}
void Sandbox::Continue() const { Signal(sentry_, SIGCONT); }

std::string Sandbox::DescribeDeath() {
  // Each of the two ends when the other does, the gofer then without complaint. So a gofer
  // that complained was first; else it was the Sentry, which may still be on its way out.
  std::optional<int> gofer_status = StatusIfDead(gofer_, 0);
  if (!gofer_status.has_value() || *gofer_status == 0) {
    constexpr int kMomentMs = 500;
    std::optional<int> sentry_status = StatusIfDead(sentry_, kMomentMs);
    if (sentry_status.has_value()) {
      return DescribeEnd("the Sentry", *sentry_status);
    }
  }
  return DescribeEnd("the gofer", gofer_status.value_or(0));
}

}  // namespace ukrun
