// ptrace(2) as kernel code calls it.
#pragma once

#include <sys/syscall.h>

#include <cstdint>

#include "base/host_call.h"

namespace ukrun::ptrace {

inline long Trace(int request, int tid, uint64_t address, const void* data) {
  return RawHostCall(SYS_ptrace, request, tid, address, data);
}

}  // namespace ukrun::ptrace
