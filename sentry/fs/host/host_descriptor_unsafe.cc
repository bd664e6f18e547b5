#include "sentry/fs/host/host_descriptor.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/host_call.h"
#include "sentry/mm/bounce_buffer.h"

namespace ukrun {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

int64_t ToNs(const timespec& time) { return time.tv_sec * kNsPerSecond + time.tv_nsec; }

}  // namespace

Result<size_t> HostDescriptor::ReadAt(GuestIo& io, uint64_t offset) const {
  BounceBuffer buffer(io.size());
  size_t done = 0;
  while (io.size() > 0) {
    size_t wanted = std::min(io.size(), buffer.size());
    Result<long> got = HostCall(SYS_pread64, fd_.get(), buffer.data(), wanted, offset + done);
    if (!got.ok()) {
      return done > 0 ? Result<size_t>(done) : got.failure();
    }
    size_t bytes = static_cast<size_t>(*got);
    Result<size_t> stored = bytes == 0 ? Result<size_t>(size_t{0}) : io.Store(buffer.data(), bytes);
    if (!stored.ok()) {
      return done > 0 ? Result<size_t>(done) : stored;
    }
    done += *stored;
    if (*stored < wanted) {
      break;
    }
  }
  return done;
}

// write_piece(data, size) says how much of a piece the host took.
template <typename WritePiece>
Result<size_t> HostDescriptor::WritePieces(GuestIo& io, WritePiece write_piece) const {
  BounceBuffer buffer(io.size());
  size_t done = 0;
  while (io.size() > 0) {
    size_t wanted = std::min(io.size(), buffer.size());
    Result<size_t> loaded = io.Load(buffer.data(), wanted);
    if (!loaded.ok()) {
      return done > 0 ? Result<size_t>(done) : loaded;
    }
    for (size_t written = 0; written < *loaded;) {
      Result<long> put = write_piece(buffer.data() + written, *loaded - written, done);
      if (!put.ok() || *put == 0) {
        return done > 0 || put.ok() ? Result<size_t>(done) : put.failure();
      }
      written += static_cast<size_t>(*put);
      done += static_cast<size_t>(*put);
    }
    if (*loaded < wanted) {
      break;
    }
  }
  return done;
}

Result<size_t> HostDescriptor::WriteAt(GuestIo& io, uint64_t offset) const {
  return WritePieces(io, [&](const char* data, size_t size, size_t done) {
    return HostCall(SYS_pwrite64, fd_.get(), data, size, offset + done);
  });
}

Result<size_t> HostDescriptor::Append(GuestIo& io) const {
  return WritePieces(io, [&](const char* data, size_t size, size_t) {
    iovec piece{const_cast<char*>(data), size};
    return HostCall(SYS_pwritev2, fd_.get(), &piece, 1, 0, 0, RWF_APPEND);
  });
}

Result<void> HostDescriptor::Describe(Attributes& attributes) const {
  struct stat now {};
  TRY(HostCall(SYS_fstat, fd_.get(), &now));
  attributes.mode = now.st_mode;
  attributes.link_count = static_cast<uint32_t>(now.st_nlink);
  attributes.uid = now.st_uid;
  attributes.gid = now.st_gid;
  attributes.size = static_cast<uint64_t>(now.st_size);
  attributes.blocks = static_cast<uint64_t>(now.st_blocks);
  attributes.access_time_ns = ToNs(now.st_atim);
  attributes.modify_time_ns = ToNs(now.st_mtim);
  attributes.change_time_ns = ToNs(now.st_ctim);
  return Ok();
}

Result<void> HostDescriptor::Truncate(uint64_t size) const {
  TRY(HostCall(SYS_ftruncate, fd_.get(), size));
  return Ok();
}

Result<void> HostDescriptor::Allocate(int mode, int64_t offset, int64_t length) const {
  TRY(HostCall(SYS_fallocate, fd_.get(), mode, offset, length));
  return Ok();
}

Result<void> HostDescriptor::Synchronize(Sync what) const {
  TRY(HostCall(what == Sync::kData ? SYS_fdatasync : SYS_fsync, fd_.get()));
  return Ok();
}

Result<uint64_t> HostDescriptor::SeekSparse(uint64_t offset, int whence) const {
  long found = TRY(HostCall(SYS_lseek, fd_.get(), offset, whence));
  return static_cast<uint64_t>(found);
}

}  // namespace ukrun
