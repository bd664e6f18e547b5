#include "sentry/vfs/write_access.h"

#include "sentry/vfs/file.h"

namespace ukrun {

Result<void> GetWriteAccess(Inode& inode) {
  int32_t count = inode.write_count().load(std::memory_order_relaxed);
  do {
    if (count < 0) {
      return Fail(ETXTBSY);
    }
  } while (!inode.write_count().compare_exchange_weak(count, count + 1));
  return Ok();
}

void PutWriteAccess(Inode& inode) { inode.write_count().fetch_sub(1); }

void AdoptWriteAccess(File& file) { file.holds_write_access_ = true; }

Result<void> DenyWriteAccess(Inode& inode) {
  int32_t count = inode.write_count().load(std::memory_order_relaxed);
  do {
    if (count > 0) {
      return Fail(ETXTBSY);
    }
  } while (!inode.write_count().compare_exchange_weak(count, count - 1));
  return Ok();
}

void AllowWriteAccess(Inode& inode) { inode.write_count().fetch_add(1); }

void AdoptWriteDenial(File& file) { file.denies_write_access_ = true; }

}  // namespace ukrun
