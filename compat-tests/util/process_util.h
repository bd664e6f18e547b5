// Helpers for the compat tests of processes, signals, memory, time and IPC.
//
// A compat test is an ordinary Linux program, so everything here uses the C library and knows
// nothing of the sandbox. GoogleTest assertions work in the test process only: code that runs in a
// forked child reports with CHILD_CHECK, which prints the failed condition and ends the child with
// kChildFailed; the parent compares DescribeStatus() of the child, such as "exited 0".
//
// Not here: temporary directories and file contents (the file-system families have their own
// helpers).

#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "compat-tests/util/fd.h"
#include "gtest/gtest.h"

namespace compat {

// No test takes anywhere near this long, even where each system call is slow.
inline constexpr unsigned kDeadlineSeconds = 60;
inline constexpr int kDeadlineStatus = 124;
inline constexpr int kChildFailed = 99;
inline constexpr int64_t kMillisecondNs = 1'000'000;
inline constexpr int64_t kSecondNs = 1'000'000'000;

// Ends the process when a test hangs. A handler rather than the default action, because the
// default action does nothing to PID 1.
inline void OnDeadline(int) {
  static constexpr char kMessage[] = "compat test: deadline exceeded\n";
  [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(kDeadlineStatus);
}

// Starts the deadline of the calling process; fork clears it, so each child starts its own.
inline void StartDeadline() {
  signal(SIGALRM, OnDeadline);
  alarm(kDeadlineSeconds);
}

// The fixture of these families: every test runs under a deadline.
class DeadlineTest : public ::testing::Test {
 protected:
  void SetUp() override { StartDeadline(); }
  void TearDown() override { alarm(0); }
};

// ---------------------------------------------------------------------------------------------
// Results of system calls

template <typename T>
long ResultAsLong(T result) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(result);
  } else {
    return static_cast<long>(result);
  }
}

// Whether `call` returns -1 with errno `expected`.
template <typename Call>
::testing::AssertionResult FailsWith(int expected, Call call) {
  errno = 0;
  const long result = ResultAsLong(call());
  const int error = errno;
  if (result == -1 && error == expected) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "returned " << result << ", errno " << error << " (" << strerror(error)
         << "), expected -1, errno " << expected << " (" << strerror(expected) << ")";
}

#define EXPECT_ERRNO(expected, ...) \
  EXPECT_TRUE(::compat::FailsWith((expected), [&] { return __VA_ARGS__; })) << #__VA_ARGS__

// ---------------------------------------------------------------------------------------------
// Children

inline void ChildCheck(bool holds, const char* condition, const char* file, int line) {
  if (!holds) {
    const int error = errno;
    dprintf(STDERR_FILENO, "%s:%d: child: %s is false (errno %d, %s)\n", file, line, condition,
            error, strerror(error));
    _exit(kChildFailed);
  }
}

#define CHILD_CHECK(...) \
  ::compat::ChildCheck(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
#define CHILD_CHECK_ERRNO(expected, ...)                                               \
  ::compat::ChildCheck(                                                                \
      static_cast<bool>(::compat::FailsWith((expected), [&] { return __VA_ARGS__; })), \
      #__VA_ARGS__ " fails with " #expected, __FILE__, __LINE__)

// Forks a child that runs `body`, which returns nothing (status 0) or an exit status. Never returns
// -1: a test that then sent that "process" a signal would send it to every process of the machine.
template <typename Body>
pid_t ForkChild(Body&& body) {
  const pid_t pid = fork();
  if (pid == -1) {
    perror("compat test: fork");
    _exit(kChildFailed);
  }
  if (pid != 0) {
    return pid;
  }
  StartDeadline();
  if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
    body();
    _exit(0);
  } else {
    _exit(body());
  }
}

// "exited 3", "killed by 9", "killed by 11, core", "stopped by 19", "continued".
inline std::string DescribeStatus(int status) {
  if (WIFEXITED(status)) {
    return "exited " + std::to_string(WEXITSTATUS(status));
  }
  if (WIFSIGNALED(status)) {
    return "killed by " + std::to_string(WTERMSIG(status)) + (WCOREDUMP(status) ? ", core" : "");
  }
  if (WIFSTOPPED(status)) {
    return "stopped by " + std::to_string(WSTOPSIG(status));
  }
  return WIFCONTINUED(status) ? "continued" : "unknown status " + std::to_string(status);
}

// Waits for one child, whatever signals arrive meanwhile.
inline std::string WaitFor(pid_t pid, int options = 0) {
  int status = 0;
  pid_t waited = 0;
  do {
    waited = waitpid(pid, &status, options);
  } while (waited == -1 && errno == EINTR);
  return waited == pid ? DescribeStatus(status) : "waitpid returned " + std::to_string(waited);
}

template <typename Body>
std::string RunInChild(Body&& body) {
  return WaitFor(ForkChild(std::forward<Body>(body)));
}

inline pid_t GetTid() { return static_cast<pid_t>(syscall(SYS_gettid)); }

// ---------------------------------------------------------------------------------------------
// Descriptors

using ukrun::compat_tests::Fd;

// pipe2 as an object; a failure shows as descriptors that are not ok().
struct Pipe {
  explicit Pipe(int flags = 0) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, flags) == 0) {
      reader.Reset(ends[0]);
      writer.Reset(ends[1]);
    }
  }
  Fd reader;
  Fd writer;
};

// Carries values between processes or threads; receiving waits for the sender. It replaces sleeps.
template <typename T = char>
class Channel {
 public:
  void Send(const T& value = T()) {
    while (write(pipe_.writer.get(), &value, sizeof(value)) == -1 && errno == EINTR) {
    }
  }
  // Waits for a value; a default one when the deadline or a closed pipe gets in the way.
  T Receive() {
    T value = T();
    while (read(pipe_.reader.get(), &value, sizeof(value)) == -1 && errno == EINTR) {
    }
    return value;
  }

 private:
  Pipe pipe_{O_CLOEXEC};
};

// One object in memory that forked children share with their parent.
template <typename T>
class Shared {
 public:
  Shared()
      : object_(new (mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0)) T()) {}
  ~Shared() { munmap(object_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  T* get() const { return object_; }

 private:
  T* object_;
};

}  // namespace compat
