// poll(2) and select(2).
#pragma once

#include "abi/rusage.h"
#include "abi/timespec.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<int64_t> Poll(Task& task, GuestAddr fds, uint32_t count, int32_t timeout_ms);
Result<int64_t> Ppoll(Task& task, GuestAddr fds, uint32_t count, UserInOut<abi::Timespec> timeout,
                      UserIn<uint64_t> mask, uint64_t mask_size);
Result<int64_t> Select(Task& task, int32_t count, GuestAddr read_set, GuestAddr write_set,
                       GuestAddr except_set, UserInOut<abi::Timeval> timeout);
// The last argument points at the mask and its size.
Result<int64_t> Pselect6(Task& task, int32_t count, GuestAddr read_set, GuestAddr write_set,
                         GuestAddr except_set, UserInOut<abi::Timespec> timeout, GuestAddr mask);

}  // namespace ukrun
