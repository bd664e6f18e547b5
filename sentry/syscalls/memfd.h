// memfd_create(2).
#pragma once

#include "base/result.h"
#include "sentry/syscalls/row.h"
#include "sentry/vfs/fd_table.h"

namespace ukrun {

enum class MemfdFlag : uint32_t {
  kCloexec = 0x1,
  kAllowSealing = 0x2,
  kHugeTlb = 0x4,
  kNoExecSeal = 0x8,
  kExec = 0x10,
};

Result<Fd> MemfdCreate(Task& task, UserString name, Flags<MemfdFlag> flags);

}  // namespace ukrun
