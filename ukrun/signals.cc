#include "ukrun/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "ukrun/status.h"

namespace ukrun {
namespace {

// Passed on to the command, but SIGTSTP, SIGWINCH on a terminal, and an impatient SIGINT:
// supervisor.cc.
constexpr auto kTaken = std::to_array<int>(
    {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, SIGTSTP});

bool IsIgnored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

std::vector<int> IgnoredSignals() {
  std::vector<int> ignored;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (IsIgnored(signal)) {
      ignored.push_back(signal);
    }
  }
  return ignored;
}

absl::Status Signals::Take() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (int signal : kTaken) {
    if (!IsIgnored(signal)) {
      sigaddset(&wanted, signal);
    }
  }
  signal(SIGPIPE, SIG_IGN);
  // Ignored, it would take dead children away before their status has been seen.
  signal(SIGCHLD, SIG_DFL);
  if (sigprocmask(SIG_BLOCK, &wanted, &before_) != 0) {
    return SystemError("cannot block signals", errno);
  }
  taken_ = true;
  fd_ = HostFd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  return fd_.valid() ? absl::OkStatus() : SystemError("cannot watch for signals", errno);
}

Signals::~Signals() {
  if (taken_) {
    // Too late for these: the sandbox is over, and its status is what counts.
    while (Next().has_value()) {
    }
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
}

std::optional<int> Signals::Next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) {
    return std::nullopt;
  }
  return static_cast<int>(info.ssi_signo);
}

}  // namespace ukrun
