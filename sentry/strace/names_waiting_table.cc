// Names of flags and values of calls that wait, of timers and clocks.
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kPollEventsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(POLLIN), UKRUN_NAMED(POLLPRI), UKRUN_NAMED(POLLOUT), UKRUN_NAMED(POLLERR),
     UKRUN_NAMED(POLLHUP), UKRUN_NAMED(POLLNVAL), UKRUN_NAMED(POLLRDNORM), UKRUN_NAMED(POLLRDBAND),
     UKRUN_NAMED(POLLWRNORM), UKRUN_NAMED(POLLWRBAND), UKRUN_NAMED(POLLRDHUP)});
constexpr auto kEpollEventsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(EPOLLIN), UKRUN_NAMED(EPOLLPRI), UKRUN_NAMED(EPOLLOUT), UKRUN_NAMED(EPOLLERR),
     UKRUN_NAMED(EPOLLHUP), UKRUN_NAMED(EPOLLRDNORM), UKRUN_NAMED(EPOLLRDBAND),
     UKRUN_NAMED(EPOLLWRNORM), UKRUN_NAMED(EPOLLWRBAND), UKRUN_NAMED(EPOLLRDHUP),
     UKRUN_NAMED(EPOLLEXCLUSIVE), UKRUN_NAMED(EPOLLWAKEUP), UKRUN_NAMED(EPOLLONESHOT),
     UKRUN_NAMED(EPOLLET)});
constexpr auto kEpollOperationsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(EPOLL_CTL_ADD), UKRUN_NAMED(EPOLL_CTL_DEL), UKRUN_NAMED(EPOLL_CTL_MOD)});
constexpr auto kEpollFlagsList = std::to_array<NamedValue>({UKRUN_NAMED(EPOLL_CLOEXEC)});
constexpr auto kFutexOperationsChoices =
    std::to_array<NamedValue>({UKRUN_NAMED(FUTEX_WAIT),
                               UKRUN_NAMED(FUTEX_WAIT_PRIVATE),
                               UKRUN_NAMED(FUTEX_WAKE),
                               UKRUN_NAMED(FUTEX_WAKE_PRIVATE),
                               UKRUN_NAMED(FUTEX_REQUEUE),
                               UKRUN_NAMED(FUTEX_REQUEUE_PRIVATE),
                               UKRUN_NAMED(FUTEX_CMP_REQUEUE),
                               UKRUN_NAMED(FUTEX_CMP_REQUEUE_PRIVATE),
                               UKRUN_NAMED(FUTEX_WAKE_OP),
                               UKRUN_NAMED(FUTEX_WAKE_OP_PRIVATE),
                               UKRUN_NAMED(FUTEX_LOCK_PI),
                               UKRUN_NAMED(FUTEX_LOCK_PI_PRIVATE),
                               UKRUN_NAMED(FUTEX_UNLOCK_PI),
                               UKRUN_NAMED(FUTEX_UNLOCK_PI_PRIVATE),
                               UKRUN_NAMED(FUTEX_TRYLOCK_PI),
                               UKRUN_NAMED(FUTEX_TRYLOCK_PI_PRIVATE),
                               UKRUN_NAMED(FUTEX_WAIT_BITSET),
                               UKRUN_NAMED(FUTEX_WAIT_BITSET_PRIVATE),
                               UKRUN_NAMED(FUTEX_WAKE_BITSET),
                               UKRUN_NAMED(FUTEX_WAKE_BITSET_PRIVATE),
                               UKRUN_NAMED(FUTEX_WAIT_REQUEUE_PI),
                               UKRUN_NAMED(FUTEX_WAIT_REQUEUE_PI_PRIVATE),
                               UKRUN_NAMED(FUTEX_CMP_REQUEUE_PI),
                               UKRUN_NAMED(FUTEX_CMP_REQUEUE_PI_PRIVATE),
                               UKRUN_NAMED(FUTEX_LOCK_PI2),
                               UKRUN_NAMED(FUTEX_LOCK_PI2_PRIVATE)});
constexpr auto kFutexOperationsList =
    std::to_array<NamedValue>({UKRUN_NAMED(FUTEX_CLOCK_REALTIME)});
constexpr auto kEventFdFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(EFD_SEMAPHORE), UKRUN_NAMED(EFD_CLOEXEC), UKRUN_NAMED(EFD_NONBLOCK)});
constexpr auto kTimerFdFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(TFD_CLOEXEC), UKRUN_NAMED(TFD_NONBLOCK)});
constexpr auto kSignalFdFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(SFD_CLOEXEC), UKRUN_NAMED(SFD_NONBLOCK)});
constexpr auto kInotifyFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(IN_CLOEXEC), UKRUN_NAMED(IN_NONBLOCK)});
constexpr auto kInotifyEventsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(IN_ALL_EVENTS), UKRUN_NAMED(IN_ACCESS), UKRUN_NAMED(IN_MODIFY),
     UKRUN_NAMED(IN_ATTRIB), UKRUN_NAMED(IN_CLOSE_WRITE), UKRUN_NAMED(IN_CLOSE_NOWRITE),
     UKRUN_NAMED(IN_OPEN), UKRUN_NAMED(IN_MOVED_FROM), UKRUN_NAMED(IN_MOVED_TO),
     UKRUN_NAMED(IN_CREATE), UKRUN_NAMED(IN_DELETE), UKRUN_NAMED(IN_DELETE_SELF),
     UKRUN_NAMED(IN_MOVE_SELF), UKRUN_NAMED(IN_ONLYDIR), UKRUN_NAMED(IN_DONT_FOLLOW),
     UKRUN_NAMED(IN_EXCL_UNLINK), UKRUN_NAMED(IN_MASK_CREATE), UKRUN_NAMED(IN_MASK_ADD),
     UKRUN_NAMED(IN_ONESHOT)});
constexpr auto kClocksList = std::to_array<NamedValue>(
    {UKRUN_NAMED(CLOCK_REALTIME), UKRUN_NAMED(CLOCK_MONOTONIC),
     UKRUN_NAMED(CLOCK_PROCESS_CPUTIME_ID), UKRUN_NAMED(CLOCK_THREAD_CPUTIME_ID),
     UKRUN_NAMED(CLOCK_MONOTONIC_RAW), UKRUN_NAMED(CLOCK_REALTIME_COARSE),
     UKRUN_NAMED(CLOCK_MONOTONIC_COARSE), UKRUN_NAMED(CLOCK_BOOTTIME),
     UKRUN_NAMED(CLOCK_REALTIME_ALARM), UKRUN_NAMED(CLOCK_BOOTTIME_ALARM), UKRUN_NAMED(CLOCK_TAI)});
constexpr auto kTimerFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(TIMER_ABSTIME), UKRUN_NAMED(TFD_TIMER_CANCEL_ON_SET)});
constexpr auto kIntervalTimersList = std::to_array<NamedValue>(
    {UKRUN_NAMED(ITIMER_REAL), UKRUN_NAMED(ITIMER_VIRTUAL), UKRUN_NAMED(ITIMER_PROF)});
constexpr auto kNotificationsList =
    std::to_array<NamedValue>({UKRUN_NAMED(SIGEV_SIGNAL), UKRUN_NAMED(SIGEV_NONE),
                               UKRUN_NAMED(SIGEV_THREAD), UKRUN_NAMED(SIGEV_THREAD_ID)});
constexpr auto kRandomFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(GRND_NONBLOCK), UKRUN_NAMED(GRND_RANDOM), UKRUN_NAMED(GRND_INSECURE)});

}  // namespace

constinit const Names kPollEvents = FlagsOf(kPollEventsList);
constinit const Names kEpollEvents = FlagsOf(kEpollEventsList);
constinit const Names kEpollOperations = OneOf(kEpollOperationsList);
constinit const Names kEpollFlags = FlagsOf(kEpollFlagsList);
constinit const Names kFutexOperations = {
    .choice_mask = 0xff, .choices = kFutexOperationsChoices, .flags = kFutexOperationsList};
constinit const Names kEventFdFlags = FlagsOf(kEventFdFlagsList);
constinit const Names kTimerFdFlags = FlagsOf(kTimerFdFlagsList);
constinit const Names kSignalFdFlags = FlagsOf(kSignalFdFlagsList);
constinit const Names kInotifyFlags = FlagsOf(kInotifyFlagsList);
constinit const Names kInotifyEvents = FlagsOf(kInotifyEventsList);
constinit const Names kClocks = OneOf(kClocksList);
constinit const Names kTimerFlags = FlagsOf(kTimerFlagsList);
constinit const Names kIntervalTimers = OneOf(kIntervalTimersList);
constinit const Names kNotifications = OneOf(kNotificationsList);
constinit const Names kRandomFlags = FlagsOf(kRandomFlagsList);

}  // namespace ukrun::strace
