// What the overlay needs of an inode below, besides the VFS's operations. The host file
// system implements it.
#pragma once

#include "sentry/fs/tmpfs/directory_file.h"
#include "sentry/mm/guest_io.h"
#include "sentry/mm/mappable.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

// The contents of a regular file, open for reading.
class LowerContents : public RefCounted<LowerContents> {
 public:
  virtual ~LowerContents() = default;
  virtual Result<size_t> ReadAt(GuestIo& io, uint64_t offset) = 0;
  // SEEK_DATA and SEEK_HOLE of lseek(2).
  virtual Result<uint64_t> SeekSparse(uint64_t offset, int whence) = 0;
  virtual Result<RefPtr<Mappable>> GetMappable() = 0;
};

class LowerInode : public Inode {
 public:
  virtual Result<RefPtr<LowerContents>> OpenContents() { return Fail(EINVAL); }
  // Null for what is no directory.
  virtual ListedDirectory* listing() { return nullptr; }
};

}  // namespace ukrun
