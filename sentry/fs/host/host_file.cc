#include "sentry/fs/host/host_file.h"

#include <unistd.h>

namespace ukrun {

Result<size_t> HostFile::ReadAt(GuestIo& io, int64_t offset) {
  if (offset < 0) {
    return Fail(EINVAL);
  }
  return contents_->ReadAt(io, static_cast<uint64_t>(offset));
}

Result<size_t> HostFile::WriteAt(GuestIo& io, int64_t offset) {
  if (offset < 0 && offset != kAppend) {
    return Fail(EINVAL);
  }
  RefPtr<HostDescriptor> descriptor = TRY(contents_->Descriptor());
  contents_->inode().ForgetAttributes();
  if (offset == kAppend) {
    return descriptor->Append(io);
  }
  return descriptor->WriteAt(io, static_cast<uint64_t>(offset));
}

Result<int64_t> HostFile::Seek(int64_t offset, int whence) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    return SeekableFile::Seek(offset, whence);
  }
  if (offset < 0) {
    return Fail(ENXIO);
  }
  uint64_t found = TRY(contents_->SeekSparse(static_cast<uint64_t>(offset), whence));
  auto position = position_.Lock();
  *position = static_cast<int64_t>(found);
  return *position;
}

Result<void> HostFile::Truncate(uint64_t size) {
  contents_->inode().ForgetAttributes();
  return TRY(contents_->Descriptor())->Truncate(size);
}

Result<void> HostFile::Allocate(int mode, int64_t offset, int64_t length) {
  contents_->inode().ForgetAttributes();
  return TRY(contents_->Descriptor())->Allocate(mode, offset, length);
}

Result<void> HostFile::Synchronize(Sync what) {
  return TRY(contents_->Descriptor())->Synchronize(what);
}

Result<RefPtr<Mappable>> HostFile::GetMappable() { return contents_->GetMappable(); }

}  // namespace ukrun
