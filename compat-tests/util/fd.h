// An owned file descriptor, for the compatibility tests.
//
// Used by every compat test. These tests are ordinary Linux programs, so nothing here may depend
// on the kernel code of ukrun: it is not a wrapper around base/host_fd.h and must not become one.
#pragma once

#include <unistd.h>

#include <utility>

namespace ukrun::compat_tests {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

  void Close() { Reset(); }
  // Closes, and owns `fd` instead.
  void Reset(int fd = -1) {
    if (fd_ >= 0) {
      close(fd_);
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace ukrun::compat_tests
