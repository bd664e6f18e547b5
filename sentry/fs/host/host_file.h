// An open regular host file.
#pragma once

#include "sentry/fs/host/host_regular.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class HostFile final : public SeekableFile {
 public:
  HostFile(Path path, const OpenOptions& options, RefPtr<HostContents> contents)
      : SeekableFile(std::move(path), options), contents_(std::move(contents)) {}

  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override;
  Result<size_t> WriteAt(GuestIo& io, int64_t offset) override;
  Result<int64_t> Seek(int64_t offset, int whence) override;
  Result<void> Truncate(uint64_t size) override;
  Result<void> Allocate(int mode, int64_t offset, int64_t length) override;
  Result<void> Synchronize(Sync what) override;
  Result<RefPtr<Mappable>> GetMappable() override;

 private:
  const RefPtr<HostContents> contents_;
};

}  // namespace ukrun
