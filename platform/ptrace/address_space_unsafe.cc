#include "platform/ptrace/address_space.h"

#include <linux/membarrier.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/host_call.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/window.h"
#include "platform/ptrace/context.h"
#include "platform/ptrace/stub.h"

// Where a new host process begins: the raw clone in the Sentry returns, in the child, to
// this address, with a stack that holds the pid to watch and the parking place.
asm(R"(
  .text
  .globl UkrunPtraceChildStart
  .hidden UkrunPtraceChildStart
UkrunPtraceChildStart:
  pop %r12
  ret
)");
extern "C" void UkrunPtraceChildStart();

namespace ukrun::ptrace {
namespace {

// The guest's part of a copy stops at the window, except for the vDSO, which it may read.
size_t ClampToGuest(uint64_t address, size_t size, Access access) {
  if (size == 0 || address >= kUserEnd) {
    return 0;
  }
  if (address >= kWindowVdso && address < kWindowVdsoEnd && access == Access::kRead) {
    return std::min<uint64_t>(size, kWindowVdsoEnd - address);
  }
  if (address >= kWindowBegin && address < kWindowEnd) {
    return 0;
  }
  uint64_t limit = address < kWindowBegin ? kWindowBegin : kUserEnd;
  return std::min<uint64_t>(size, limit - address);
}

bool OutsideWindow(GuestAddr address, uint64_t size) {
  return !TouchesWindow(address.value(), size);
}

class Parked final : public ParkedThread {
 public:
  Parked(RefPtr<PtraceAddressSpace> space, int tid, bool fresh)
      : space_(std::move(space)), tid_(tid), fresh_(fresh) {
    // Counted from the clone on, so that the space outlives its maker's own thread.
    space_->AddContext();
  }
  ~Parked() override {
    if (!attached_) {
      space_->RemoveContext();
      // Nobody will run it: a process goes at once, a thread with its process.
      if (tid_ == space_->host_pid()) {
        space_->Kill();
        RawHostCall(SYS_wait4, tid_, nullptr, __WALL, nullptr);
      }
    }
  }

  Result<std::unique_ptr<ExecutionContext>> Attach() override {
    attached_ = true;  // the count is the context's now
    std::unique_ptr<PtraceContext> context = TRY(PtraceContext::Attach(space_, tid_));
    if (fresh_) {
      TRY(EmptyProcess(*context, space_->guest_filter()));
    }
    return std::unique_ptr<ExecutionContext>(std::move(context));
  }

 private:
  // Everything but the stub and the vDSO goes, and most host calls with it.
  // Errors: what the host says of the filter.
  static Result<void> EmptyProcess(PtraceContext& context, const sock_fprog& filter) {
    abi::Registers registers{};
    registers.rdx = filter.len == 0 ? 0 : reinterpret_cast<uint64_t>(&filter);
    registers.rbx = 0;
    registers.rbp = kWindowStub;
    registers.r13 = kWindowStub + kStubBytes;
    registers.r14 = kWindowVdso - registers.r13;
    registers.r15 = kWindowVdsoEnd;
    registers.r9 = kUserEnd - kWindowVdsoEnd;
    int64_t result = TRY(context.RunStub(kStubClear, registers));
    if (result != 0) {
      LogWarning("a guest process could not be confined (errno {})", -result);
      return Fail(static_cast<int>(-result));
    }
    return Ok();
  }

  const RefPtr<PtraceAddressSpace> space_;
  const int tid_;
  const bool fresh_;
  bool attached_ = false;
};

}  // namespace

void Placement::Pin(int tid) {
  if (cpus_.empty()) {
    return;
  }
  uint32_t cpu = cpus_[next_.fetch_add(1, std::memory_order_relaxed) % cpus_.size()];
  uint64_t mask[16] = {};
  if (cpu / 64 >= std::size(mask)) {
    return;
  }
  mask[cpu / 64] = uint64_t{1} << (cpu % 64);
  RawHostCall(SYS_sched_setaffinity, 0, sizeof(mask), mask);
  RawHostCall(SYS_sched_setaffinity, tid, sizeof(mask), mask);
}

Shared::Shared(const PlatformOptions& options)
    : placement(options.host_cpus), watch(options.host_death) {
  size_t count = options.guest_filter.size() / sizeof(sock_filter);
  guest_filter.len = static_cast<unsigned short>(count);
  UKRUN_CHECK(guest_filter.len == count);
  // The host reads the instructions only.
  guest_filter.filter =
      reinterpret_cast<sock_filter*>(const_cast<std::byte*>(options.guest_filter.data()));
}

Result<ForkedSpace> PtraceAddressSpace::CreateEmpty(Shared& shared) {
  // The child's whole stack: three words in shared memory, which must stay as they are until
  // it has popped them, so they live as long as the space.
  uint64_t pid = static_cast<uint64_t>(RawHostCall(SYS_getpid));
  std::unique_ptr<uint64_t[]> stack(
      new uint64_t[3]{reinterpret_cast<uint64_t>(&UkrunPtraceChildStart), pid, kStubPark});
  long tid = RawHostCall(SYS_clone, CLONE_FILES | SIGCHLD, stack.get(), 0, 0, 0);
  if (tid < 0) {
    return Fail(tid == -ENOMEM ? ENOMEM : EAGAIN);
  }
  auto space =
      RefPtr<PtraceAddressSpace>::Adopt(new PtraceAddressSpace(shared, static_cast<int>(tid), pid));
  space->start_stack_ = std::move(stack);
  ForkedSpace result;
  result.space = space;
  result.thread = std::make_unique<Parked>(space, static_cast<int>(tid), true);
  return result;
}

PtraceAddressSpace::~PtraceAddressSpace() {
  // Its contexts are gone; reap the process if its leader left before the others.
  Kill();
  RawHostCall(SYS_wait4, host_pid_, nullptr, __WALL, nullptr);
}

void PtraceAddressSpace::Kill() {
  shared_.watch.Remove(host_pid_);
  RawHostCall(SYS_kill, host_pid_, SIGKILL);
}

PtraceContext& PtraceAddressSpace::Context() {
  PtraceContext* context = PtraceContext::Current(*this);
  UKRUN_CHECK(context != nullptr);
  return *context;
}

Result<void> PtraceAddressSpace::Map(const MapRequest& request) {
  // A copy from or to another process (process_vm_readv) has met a page that is missing there.
  if (PtraceContext::Current(*this) == nullptr) {
    return Fail(EFAULT);
  }
  if (!OutsideWindow(request.address, request.size)) {
    return Fail(ENOMEM);
  }
  uint64_t flags = MAP_FIXED | MAP_NORESERVE;
  flags |= request.sharing == HostMapping::kShared ? MAP_SHARED : MAP_PRIVATE;
  if (request.host_fd < 0) {
    flags |= MAP_ANONYMOUS;
  }
  TRY(Context().InjectCall(SYS_mmap, request.address.value(), request.size,
                           static_cast<uint64_t>(request.protection), flags,
                           static_cast<uint64_t>(int64_t{request.host_fd}), request.offset));
  return Ok();
}

Result<void> PtraceAddressSpace::Unmap(GuestAddr address, uint64_t size) {
  if (!OutsideWindow(address, size)) {
    return Fail(EINVAL);
  }
  TRY(Context().InjectCall(SYS_munmap, address.value(), size));
  return Ok();
}

Result<void> PtraceAddressSpace::Protect(GuestAddr address, uint64_t size, int protection) {
  if (!OutsideWindow(address, size)) {
    return Fail(ENOMEM);
  }
  TRY(Context().InjectCall(SYS_mprotect, address.value(), size, static_cast<uint64_t>(protection)));
  return Ok();
}

Result<void> PtraceAddressSpace::Move(GuestAddr from, uint64_t old_size, GuestAddr to,
                                      uint64_t new_size) {
  if (!OutsideWindow(from, old_size) || !OutsideWindow(to, new_size)) {
    return Fail(EFAULT);
  }
  uint64_t flags = from == to ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;
  TRY(Context().InjectCall(SYS_mremap, from.value(), old_size, new_size, flags, to.value()));
  return Ok();
}

Result<void> PtraceAddressSpace::Advise(GuestAddr address, uint64_t size, int advice) {
  if (!OutsideWindow(address, size)) {
    return Fail(ENOMEM);
  }
  TRY(Context().InjectCall(SYS_madvise, address.value(), size, static_cast<uint64_t>(advice)));
  return Ok();
}

Result<void> PtraceAddressSpace::Resident(GuestAddr address, uint64_t size, GuestAddr out) {
  if (!OutsideWindow(address, size) || !OutsideWindow(out, size / 4096)) {
    return Fail(ENOMEM);
  }
  TRY(Context().InjectCall(SYS_mincore, address.value(), size, out.value()));
  return Ok();
}

Result<void> PtraceAddressSpace::Barrier() {
  PtraceContext& context = Context();
  TRY(context.InjectCall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
  TRY(context.InjectCall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED));
  return Ok();
}

Result<HostUsage> PtraceAddressSpace::Usage() {
  PtraceContext& context = Context();
  auto place = frame_place_.Lock();
  TRY(context.MapFramePlace(*place));
  TRY(context.InjectCall(SYS_getrusage, static_cast<uint64_t>(RUSAGE_SELF), kFrameBegin));
  rusage usage{};
  iovec local{&usage, sizeof(usage)};
  iovec remote{reinterpret_cast<void*>(kFrameBegin), sizeof(usage)};
  TRY(HostCall(SYS_process_vm_readv, host_pid_, &local, 1, &remote, 1, 0));
  return HostUsage{usage.ru_maxrss, usage.ru_minflt, usage.ru_majflt};
}

Result<int64_t> PtraceAddressSpace::Clone(uint64_t flags) {
  PtraceContext& context = Context();
  abi::Registers registers = context.registers();
  registers.rax = SYS_clone;
  registers.rdi = flags;
  registers.rsi = 0;
  registers.rdx = 0;
  registers.r10 = 0;
  registers.r8 = 0;
  registers.r12 = parent_pid_;
  int64_t tid = TRY(context.RunStub(kStubClone, registers));
  if (tid < 0) {
    return Fail(tid == -ENOMEM ? ENOMEM : EAGAIN);
  }
  return tid;
}

Result<std::unique_ptr<ParkedThread>> PtraceAddressSpace::NewThread() {
  int64_t tid =
      TRY(Clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM));
  return std::unique_ptr<ParkedThread>(std::make_unique<Parked>(
      RefPtr<PtraceAddressSpace>::Share(this), static_cast<int>(tid), false));
}

Result<ForkedSpace> PtraceAddressSpace::Fork() {
  // Not while another thread makes the place for frames: the copy has it whole or not at all.
  auto frame_place = frame_place_.Lock();
  int64_t tid = TRY(Clone(CLONE_FILES | CLONE_PARENT));
  auto space = RefPtr<PtraceAddressSpace>::Adopt(
      new PtraceAddressSpace(shared_, static_cast<int>(tid), parent_pid_));
  space->frame_place_.ValueLocked() = *frame_place;
  ForkedSpace result;
  result.space = space;
  result.thread = std::make_unique<Parked>(space, static_cast<int>(tid), false);
  return result;
}

// What process_vm_readv or process_vm_writev returned.
Result<size_t> PtraceAddressSpace::CopyOutcome(long copied) {
  if (copied == -ESRCH) {
    // Before the guest, its memory gone, comes to an end by some errno or signal.
    ReportDead();
    return Fail(ESRCH);
  }
  if (copied <= 0) {
    return Fail(EFAULT);
  }
  return static_cast<size_t>(copied);
}

Result<size_t> PtraceAddressSpace::CopyIn(void* to, GuestAddr from, size_t size) {
  size_t allowed = ClampToGuest(from.value(), size, Access::kRead);
  if (allowed == 0) {
    return size == 0 ? Result<size_t>(size_t{0}) : Fail(EFAULT);
  }
  iovec local{to, allowed};
  iovec remote{reinterpret_cast<void*>(from.value()), allowed};
  return CopyOutcome(RawHostCall(SYS_process_vm_readv, host_pid_, &local, 1, &remote, 1, 0));
}

Result<size_t> PtraceAddressSpace::CopyOut(GuestAddr to, const void* from, size_t size) {
  size_t allowed = ClampToGuest(to.value(), size, Access::kWrite);
  if (allowed == 0) {
    return size == 0 ? Result<size_t>(size_t{0}) : Fail(EFAULT);
  }
  iovec local{const_cast<void*>(from), allowed};
  iovec remote{reinterpret_cast<void*>(to.value()), allowed};
  return CopyOutcome(RawHostCall(SYS_process_vm_writev, host_pid_, &local, 1, &remote, 1, 0));
}

Result<uint32_t> PtraceAddressSpace::CompareExchange32(GuestAddr address, uint32_t expected,
                                                       uint32_t desired) {
  if ((address.value() & 3) != 0) {
    return Fail(EINVAL);
  }
  if (ClampToGuest(address.value(), 4, Access::kWrite) != 4) {
    return Fail(EFAULT);
  }
  PtraceContext& context = Context();
  abi::Registers registers = context.registers();
  registers.rax = expected;
  registers.rcx = desired;
  registers.rdi = address.value();
  int64_t old = TRY(context.RunStub(kStubExchange, registers));
  return static_cast<uint32_t>(old);
}

}  // namespace ukrun::ptrace
