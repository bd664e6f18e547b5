#include "sentry/syscalls/process_memory.h"

#include <algorithm>

#include "sentry/kernel.h"
#include "sentry/mm/guest_io.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/access.h"

namespace ukrun {
namespace {

constexpr uint64_t kMostVectors = 1024;  // UIO_MAXIOV
constexpr size_t kPieceBytes = 64 * 1024;

Result<std::vector<GuestIo::Segment>> LoadVectors(Task& task, GuestAddr address, uint64_t count) {
  if (count > kMostVectors) {
    return Fail(EINVAL);
  }
  std::vector<GuestIo::Segment> segments(count);
  TRY(task.memory().Read(segments.data(), address, count * sizeof(GuestIo::Segment)));
  uint64_t total = 0;
  for (const GuestIo::Segment& segment : segments) {
    if (segment.size > INT64_MAX || total + segment.size > INT64_MAX) {
      return Fail(EINVAL);
    }
    total += segment.size;
  }
  return segments;
}

Result<RefPtr<MemoryManager>> MemoryOf(Task& task, int32_t pid) {
  RefPtr<Task> target = kernel().tasks().FindTask(pid);
  if (!target) {
    return Fail(ESRCH);
  }
  if (!MayAccess(task, *target, AccessIds::kReal)) {
    return Fail(EPERM);
  }
  RefPtr<MemoryManager> mm = target->Resources().mm;
  if (!mm) {
    return Fail(ESRCH);
  }
  return mm;
}

enum class Direction : uint8_t { kFromRemote, kToRemote };

// Copies until either side ends or faults; a fault after the first byte is no error.
Result<int64_t> Transfer(GuestIo& from, GuestIo& to) {
  std::vector<std::byte> buffer(std::min({kPieceBytes, from.size(), to.size()}));
  int64_t done = 0;
  while (from.size() > 0 && to.size() > 0) {
    size_t wanted = std::min({buffer.size(), from.size(), to.size()});
    Result<size_t> loaded = from.Load(buffer.data(), wanted);
    Result<size_t> stored = loaded.ok() ? to.Store(buffer.data(), *loaded) : loaded;
    if (!stored.ok()) {
      return done > 0 ? Result<int64_t>(done) : stored.failure();
    }
    done += static_cast<int64_t>(*stored);
    if (*stored < wanted) {
      return done;
    }
  }
  return done;
}

Result<int64_t> Move(Task& task, int32_t pid, GuestAddr local, uint64_t local_count,
                     GuestAddr remote, uint64_t remote_count, uint64_t flags, Direction direction) {
  if (flags != 0) {
    return Fail(EINVAL);
  }
  GuestIo near(task.memory(), TRY(LoadVectors(task, local, local_count)));
  if (near.size() == 0) {
    return 0;  // as on Linux, without a look at the other side
  }
  std::vector<GuestIo::Segment> theirs = TRY(LoadVectors(task, remote, remote_count));
  RefPtr<MemoryManager> mm = TRY(MemoryOf(task, pid));
  UserMemory their_memory(*mm);
  GuestIo far(their_memory, std::move(theirs));
  return direction == Direction::kFromRemote ? Transfer(far, near) : Transfer(near, far);
}

}  // namespace

Result<int64_t> ProcessVmReadv(Task& task, int32_t pid, GuestAddr local, uint64_t local_count,
                               GuestAddr remote, uint64_t remote_count, uint64_t flags) {
  return Move(task, pid, local, local_count, remote, remote_count, flags, Direction::kFromRemote);
}

Result<int64_t> ProcessVmWritev(Task& task, int32_t pid, GuestAddr local, uint64_t local_count,
                                GuestAddr remote, uint64_t remote_count, uint64_t flags) {
  return Move(task, pid, local, local_count, remote, remote_count, flags, Direction::kToRemote);
}

}  // namespace ukrun
