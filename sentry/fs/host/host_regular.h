// Regular host files.
#pragma once

#include "sentry/fs/host/host_inode.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class HostRegular final : public HostInode {
 public:
  using HostInode::HostInode;

  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;
  Result<RefPtr<LowerContents>> OpenContents() override;

  // A descriptor that allows `access`: the kept one, a cached one, or a new one.
  Result<RefPtr<HostDescriptor>> Descriptor(GoferAccess access);
  // The gofer sent one along with another answer.
  void OfferDescriptor(HostFd fd, GoferAccess access);
  // Its name is about to go while it is open: from then on it can only be reached by a
  // descriptor, so one is kept.
  void KeepDescriptor();

 private:
  bool DescribeDirectly(Attributes& attributes) override;

  // Those that must not be thrown out of the cache.
  Locked<std::vector<RefPtr<HostDescriptor>>, LockRank::kFileObject> kept_;
};

// The contents of a host file, opened with some access. Keeps its descriptor as long as
// there are not too many such; else it is looked up each time.
class HostContents final : public LowerContents {
 public:
  static Result<RefPtr<HostContents>> Open(RefPtr<HostRegular> inode, GoferAccess access);
  ~HostContents() override;

  Result<size_t> ReadAt(GuestIo& io, uint64_t offset) override;
  Result<uint64_t> SeekSparse(uint64_t offset, int whence) override;
  Result<RefPtr<Mappable>> GetMappable() override;
  Result<RefPtr<HostDescriptor>> Descriptor();
  HostRegular& inode() { return *inode_; }

 private:
  HostContents(RefPtr<HostRegular> inode, GoferAccess access)
      : inode_(std::move(inode)), access_(access) {}

  // Constant after construction.
  const RefPtr<HostRegular> inode_;
  const GoferAccess access_;
  RefPtr<HostDescriptor> pinned_;
};

}  // namespace ukrun
