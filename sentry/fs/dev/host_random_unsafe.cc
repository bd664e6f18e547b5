#include "sentry/fs/dev/host_random.h"

#include <sys/syscall.h>

#include "base/check.h"
#include "base/host_call.h"

namespace ukrun {

void FillRandom(void* to, size_t size) {
  char* next = static_cast<char*>(to);
  while (size > 0) {
    Result<long> got = HostCall(SYS_getrandom, next, size, 0);
    UKRUN_CHECK(got.ok());
    next += *got;
    size -= static_cast<size_t>(*got);
  }
}

}  // namespace ukrun
