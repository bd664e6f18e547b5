// Limits and usage: getrlimit(2), getrusage(2), times(2).
#pragma once

#include "abi/rusage.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

struct Rlimit64 {
  uint64_t soft;
  uint64_t hard;
};

struct TimesLayout {
  int64_t user, system, children_user, children_system;
};

Result<void> Getrlimit(Task& task, uint32_t resource, UserOut<Rlimit64> out);
Result<void> Setrlimit(Task& task, uint32_t resource, UserIn<Rlimit64> in);
Result<void> Prlimit64(Task& task, int32_t pid, uint32_t resource, UserIn<Rlimit64> in,
                       UserOut<Rlimit64> out);
Result<void> Getrusage(Task& task, int32_t who, UserOut<abi::Rusage> out);
Result<int64_t> Times(Task& task, UserOut<TimesLayout> out);

}  // namespace ukrun
