// What ptrace does not tell of a fault: the page fault's error code and the trap's number,
// which Linux puts into signal frames (REG_ERR, REG_TRAPNO). So the host is let deliver the
// signal, to a handler in the stub and with a stack pointer of ours, and the frame is read.
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/ucontext.h>
#include <sys/uio.h>

#include <array>
#include <vector>

#include "abi/signal.h"
#include "base/host_call.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/context.h"
#include "platform/ptrace/stub.h"
#include "platform/ptrace/trace_unsafe.h"

namespace ukrun::ptrace {
namespace {

// Traps by number (Intel SDM, volume 3, 6.15).
constexpr uint64_t kTrapDebug = 1, kTrapBreakpoint = 3, kTrapInvalidOpcode = 6;
constexpr uint64_t kMostTraps = 32;
// Page fault: present, write, user, reserved, fetch, protection key, shadow stack. Other
// traps have a selector there. Never more than 16 bits.
constexpr uint64_t kErrorCodeBits = 0xffff;

// Enough for AMX's state, the largest there is.
constexpr size_t kLargestExtendedState = 16 * 1024;

// Signals whose trap depends on more than the signal and its code.
constexpr int kFramedSignals[] = {SIGSEGV, SIGBUS, SIGFPE};

bool NeedsFrame(int signal) {
  for (int framed : kFramedSignals) {
    if (signal == framed) {
      return true;
    }
  }
  return false;
}

}  // namespace

PtraceContext::FrameRead PtraceContext::ReadFaultFrame(int signal, FaultStop& fault) {
  if (!NeedsFrame(signal)) {
    fault.trap_number = signal == SIGILL           ? kTrapInvalidOpcode
                        : fault.code == TRAP_TRACE ? kTrapDebug
                                                   : kTrapBreakpoint;
    return FrameRead::kDone;
  }
  auto place = space_->frame_place().Lock();
  if (!place->handlers_ready) {
    // The host forgets this fault's details over the calls that this takes.
    if (!MapFramePlace(*place).ok() || !SetFaultHandlers().ok()) {
      return FrameRead::kImpossible;
    }
    place->handlers_ready = true;
    return FrameRead::kRunAgain;
  }
  return ReadFrame(signal, fault).ok() ? FrameRead::kDone : FrameRead::kImpossible;
}

Result<void> PtraceContext::MapFramePlace(PtraceAddressSpace::FramePlace& place) {
  if (!place.mapped) {
    TRY(InjectCall(SYS_mmap, kFrameBegin, kFrameEnd - kFrameBegin, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
                   static_cast<uint64_t>(int64_t{-1}), 0));
    place.mapped = true;
  }
  return Ok();
}

// Points the host's actions at the stub. Forks inherit them.
Result<void> PtraceContext::SetFaultHandlers() {
  abi::SigAction action;
  action.handler = kStubFault;
  action.restorer = kStubFault;  // never returned to
  // The mask of the host's thread must stay as it is: a kick must always come through.
  action.flags = abi::kSaSiginfo | abi::kSaRestorer | abi::kSaNodefer;
  iovec local{&action, sizeof(action)};
  iovec remote{reinterpret_cast<void*>(kFrameBegin), sizeof(action)};
  TRY(HostCall(SYS_process_vm_writev, space_->host_pid(), &local, 1, &remote, 1, 0));
  for (int signal : kFramedSignals) {
    TRY(InjectCall(SYS_rt_sigaction, static_cast<uint64_t>(signal), kFrameBegin, 0,
                   sizeof(action.mask)));
  }
  return Ok();
}

Result<void> PtraceContext::ReadFrame(int signal, FaultStop& fault) {
  // The host clears vector state when it calls a handler.
  std::vector<std::byte> state(kLargestExtendedState);
  state.resize(TRY(GetExtendedState(state)));
  abi::Registers on_frame = registers_;
  on_frame.rsp = kFrameEnd;
  Trace(PTRACE_SETREGS, tid_, 0, &on_frame);
  Result<void> stopped = ContinueToTrap(signal);
  if (stopped.Is(ESRCH)) {
    return stopped;
  }
  abi::Registers in_handler{};
  Trace(PTRACE_GETREGS, tid_, 0, &in_handler);
  TRY(SetExtendedState(state));
  TRY(stopped);
  // The handler's third argument is the context.
  constexpr uint64_t kGeneralRegisters = offsetof(ucontext_t, uc_mcontext.gregs);
  std::array<uint64_t, NGREG> saved{};
  uint64_t from = in_handler.rdx + kGeneralRegisters;
  if (from < kFrameBegin || from > kFrameEnd - sizeof(saved)) {
    return Fail(EFAULT);
  }
  iovec local{saved.data(), sizeof(saved)};
  iovec remote{reinterpret_cast<void*>(from), sizeof(saved)};
  TRY(HostCall(SYS_process_vm_readv, space_->host_pid(), &local, 1, &remote, 1, 0));
  // Another thread of the guest may have written over it.
  fault.error_code = saved[REG_ERR] & kErrorCodeBits;
  fault.trap_number = saved[REG_TRAPNO] % kMostTraps;
  return Ok();
}

}  // namespace ukrun::ptrace
