// What the Sentry asks of the host's isolation mechanism: address spaces that hold guest
// memory, and contexts that run guest code until it needs the kernel. Nothing outside
// platform/ names an implementation.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "abi/registers.h"
#include "base/ref_ptr.h"
#include "base/result.h"
#include "platform/guest_memory.h"

namespace ukrun {

// --- Why a guest stopped -------------------------------------------------------------

// A system call: number in orig_rax, arguments in the registers. The answer goes to rax.
struct SyscallStop {};
// A processor exception in guest code, as the host described it: signal number (SIGSEGV,
// SIGBUS, SIGFPE, SIGILL, SIGTRAP), si_code, and for memory faults the address.
struct FaultStop {
  int signal = 0;
  int code = 0;
  GuestAddr address;
  // Page fault error code (bit 1 write, bit 4 fetch) and trap number, for signal frames.
  uint64_t error_code = 0;
  uint64_t trap_number = 0;
};
// Somebody called Interrupt().
struct InterruptedStop {};
// The host process is gone, and HostDeathHandler::judge takes that for a SIGKILL.
struct GoneStop {};

using Stop = std::variant<SyscallStop, FaultStop, InterruptedStop, GoneStop>;

// --- Contexts and address spaces ------------------------------------------------------

class AddressSpace;

// Runs guest code on one host thread.
// Thread rule: made by Attach() and used by one kernel thread only, except Interrupt().
class ExecutionContext {
 public:
  virtual ~ExecutionContext() = default;

  // Runs the guest with registers() until it stops, and leaves its registers there.
  virtual Stop Run() = 0;
  // Makes the current or the next Run() return InterruptedStop. Anyone, any time.
  virtual void Interrupt() = 0;

  virtual abi::Registers& registers() = 0;
  // The extended state in the XSAVE format of signal frames (without PKRU).
  virtual Result<size_t> GetExtendedState(std::span<std::byte> out) = 0;
  virtual Result<void> SetExtendedState(std::span<const std::byte> state) = 0;

  virtual AddressSpace& address_space() = 0;
  // CPU time of the guest's host thread.
  virtual int64_t CpuTimeNs() = 0;
};

// A guest thread that exists on the host and waits to be taken over by its kernel thread.
class ParkedThread {
 public:
  virtual ~ParkedThread() = default;
  // Called once, by the kernel thread that will run it.
  virtual Result<std::unique_ptr<ExecutionContext>> Attach() = 0;
};

enum class HostMapping : uint8_t { kPrivate, kShared };

struct MapRequest {
  GuestAddr address;
  uint64_t size = 0;
  int protection = 0;  // PROT_*
  HostMapping sharing = HostMapping::kPrivate;
  int host_fd = -1;  // -1: anonymous
  uint64_t offset = 0;
};

struct ForkedSpace;

// What the host has counted of an address space's process.
struct HostUsage {
  int64_t peak_resident_kib = 0;
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
};

// One guest address space: host mappings outside the kernel window.
// Thread rule: Map to Advise, Fork and CompareExchange32 by a kernel thread that holds a
// context of this space; callers serialize changes (the Sentry's mm lock).
class AddressSpace : public RefCounted<AddressSpace> {
 public:
  virtual ~AddressSpace() = default;

  virtual Result<void> Map(const MapRequest& request) = 0;
  virtual Result<void> Unmap(GuestAddr address, uint64_t size) = 0;
  virtual Result<void> Protect(GuestAddr address, uint64_t size, int protection) = 0;
  // Moves host pages; both ranges are fixed and the new one is free.
  virtual Result<void> Move(GuestAddr from, uint64_t old_size, GuestAddr to, uint64_t new_size) = 0;
  virtual Result<void> Advise(GuestAddr address, uint64_t size, int advice) = 0;

  // mincore(2): one byte a page at `out`. Errors: ENOMEM, EFAULT.
  virtual Result<void> Resident(GuestAddr address, uint64_t size, GuestAddr out) = 0;
  // Every thread of this space that runs passes a memory barrier (membarrier(2)).
  virtual Result<void> Barrier() = 0;

  // A new thread in this space, and a copy of this space with one thread. The caller's
  // context is the one copied (extended state included).
  virtual Result<std::unique_ptr<ParkedThread>> NewThread() = 0;
  virtual Result<ForkedSpace> Fork() = 0;

  // So far. Thread rule: as Map.
  virtual Result<HostUsage> Usage() = 0;
  // In its whole life, once its last context is gone; zeros before that.
  virtual HostUsage FinalUsage() const = 0;

  virtual GuestMemory& memory() = 0;
  // True when `host_pid` is this space's host process; for out-of-memory decisions.
  virtual bool IsHostProcess(int host_pid) const = 0;
};

struct ForkedSpace {
  RefPtr<AddressSpace> space;
  std::unique_ptr<ParkedThread> thread;
};

// --- Platforms ------------------------------------------------------------------------

struct PlatformCapabilities {
  bool guest_mapped_in_kernel = false;  // kernel threads see guest memory directly
};

class Platform {
 public:
  virtual ~Platform() = default;
  virtual std::string_view name() const = 0;
  virtual PlatformCapabilities capabilities() const = 0;
  // An empty address space with one thread, for a fresh program.
  virtual Result<ForkedSpace> NewAddressSpace() = 0;
};

// What is to be done when a guest's host process dies though the platform has not ended it.
struct HostDeathHandler {
  // Called once for each such process, by any thread, with a lock of rank kPlatform held.
  // Returns if the sandbox goes on without it, as after a SIGKILL of the guest.
  void (*judge)() = nullptr;
  // Kills the guest that had its memory in that process and may be asleep. No locks held.
  void (*end_guest)(int host_pid) = nullptr;
};

struct PlatformOptions {
  // Filter for guest host processes (struct sock_filter array); may be empty. It must stay
  // where it is as long as the platform lives.
  std::span<const std::byte> guest_filter;
  std::vector<uint32_t> host_cpus;
  HostDeathHandler host_death;
};

// Errors: ENODEV for a name that is not registered; what the platform's set-up reports.
Result<std::unique_ptr<Platform>> MakePlatform(std::string_view name,
                                               const PlatformOptions& options);
std::vector<std::string_view> PlatformNames();

}  // namespace ukrun
