// Process-wide settings that a test changes and that come back when the scope ends.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/fd.h"

namespace ukrun::compat_tests {

class ScopedUmask {
 public:
  explicit ScopedUmask(mode_t mask) : old_(umask(mask)) {}
  ScopedUmask(const ScopedUmask&) = delete;
  ScopedUmask& operator=(const ScopedUmask&) = delete;
  ~ScopedUmask() { umask(old_); }

 private:
  mode_t old_;
};

// Returns to the working directory that was current when it was made.
class SavedWorkingDirectory {
 public:
  SavedWorkingDirectory() : old_(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  ~SavedWorkingDirectory() { EXPECT_OK(fchdir(old_.get())); }

 private:
  Fd old_;
};

// Lowers (or sets) the soft limit of a resource.
class ScopedSoftLimit {
 public:
  ScopedSoftLimit(int resource, rlim_t soft) : resource_(resource) {
    EXPECT_OK(getrlimit(Which(), &old_));
    rlimit changed = old_;
    changed.rlim_cur = soft;
    EXPECT_OK(setrlimit(Which(), &changed));
  }
  ScopedSoftLimit(const ScopedSoftLimit&) = delete;
  ScopedSoftLimit& operator=(const ScopedSoftLimit&) = delete;
  ~ScopedSoftLimit() { EXPECT_OK(setrlimit(Which(), &old_)); }

 private:
  __rlimit_resource Which() const { return static_cast<__rlimit_resource>(resource_); }

  int resource_;
  rlimit old_ = {};
};

class ScopedSignalHandler {
 public:
  ScopedSignalHandler(int signal, void (*handler)(int)) : signal_(signal) {
    struct sigaction action = {};
    action.sa_handler = handler;
    EXPECT_OK(sigaction(signal_, &action, &old_));
  }
  ScopedSignalHandler(const ScopedSignalHandler&) = delete;
  ScopedSignalHandler& operator=(const ScopedSignalHandler&) = delete;
  ~ScopedSignalHandler() { EXPECT_OK(sigaction(signal_, &old_, nullptr)); }

 private:
  int signal_;
  struct sigaction old_ = {};
};

}  // namespace ukrun::compat_tests
