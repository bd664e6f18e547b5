// --strace: a line per system call, with decoded arguments and where an errno was made.
#pragma once

#include "base/result.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

void StraceInitialize(int fd);  // -1: off
bool StraceEnabled();
// Calls that may wait get a line at entry too when they have not come back in time; to
// keep lines whole, everything is printed at the end, except for calls that never return.
void StraceEnter(Task& task, const Row* row, uint64_t number, const SyscallArguments& arguments);
void StraceLeave(Task& task, const Row* row, uint64_t number, const SyscallArguments& arguments,
                 const Result<int64_t>& result);

}  // namespace ukrun
