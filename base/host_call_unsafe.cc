#include "base/host_call.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/host_fd.h"

// The one SYSCALL instruction of kernel code. System V order in, system call order out:
// (rdi, rsi, rdx, rcx, r8, r9, [rsp+8]) -> rax, (rdi, rsi, rdx, r10, r8, r9).
asm(R"(
  .text
  .globl UkrunRawHostCall
  .hidden UkrunRawHostCall
  .type UkrunRawHostCall, @function
UkrunRawHostCall:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  mov %r8, %r10
  mov %r9, %r8
  mov 8(%rsp), %r9
  syscall
  ret
  .size UkrunRawHostCall, . - UkrunRawHostCall
)");

namespace ukrun {

bool HostFutexWait(const std::atomic<uint32_t>& word, uint32_t expected, int64_t deadline_ns) {
  if (deadline_ns < 0) {
    RawHostCall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr);
    return true;
  }
  timespec deadline{deadline_ns / 1'000'000'000, deadline_ns % 1'000'000'000};
  long result = RawHostCall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, &deadline, nullptr,
                            FUTEX_BITSET_MATCH_ANY);
  return result != -ETIMEDOUT;
}

void HostFutexWake(const std::atomic<uint32_t>& word, int count) {
  RawHostCall(SYS_futex, &word, FUTEX_WAKE, count);
}

int64_t HostClockNs(int clock_id) {
  timespec now{};
  RawHostCall(SYS_clock_gettime, clock_id, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void HostWriteAll(int fd, const void* data, size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    long written = RawHostCall(SYS_write, fd, bytes, size);
    if (written == -EINTR) {
      continue;
    }
    if (written <= 0) {
      return;
    }
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

HostFd::~HostFd() {
  if (fd_ >= 0) {
    RawHostCall(SYS_close, fd_);
  }
}

}  // namespace ukrun
