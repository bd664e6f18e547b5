#include "sentry/fs/tmpfs/anonymous.h"

namespace ukrun {

RefPtr<MemoryObject> NewSharedAnonymous(uint64_t size) {
  return MakeRef<MemoryObject>(size, nullptr);
}

}  // namespace ukrun
