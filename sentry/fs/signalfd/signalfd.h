// signalfd(2): reads the pending signals of whoever reads.
//
// The file belongs to no process: a read takes signals of the calling task and its group,
// and poll(2) tells about the caller's. To wake pollers it listens to the signals of every
// thread group that has waited on it.
#pragma once

#include <vector>

#include "abi/signal.h"
#include "base/locked.h"
#include "sentry/mm/guest_io.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class ThreadGroup;

class SignalFd final : public File {
 public:
  static RefPtr<File> Create(abi::SignalSet mask, uint32_t status_flags);
  SignalFd(Path path, const OpenOptions& options, abi::SignalSet mask);
  ~SignalFd() override;

  void SetMask(abi::SignalSet mask);

  Result<size_t> Read(GuestIo& io) override;
  // As on Linux, succeeds and does nothing.
  Result<int64_t> Seek(int64_t, int) override { return int64_t{0}; }
  Ready Readiness() override;
  // From now on the caller's signals are heard.
  WaitQueue* waiters() override;
  std::string FdInfo() override;
  const void* kind() const override { return &kKind; }

  static constexpr char kKind = 0;

 private:
  class Relay;
  struct Source {
    RefPtr<ThreadGroup> group;
    RefPtr<Relay> relay;
  };
  // Shared with relays, which may be about to notify it when the file goes.
  struct Listeners : public RefCounted<Listeners> {
    WaitQueue queue;
  };

  // A file that many short-lived processes poll must not keep them all.
  static constexpr size_t kManySources = 8;

  static void Disconnect(Source& source);
  void DropEndedGroups();

  const RefPtr<Listeners> listeners_ = MakeRef<Listeners>();
  std::atomic<abi::SignalSet> mask_;
  Locked<std::vector<Source>, LockRank::kFileObject> sources_;
};

}  // namespace ukrun
