// One traced guest thread. See platform/platform.h for the interface it fills.
//
// Only the kernel thread that attached may use it, except Interrupt(), which sends the
// host thread a signal that no guest ever sees: the tracer swallows it.
#pragma once

#include <atomic>

#include "platform/platform.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/process_time.h"

namespace ukrun::ptrace {

class PtraceContext final : public ExecutionContext {
 public:
  // Seizes the parked host thread `tid`. The caller has counted it (AddContext).
  static Result<std::unique_ptr<PtraceContext>> Attach(RefPtr<PtraceAddressSpace> space, int tid);
  ~PtraceContext() override;

  // For the Sentry, before it makes the first host process.
  static Result<void> IgnoreLateInterrupts();

  Stop Run() override;
  void Interrupt() override;
  abi::Registers& registers() override { return registers_; }
  Result<size_t> GetExtendedState(std::span<std::byte> out) override;
  Result<void> SetExtendedState(std::span<const std::byte> state) override;
  AddressSpace& address_space() override;
  int64_t CpuTimeNs() override;

  // Runs stub code at `entry` with these registers until it traps. Returns rax.
  // Errors: EFAULT when it faulted, ESRCH when the host process is gone.
  Result<int64_t> RunStub(uint64_t entry, const abi::Registers& arguments);
  // One host call made by the guest's host thread.
  Result<int64_t> InjectCall(int64_t number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0,
                             uint64_t d = 0, uint64_t e = 0, uint64_t f = 0);

  // Makes the place for frames, if there is none yet.
  Result<void> MapFramePlace(PtraceAddressSpace::FramePlace& place);

  // The context of `space` that the current kernel thread holds; null if it has none.
  static PtraceContext* Current(const PtraceAddressSpace& space);
  int tid() const { return tid_; }

 private:
  PtraceContext(RefPtr<PtraceAddressSpace> space, int tid);
  Result<void> Seize();
  Result<int> WaitForStop();
  GoneStop FoundGone();
  bool IsForeignCall() const;
  Stop RefuseForeignCall();
  // Continues the stopped thread, with `signal` if it is not 0.
  bool Resume(int request, int signal = 0);
  // Continues until an INT3 of the stub. Errors: EFAULT for a fault, ESRCH.
  Result<void> ContinueToTrap(int signal);
  void Leave();

  // --- fault_unsafe.cc
  enum class FrameRead : uint8_t { kDone, kRunAgain, kImpossible };
  // The stop is a fault's: fills in what only a signal frame tells. kRunAgain: the first
  // fault of a process only prepares; the guest is to repeat it.
  FrameRead ReadFaultFrame(int signal, FaultStop& fault);
  Result<void> SetFaultHandlers();
  Result<void> ReadFrame(int signal, FaultStop& fault);

  // Constant after construction.
  const RefPtr<PtraceAddressSpace> space_;
  const int tid_;

  // Kernel thread only.
  abi::Registers registers_{};
  bool gone_ = false;
  PtraceContext* next_in_thread_ = nullptr;

  // Synchronizes itself.
  std::atomic<bool> in_guest_{false};
  std::atomic<bool> interrupt_requested_{false};
  GuestClock clock_;
  std::atomic<int64_t> cpu_time_ns_{0};  // as it was told last
};

}  // namespace ukrun::ptrace
