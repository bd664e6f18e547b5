#include "ukrun/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/str_cat.h"
#include "ukrun/messages.h"
#include "ukrun/sizes.h"

namespace ukrun {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// A second Ctrl-C within this time means that the first did not help.
constexpr int64_t kImpatienceNs = kSecondNs;
// How often a ukrun in the background looks whether it still is: shells tell nobody.
constexpr int64_t kForegroundIntervalMs = 200;
// How long the Sentry may take to end when asked; saving many files takes its time.
constexpr int64_t kEndPatienceNs = 2 * kSecondNs;
constexpr int64_t kKeepPatienceNs = 60 * kSecondNs;

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

}  // namespace

Supervisor::Supervisor(const Options& options, uint64_t memory_bytes, Sandbox& sandbox,
                       Signals& signals, Terminal& terminal)
    : options_(options),
      sandbox_(sandbox),
      signals_(signals),
      terminal_(terminal),
      memory_bytes_(memory_bytes),
      memory_(memory_bytes, sandbox.sentry().pid) {
  if (options.timeout_ns.has_value()) {
    time_limit_ns_ = NowNs() + *options.timeout_ns;
  }
}

Outcome Supervisor::Watch() {
  while (!over_) {
    auto polled = std::to_array<pollfd>({
        {sandbox_.control().fd(), POLLIN, 0},
        {signals_.fd(), POLLIN, 0},
        {sandbox_.sentry().pidfd.get(), POLLIN, 0},
        {sandbox_.gofer().pidfd.get(), POLLIN, 0},
    });
    if (poll(polled.data(), polled.size(), PollTimeoutMs()) < 0) {
      continue;  // a signal that is not ours to handle
    }
    HandleSignals();
    // Events before deaths: the last word of a Sentry that has exited counts.
    HandleEvents();
    if (!over_ && (polled[2].revents != 0 || polled[3].revents != 0)) {
      HandleDeaths();
    }
    HandleTime();
    WatchMemory();
    LookAtForeground();
  }
  return std::move(outcome_);
}

int Supervisor::PollTimeoutMs() const {
  constexpr int64_t kForever = std::numeric_limits<int>::max();
  int64_t wait_ms = WaitsForForeground() ? kForegroundIntervalMs : kForever;
  for (std::optional<int64_t> time_ns : {time_limit_ns_, patience_ns_, next_sample_ns_}) {
    if (time_ns.has_value()) {
      // Rounded up, so as not to wake just before the time.
      wait_ms = std::min(wait_ms, (*time_ns - NowNs()) / 1'000'000 + 1);
    }
  }
  return wait_ms == kForever ? -1 : static_cast<int>(std::max<int64_t>(wait_ms, 0));
}

void Supervisor::SendSignal(int signal) {
  proto::ControlRequest request;
  request.set_signal(static_cast<uint32_t>(signal));
  sandbox_.control().Send(request);
}

void Supervisor::SendWindow() {
  proto::ControlRequest request;
  *request.mutable_window() = TerminalWindow();
  sandbox_.control().Send(request);
}

void Supervisor::SendTerminalInput(proto::ControlRequest::TerminalInput input) {
  proto::ControlRequest request;
  request.set_terminal_input(input);
  sandbox_.control().Send(request);
}

void Supervisor::End(proto::ControlRequest::Reason reason) {
  if (outcome_.ended != proto::ControlRequest::REASON_UNSPECIFIED) {
    return;
  }
  outcome_.ended = reason;
  proto::ControlRequest request;
  request.set_end(reason);
  sandbox_.control().Send(request);
  patience_ns_ = NowNs() + (options_.keep_dir.has_value() ? kKeepPatienceNs : kEndPatienceNs);
}

void Supervisor::HandleSignals() {
  while (std::optional<int> signal = signals_.Next()) {
    if (*signal == SIGTSTP) {
      Suspend(Stopped::kItself);
    } else if (*signal == SIGWINCH && TerminalStreams() != 0) {
      // The guest's terminal makes a signal of it.
      SendWindow();
    } else if (*signal == SIGINT) {
      HandleInterrupt();
    } else {
      SendSignal(*signal);
    }
  }
}

void Supervisor::HandleInterrupt() {
  int64_t now_ns = NowNs();
  if (interrupted_ns_.has_value() && now_ns - *interrupted_ns_ < kImpatienceNs) {
    End(proto::ControlRequest::INTERRUPTED);
    return;
  }
  interrupted_ns_ = now_ns;
  SendSignal(SIGINT);
}

// The command was stopped (Ctrl-Z), or somebody wants ukrun to stop: stop as any program
// does, for the caller's shell to see, with the terminal in order. The sandbox stops too, so
// that it does not go on reading the terminal.
void Supervisor::Suspend(Stopped stopped) {
  SendTerminalInput(proto::ControlRequest::LEAVE);
  sandbox_.Pause();
  terminal_.Restore();
  sigset_t stop;
  sigset_t before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  sigprocmask(SIG_BLOCK, &stop, &before);
  kill(stopped == Stopped::kItsGroup ? 0 : getpid(), SIGTSTP);
  // Here this process stops, unless nobody could ever continue it.
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);
  sigprocmask(SIG_SETMASK, &before, nullptr);

  sandbox_.Continue();
  LookAtForeground();
  sigset_t pending;
  if (sigpending(&pending) != 0 || sigismember(&pending, SIGCONT) != 1) {
    // Usually the SIGCONT that woke this process is passed on like any other signal.
    SendSignal(SIGCONT);
  }
}

// Takes the terminal when the caller's shell has given it to ukrun.
void Supervisor::LookAtForeground() {
  if (over_ || !WaitsForForeground() || !terminal_.InForeground()) {
    return;
  }
  terminal_.EnterRaw();
  SendWindow();
  SendTerminalInput(proto::ControlRequest::READ);
}

void Supervisor::HandleEvents() {
  while (std::optional<proto::ControlEvent> event = sandbox_.control().Receive()) {
    if (event->exited() || !event->start_error().empty()) {
      outcome_.last = *std::move(event);
      over_ = true;
      return;
    }
    if (event->started()) {
      next_sample_ns_ = NowNs();
    }
    if (event->stopped_signal() != 0) {
      // A key that the guest's terminal took in the place of the caller's, which would have
      // stopped the other commands of a pipeline as well.
      bool key = terminal_.raw() && event->stopped_signal() == SIGTSTP;
      Suspend(key ? Stopped::kItsGroup : Stopped::kItself);
    }
  }
}

void Supervisor::HandleDeaths() {
  HandleEvents();
  if (over_) {
    return;
  }
  over_ = true;
  outcome_.death = sandbox_.DescribeDeath();
}

void Supervisor::HandleTime() {
  int64_t now_ns = NowNs();
  if (!over_ && time_limit_ns_.has_value() && now_ns >= *time_limit_ns_) {
    time_limit_ns_.reset();
    End(proto::ControlRequest::TIMED_OUT);
  }
  if (patience_ns_.has_value() && now_ns >= *patience_ns_) {
    over_ = true;
  }
}

void Supervisor::WatchMemory() {
  if (over_ || !next_sample_ns_.has_value() || NowNs() < *next_sample_ns_) {
    return;
  }
  std::vector<uint32_t> victims = memory_.Sample();
  for (uint32_t victim : victims) {
    proto::ControlRequest request;
    request.set_out_of_memory_host_pid(victim);
    sandbox_.control().Send(request);
  }
  if (!victims.empty()) {
    std::string who = victims.size() == 1
                          ? "the largest process was killed"
                          : absl::StrCat("the ", victims.size(), " largest processes were killed");
    Say(absl::StrCat("out of memory: more than ", FormatSize(memory_bytes_), " in use, so ", who,
                     " (--memory)"));
  }
  next_sample_ns_ = NowNs() + memory_.interval_ms() * 1'000'000;
}

}  // namespace ukrun
