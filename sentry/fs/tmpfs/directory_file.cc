#include "sentry/fs/tmpfs/directory_file.h"

#include <unistd.h>

namespace ukrun {

Result<size_t> DirectoryFile::Read(GuestIo&) { return Fail(EISDIR); }
Result<size_t> DirectoryFile::ReadAt(GuestIo&, int64_t) { return Fail(EISDIR); }

Result<int64_t> DirectoryFile::Seek(int64_t offset, int whence) {
  auto position = position_.Lock();
  if (whence == SEEK_CUR) {
    if (__builtin_add_overflow(offset, position->load(), &offset)) {
      return Fail(EOVERFLOW);
    }
  } else if (whence != SEEK_SET) {
    return Fail(EINVAL);
  }
  if (offset < 0) {
    return Fail(EINVAL);
  }
  *position = offset;
  return offset;
}

Result<void> DirectoryFile::ReadDirectory(DirectorySink& sink) {
  auto position = position_.Lock();
  uint8_t directory = DirectoryEntryType(S_IFDIR);
  if (*position == 0) {
    directory_.Listed();
    Attributes own = TRY(inode()->GetAttributes());
    if (!sink.Add(".", own.inode_number, directory, 1)) {
      return Ok();
    }
    *position = 1;
  }
  if (*position == 1) {
    // The root of a file system is its own parent.
    RefPtr<Dentry> parent = path_.dentry->parent();
    RefPtr<Inode> above = parent ? parent->inode() : path_.dentry->inode();
    Attributes attributes = TRY(above->GetAttributes());
    if (!sink.Add("..", attributes.inode_number, directory, 2)) {
      return Ok();
    }
    *position = 2;
  }
  for (;;) {
    std::vector<ListedEntry> entries = TRY(directory_.List(static_cast<uint64_t>(*position)));
    if (entries.empty()) {
      return Ok();
    }
    for (const ListedEntry& entry : entries) {
      int64_t next = static_cast<int64_t>(entry.next);
      if (!sink.Add(entry.name, entry.inode_number, entry.type, next)) {
        return Ok();
      }
      *position = next;
    }
  }
}

}  // namespace ukrun
