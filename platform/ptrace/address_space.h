// A guest address space of the ptrace platform: one host process, seen from outside.
#pragma once

#include <linux/filter.h>

#include <atomic>
#include <memory>

#include "base/host_fd.h"
#include "base/locked.h"
#include "platform/platform.h"
#include "platform/ptrace/process_time.h"
#include "platform/ptrace/process_watch.h"

namespace ukrun::ptrace {

class PtraceContext;

// Which of the sandbox's processors a guest thread runs on.
class Placement {
 public:
  explicit Placement(std::vector<uint32_t> cpus) : cpus_(std::move(cpus)) {}
  // Puts the tracing thread and its guest thread on one CPU: a stop then costs a context
  // switch instead of an interrupt to another processor (6 times less, measured).
  void Pin(int tid);

 private:
  const std::vector<uint32_t> cpus_;
  std::atomic<uint32_t> next_{0};
};

// What all address spaces of a sandbox have in common.
struct Shared {
  explicit Shared(const PlatformOptions& options);
  Placement placement;
  ProcessWatch watch;
  // The filter of guests' host processes, as seccomp(2) takes it. No instructions: none.
  sock_fprog guest_filter{};
};

class PtraceAddressSpace final : public AddressSpace, private GuestMemory {
 public:
  // Makes a host process with nothing in it but the stub and the vDSO.
  static Result<ForkedSpace> CreateEmpty(Shared& shared);
  ~PtraceAddressSpace() override;

  Result<void> Map(const MapRequest& request) override;
  Result<void> Unmap(GuestAddr address, uint64_t size) override;
  Result<void> Protect(GuestAddr address, uint64_t size, int protection) override;
  Result<void> Move(GuestAddr from, uint64_t old_size, GuestAddr to, uint64_t new_size) override;
  Result<void> Advise(GuestAddr address, uint64_t size, int advice) override;
  Result<void> Resident(GuestAddr address, uint64_t size, GuestAddr out) override;
  Result<void> Barrier() override;
  Result<std::unique_ptr<ParkedThread>> NewThread() override;
  Result<ForkedSpace> Fork() override;
  Result<HostUsage> Usage() override;
  HostUsage FinalUsage() const override { return *final_usage_.Lock(); }
  void SetFinalUsage(const HostUsage& usage) { *final_usage_.Lock() = usage; }
  GuestMemory& memory() override { return *this; }
  bool IsHostProcess(int host_pid) const override { return host_pid == host_pid_; }

  int host_pid() const { return host_pid_; }
  uint64_t parent_pid() const { return parent_pid_; }
  const sock_fprog& guest_filter() const { return shared_.guest_filter; }
  void PlaceThread(int tid) { shared_.placement.Pin(tid); }
  ProcessTime& time() { return time_; }
  // A thread of the process turned out to be gone. Returns if the sandbox goes on.
  void ReportDead() { shared_.watch.ReportDead(host_pid_); }
  // Ends the host process. Requires: no context uses it any more.
  void Kill();
  void AddContext() { contexts_.fetch_add(1); }
  // True when it was the last one.
  bool RemoveContext() { return contexts_.fetch_sub(1) == 1; }

  // A place in the guest's process for signal frames (fault_unsafe.cc) and for what host
  // calls answer there. One thread at a time uses it.
  struct FramePlace {
    bool mapped = false;
    bool handlers_ready = false;
  };
  Locked<FramePlace, LockRank::kFramePlace>& frame_place() { return frame_place_; }

 private:
  PtraceAddressSpace(Shared& shared, int host_pid, uint64_t parent_pid)
      : shared_(shared), host_pid_(host_pid), parent_pid_(parent_pid), time_(host_pid) {
    shared_.watch.Add(host_pid);
  }

  Result<size_t> CopyIn(void* to, GuestAddr from, size_t size) override;
  Result<size_t> CopyOut(GuestAddr to, const void* from, size_t size) override;
  Result<uint32_t> CompareExchange32(GuestAddr address, uint32_t expected,
                                     uint32_t desired) override;
  Result<size_t> CopyOutcome(long copied);
  PtraceContext& Context();
  Result<int64_t> Clone(uint64_t flags);

  Shared& shared_;
  const int host_pid_;
  const uint64_t parent_pid_;
  ProcessTime time_;
  // Contexts attached.
  std::atomic<int> contexts_{0};
  std::unique_ptr<uint64_t[]> start_stack_;
  Locked<FramePlace, LockRank::kFramePlace> frame_place_;
  mutable Locked<HostUsage, LockRank::kPlatform> final_usage_;
};

}  // namespace ukrun::ptrace
