// memfd_create(2): unnamed files in memory, which can be sealed.
//
// They are regular files of a tmpfs of their own that is mounted nowhere; what they hold
// counts against the sandbox's shared memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/file.h"

namespace ukrun {

struct MemfdOptions {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t permissions = 0777;
  uint32_t seals = 0;  // F_SEAL_*, from the start
};

// Errors: ENOSPC, ENOMEM.
Result<RefPtr<File>> CreateMemfd(Task& task, std::string_view name, const MemfdOptions& options);

}  // namespace ukrun
