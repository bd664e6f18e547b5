// Regular files of the overlay, and their open files.
#pragma once

#include "sentry/fs/overlay/overlay_inode.h"
#include "sentry/fs/tmpfs/tmpfs_regular.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class OverlayRegular final : public OverlayInode {
 public:
  OverlayRegular(OverlayFileSystem& file_system, RefPtr<LowerInode> lower, RefPtr<TmpfsInode> upper,
                 uint64_t number, OverlayDirectory* parent, std::string_view name);

  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;

  // The file above, once it has the contents; null before.
  RefPtr<TmpfsRegular> Above() const;
  // Copies the contents up, if they are still below. Errors: ENOSPC; those of reading.
  Result<RefPtr<TmpfsRegular>> CopyUp();
  // Something was written.
  void ContentsChanged(TmpfsRegular& above);

 private:
  Result<void> DescribeContents(Attributes& attributes) override;
  Result<void> SetSize(uint64_t size) override;
  Result<void> CopyContents(MemoryObject& to);

  // Held over the copy; guards the change of has_contents_.
  Mutex copy_lock_{LockRank::kCopyUp};
  std::atomic<bool> has_contents_;
};

// Reads below until the contents are above, then there.
class OverlayFile final : public SeekableFile {
 public:
  OverlayFile(Path path, const OpenOptions& options, RefPtr<OverlayRegular> inode,
              RefPtr<LowerContents> below)
      : SeekableFile(std::move(path), options),
        inode_(std::move(inode)),
        below_(std::move(below)) {}

  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override;
  Result<size_t> WriteAt(GuestIo& io, int64_t offset) override;
  Result<int64_t> Seek(int64_t offset, int whence) override;
  Result<void> Truncate(uint64_t size) override;
  Result<void> Allocate(int mode, int64_t offset, int64_t length) override;
  Result<void> Synchronize(Sync) override { return Ok(); }
  Result<RefPtr<Mappable>> GetMappable() override;

 protected:
  Result<int64_t> AppendedEnd() override;

 private:
  Result<RefPtr<LowerContents>> Below();

  const RefPtr<OverlayRegular> inode_;
  // Null when the contents were above already, or only writing was asked for.
  const RefPtr<LowerContents> below_;
  std::atomic<int64_t> appended_end_{0};
};

}  // namespace ukrun
