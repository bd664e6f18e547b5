// Regular files of tmpfs, and their open files. memfds are such files without a name.
#pragma once

#include "sentry/fs/tmpfs/tmpfs_inode.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class TmpfsRegular final : public TmpfsInode {
 public:
  Result<Attributes> GetAttributes() override;
  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;
  MemoryObject& contents() { return *contents_; }
  const RefPtr<MemoryObject>& shared_contents() const { return contents_; }
  // Changes the size, also as seen through mappings.
  Result<void> Resize(uint64_t size);
  // fallocate(2), with the modes that Linux's tmpfs has.
  Result<void> Allocate(int mode, uint64_t offset, uint64_t length);

 private:
  friend class TmpfsInode;
  friend class TmpfsFileSystem;
  TmpfsRegular(TmpfsFileSystem& file_system, const NewInode& what);

  void DescribeContents(Attributes& attributes) override;
  Result<void> SetSize(uint64_t size) override { return Resize(size); }
  Result<void> CheckChange(const AttributeChange& change) override;

  const RefPtr<MemoryObject> contents_;
};

class TmpfsFile final : public SeekableFile {
 public:
  TmpfsFile(Path path, const OpenOptions& options, RefPtr<TmpfsRegular> regular)
      : SeekableFile(std::move(path), options), regular_(std::move(regular)) {}

  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override;
  Result<size_t> WriteAt(GuestIo& io, int64_t offset) override;
  Result<int64_t> Seek(int64_t offset, int whence) override;
  Result<void> Truncate(uint64_t size) override;
  Result<void> Allocate(int mode, int64_t offset, int64_t length) override;
  Result<void> Synchronize(Sync) override { return Ok(); }
  Result<RefPtr<Mappable>> GetMappable() override;
  // F_ADD_SEALS, F_GET_SEALS.
  Result<int64_t> Control(Task& task, int command, uint64_t argument) override;

 protected:
  Result<int64_t> AppendedEnd() override;

 private:
  const RefPtr<TmpfsRegular> regular_;
  // Written under the position's lock where it matters.
  std::atomic<int64_t> appended_end_{0};
};

}  // namespace ukrun
