#include "sentry/fs/proc/memory_file.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/window.h"
#include "sentry/mm/guest_io.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/vfs/file.h"

namespace ukrun {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;

// The kernel's pages that guests see are no part of any guest's memory; and the rest of the
// window must not be reachable under any name.
Result<void> CheckRange(uint64_t address, size_t size) {
  return TouchesWindow(address, size) || address >= kUserEnd ? Fail(EIO) : Result<void>();
}

// Faults can be resolved in the caller's own memory only (the mappings of another process
// change on its own threads); in others, pages that were never touched read as missing.
Result<size_t> CopyFrom(Task& task, MemoryManager& mm, char* to, uint64_t address, size_t size) {
  if (task.Resources().mm == &mm) {
    return task.memory().ReadSome(to, GuestAddr(address), size);
  }
  return mm.space().memory().CopyIn(to, GuestAddr(address), size);
}

Result<size_t> CopyTo(Task& task, MemoryManager& mm, uint64_t address, const char* from,
                      size_t size) {
  if (task.Resources().mm == &mm) {
    return task.memory().WriteSome(GuestAddr(address), from, size);
  }
  return mm.space().memory().CopyOut(GuestAddr(address), from, size);
}

class MemoryFile final : public SeekableFile {
 public:
  MemoryFile(const Path& path, const OpenOptions& options, const ProcessTarget& target)
      : SeekableFile(path, options), target_(target) {}

  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override {
    Task& task = CurrentTask();
    RefPtr<MemoryManager> mm = TRY(FindMemory(task));
    auto address = static_cast<uint64_t>(offset);
    std::vector<char> piece(std::min(io.size(), kPieceBytes));
    size_t done = 0;
    while (mm && io.size() > 0) {
      size_t wanted = std::min(io.size(), piece.size());
      if (!CheckRange(address + done, wanted).ok()) {
        break;
      }
      Result<size_t> got = CopyFrom(task, *mm, piece.data(), address + done, wanted);
      if (!got.ok()) {
        break;
      }
      size_t stored = TRY(io.Store(piece.data(), *got));
      done += stored;
      if (stored < wanted) {
        break;
      }
    }
    return mm && done == 0 && io.size() > 0 ? Fail(EIO) : Result<size_t>(done);
  }

  Result<size_t> WriteAt(GuestIo& io, int64_t offset) override {
    Task& task = CurrentTask();
    RefPtr<MemoryManager> mm = TRY(FindMemory(task));
    auto address = static_cast<uint64_t>(offset);
    std::vector<char> piece(std::min(io.size(), kPieceBytes));
    size_t done = 0;
    while (mm && io.size() > 0) {
      size_t loaded = TRY(io.Load(piece.data(), std::min(io.size(), piece.size())));
      if (!CheckRange(address + done, loaded).ok()) {
        break;
      }
      Result<size_t> put = CopyTo(task, *mm, address + done, piece.data(), loaded);
      if (!put.ok()) {
        break;
      }
      done += *put;
      if (*put < loaded) {
        break;
      }
    }
    return mm && done == 0 && io.done() > 0 ? Fail(EIO) : Result<size_t>(done);
  }

  // Positions are addresses; there is no end to count from.
  Result<int64_t> Seek(int64_t offset, int whence) override {
    return whence == SEEK_SET || whence == SEEK_CUR ? SeekableFile::Seek(offset, whence)
                                                    : Fail(EINVAL);
  }

 private:
  // Null when the process has none any more: then there is nothing to read, as on Linux.
  Result<RefPtr<MemoryManager>> FindMemory(Task& task) {
    Result<RefPtr<Task>> target = target_.Find();
    if (!target.ok()) {
      return RefPtr<MemoryManager>();
    }
    TRY(CheckInspect(task, **target));
    return (*target)->Resources().mm;
  }

  const ProcessTarget target_;
};

class MemoryInode final : public PseudoInode {
 public:
  MemoryInode(ProcFileSystem& file_system, const ProcessTarget& target, uint64_t number)
      : PseudoInode(file_system, S_IFREG | 0600, number), target_(target) {}

  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override {
    TRY(CheckInspect(task, *TRY(target_.Find())));
    return RefPtr<File>(MakeRef<MemoryFile>(path, options, target_));
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }

 private:
  const ProcessTarget target_;
};

}  // namespace

RefPtr<PseudoInode> MakeMemoryFile(ProcFileSystem& file_system, const ProcessTarget& target,
                                   uint64_t number) {
  return MakeRef<MemoryInode>(file_system, target, number);
}

Result<std::string> ReadProcessMemory(Task& reader, const TaskResources& target, uint64_t address,
                                      size_t size) {
  if (!target.mm || size == 0) {
    return std::string();
  }
  TRY(CheckRange(address, size));
  std::string bytes(size, '\0');
  Result<size_t> got = CopyFrom(reader, *target.mm, bytes.data(), address, size);
  if (!got.ok()) {
    return Fail(EIO);
  }
  bytes.resize(*got);
  return bytes;
}

}  // namespace ukrun
