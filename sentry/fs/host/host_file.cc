#include "sentry/fs/host/host_file.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/host_call.h"

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
  RefPtr<HostDescriptor> descriptor = TRY(contents_->Descriptor());
  TRY(HostCall(SYS_ftruncate, descriptor->fd(), size));
  return Ok();
}

Result<void> HostFile::Allocate(int mode, int64_t offset, int64_t length) {
  contents_->inode().ForgetAttributes();
  RefPtr<HostDescriptor> descriptor = TRY(contents_->Descriptor());
  TRY(HostCall(SYS_fallocate, descriptor->fd(), mode, offset, length));
  return Ok();
}

Result<void> HostFile::Synchronize(Sync what) {
  long call = what == Sync::kData ? SYS_fdatasync : SYS_fsync;
  RefPtr<HostDescriptor> descriptor = TRY(contents_->Descriptor());
  TRY(HostCall(call, descriptor->fd()));
  return Ok();
}

Result<RefPtr<Mappable>> HostFile::GetMappable() { return contents_->GetMappable(); }

}  // namespace ukrun
