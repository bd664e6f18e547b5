#include "sentry/fs/overlay/overlay_regular.h"

#include <unistd.h>

#include <algorithm>

#include "sentry/mm/bounce_buffer.h"
#include "sentry/mm/page_pool.h"

namespace ukrun {
namespace {

bool IsZero(const char* data, size_t size) {
  return std::all_of(data, data + size, [](char byte) { return byte == 0; });
}

}  // namespace

OverlayRegular::OverlayRegular(OverlayFileSystem& file_system, RefPtr<LowerInode> lower,
                               RefPtr<TmpfsInode> upper, uint64_t number, OverlayDirectory* parent,
                               std::string_view name)
    : OverlayInode(file_system, std::move(lower), std::move(upper), number, parent, name),
      has_contents_(is_new()) {}

RefPtr<TmpfsRegular> OverlayRegular::Above() const {
  if (!has_contents_.load(std::memory_order_acquire)) {
    return nullptr;
  }
  return StaticRefCast<TmpfsRegular>(upper());
}

Result<void> OverlayRegular::DescribeContents(Attributes& attributes) {
  if (!has_contents_.load(std::memory_order_acquire)) {
    Attributes below = TRY(lower()->GetAttributes());
    attributes.size = below.size;
    attributes.blocks = below.blocks;
    attributes.block_size = below.block_size;
  }
  return Ok();
}

Result<RefPtr<TmpfsRegular>> OverlayRegular::CopyUp() {
  if (RefPtr<TmpfsRegular> above = Above()) {
    return above;
  }
  MutexGuard guard(copy_lock_);
  RefPtr<TmpfsRegular> above = StaticRefCast<TmpfsRegular>(TRY(EnsureUpper()));
  if (!has_contents_.load(std::memory_order_relaxed)) {
    Result<void> copied = CopyContents(above->contents());
    if (!copied.ok()) {
      TRY(above->contents().Truncate(0));
      return copied.failure();
    }
    SetChanged();
    has_contents_.store(true, std::memory_order_release);
  }
  return above;
}

// Pages of zeros become holes.
Result<void> OverlayRegular::CopyContents(MemoryObject& to) {
  RefPtr<LowerContents> from = TRY(lower()->OpenContents());
  uint64_t size = TRY(lower()->GetAttributes()).size;
  BounceBuffer buffer(PageCeil(std::max<uint64_t>(size, 1)));
  uint64_t offset = 0;
  for (;;) {
    GuestIo reading(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    size_t got = TRY(from->ReadAt(reading, offset));
    for (size_t done = 0; done < got;) {
      size_t piece = std::min<size_t>(got - done, kPageSize);
      if (!IsZero(buffer.data() + done, piece)) {
        // As much as is not zero goes in one piece.
        while (done + piece < got && !IsZero(buffer.data() + done + piece,
                                             std::min<size_t>(got - done - piece, kPageSize))) {
          piece += std::min<size_t>(got - done - piece, kPageSize);
        }
        GuestIo writing(std::as_writable_bytes(std::span(buffer.data() + done, piece)));
        if (TRY(to.WriteAt(writing, offset + done)) != piece) {
          return Fail(ENOSPC);
        }
      }
      done += piece;
    }
    offset += got;
    if (got < buffer.size()) {
      return to.Truncate(offset);
    }
  }
}

void OverlayRegular::ContentsChanged(TmpfsRegular& above) {
  SetChanged();
  above.ContentsChanged();
}

Result<void> OverlayRegular::SetSize(uint64_t size) {
  if (size == 0 && !Above()) {
    // Nothing needs to be copied to be thrown away.
    MutexGuard guard(copy_lock_);
    TRY(EnsureUpper());
    has_contents_.store(true, std::memory_order_release);
    SetChanged();
  }
  return TRY(CopyUp())->Resize(size);
}

Result<RefPtr<File>> OverlayRegular::Open(Task&, const Path& path, const OpenOptions& options) {
  RefPtr<LowerContents> below;
  if (options.read && !Above()) {
    below = TRY(lower()->OpenContents());
  }
  return RefPtr<File>(
      MakeRef<OverlayFile>(path, options, RefPtr<OverlayRegular>::Share(this), std::move(below)));
}

// --- Open files -------------------------------------------------------------------------------

Result<RefPtr<LowerContents>> OverlayFile::Below() {
  return below_ ? Result<RefPtr<LowerContents>>(below_) : inode_->lower()->OpenContents();
}

Result<size_t> OverlayFile::ReadAt(GuestIo& io, int64_t offset) {
  if (offset < 0) {
    return Fail(EINVAL);
  }
  RefPtr<TmpfsRegular> above = inode_->Above();
  if (!above) {
    return TRY(Below())->ReadAt(io, static_cast<uint64_t>(offset));
  }
  size_t done = TRY(above->contents().ReadAt(io, static_cast<uint64_t>(offset)));
  if ((status_flags() & O_NOATIME) == 0) {
    above->Accessed();
  }
  return done;
}

Result<size_t> OverlayFile::WriteAt(GuestIo& io, int64_t offset) {
  if (offset < 0 && offset != kAppend) {
    return Fail(EINVAL);
  }
  RefPtr<TmpfsRegular> above = TRY(inode_->CopyUp());
  size_t done = 0;
  if (offset == kAppend) {
    uint64_t end = 0;
    done = TRY(above->contents().Append(io, &end));
    appended_end_.store(static_cast<int64_t>(end), std::memory_order_relaxed);
  } else {
    done = TRY(above->contents().WriteAt(io, static_cast<uint64_t>(offset)));
  }
  if (done > 0) {
    inode_->ContentsChanged(*above);
  }
  return done;
}

Result<int64_t> OverlayFile::AppendedEnd() { return appended_end_.load(std::memory_order_relaxed); }

Result<int64_t> OverlayFile::Seek(int64_t offset, int whence) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    return SeekableFile::Seek(offset, whence);
  }
  if (offset < 0) {
    return Fail(ENXIO);
  }
  uint64_t from = static_cast<uint64_t>(offset);
  uint64_t found = 0;
  if (RefPtr<TmpfsRegular> above = inode_->Above()) {
    MemoryObject& contents = above->contents();
    found = TRY(whence == SEEK_DATA ? contents.FindData(from) : contents.FindHole(from));
  } else {
    RefPtr<LowerContents> below = TRY(Below());
    found = TRY(below->SeekSparse(from, whence));
  }
  auto position = position_.Lock();
  *position = static_cast<int64_t>(found);
  return *position;
}

Result<void> OverlayFile::Truncate(uint64_t size) {
  AttributeChange change;
  change.size = size;
  return inode_->SetAttributes(change);
}

Result<void> OverlayFile::Allocate(int mode, int64_t offset, int64_t length) {
  RefPtr<TmpfsRegular> above = TRY(inode_->CopyUp());
  inode_->ContentsChanged(*above);
  return above->Allocate(mode, static_cast<uint64_t>(offset), static_cast<uint64_t>(length));
}

Result<RefPtr<Mappable>> OverlayFile::GetMappable() {
  RefPtr<TmpfsRegular> above = inode_->Above();
  if (!above && writable()) {
    above = TRY(inode_->CopyUp());
  }
  if (!above) {
    return TRY(Below())->GetMappable();
  }
  return RefPtr<Mappable>(above->shared_contents());
}

}  // namespace ukrun
