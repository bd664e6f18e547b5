// Advisory locks on one file: flock(2), POSIX record locks (fcntl F_SETLK) and open file
// description locks (F_OFD_SETLK).
//
// flock and OFD locks belong to a file description, POSIX locks to a process (its
// descriptor table). All lists are guarded by one lock for the whole sandbox (rank
// kFileLocks), since finding a deadlock means looking at all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ref_ptr.h"
#include "base/result.h"
#include "base/wait_queue.h"

namespace ukrun {

class FdTable;
class File;
class Inode;
class Task;

enum class LockType : uint8_t { kShared, kExclusive, kUnlock };
enum class LockWait : uint8_t { kNo, kYes };
enum class RangeFlavour : uint8_t { kPosix, kOpenFile };

struct RangeLock {
  const void* owner = nullptr;  // FdTable or File
  RangeFlavour flavour = RangeFlavour::kPosix;
  LockType type = LockType::kUnlock;
  int64_t first = 0;
  int64_t last = 0;  // inclusive; INT64_MAX: to the end of the file
  int32_t pid = -1;  // what F_GETLK shows
};

class FileLocks {
 public:
  // Errors: EAGAIN (EWOULDBLOCK), kErestartsys. As on Linux, converting a lock gives the
  // old one up first, and it is lost when the new one cannot be had.
  Result<void> Flock(Task& task, const File& owner, LockType type, LockWait wait);
  // Errors: EAGAIN, EDEADLK (POSIX), kErestartsys.
  Result<void> SetRange(Task& task, const RangeLock& wanted, LockWait wait);
  // The first lock in the way of `wanted`, if any.
  std::optional<RangeLock> FindConflict(const RangeLock& wanted) const;

  // The end of a file description, and of a process's interest in a file.
  void ReleaseFile(const File& file);
  void ReleaseProcess(const FdTable& process);

  // For /proc/locks.
  struct Listing {
    bool flock = false;
    RangeLock lock;
  };
  std::vector<Listing> List() const;

 private:
  struct FlockEntry {
    const File* owner;
    LockType type;
    int32_t pid;
  };

  Result<void> TryFlockLocked(const File& owner, LockType type, int32_t pid, bool* changed);
  const RangeLock* FindConflictLocked(const RangeLock& wanted) const;
  void ApplyLocked(const RangeLock& wanted);
  bool RemoveOwnerLocked(const void* owner, RangeFlavour flavour);

  std::vector<FlockEntry> flocks_;
  std::vector<RangeLock> ranges_;
  WaitQueue waiters_;
};

}  // namespace ukrun
