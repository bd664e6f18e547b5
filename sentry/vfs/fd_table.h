// The descriptor table of a process (or of tasks that share it, CLONE_FILES).
//
// Synchronizes itself; rank kFdTable. Lookup costs O(1), the lowest free descriptor is
// found from a hint.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class Task;

// A descriptor number on its way from or to a guest.
struct Fd {
  int32_t value = -1;
};

enum class CloseOnExec : uint8_t { kNo, kYes };

class FdTable : public RefCounted<FdTable> {
 public:
  FdTable() = default;
  ~FdTable();

  // Errors: EBADF.
  Result<RefPtr<File>> Get(Fd fd) const;
  // The lowest free descriptor at or above `lowest`. `limit` is RLIMIT_NOFILE.
  // Errors: EMFILE; EINVAL when `lowest` is at or above the limit.
  Result<Fd> Install(RefPtr<File> file, CloseOnExec cloexec, int32_t lowest, uint64_t limit);
  // Whether an Install would succeed now; asked before something irreversible is done.
  // Errors: EMFILE.
  Result<void> CheckRoom(uint64_t limit) const;
  // dup2, dup3: closes what was there. Errors: EBADF when fd >= limit.
  Result<void> InstallAt(Task& task, Fd fd, RefPtr<File> file, CloseOnExec cloexec, uint64_t limit);
  // Errors: EBADF.
  Result<void> Close(Task& task, Fd fd);
  void CloseRange(Task& task, uint32_t first, uint32_t last);
  void SetCloseOnExecRange(uint32_t first, uint32_t last);
  Result<CloseOnExec> GetCloseOnExec(Fd fd) const;
  Result<void> SetCloseOnExec(Fd fd, CloseOnExec cloexec);
  void CloseAllOnExec(Task& task);
  void CloseAll(Task& task);
  // A copy for fork.
  RefPtr<FdTable> Clone() const;
  // Tasks that share the table; the last one to leave closes everything.
  void AddUser() { users_.fetch_add(1); }
  void Leave(Task& task) {
    if (users_.fetch_sub(1) == 1) {
      CloseAll(task);
    }
  }
  bool shared() const { return users_.load() > 1; }
  // Open descriptors in ascending order; for /proc.
  std::vector<int32_t> Numbers() const;

 private:
  struct Entry {
    RefPtr<File> file;
    bool close_on_exec = false;
  };
  struct State {
    std::vector<Entry> entries;
    // Which entries are in use, 64 a word, and which of those words are full: a search
    // looks at one bit for 4,096 descriptors.
    std::vector<uint64_t> used;
    std::vector<uint64_t> full;
  };
  static size_t FindFree(const State& state, size_t lowest);
  static void Put(State& state, size_t number, RefPtr<File> file, CloseOnExec cloexec);
  static RefPtr<File> Take(State& state, size_t number);
  // What close(2) does besides dropping the reference. No locks held.
  void Closed(Task& task, File& file) const;
  mutable Locked<State, LockRank::kFdTable> state_;
  std::atomic<uint32_t> users_{1};
};

}  // namespace ukrun
