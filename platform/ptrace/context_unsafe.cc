#include "platform/ptrace/context.h"

#include <linux/audit.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>

#include "base/check.h"
#include "base/host_call.h"
#include "base/log.h"
#include "base/thread.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/stub.h"
#include "platform/ptrace/trace_unsafe.h"

namespace ukrun::ptrace {
namespace {

constexpr int kKick = SIGUSR2;
constexpr int kSyscallStop = SIGTRAP | 0x80;
constexpr int kEventStop = 128;  // PTRACE_EVENT_STOP
constexpr int kNoteXstate = 0x202;
constexpr uint64_t kTrapGeneralProtection = 13;
constexpr int kSeccompSignal = 1;  // SYS_SECCOMP

bool IsFault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
         signal == SIGTRAP;
}

// The contexts of this kernel thread, newest first: two while it executes a program.
PtraceContext*& ThreadContexts() {
  return *reinterpret_cast<PtraceContext**>(&CurrentThread().contexts);
}

}  // namespace

PtraceContext::PtraceContext(RefPtr<PtraceAddressSpace> space, int tid)
    : space_(std::move(space)), tid_(tid) {
  next_in_thread_ = ThreadContexts();
  ThreadContexts() = this;
}

PtraceContext::~PtraceContext() {
  Leave();
  PtraceContext** link = &ThreadContexts();
  while (*link != this) {
    UKRUN_CHECK(*link != nullptr);
    link = &(*link)->next_in_thread_;
  }
  *link = next_in_thread_;
}

PtraceContext* PtraceContext::Current(const PtraceAddressSpace& space) {
  for (PtraceContext* context = ThreadContexts(); context != nullptr;
       context = context->next_in_thread_) {
    if (context->space_.get() == &space) {
      return context;
    }
  }
  return nullptr;
}

Result<std::unique_ptr<PtraceContext>> PtraceContext::Attach(RefPtr<PtraceAddressSpace> space,
                                                             int tid) {
  std::unique_ptr<PtraceContext> context(new PtraceContext(std::move(space), tid));
  TRY(context->Seize());
  return context;
}

Result<void> PtraceContext::Seize() {
  constexpr int kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
  long result = Trace(PTRACE_SEIZE, tid_, 0, reinterpret_cast<void*>(uint64_t{kOptions}));
  if (result < 0) {
    gone_ = true;
    // A dead process may also answer EPERM, like one that may not be traced.
    if (result == -ESRCH || !ProcessWatch::IsAlive(space_->host_pid())) {
      space_->ReportDead();
    }
    return Fail(static_cast<int>(-result));
  }
  space_->time().Add(clock_);
  space_->PlaceThread(tid_);
  Trace(PTRACE_INTERRUPT, tid_, 0, nullptr);
  if (!WaitForStop().ok() || Trace(PTRACE_GETREGS, tid_, 0, &registers_) < 0) {
    FoundGone();
    return Fail(ESRCH);
  }
  return Ok();
}

// Returns the wait status of a stop. Errors: ESRCH when the thread is gone.
Result<int> PtraceContext::WaitForStop() {
  int status = 0;
  long result;
  do {
    result = RawHostCall(SYS_wait4, tid_, &status, __WALL, nullptr);
  } while (result == -EINTR);
  if (result < 0 || !WIFSTOPPED(status)) {
    LogDebug("guest host thread {} is gone (status {:#x})", tid_, static_cast<unsigned>(status));
    gone_ = true;
    return Fail(ESRCH);
  }
  return status;
}

// The thread was not ended from here. Returns if the sandbox goes on without it.
GoneStop PtraceContext::FoundGone() {
  gone_ = true;
  space_->ReportDead();
  return {};
}

bool PtraceContext::Resume(int request, int signal) {
  if (gone_) {
    return false;
  }
  if (Trace(request, tid_, 0, reinterpret_cast<void*>(static_cast<uint64_t>(signal))) < 0) {
    // Killed while it was stopped: reap it.
    int status = 0;
    RawHostCall(SYS_wait4, tid_, &status, __WALL, nullptr);
    gone_ = true;
    return false;
  }
  return true;
}

Stop PtraceContext::Run() {
  long set = gone_ ? -ESRCH : Trace(PTRACE_SETREGS, tid_, 0, &registers_);
  if (set < 0) {
    // Anything but ESRCH: registers that no thread may have. The guest's own fault.
    return set == -ESRCH ? FoundGone() : GoneStop{};
  }
  for (;;) {
    // Either Interrupt() sees in_guest_ and sends the signal, or we see its request.
    in_guest_.store(true);
    if (interrupt_requested_.exchange(false)) {
      in_guest_.store(false);
      return InterruptedStop{};
    }
    clock_.Enter();
    bool resumed = Resume(PTRACE_SYSEMU);
    Result<int> waited = resumed ? WaitForStop() : Result<int>(Fail(ESRCH));
    in_guest_.store(false);
    clock_.Leave();
    if (!waited.ok() || Trace(PTRACE_GETREGS, tid_, 0, &registers_) < 0) {
      return FoundGone();
    }
    int signal = WSTOPSIG(*waited);
    if (signal == kSyscallStop) {
      // SYSCALL leaves its return address in rcx; only what does not look like it is asked for.
      return registers_.rcx != registers_.rip && IsForeignCall() ? RefuseForeignCall()
                                                                 : Stop(SyscallStop{});
    }
    if ((*waited >> 16) == kEventStop) {
      continue;  // a stop signal from the host's side; ours to ignore
    }
    if (signal == kKick) {
      if (interrupt_requested_.exchange(false)) {
        return InterruptedStop{};
      }
      continue;
    }
    siginfo_t info{};
    Trace(PTRACE_GETSIGINFO, tid_, 0, &info);
    if (signal == SIGSYS && info.si_code == kSeccompSignal) {
      // A call through the vsyscall page: done by the host itself if the filter let it, past
      // PTRACE_SYSEMU. The guest is behind its return already, the arguments are in place.
      registers_.orig_rax = static_cast<uint64_t>(info.si_syscall);
      return SyscallStop{};
    }
    if (IsFault(signal) && info.si_code > 0) {
      FaultStop fault;
      fault.signal = signal;
      fault.code = info.si_code;
      fault.address = GuestAddr(reinterpret_cast<uint64_t>(info.si_addr));
      FrameRead read = ReadFaultFrame(signal, fault);
      if (gone_) {
        return GoneStop{};
      }
      if (read == FrameRead::kRunAgain) {
        Trace(PTRACE_SETREGS, tid_, 0, &registers_);
        continue;
      }
      return fault;
    }
  }
}

// Did the thread stop for a call of the 32-bit interface (int 0x80, sysenter)?
bool PtraceContext::IsForeignCall() const {
  __ptrace_syscall_info info{};
  long size = Trace(PTRACE_GET_SYSCALL_INFO, tid_, sizeof(info), &info);
  return size > 0 && info.arch != AUDIT_ARCH_X86_64;
}

// Its numbers mean other calls. As on kernels without 32-bit support the instruction, two bytes
// long, is a protection fault.
Stop PtraceContext::RefuseForeignCall() {
  constexpr uint64_t kInstructionBytes = 2;
  constexpr int kByKernel = 0x80;  // SI_KERNEL
  registers_.rax = registers_.orig_rax;
  registers_.rip -= kInstructionBytes;
  FaultStop fault;
  fault.signal = SIGSEGV;
  fault.code = kByKernel;
  fault.trap_number = kTrapGeneralProtection;
  return fault;
}

void PtraceContext::Interrupt() {
  interrupt_requested_.store(true);
  if (in_guest_.load()) {
    RawHostCall(SYS_tgkill, space_->host_pid(), tid_, kKick);
  }
}

// Interrupt() may come to its tgkill when the thread is no longer in the guest, and even no
// longer traced: a leader that is parked. The host tells a tracer of ignored signals too, so
// where somebody traces this changes nothing; elsewhere it saves the process from a default
// action that is its death. Every host process inherits it.
Result<void> PtraceContext::IgnoreLateInterrupts() {
  constexpr uint64_t kIgnore = 1;  // SIG_IGN; the rest is flags, restorer and mask
  constexpr uint64_t kAction[] = {kIgnore, 0, 0, 0};
  TRY(HostCall(SYS_rt_sigaction, kKick, kAction, nullptr, sizeof(uint64_t)));
  return Ok();
}

Result<int64_t> PtraceContext::RunStub(uint64_t entry, const abi::Registers& arguments) {
  abi::Registers registers = arguments;
  registers.rip = entry;
  registers.orig_rax = UINT64_MAX;
  registers.cs = abi::kUserCs;
  registers.ss = abi::kUserSs;
  registers.eflags = 0x202;
  long set = gone_ ? -ESRCH : Trace(PTRACE_SETREGS, tid_, 0, &registers);
  if (set < 0) {
    if (set == -ESRCH) {
      FoundGone();
    }
    return Fail(ESRCH);
  }
  TRY(ContinueToTrap(0));
  if (Trace(PTRACE_GETREGS, tid_, 0, &registers) < 0) {
    FoundGone();
    return Fail(ESRCH);
  }
  return static_cast<int64_t>(registers.rax);
}

Result<void> PtraceContext::ContinueToTrap(int signal) {
  for (;;) {
    Result<int> stopped = Resume(PTRACE_CONT, signal) ? WaitForStop() : Result<int>(Fail(ESRCH));
    if (!stopped.ok()) {
      FoundGone();
      return stopped.failure();
    }
    int status = *stopped;
    signal = 0;
    int stopped_by = WSTOPSIG(status);
    if ((status >> 16) == kEventStop) {
      continue;
    }
    if (stopped_by == SIGTRAP) {
      return Ok();
    }
    if (IsFault(stopped_by)) {
      return Fail(EFAULT);
    }
    if (stopped_by == kKick) {
      interrupt_requested_.store(true);  // for the next Run()
    }
  }
}

Result<int64_t> PtraceContext::InjectCall(int64_t number, uint64_t a, uint64_t b, uint64_t c,
                                          uint64_t d, uint64_t e, uint64_t f) {
  abi::Registers registers = registers_;
  registers.rax = static_cast<uint64_t>(number);
  registers.rdi = a;
  registers.rsi = b;
  registers.rdx = c;
  registers.r10 = d;
  registers.r8 = e;
  registers.r9 = f;
  int64_t result = TRY(RunStub(kStubCall, registers));
  if (result < 0 && result > -4096) {
    return Fail(static_cast<int>(-result));
  }
  return result;
}

Result<size_t> PtraceContext::GetExtendedState(std::span<std::byte> out) {
  iovec vector{out.data(), out.size()};
  long result = Trace(PTRACE_GETREGSET, tid_, kNoteXstate, &vector);
  if (result < 0) {
    if (result == -ESRCH) {
      FoundGone();
    }
    return Fail(static_cast<int>(-result));
  }
  return vector.iov_len;
}

Result<void> PtraceContext::SetExtendedState(std::span<const std::byte> state) {
  iovec vector{const_cast<std::byte*>(state.data()), state.size()};
  long result = Trace(PTRACE_SETREGSET, tid_, kNoteXstate, &vector);
  if (result < 0) {
    if (result == -ESRCH) {
      FoundGone();
    }
    return Fail(static_cast<int>(-result));
  }
  return Ok();
}

AddressSpace& PtraceContext::address_space() { return *space_; }

int64_t PtraceContext::CpuTimeNs() {
  // A thread's share may shrink when others run; the time that was told does not.
  int64_t now_ns = space_->time().Of(clock_);
  int64_t told_ns = cpu_time_ns_.load(std::memory_order_relaxed);
  while (now_ns > told_ns && !cpu_time_ns_.compare_exchange_weak(told_ns, now_ns)) {
  }
  return std::max(now_ns, told_ns);
}

// Ends the host thread. The last one takes its process with it. The thread that leads its
// host process cannot end before the others without becoming a zombie that we would still
// trace, and the end of our kernel thread would then kill them all (EXITKILL): it is
// parked for good instead, running nothing but the stub's waiting loop.
void PtraceContext::Leave() {
  space_->time().Remove(clock_);
  bool last = space_->RemoveContext();
  if (gone_) {
    return;
  }
  if (last) {
    space_->Kill();
    int status = 0;
    rusage usage{};
    RawHostCall(SYS_wait4, tid_, &status, __WALL, &usage);
    space_->SetFinalUsage({usage.ru_maxrss, usage.ru_minflt, usage.ru_majflt});
    gone_ = true;
    return;
  }
  abi::Registers registers = registers_;
  registers.cs = abi::kUserCs;
  registers.ss = abi::kUserSs;
  registers.orig_rax = UINT64_MAX;
  registers.eflags = 0x202;
  if (tid_ == space_->host_pid()) {
    registers.rip = kStubPark;
    registers.r12 = space_->parent_pid();
    Trace(PTRACE_SETREGS, tid_, 0, &registers);
    Trace(PTRACE_DETACH, tid_, 0, nullptr);
  } else {
    registers.rip = kStubCall;
    registers.rax = SYS_exit;
    registers.rdi = 0;
    Trace(PTRACE_SETREGS, tid_, 0, &registers);
    while (Resume(PTRACE_CONT) && WaitForStop().ok()) {
    }
  }
  gone_ = true;
}

}  // namespace ukrun::ptrace
