// HostFd: owns a host descriptor. The number means the same in every host process of the
// sandbox (they share one descriptor table); guest code never gets to use one.
#pragma once

#include <utility>

namespace ukrun {

class HostFd {
 public:
  constexpr HostFd() = default;
  constexpr explicit HostFd(int fd) : fd_(fd) {}
  HostFd(HostFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HostFd& operator=(HostFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~HostFd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace ukrun
