// Shared anonymous memory (mmap with MAP_SHARED | MAP_ANONYMOUS).
#pragma once

#include "sentry/mm/memory_object.h"

namespace ukrun {

// Zeroed. It counts with the memory of the processes that map it, as nothing else can
// reach it, and so against no budget of files.
RefPtr<MemoryObject> NewSharedAnonymous(uint64_t size);

}  // namespace ukrun
