// Scattered data: the elements of an iovec array with what they point to.
#pragma once

#include "sentry/strace/call.h"

namespace ukrun::strace {

// [{iov_base="hello", iov_len=5}, ...]; of their data the first `filled` bytes are shown.
void AppendVector(const Call& call, uint64_t address, uint64_t count, uint64_t filled,
                  std::string& out);

}  // namespace ukrun::strace
