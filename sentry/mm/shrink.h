// A file has become shorter while it is mapped.
#pragma once

#include <cstdint>

#include "sentry/mm/mappable.h"

namespace ukrun {

// Takes the pages of `object` behind `size` out of all address spaces, so that touching them
// raises SIGBUS until the object has grown again. Tasks that run guest code are interrupted,
// and may see zeros there until they have stopped; all others, the current one included, see
// nothing any more once they are back in guest code.
// Requires: no lock of rank kMemoryManager or above.
void ForgetMappedBeyond(const Mappable& object, uint64_t size);

}  // namespace ukrun
