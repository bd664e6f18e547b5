// How a kernel panic is described and ends. See base/check.h for raising one.
#pragma once

#include <cstddef>

namespace ukrun {

// The Sentry process's exit status after a panic; the supervisor turns it into a message.
inline constexpr int kPanicStatus = 70;

// Writes a line about what the current thread was doing (task, call, guest pc) into
// `buffer` and returns its length. Must not allocate or lock.
using PanicDescriber = size_t (*)(char* buffer, size_t size);
void SetPanicDescriber(PanicDescriber describer);

}  // namespace ukrun
