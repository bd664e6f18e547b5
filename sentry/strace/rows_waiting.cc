// Calls that wait, and timers: poll(2), epoll(7), futex(2), clock_nanosleep(2), …
#include <linux/futex.h>
#include <sys/syscall.h>

#include "abi/poll.h"
#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

// --- poll, select, epoll
enum class Events : uint8_t { kAsked, kAlsoReturned };
template <Events kEvents>
void FormatPollFds(const Call& call, uint64_t value, std::string& out) {
  AppendArray<abi::PollFd>(call, value, call.arguments[1], out, [&](const abi::PollFd& entry) {
    AppendFormat(out, "{{fd={}, events=", entry.fd);
    AppendNames(out, kPollEvents, entry.events);
    if (kEvents == Events::kAlsoReturned) {
      out += ", revents=";
      AppendNames(out, kPollEvents, entry.returned);
    }
    out.push_back('}');
  });
}
constexpr Argument kPollFds{&FormatPollFds<Events::kAsked>, &FormatPollFds<Events::kAlsoReturned>};

void FormatFdSet(const Call& call, uint64_t value, std::string& out) {
  constexpr uint64_t kMostFds = 1024;
  uint64_t fds = call.arguments[0];
  std::vector<uint64_t> words((std::min(fds, kMostFds) + 63) / 64);
  size_t size = words.size() * sizeof(uint64_t);
  if (value == 0 || !call.task.memory().Read(words.data(), GuestAddr(value), size).ok()) {
    AppendAddress(out, value);
    return;
  }
  // Bits behind the last descriptor mean nothing.
  if (fds < kMostFds && fds % 64 != 0) {
    words.back() &= (uint64_t{1} << (fds % 64)) - 1;
  }
  AppendBits(out, words);
}
constexpr Argument kFdSet{&FormatFdSet, &FormatFdSet};

// pselect's last argument: where the mask is, and its size.
void FormatMaskAndSize(const Call& call, uint64_t value, std::string& out) {
  auto mask = Fetch<abi::Iovec>(call, value);
  if (!mask) {
    AppendAddress(out, value);
    return;
  }
  out.push_back('{');
  FormatSignalSet(call, mask->address, out);
  AppendFormat(out, ", {}}}", mask->size);
}
constexpr Argument kMaskAndSize{&FormatMaskAndSize};

void FormatEpollEvents(const Call& call, uint64_t value, std::string& out) {
  AppendArray<abi::EpollEvent>(call, value, static_cast<uint64_t>(call.result), out,
                               [&](const abi::EpollEvent& event) { AppendStructure(out, event); });
}
constexpr Argument kEpollEventsReturned{&FormatAddress, &FormatEpollEvents};

// --- futex: which arguments there are, the operation tells.
uint64_t FutexCommand(const Call& call) {
  return call.arguments[1] & static_cast<uint32_t>(FUTEX_CMD_MASK);
}

void FormatFutexTimeout(const Call& call, uint64_t value, std::string& out) {
  switch (FutexCommand(call)) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_WAIT_REQUEUE_PI:
      return FormatStructure<abi::Timespec>(call, value, out);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
    case FUTEX_UNLOCK_PI:
    case FUTEX_TRYLOCK_PI:
      if (FutexCommand(call) == FUTEX_WAKE_BITSET) {
        out += "NULL";
      }
      return;
    default:
      AppendFormat(out, "{}", value);  // how many to requeue, or to wake at the other address
  }
}
constexpr Argument kFutexTimeout{&FormatFutexTimeout};

void FormatFutexSecond(const Call& call, uint64_t value, std::string& out) {
  switch (FutexCommand(call)) {
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI:
      return AppendAddress(out, value);
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAKE_BITSET:
      out += "NULL";
      return;
    default:
      return;
  }
}
constexpr Argument kFutexSecond{&FormatFutexSecond};

void FormatFutexThird(const Call& call, uint64_t value, std::string& out) {
  switch (FutexCommand(call)) {
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAKE_BITSET:
      if (value == UINT32_MAX) {
        out += "FUTEX_BITSET_MATCH_ANY";
        return;
      }
      [[fallthrough]];
    case FUTEX_WAKE_OP:
      return FormatHex(call, value, out);
    case FUTEX_CMP_REQUEUE:
    case FUTEX_CMP_REQUEUE_PI:
      AppendFormat(out, "{}", value);
      return;
    default:
      return;
  }
}
constexpr Argument kFutexThird{&FormatFutexThird};

// --- Timers.
void FormatTimerEvent(const Call& call, uint64_t value, std::string& out) {
  // The head of struct sigevent.
  struct Event {
    uint64_t value;
    int32_t signal;
    uint32_t notify;
  };
  auto event = Fetch<Event>(call, value);
  if (!event) {
    AppendAddress(out, value);
    return;
  }
  AppendFormat(out, "{{sigev_value={:#x}, sigev_signo=", event->value);
  AppendSignal(out, event->signal);
  out += ", sigev_notify=";
  AppendNames(out, kNotifications, event->notify);
  out.push_back('}');
}
constexpr Argument kTimerEvent{&FormatTimerEvent};

constexpr Argument kClock = kNamed<kClocks>;

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_poll, {kPollFds}},
    {SYS_ppoll, {kPollFds, kType, kType, kSignalSet}},
    {SYS_select, {kType, kFdSet, kFdSet, kFdSet}},
    {SYS_pselect6, {kType, kFdSet, kFdSet, kFdSet, kType, kMaskAndSize}},
    {SYS_epoll_create1, {kNamed<kEpollFlags>}},
    {SYS_epoll_ctl, {kType, kNamed<kEpollOperations>}},
    {SYS_epoll_wait, {kType, kEpollEventsReturned}},
    {SYS_epoll_pwait, {kType, kEpollEventsReturned, kType, kType, kSignalSet}},
    {SYS_epoll_pwait2, {kType, kEpollEventsReturned, kType, kType, kSignalSet}},
    {SYS_eventfd2, {kType, kNamed<kEventFdFlags>}},
    {SYS_futex, {kType, kNamed<kFutexOperations>, kType, kFutexTimeout, kFutexSecond, kFutexThird}},
    {SYS_clock_gettime, {kClock}},
    {SYS_clock_settime, {kClock}},
    {SYS_clock_getres, {kClock}},
    // What is left is stored only when a signal comes.
    {SYS_nanosleep, {kType, kAddress}},
    {SYS_clock_nanosleep, {kClock, kNamed<kTimerFlags>, kType, kAddress}},
    {SYS_timerfd_create, {kClock, kNamed<kTimerFdFlags>}},
    {SYS_timerfd_settime, {kType, kNamed<kTimerFlags>}},
    {SYS_timer_create, {kClock, kTimerEvent}},
    {SYS_timer_settime, {kType, kNamed<kTimerFlags>}},
    {SYS_getitimer, {kNamed<kIntervalTimers>}},
    {SYS_setitimer, {kNamed<kIntervalTimers>}},
});

}  // namespace

std::span<const CallFormat> WaitingRows() { return kRows; }

}  // namespace ukrun::strace
