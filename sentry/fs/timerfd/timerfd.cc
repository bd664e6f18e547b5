#include "sentry/fs/timerfd/timerfd.h"

#include <time.h>

#include "base/format.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/kernel.h"
#include "sentry/time/deadline.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

}  // namespace

RefPtr<File> TimerFd::Create(int32_t clock_id, uint32_t status_flags) {
  OpenOptions options{.read = true, .write = true, .status_flags = status_flags};
  return MakeRef<TimerFd>(AnonymousPath("anon_inode:[timerfd]", NewAnonymousInode()), options,
                          clock_id);
}

TimerFd::TimerFd(Path path, const OpenOptions& options, int32_t clock_id)
    : File(std::move(path), options), Timer(kernel().timers()), clock_id_(clock_id) {}

TimerFd::~TimerFd() { Cancel(); }

int64_t TimerFd::State::Now() const { return HostClockNs(clock_id); }

uint64_t TimerFd::State::Count(int64_t now) const {
  if (next_ns == 0 || now < next_ns) {
    return 0;
  }
  return interval_ns == 0 ? 1 : 1 + static_cast<uint64_t>((now - next_ns) / interval_ns);
}

int64_t TimerFd::State::After(uint64_t count) const {
  int64_t last = next_ns + static_cast<int64_t>(count - 1) * interval_ns;
  return SaturatingAdd(last, interval_ns);
}

abi::Itimerspec TimerFd::State::Left() const {
  abi::Itimerspec left;
  left.interval = abi::Timespec::FromNs(interval_ns);
  int64_t now = Now();
  int64_t next = next_ns;
  if (uint64_t expired = Count(now); expired > 0) {
    // A timer that has expired for good has nothing left.
    next = interval_ns == 0 ? now : After(expired);
  }
  left.value = abi::Timespec::FromNs(next_ns == 0 ? 0 : next - now);
  return left;
}

void TimerFd::Arm(const State& state) {
  if (state.next_ns != 0) {
    int64_t left = state.next_ns - state.Now();
    Timer::Set(left <= 0 ? 0 : DeadlineAfter(left));
  }
}

// The service thread's. A timer that has been set anew meanwhile, or whose clock has been
// set back, is not due yet.
void TimerFd::Fire() {
  {
    auto state = state_.Lock();
    if (state->Count(state->Now()) == 0) {
      Arm(*state);
      return;
    }
  }
  waiters_.Notify(Ready::kReadable);
}

abi::Itimerspec TimerFd::SetTime(const abi::Itimerspec& time, TimeKind kind) {
  auto state = state_.Lock();
  abi::Itimerspec old = state->Left();
  State fresh;
  fresh.clock_id = kind == TimeKind::kAbsolute ? clock_id_ : CLOCK_MONOTONIC;
  fresh.interval_ns = time.interval.ToNs();
  int64_t value = time.value.ToNs();
  if (value != 0) {
    fresh.next_ns = kind == TimeKind::kAbsolute ? value : SaturatingAdd(fresh.Now(), value);
  }
  *state = fresh;
  Arm(fresh);
  return old;
}

abi::Itimerspec TimerFd::GetTime() const { return state_.Lock()->Left(); }

Result<size_t> TimerFd::Read(GuestIo& io) {
  if (io.size() < sizeof(uint64_t)) {
    return Fail(EINVAL);
  }
  uint64_t count = 0;
  {
    auto state = state_.Lock();
    count = state->Count(state->Now());
    if (count == 0) {
      return Fail(EAGAIN);
    }
    state->next_ns = state->interval_ns == 0 ? 0 : state->After(count);
    Arm(*state);
  }
  TRY(io.StoreU64(count));
  return sizeof(uint64_t);
}

Ready TimerFd::Readiness() {
  auto state = state_.Lock();
  return state->Count(state->Now()) > 0 ? Ready::kReadable : Ready::kNone;
}

std::string TimerFd::FdInfo() {
  State state = *state_.Lock();
  abi::Itimerspec left = state.Left();
  return Format(
      "clockid: {}\nticks: {}\nsettime flags: 0{}\nit_value: ({}, {})\nit_interval: ({}, {})\n",
      clock_id_, state.Count(state.Now()), state.clock_id == clock_id_ ? 1 : 0, left.value.seconds,
      left.value.nanoseconds, left.interval.seconds, left.interval.nanoseconds);
}

}  // namespace ukrun
