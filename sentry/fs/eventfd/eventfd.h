// The counter behind eventfd(2).
//
// Reads and writes never block: they fail with EAGAIN, and the system call layer
// (sentry/syscalls/blocking.h) waits on waiters() and tries again.
#pragma once

#include "base/locked.h"
#include "sentry/mm/guest_io.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class EventFd final : public File {
 public:
  enum class Mode : uint8_t { kCounter, kSemaphore };

  // `status_flags`: O_NONBLOCK or 0.
  static RefPtr<File> Create(uint32_t initial, Mode mode, uint32_t status_flags);
  EventFd(Path path, const OpenOptions& options, uint32_t initial, Mode mode);

  Result<size_t> Read(GuestIo& io) override;
  Result<size_t> Write(GuestIo& io) override;
  // As on Linux, succeeds and does nothing.
  Result<int64_t> Seek(int64_t, int) override { return int64_t{0}; }
  Ready Readiness() override;
  WaitQueue* waiters() override { return &waiters_; }
  std::string FdInfo() override;

 private:
  // The largest value; one more would be eventfd's idea of an error.
  static constexpr uint64_t kMost = UINT64_MAX - 1;

  const Mode mode_;
  Locked<uint64_t, LockRank::kFileObject> count_;
  WaitQueue waiters_;
};

}  // namespace ukrun
