// Whole-file reading and writing, stat by value, and times as numbers.
//
// Each helper fails the running test when the call below it fails, so that a test reads as the
// behaviour it is about. Tests of a call itself use the call, not these.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/fd.h"

namespace ukrun::compat_tests {

inline Fd OpenFile(const char* path, int flags, mode_t mode = 0644) {
  Fd fd(open(path, flags | O_CLOEXEC, mode));
  if (!fd.ok()) {
    ADD_FAILURE() << "open(" << path << "): " << ErrnoName(errno);
  }
  return fd;
}

inline void WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0) {
      ADD_FAILURE() << "write: " << ErrnoName(errno);
      return;
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
}

// Reads from the descriptor's position to the end of the file.
inline std::string ReadAll(int fd) {
  std::string content;
  char buffer[16384];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0) {
      ADD_FAILURE() << "read: " << ErrnoName(errno);
      return content;
    }
    if (count == 0) {
      return content;
    }
    content.append(buffer, static_cast<size_t>(count));
  }
}

// Creates or empties the file, writes `content` and gives it exactly `mode`, whatever the umask.
inline void WriteFile(const char* path, std::string_view content, mode_t mode = 0644) {
  Fd fd = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!fd.ok()) {
    return;
  }
  WriteAll(fd.get(), content);
  EXPECT_OK(fchmod(fd.get(), mode));
}

inline std::string ReadFile(const char* path) {
  Fd fd = OpenFile(path, O_RDONLY);
  return fd.ok() ? ReadAll(fd.get()) : std::string();
}

inline struct stat Stat(const char* path) {
  struct stat status = {};
  EXPECT_OK(stat(path, &status)) << path;
  return status;
}

inline struct stat LinkStat(const char* path) {
  struct stat status = {};
  EXPECT_OK(lstat(path, &status)) << path;
  return status;
}

inline struct stat FdStat(int fd) {
  struct stat status = {};
  EXPECT_OK(fstat(fd, &status));
  return status;
}

// The permission bits with setuid, setgid and sticky.
inline mode_t PermissionBits(const struct stat& status) { return status.st_mode & 07777; }

inline bool Exists(const char* path) {
  struct stat status = {};
  return lstat(path, &status) == 0;
}

inline std::string ReadLink(const char* path) {
  char target[8192];
  const ssize_t length = readlink(path, target, sizeof(target));
  EXPECT_OK(length) << path;
  return length < 0 ? std::string() : std::string(target, static_cast<size_t>(length));
}

inline std::string FdPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

inline int64_t ToNs(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

inline int64_t ClockNs(clockid_t clock) {
  timespec now = {};
  EXPECT_OK(clock_gettime(clock, &now));
  return ToNs(now);
}

// File times come from a clock that advances in ticks (and, on newer kernels, from the precise one
// when somebody has looked): a time set between two points lies in [FileClockNs() before,
// CLOCK_REALTIME after].
inline int64_t FileClockNs() { return ClockNs(CLOCK_REALTIME_COARSE); }
inline int64_t RealTimeNs() { return ClockNs(CLOCK_REALTIME); }

// Returns when a file time taken now differs from every one taken before the call: at most one
// tick (10 ms) later.
inline void WaitForFileClockTick() {
  const int64_t start = RealTimeNs();
  while (FileClockNs() <= start) {
  }
}

// Waits for poll(2) events, and fails the test rather than hanging it.
inline bool PollFor(int fd, short events, int timeout_ms = 20'000) {
  pollfd entry = {.fd = fd, .events = events, .revents = 0};
  const int count = poll(&entry, 1, timeout_ms);
  EXPECT_OK(count);
  return count == 1 && (entry.revents & events) != 0;
}

}  // namespace ukrun::compat_tests
