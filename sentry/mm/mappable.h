// Mappable: memory that mmap(2) can map, seen from the memory manager.
//
// Each has an identity (its address) that shared futexes use together with an offset.
#pragma once

#include "base/ref_ptr.h"
#include "base/result.h"
#include "platform/guest_memory.h"

namespace ukrun {

// A piece of a host object that holds the wanted bytes.
struct HostExtent {
  int host_fd = -1;
  uint64_t host_offset = 0;  // page aligned
  uint64_t size = 0;         // bytes usable from there, page aligned
};

class Mappable : public RefCounted<Mappable> {
 public:
  virtual ~Mappable() = default;

  // The host pages behind [offset, offset + size), as far as they are contiguous; allocates
  // holes. Errors: ENXIO beyond the end of the object (the guest gets SIGBUS), ENOSPC,
  // ENOMEM.
  // Called with the memory manager's lock held.
  virtual Result<HostExtent> Resolve(uint64_t offset, uint64_t size) = 0;
  // madvise(MADV_REMOVE). Errors: EOPNOTSUPP.
  virtual Result<void> PunchMapped(uint64_t offset, uint64_t size) {
    static_cast<void>(offset);
    static_cast<void>(size);
    return Fail(EOPNOTSUPP);
  }
  // Mappings count, so that memory in use is not given to others when the file shrinks.
  virtual void MappingAdded() {}
  virtual void MappingRemoved() {}
  // PROT_* that a shared mapping of this object may ever have (seals); checked at mmap.
  virtual Result<void> CheckSharedMapping(bool writable) {
    static_cast<void>(writable);
    return Ok();
  }
  // A shared mapping is about to be made that may write, unseen, from now on.
  virtual void MappedForWriting() {}
  // What identifies the object to futexes; differs from `this` when several mappables
  // describe one file.
  virtual const void* identity() const { return this; }
};

}  // namespace ukrun
