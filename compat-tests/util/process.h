// Forked children whose assertions count, signposts between processes, and who we are.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"

namespace ukrun::compat_tests {

// A child that runs `body` and exits; failed assertions inside make it exit with status 1. It is
// killed and reaped by the destructor, so that a failed ASSERT in the parent leaves nothing behind.
class Child {
 public:
  template <typename Body>
  explicit Child(Body&& body) {
    fflush(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      body();
      const bool failed = testing::Test::HasFailure();
      fflush(nullptr);
      _exit(failed ? 1 : 0);
    }
    EXPECT_OK(pid_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      WaitStatus();
    }
  }

  pid_t pid() const { return pid_; }

  // The status as waitpid gives it.
  int WaitStatus() {
    int status = -1;
    pid_t reaped = -1;
    do {
      reaped = waitpid(pid_, &status, 0);
    } while (reaped == -1 && errno == EINTR);
    EXPECT_OK(reaped);
    pid_ = -1;
    return status;
  }

  testing::AssertionResult Passes() {
    const int status = WaitStatus();
    if (WIFSIGNALED(status)) {
      return testing::AssertionFailure() << "child killed by signal " << WTERMSIG(status);
    }
    if (WEXITSTATUS(status) != 0) {
      return testing::AssertionFailure() << "child exited with status " << WEXITSTATUS(status);
    }
    return testing::AssertionSuccess();
  }

 private:
  pid_t pid_ = -1;
};

// Runs `body` in a child to its end. A failure is reported at the line of the caller, after those
// that the child itself has printed.
template <typename Body>
void ExpectPassesInChild(Body&& body, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
  const testing::AssertionResult result = Child(std::forward<Body>(body)).Passes();
  if (!result) {
    ADD_FAILURE_AT(file, line) << result.message();
  }
}

// Runs a program to its end and returns the wait status; 127 means that it could not be run.
inline int RunProgram(const std::vector<std::string>& arguments) {
  return Child([&] {
           std::vector<char*> pointers;
           for (const std::string& argument : arguments) {
             pointers.push_back(const_cast<char*>(argument.c_str()));
           }
           pointers.push_back(nullptr);
           execv(pointers[0], pointers.data());
           _exit(127);
         })
      .WaitStatus();
}

// Lets one process wait until another has got somewhere. Made before the fork.
class Signpost {
 public:
  Signpost() {
    int ends[2] = {-1, -1};
    EXPECT_OK(pipe2(ends, O_CLOEXEC));
    reader_ = Fd(ends[0]);
    writer_ = Fd(ends[1]);
  }

  void Raise() { EXPECT_EQ(write(writer_.get(), "x", 1), 1); }
  bool Wait() {
    char byte = 0;
    return PollFor(reader_.get(), POLLIN) && read(reader_.get(), &byte, 1) == 1;
  }

 private:
  Fd reader_;
  Fd writer_;
};

// Sends SIGALRM to this process every few milliseconds, to a handler installed without SA_RESTART:
// a call that blocks is interrupted, even if the first signal came before it began to block.
class InterruptingTimer {
 public:
  InterruptingTimer() {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    EXPECT_OK(sigaction(SIGALRM, &action, &old_action_));
    const itimerval often = {.it_interval = {0, 5'000}, .it_value = {0, 5'000}};
    EXPECT_OK(setitimer(ITIMER_REAL, &often, nullptr));
  }
  InterruptingTimer(const InterruptingTimer&) = delete;
  InterruptingTimer& operator=(const InterruptingTimer&) = delete;
  ~InterruptingTimer() {
    const itimerval never = {};
    EXPECT_OK(setitimer(ITIMER_REAL, &never, nullptr));
    EXPECT_OK(sigaction(SIGALRM, &old_action_, nullptr));
  }

 private:
  struct sigaction old_action_ = {};
};

// Looks again and again until the condition holds, for what no event announces. Fails the test when
// it has not come true after 20 seconds.
template <typename Condition>
bool WaitUntil(Condition&& condition, const char* file = __builtin_FILE(),
               int line = __builtin_LINE()) {
  const int64_t deadline = ClockNs(CLOCK_MONOTONIC) + 20'000'000'000;
  while (ClockNs(CLOCK_MONOTONIC) < deadline) {
    if (condition()) {
      return true;
    }
    sched_yield();
  }
  ADD_FAILURE_AT(file, line) << "waited 20 seconds in vain";
  return false;
}

// Returns when `pid` sleeps in the kernel, as far as its /proc state tells.
inline void WaitUntilAsleep(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  WaitUntil([&] {
    const std::string text = ReadFile(path.c_str());
    const size_t name_end = text.rfind(')');
    return name_end != std::string::npos && name_end + 2 < text.size() && text[name_end + 2] == 'S';
  });
}

// Who the tests become when they give up root, and a second stranger.
inline constexpr uid_t kOrdinaryUid = 65534;
inline constexpr gid_t kOrdinaryGid = 65534;
inline constexpr uid_t kStrangerUid = 54321;
inline constexpr gid_t kStrangerGid = 54321;

inline bool RunsAsRoot() { return geteuid() == 0; }

// For good: real, effective and saved ids and the supplementary groups.
inline void BecomeUser(uid_t uid, gid_t gid, const std::vector<gid_t>& groups = {}) {
  if (setgroups(groups.size(), groups.data()) != 0 || setresgid(gid, gid, gid) != 0 ||
      setresuid(uid, uid, uid) != 0) {
    fprintf(stderr, "cannot become user %u: %s\n", uid, ErrnoName(errno).c_str());
    _exit(99);
  }
}

// Runs `body` in a child without privileges: root gives them up there, anybody else has none.
template <typename Body>
void ExpectPassesAsOrdinaryUser(Body&& body, const char* file = __builtin_FILE(),
                                int line = __builtin_LINE()) {
  ExpectPassesInChild(
      [&] {
        if (RunsAsRoot()) {
          BecomeUser(kOrdinaryUid, kOrdinaryGid);
        }
        body();
      },
      file, line);
}

// Makes the file belong to the user whom ExpectPassesAsOrdinaryUser runs as.
inline void GiveToOrdinaryUser(const char* path) {
  if (RunsAsRoot()) {
    EXPECT_OK(lchown(path, kOrdinaryUid, kOrdinaryGid));
  }
}

}  // namespace ukrun::compat_tests

#define SKIP_UNLESS_ROOT()                                          \
  do {                                                              \
    if (!::ukrun::compat_tests::RunsAsRoot()) {                     \
      GTEST_SKIP() << "needs root: the test becomes several users"; \
    }                                                               \
  } while (false)
