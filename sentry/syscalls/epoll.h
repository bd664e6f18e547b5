// epoll(7).
#pragma once

#include "abi/epoll.h"
#include "abi/timespec.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<Fd> EpollCreate(Task& task, int32_t size);
Result<Fd> EpollCreate1(Task& task, uint32_t flags);
Result<void> EpollCtl(Task& task, Fd set, int32_t operation, Fd fd, UserIn<abi::EpollEvent> event);
Result<int64_t> EpollWait(Task& task, Fd set, UserArray<abi::EpollEvent> events, int32_t most,
                          int32_t timeout_ms);
Result<int64_t> EpollPwait(Task& task, Fd set, UserArray<abi::EpollEvent> events, int32_t most,
                           int32_t timeout_ms, UserIn<uint64_t> mask, uint64_t mask_size);
Result<int64_t> EpollPwait2(Task& task, Fd set, UserArray<abi::EpollEvent> events, int32_t most,
                            UserIn<abi::Timespec> timeout, UserIn<uint64_t> mask,
                            uint64_t mask_size);

}  // namespace ukrun
