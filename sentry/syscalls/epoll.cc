#include "sentry/syscalls/epoll.h"

#include <fcntl.h>

#include "abi/poll.h"
#include "base/window.h"
#include "sentry/fs/epoll/epoll.h"
#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/syscalls/temporary_mask.h"
#include "sentry/syscalls/time_limit.h"

namespace ukrun {
namespace {

constexpr int32_t kMostEvents = INT32_MAX / static_cast<int32_t>(sizeof(abi::EpollEvent));
// What may accompany EPOLLEXCLUSIVE.
constexpr uint32_t kExclusiveAllowed = abi::kPollIn | abi::kPollOut | abi::kPollErr |
                                       abi::kPollHup | abi::kEpollWakeUp | abi::kEpollEdge |
                                       abi::kEpollExclusive;

Result<void> CheckExclusive(int32_t operation, uint32_t events, bool is_set) {
  if ((events & abi::kEpollExclusive) == 0) {
    return Ok();
  }
  bool allowed = operation == abi::kEpollAdd && !is_set && (events & ~kExclusiveAllowed) == 0;
  return allowed ? Ok() : Result<void>(Fail(EINVAL));
}

// Copies reports to the guest. Those that cannot be copied stay ready.
Result<int64_t> StoreReports(Task& task, EpollSet& set, GuestAddr address,
                             const std::vector<EpollSet::Report>& reports) {
  std::vector<abi::EpollEvent> events;
  events.reserve(reports.size());
  for (const EpollSet::Report& report : reports) {
    events.push_back({report.events, static_cast<uint32_t>(report.data),
                      static_cast<uint32_t>(report.data >> 32)});
  }
  size_t bytes = events.size() * sizeof(abi::EpollEvent);
  Result<size_t> copied = task.memory().WriteSome(address, events.data(), bytes);
  size_t stored = copied.value_or(0) / sizeof(abi::EpollEvent);
  if (stored < reports.size()) {
    set.PutBack(reports, stored);
  }
  return stored > 0 ? Result<int64_t>(static_cast<int64_t>(stored)) : Fail(EFAULT);
}

// Sleeps until something may be ready.
WakeReason Sleep(Task& task, EpollSet& set, int64_t deadline_ns) {
  SleeperWaiter waiter(task.sleeper());
  uint32_t seen = task.sleeper().Prepare();
  set.sleepers().Add(waiter, Ready::kReadable);
  WakeReason reason = set.MayBeReady() ? WakeReason::kNotified : SleepTask(task, seen, deadline_ns);
  // Before the next look: a wake that was meant for this task must not be lost with it.
  set.sleepers().Remove(waiter);
  return reason;
}

Result<int64_t> WaitUntil(Task& task, Fd fd, GuestAddr events, int32_t most, int64_t deadline_ns) {
  if (most <= 0 || most > kMostEvents) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(fd));
  // As on Linux, an address that is no user's is refused at once; any other fault is found when
  // there is something to report.
  uint64_t size = static_cast<uint64_t>(most) * sizeof(abi::EpollEvent);
  if (size > kUserEnd || events.value() > kUserEnd - size) {
    return Fail(EFAULT);
  }
  RefPtr<EpollSet> set = FindEpollSet(*file);
  if (!set) {
    return Fail(EINVAL);
  }
  WakeReason reason = deadline_ns == 0 ? WakeReason::kTimedOut : WakeReason::kNotified;
  for (;;) {
    std::vector<EpollSet::Report> reports = set->Collect(static_cast<size_t>(most));
    if (!reports.empty()) {
      return StoreReports(task, *set, events, reports);
    }
    if (reason == WakeReason::kTimedOut) {
      return int64_t{0};
    }
    // As on Linux, the call is never restarted.
    if (reason == WakeReason::kInterrupted || SignalPending(task)) {
      return Fail(EINTR);
    }
    reason = Sleep(task, *set, deadline_ns);
  }
}

Result<int64_t> WaitWithMask(Task& task, Fd fd, GuestAddr events, int32_t most, int64_t deadline_ns,
                             UserIn<uint64_t> mask, uint64_t mask_size) {
  TRY(InstallTemporaryMask(task, mask, mask_size));
  Result<int64_t> result = WaitUntil(task, fd, events, most, deadline_ns);
  EndTemporaryMask(task, result.Is(EINTR) ? SignalEnds::kYes : SignalEnds::kNo);
  return result;
}

int64_t DeadlineOf(int32_t timeout_ms) {
  constexpr int64_t kNsPerMs = 1'000'000;
  if (timeout_ms < 0) {
    return kNoDeadline;
  }
  return timeout_ms == 0 ? 0 : DeadlineAfter(timeout_ms * kNsPerMs);
}

}  // namespace

Result<Fd> EpollCreate(Task& task, int32_t size) {
  return size <= 0 ? Fail(EINVAL) : EpollCreate1(task, 0);
}

Result<Fd> EpollCreate1(Task& task, uint32_t flags) {
  if ((flags & ~uint32_t{O_CLOEXEC}) != 0) {
    return Fail(EINVAL);
  }
  return task.InstallFile(CreateEpoll(), flags != 0 ? CloseOnExec::kYes : CloseOnExec::kNo);
}

Result<void> EpollCtl(Task& task, Fd set_fd, int32_t operation, Fd fd,
                      UserIn<abi::EpollEvent> event) {
  abi::EpollEvent wanted{};
  if (operation != abi::kEpollDelete) {
    wanted = TRY(event.Load(task.memory()));
  }
  RefPtr<File> set_file = TRY(task.GetFile(set_fd));
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (file->waiters() == nullptr) {
    return Fail(EPERM);
  }
  RefPtr<EpollSet> set = FindEpollSet(*set_file);
  if (!set || set_file == file) {
    return Fail(EINVAL);
  }
  RefPtr<EpollSet> inner = FindEpollSet(*file);
  TRY(CheckExclusive(operation, wanted.events, static_cast<bool>(inner)));
  EpollSet::Interest interest;
  // EPOLLWAKEUP needs a machine that suspends; without the privilege Linux drops it too.
  interest.events = (wanted.events & ~abi::kEpollWakeUp) | abi::kPollErr | abi::kPollHup;
  interest.data = wanted.data_low | uint64_t{wanted.data_high} << 32;
  switch (operation) {
    case abi::kEpollAdd:
      return set->Add(*file, fd.value, interest, std::move(inner));
    case abi::kEpollModify:
      return set->Modify(*file, fd.value, interest);
    case abi::kEpollDelete:
      return set->Remove(*file, fd.value);
    default:
      return Fail(EINVAL);
  }
}

Result<int64_t> EpollWait(Task& task, Fd set, UserArray<abi::EpollEvent> events, int32_t most,
                          int32_t timeout_ms) {
  return WaitUntil(task, set, events.address, most, DeadlineOf(timeout_ms));
}

Result<int64_t> EpollPwait(Task& task, Fd set, UserArray<abi::EpollEvent> events, int32_t most,
                           int32_t timeout_ms, UserIn<uint64_t> mask, uint64_t mask_size) {
  return WaitWithMask(task, set, events.address, most, DeadlineOf(timeout_ms), mask, mask_size);
}

Result<int64_t> EpollPwait2(Task& task, Fd set, UserArray<abi::EpollEvent> events, int32_t most,
                            UserIn<abi::Timespec> timeout, UserIn<uint64_t> mask,
                            uint64_t mask_size) {
  TimeLimit limit;
  if (!timeout.is_null()) {
    limit = TRY(TimeLimit::From(TRY(timeout.Load(task.memory()))));
  }
  return WaitWithMask(task, set, events.address, most, limit.deadline_ns(), mask, mask_size);
}

}  // namespace ukrun
