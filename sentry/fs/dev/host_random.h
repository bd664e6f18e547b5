// Random bytes from the host's generator, which is the sandbox's too.
#pragma once

#include <cstddef>

namespace ukrun {

// Never blocks: the host has seeded its generator long before it starts programs.
void FillRandom(void* to, size_t size);

}  // namespace ukrun
