// A file has become shorter while it is mapped.
#pragma once

#include <cstdint>

#include "sentry/mm/mappable.h"

namespace ukrun {

// Takes the pages of `object` behind `size` out of the address space of the current task, so
// that touching them raises SIGBUS until the object has grown again. Other address spaces
// see zeros there: only their own tasks could change them.
// Requires: no lock of rank kMemoryManager or above. Does nothing in a service thread.
void ForgetMappedBeyond(const Mappable& object, uint64_t size);

}  // namespace ukrun
