#include "sentry/syscalls/dispatch.h"

#include "base/log.h"
#include "sentry/strace/strace.h"
#include "sentry/strace/traced_call.h"
#include "sentry/syscalls/row.h"
#include "sentry/task/task.h"

namespace ukrun {
namespace {

constexpr uint64_t kX32Bit = 0x4000'0000;

Result<int64_t> Call(Task& task, const Row* row, const SyscallArguments& arguments) {
  if (row == nullptr) {
    return Fail(ENOSYS);
  }
  if (row->invoke == nullptr) {
    LogDebug("{} is not implemented: errno {}", row->name, row->error);
    return Fail(row->error);
  }
  return row->invoke(task, arguments);
}

Result<int64_t> TraceCall(Task& task, const Row* row, uint64_t number,
                          const SyscallArguments& arguments) {
  strace::TracedCall line(task, row, number, arguments);
  Result<int64_t> result = Call(task, row, arguments);
  line.Return(result);
  return result;
}

}  // namespace

int DispatchSyscall(Task& task) {
  abi::Registers& registers = task.registers();
  // As on Linux, the number is what eax holds.
  uint64_t number = static_cast<uint32_t>(registers.orig_rax);
  SyscallArguments arguments{
      {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9}};
  // Numbers of the x32 ABI are not served, as on kernels without it.
  const Row* row = (number & kX32Bit) != 0 ? nullptr : FindRow(number);
  task.current_call.store(static_cast<int64_t>(number), std::memory_order_relaxed);
  task.current_pc.store(registers.rip, std::memory_order_relaxed);
  task.registers_replaced = false;
  Result<int64_t> result =
      StraceEnabled() ? TraceCall(task, row, number, arguments) : Call(task, row, arguments);
  task.current_call.store(-1, std::memory_order_relaxed);
  if (task.registers_replaced) {
    return 0;
  }
  int error = result.error();
  if (error >= kErestartsys) {
    return error;
  }
  task.registers().rax =
      static_cast<uint64_t>(result.ok() ? *result : -static_cast<int64_t>(error));
  return 0;
}

}  // namespace ukrun
