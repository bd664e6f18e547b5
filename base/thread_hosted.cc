// Kernel threads of hosted builds (unit tests, fuzzers): the C library's threads.
#include "base/thread.h"

#include <thread>

namespace ukrun {

ThreadBlock& CurrentThread() {
  static thread_local ThreadBlock block;
  return block;
}

Result<void> StartKernelThread(void (*entry)(void*), void* argument) {
  std::thread(entry, argument).detach();
  return Ok();
}

void AdoptMainThread() {}

}  // namespace ukrun
