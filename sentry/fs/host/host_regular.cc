#include "sentry/fs/host/host_regular.h"

#include "sentry/fs/host/host_file.h"

namespace ukrun {
namespace {

// The host's own mapping of the file: it grows, shrinks and raises SIGBUS by itself.
class HostMappable final : public Mappable {
 public:
  HostMappable(RefPtr<HostRegular> inode, RefPtr<HostDescriptor> descriptor)
      : file_system_(RefPtr<FileSystem>::Share(&inode->file_system())),
        inode_(std::move(inode)),
        descriptor_(std::move(descriptor)) {}

  Result<HostExtent> Resolve(uint64_t offset, uint64_t size) override {
    return HostExtent{descriptor_->fd(), offset, size};
  }
  const void* identity() const override { return inode_.get(); }

 private:
  // A mapping may outlive the mount that it was made through.
  const RefPtr<FileSystem> file_system_;
  const RefPtr<HostRegular> inode_;
  const RefPtr<HostDescriptor> descriptor_;
};

}  // namespace

Result<RefPtr<HostDescriptor>> HostRegular::Descriptor(GoferAccess access) {
  {
    auto kept = kept_.Lock();
    for (const RefPtr<HostDescriptor>& descriptor : *kept) {
      if (descriptor->Allows(access)) {
        return descriptor;
      }
    }
  }
  if (RefPtr<HostDescriptor> cached = host().descriptors().Find(this, access)) {
    return cached;
  }
  GoferOpenOptions options;
  options.access = access;
  GoferOpened opened =
      TRY(WithHandle([&](GoferHandle handle) { return client().Open(handle, options); }));
  if (host().writable()) {
    Learn(GoferNode{GoferHandle::kNone, opened.attributes});
  }
  auto descriptor = MakeRef<HostDescriptor>(std::move(opened.fd), access);
  host().descriptors().Keep(this, descriptor);
  return descriptor;
}

void HostRegular::OfferDescriptor(HostFd fd, GoferAccess access) {
  if (fd.valid()) {
    host().descriptors().Keep(this, MakeRef<HostDescriptor>(std::move(fd), access));
  }
}

void HostRegular::KeepDescriptor() {
  std::vector<RefPtr<HostDescriptor>> found;
  for (GoferAccess access : {GoferAccess::kReadWrite, GoferAccess::kRead, GoferAccess::kWrite}) {
    if (!found.empty() && found.front()->Allows(access)) {
      continue;
    }
    Result<RefPtr<HostDescriptor>> descriptor = Descriptor(access);
    if (descriptor.ok()) {
      found.push_back(*descriptor);
    }
  }
  auto kept = kept_.Lock();
  kept->insert(kept->end(), found.begin(), found.end());
}

bool HostRegular::DescribeDirectly(Attributes& attributes) {
  RefPtr<HostDescriptor> descriptor;
  {
    auto kept = kept_.Lock();
    if (!kept->empty()) {
      descriptor = kept->front();
    }
  }
  if (!descriptor) {
    descriptor = host().descriptors().Find(this, GoferAccess::kRead);
  }
  return descriptor && descriptor->Describe(attributes).ok();
}

Result<RefPtr<File>> HostRegular::Open(Task&, const Path& path, const OpenOptions& options) {
  GoferAccess access = !options.write ? GoferAccess::kRead
                       : options.read ? GoferAccess::kReadWrite
                                      : GoferAccess::kWrite;
  RefPtr<HostContents> contents = TRY(HostContents::Open(RefPtr<HostRegular>::Share(this), access));
  return RefPtr<File>(MakeRef<HostFile>(path, options, std::move(contents)));
}

Result<RefPtr<LowerContents>> HostRegular::OpenContents() {
  return RefPtr<LowerContents>(
      TRY(HostContents::Open(RefPtr<HostRegular>::Share(this), GoferAccess::kRead)));
}

// --- Contents ---------------------------------------------------------------------------------

Result<RefPtr<HostContents>> HostContents::Open(RefPtr<HostRegular> inode, GoferAccess access) {
  auto contents = RefPtr<HostContents>::Adopt(new HostContents(std::move(inode), access));
  // Also finds out now whether it can be opened at all.
  RefPtr<HostDescriptor> descriptor = TRY(contents->inode_->Descriptor(access));
  if (static_cast<HostFileSystem&>(contents->inode_->file_system()).TryPin()) {
    contents->pinned_ = std::move(descriptor);
  }
  return contents;
}

HostContents::~HostContents() {
  if (pinned_) {
    static_cast<HostFileSystem&>(inode_->file_system()).Unpin();
  }
}

Result<RefPtr<HostDescriptor>> HostContents::Descriptor() {
  return pinned_ ? Result<RefPtr<HostDescriptor>>(pinned_) : inode_->Descriptor(access_);
}

Result<size_t> HostContents::ReadAt(GuestIo& io, uint64_t offset) {
  return TRY(Descriptor())->ReadAt(io, offset);
}

Result<uint64_t> HostContents::SeekSparse(uint64_t offset, int whence) {
  return TRY(Descriptor())->SeekSparse(offset, whence);
}

Result<RefPtr<Mappable>> HostContents::GetMappable() {
  return RefPtr<Mappable>(MakeRef<HostMappable>(inode_, TRY(Descriptor())));
}

}  // namespace ukrun
