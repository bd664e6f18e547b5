// A file description: what open(2) makes and descriptors refer to.
//
// File objects never block. Read, Write and friends answer EAGAIN when they cannot go on,
// and Notify waiters() when that changes; the system call layer waits
// (sentry/syscalls/blocking.h). O_NONBLOCK is therefore no business of theirs.
#pragma once

#include <fcntl.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "base/result.h"
#include "base/wait_queue.h"
#include "platform/guest_memory.h"
#include "sentry/vfs/attributes.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class GuestIo;
class Mappable;
class Task;

// What an open asked for, decoded.
struct OpenOptions {
  bool read = false;
  bool write = false;
  // O_APPEND, O_NONBLOCK, O_DIRECT, O_SYNC, ... : what F_GETFL shows besides the mode; and
  // O_NOCTTY, which only the opener of a terminal sees.
  uint32_t status_flags = 0;
  // O_NOCTTY: the terminal opened does not become the session's.
  bool no_terminal = false;
};

// Receives directory entries; says when it is full.
class DirectorySink {
 public:
  virtual ~DirectorySink() = default;
  // `next` is the position after this entry (d_off). `type` is DT_*.
  // Returns false, and takes nothing, when there is no room.
  virtual bool Add(std::string_view name, uint64_t inode_number, uint8_t type, int64_t next) = 0;
};

enum class Sync : uint8_t { kData, kAll };

class File : public RefCounted<File> {
 public:
  File(Path path, const OpenOptions& options);
  virtual ~File();

  // The last reference announces the end to watchers (epoll) and locks (flock) while the
  // object is still whole: waiters() is valid in OnFileGone.
  void Unref() const;

  // --- Streams and files alike: at the file's own position, which Read and Write move.
  virtual Result<size_t> Read(GuestIo& io);
  virtual Result<size_t> Write(GuestIo& io);
  // --- Files with positions. Default: ESPIPE.
  virtual Result<size_t> ReadAt(GuestIo& io, int64_t offset);
  virtual Result<size_t> WriteAt(GuestIo& io, int64_t offset);
  virtual Result<int64_t> Seek(int64_t offset, int whence);

  // What poll(2) would say now. Default: readable and writable, as regular files are.
  virtual Ready Readiness();
  // Null when readiness never changes. epoll refuses such files with EPERM.
  virtual WaitQueue* waiters() { return nullptr; }

  virtual Result<Attributes> GetAttributes();
  virtual Result<void> Truncate(uint64_t size);
  // fallocate(2). Errors: EOPNOTSUPP for modes that the file system lacks.
  virtual Result<void> Allocate(int mode, int64_t offset, int64_t length);
  virtual Result<void> Synchronize(Sync what);
  virtual Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument);
  // From the file's position, which it moves.
  virtual Result<void> ReadDirectory(DirectorySink& sink);
  // What mmap(2) maps. Errors: ENODEV.
  virtual Result<RefPtr<Mappable>> GetMappable();
  // Extra lines of /proc/PID/fdinfo/N.
  virtual std::string FdInfo() { return {}; }
  // The address of a constant of the class, for those that must know what they were handed
  // (there is no RTTI). Null: nothing special.
  virtual const void* kind() const { return nullptr; }
  // Called at each close(2) of a descriptor (not at the last only): as Linux's flush.
  virtual void DescriptorClosed(Task& task) { static_cast<void>(task); }
  // The fcntl(2) commands that only some files know: F_GETPIPE_SZ, F_SETPIPE_SZ (default
  // EBADF), F_ADD_SEALS, F_GET_SEALS (default EINVAL).
  virtual Result<int64_t> Control(Task& task, int command, uint64_t argument);
  // --- Pipes, for splice(2) and tee(2).
  virtual bool is_pipe() const { return false; }
  // As Read, but takes nothing away. Errors: EAGAIN as Read.
  virtual Result<size_t> Peek(GuestIo& io);
  // How many bytes a write would take now; 0 when full.
  virtual size_t WriteSpace() { return 0; }

  const Path& path() const { return path_; }
  Inode* inode() const { return path_.dentry ? path_.dentry->inode().get() : nullptr; }
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool path_only() const { return (status_flags() & O_PATH) != 0; }
  uint32_t status_flags() const { return status_flags_.load(std::memory_order_relaxed); }
  void set_status_flags(uint32_t flags) { status_flags_.store(flags); }
  bool nonblocking() const { return (status_flags() & O_NONBLOCK) != 0; }
  bool append() const { return (status_flags() & O_APPEND) != 0; }
  int64_t position() const;

  // Told once, when the file goes away; used by epoll. Called with no locks held, by the
  // thread that drops the last reference; TryRef() fails by then.
  class CloseObserver {
   public:
    virtual ~CloseObserver() = default;
    virtual void OnFileGone(File& file) = 0;

   private:
    friend class File;
    File* file_ = nullptr;
    CloseObserver* next_ = nullptr;
  };
  // Requires: the caller holds a reference to this file.
  void AddCloseObserver(CloseObserver& observer);
  // Never looks at a file that is gone. Returns false when OnFileGone has been or is just
  // being called: the observer must then stay alive until that call has ended.
  static bool RemoveCloseObserver(CloseObserver& observer);

  // The owner of signals (F_SETOWN, F_SETSIG): kept, as O_ASYNC is not implemented.
  std::atomic<int32_t> signal_owner{0};
  std::atomic<int32_t> signal_number{0};

 protected:
  // The position, held over a whole Read or Write (as Linux's f_pos_lock). Atomic, so that
  // those who only want to show it need not wait for a read to end.
  Locked<std::atomic<int64_t>, LockRank::kFileOffset> position_{0};
  Path path_;

 private:
  friend void AdoptWriteAccess(File& file);
  friend void AdoptWriteDenial(File& file);
  void AnnounceEnd();

  const bool readable_;
  const bool writable_;
  // See write_access.h.
  bool holds_write_access_ = false;
  bool denies_write_access_ = false;
  std::atomic<uint32_t> status_flags_;
  // Guarded by one lock for all files (file.cc): observers outlive no file, nor files them.
  std::atomic<CloseObserver*> observers_{nullptr};
};

// Files with positions derive from this: Read, Write and Seek in terms of ReadAt, WriteAt
// and the size. WriteAt is told to append by offset kAppend.
class SeekableFile : public File {
 public:
  using File::File;
  static constexpr int64_t kAppend = -1;
  Result<size_t> Read(GuestIo& io) override;
  // With O_APPEND calls WriteAt(io, kAppend); the position moves to the end of what was
  // written, which `AppendedEnd` reports. Honours RLIMIT_FSIZE.
  Result<size_t> Write(GuestIo& io) override;
  Result<int64_t> Seek(int64_t offset, int whence) override;

 protected:
  // Where the last kAppend write of this call ended. Default: the end of the file.
  virtual Result<int64_t> AppendedEnd();
};

}  // namespace ukrun
