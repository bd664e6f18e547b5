// Signals, time and waiting for the compat tests; process_util.h has the rest.

#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <initializer_list>
#include <string>

#include "compat-tests/util/process_util.h"

namespace compat {

// A child that waits until it is killed.
inline pid_t ForkSleeper() {
  return ForkChild([] {
    for (;;) {
      pause();
    }
  });
}

inline std::string KillAndWait(pid_t pid) {
  kill(pid, SIGKILL);
  return WaitFor(pid);
}

inline sigset_t SignalSet(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal_number : signals) {
    sigaddset(&set, signal_number);
  }
  return set;
}

// Installs an action for the life of the object.
class ScopedAction {
 public:
  ScopedAction(int signal_number, void (*handler)(int), int flags = 0) : number_(signal_number) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(number_, &action, &before_);
  }
  ScopedAction(int signal_number, void (*handler)(int, siginfo_t*, void*), int flags = 0)
      : number_(signal_number) {
    struct sigaction action = {};
    action.sa_sigaction = handler;
    action.sa_flags = flags | SA_SIGINFO;
    sigaction(number_, &action, &before_);
  }
  ~ScopedAction() { sigaction(number_, &before_, nullptr); }
  ScopedAction(const ScopedAction&) = delete;
  ScopedAction& operator=(const ScopedAction&) = delete;

 private:
  int number_;
  struct sigaction before_ = {};
};

// Blocks signals in the calling thread for the life of the object.
class ScopedBlock {
 public:
  explicit ScopedBlock(std::initializer_list<int> signals) {
    const sigset_t set = SignalSet(signals);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~ScopedBlock() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  ScopedBlock(const ScopedBlock&) = delete;
  ScopedBlock& operator=(const ScopedBlock&) = delete;

 private:
  sigset_t before_ = {};
};

inline timespec ToTimespec(int64_t ns) { return {ns / kSecondNs, ns % kSecondNs}; }
inline int64_t ToNs(const timespec& time) { return time.tv_sec * kSecondNs + time.tv_nsec; }
inline int64_t NowNs(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now = {};
  clock_gettime(clock, &now);
  return ToNs(now);
}
inline void SleepNs(int64_t ns) {
  const timespec pause = ToTimespec(ns);
  nanosleep(&pause, nullptr);
}

// The letter that /proc/PID/task/TID/stat gives for a thread, '?' when there is no such thread.
inline char ThreadState(pid_t pid, pid_t tid) {
  const std::string path =
      "/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/stat";
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[512] = {};
  if (!file.ok() || read(file.get(), text, sizeof(text) - 1) <= 0) {
    return '?';
  }
  const char* name_end = strrchr(text, ')');
  return name_end == nullptr ? '?' : name_end[2];
}

// Polls `condition` until it holds; false at the deadline. For events that cannot be waited for.
template <typename Condition>
bool Eventually(Condition condition, int64_t within_ns = 20 * kSecondNs) {
  const int64_t end_ns = NowNs() + within_ns;
  while (!condition()) {
    if (NowNs() > end_ns) {
      return false;
    }
    SleepNs(kMillisecondNs);
  }
  return true;
}

// Waits until a thread sleeps in the kernel: the way to interrupt a call that has begun to block.
inline bool WaitUntilAsleep(pid_t pid, pid_t tid) {
  return Eventually([&] { return ThreadState(pid, tid) == 'S'; });
}
inline bool WaitUntilAsleep(pid_t pid) { return WaitUntilAsleep(pid, pid); }

}  // namespace compat
