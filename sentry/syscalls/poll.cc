#include "sentry/syscalls/poll.h"

#include "sentry/syscalls/poll_events.h"
#include "sentry/syscalls/poll_wait.h"
#include "sentry/syscalls/time_limit.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

// Told of descriptors that are not open. Negative ones are left out silently.
constexpr Ready kNotOpen = static_cast<Ready>(abi::kPollNval);

// Fills in what was found. Only the fields that change are written: another thread may be
// changing the rest of the array.
Result<void> StoreReturned(Task& task, GuestAddr address, const std::vector<abi::PollFd>& items,
                           const PollWait& wait) {
  for (size_t i = 0; i < items.size(); ++i) {
    Ready found = wait.found(i);
    uint32_t events = found == kNotOpen ? abi::kPollNval : EventsFromReady(found, items[i].events);
    auto returned = static_cast<uint16_t>(events);
    if (returned != items[i].returned) {
      GuestAddr field = address + i * sizeof(abi::PollFd) + offsetof(abi::PollFd, returned);
      TRY(task.memory().Write(field, &returned, sizeof(returned)));
    }
  }
  return Ok();
}

// Errors: kErestartnohand when a signal came.
Result<int64_t> PollUntil(Task& task, GuestAddr address, uint32_t count, int64_t deadline_ns) {
  if (count > task.thread_group().GetLimit(kRlimitNofile).soft) {
    return Fail(EINVAL);
  }
  auto items = TRY(UserArray<abi::PollFd>{address}.Load(task.memory(), count));
  PollWait wait(task);
  for (const abi::PollFd& item : items) {
    if (item.fd < 0) {
      wait.Add(nullptr, Ready::kNone);
      continue;
    }
    Result<RefPtr<File>> file = task.GetFile(Fd{item.fd});
    if (file.ok()) {
      wait.Add(*std::move(file), ReadyFromEvents(item.events));
    } else {
      wait.Add(nullptr, Ready::kNone, kNotOpen);
    }
  }
  Result<size_t> ready = wait.Wait(deadline_ns);
  TRY(StoreReturned(task, address, items, wait));
  return static_cast<int64_t>(TRY(std::move(ready)));
}

// poll(2) that a signal interrupted goes on until its old deadline.
struct PollRestart final : public RestartBlock {
  PollRestart(GuestAddr the_fds, uint32_t the_count, int64_t the_deadline_ns)
      : fds(the_fds), count(the_count), deadline_ns(the_deadline_ns) {}
  Result<int64_t> Restart(Task& task) override;
  GuestAddr fds;
  uint32_t count;
  int64_t deadline_ns;
};

Result<int64_t> RestartablePoll(Task& task, GuestAddr fds, uint32_t count, int64_t deadline_ns) {
  Result<int64_t> result = PollUntil(task, fds, count, deadline_ns);
  if (result.Is(kErestartnohand)) {
    task.restart = std::make_unique<PollRestart>(fds, count, deadline_ns);
    return Fail(kErestartRestartblock);
  }
  return result;
}

Result<int64_t> PollRestart::Restart(Task& task) {
  return RestartablePoll(task, fds, count, deadline_ns);
}

}  // namespace

Result<int64_t> Poll(Task& task, GuestAddr fds, uint32_t count, int32_t timeout_ms) {
  constexpr int64_t kNsPerMs = 1'000'000;
  int64_t deadline = kNoDeadline;
  if (timeout_ms >= 0) {
    deadline = timeout_ms == 0 ? 0 : DeadlineAfter(timeout_ms * kNsPerMs);
  }
  return RestartablePoll(task, fds, count, deadline);
}

Result<int64_t> Ppoll(Task& task, GuestAddr fds, uint32_t count, UserInOut<abi::Timespec> timeout,
                      UserIn<uint64_t> mask, uint64_t mask_size) {
  TimeLimit limit;
  if (!timeout.is_null()) {
    limit = TRY(TimeLimit::From(TRY(timeout.Load(task.memory()))));
  }
  TRY(InstallTemporaryMask(task, mask, mask_size));
  Result<int64_t> result = PollUntil(task, fds, count, limit.deadline_ns());
  return FinishTimedWait(task, result, limit,
                         [&](abi::Timespec left) { return timeout.Store(task.memory(), left); });
}

}  // namespace ukrun
