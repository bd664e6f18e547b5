#include "sentry/fs/tmpfs/tmpfs_regular.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "sentry/mm/shrink.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

namespace ukrun {
namespace {

constexpr uint32_t kAllSeals =
    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;

}  // namespace

TmpfsRegular::TmpfsRegular(TmpfsFileSystem& file_system, const NewInode& what)
    : TmpfsInode(file_system, what),
      contents_(MakeRef<MemoryObject>(uint64_t{0}, &file_system.budget())) {
  // Only memfds can be sealed.
  contents_->SetInitialSeals(F_SEAL_SEAL);
}

Result<Attributes> TmpfsRegular::GetAttributes() {
  if (contents_->TakeMappedForWriting()) {
    ContentsChanged();
  }
  return TmpfsInode::GetAttributes();
}

void TmpfsRegular::DescribeContents(Attributes& attributes) {
  attributes.size = contents_->size();
  attributes.blocks = contents_->allocated_bytes() / 512;
}

Result<void> TmpfsRegular::Resize(uint64_t size) {
  if (size > MemoryObject::kLargestSize) {
    return Fail(EFBIG);
  }
  uint64_t size_before = contents_->size();
  TRY(contents_->Truncate(size));
  if (size < size_before && contents_->is_mapped()) {
    ForgetMappedBeyond(*contents_, size);
  }
  return Ok();
}

Result<void> TmpfsRegular::CheckChange(const AttributeChange& change) {
  if (!change.permissions || (contents_->seals() & F_SEAL_EXEC) == 0) {
    return Ok();
  }
  uint32_t mode = TRY(GetAttributes()).mode;
  return ((mode ^ *change.permissions) & 0111) != 0 ? Fail(EPERM) : Ok();
}

Result<void> TmpfsRegular::Allocate(int mode, uint64_t offset, uint64_t length) {
  // The VFS has checked that both are in range; their sum need not be.
  if (offset + length > MemoryObject::kLargestSize) {
    return Fail(EFBIG);
  }
  if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) != 0) {
    return Fail(EOPNOTSUPP);
  }
  if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0) {
      return Fail(EOPNOTSUPP);
    }
    TRY(contents_->PunchHole(offset, length));
  } else {
    uint64_t end = offset + length;
    if ((mode & FALLOC_FL_KEEP_SIZE) != 0) {
      // As on Linux, a seal against growing also forbids what would grow only the reserve.
      if ((contents_->seals() & F_SEAL_GROW) != 0 && end > contents_->size()) {
        return Fail(EPERM);
      }
      end = 0;
    }
    TRY(contents_->Reserve(offset, length, end));
  }
  ContentsChanged();
  return Ok();
}

Result<RefPtr<File>> TmpfsRegular::Open(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<TmpfsFile>(path, options, RefPtr<TmpfsRegular>::Share(this)));
}

// --- Open files -------------------------------------------------------------------------------

Result<size_t> TmpfsFile::ReadAt(GuestIo& io, int64_t offset) {
  if (offset < 0) {
    return Fail(EINVAL);
  }
  size_t done = TRY(regular_->contents().ReadAt(io, static_cast<uint64_t>(offset)));
  if ((status_flags() & O_NOATIME) == 0) {
    regular_->Accessed();
  }
  return done;
}

Result<size_t> TmpfsFile::WriteAt(GuestIo& io, int64_t offset) {
  size_t done = 0;
  if (offset == kAppend) {
    uint64_t end = 0;
    done = TRY(regular_->contents().Append(io, &end));
    appended_end_.store(static_cast<int64_t>(end), std::memory_order_relaxed);
  } else if (offset < 0) {
    return Fail(EINVAL);
  } else {
    done = TRY(regular_->contents().WriteAt(io, static_cast<uint64_t>(offset)));
  }
  if (done > 0) {
    regular_->ContentsChanged();
  }
  return done;
}

Result<int64_t> TmpfsFile::AppendedEnd() { return appended_end_.load(std::memory_order_relaxed); }

Result<int64_t> TmpfsFile::Seek(int64_t offset, int whence) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    return SeekableFile::Seek(offset, whence);
  }
  if (offset < 0) {
    return Fail(ENXIO);
  }
  uint64_t from = static_cast<uint64_t>(offset);
  MemoryObject& contents = regular_->contents();
  uint64_t found = TRY(whence == SEEK_DATA ? contents.FindData(from) : contents.FindHole(from));
  auto position = position_.Lock();
  *position = static_cast<int64_t>(found);
  return *position;
}

Result<void> TmpfsFile::Truncate(uint64_t size) {
  AttributeChange change;
  change.size = size;
  return regular_->SetAttributes(change);
}

Result<void> TmpfsFile::Allocate(int mode, int64_t offset, int64_t length) {
  return regular_->Allocate(mode, static_cast<uint64_t>(offset), static_cast<uint64_t>(length));
}

Result<RefPtr<Mappable>> TmpfsFile::GetMappable() {
  return RefPtr<Mappable>(regular_->shared_contents());
}

Result<int64_t> TmpfsFile::Control(Task& task, int command, uint64_t argument) {
  if (command == F_GET_SEALS) {
    return static_cast<int64_t>(regular_->contents().seals());
  }
  if (command != F_ADD_SEALS) {
    return SeekableFile::Control(task, command, argument);
  }
  uint32_t seals = static_cast<uint32_t>(argument);
  if (!writable()) {
    return Fail(EPERM);
  }
  if ((argument & ~uint64_t{kAllSeals}) != 0) {
    return Fail(EINVAL);
  }
  // As on Linux, an executable that may not change its bits may not change its text either.
  if ((seals & F_SEAL_EXEC) != 0 && (TRY(GetAttributes()).mode & 0111) != 0) {
    seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  }
  TRY(regular_->contents().AddSeals(seals));
  return 0;
}

}  // namespace ukrun
