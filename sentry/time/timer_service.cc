#include "sentry/time/timer_service.h"

#include <time.h>

#include "base/check.h"
#include "base/host_call.h"
#include "base/thread.h"

namespace ukrun {

Timer::~Timer() { UKRUN_CHECK(deadline_ns_ < 0); }

void Timer::Set(int64_t deadline_ns) {
  bool earliest;
  {
    MutexGuard guard(service_.lock_);
    service_.RemoveLocked(*this);
    deadline_ns_ = deadline_ns < 0 ? 0 : deadline_ns;
    auto it = service_.queue_.emplace(deadline_ns_, this);
    earliest = it == service_.queue_.begin();
  }
  if (earliest) {
    service_.sequence_.fetch_add(1);
    HostFutexWake(service_.sequence_, 1);
  }
}

void Timer::Cancel() {
  for (;;) {
    uint32_t seen = service_.sequence_.load();
    {
      MutexGuard guard(service_.lock_);
      service_.RemoveLocked(*this);
      if (service_.running_ != this || service_.thread_id_ == CurrentThread().host_tid) {
        return;
      }
    }
    // The callback runs: the service bumps the sequence when it is done.
    HostFutexWait(service_.sequence_, seen);
  }
}

TimerService* TimerService::Create() {
  auto* service = new TimerService;
  UKRUN_CHECK(StartKernelThread(&ThreadMain, service).ok());
  return service;
}

void TimerService::RemoveLocked(Timer& timer) {
  if (timer.deadline_ns_ < 0) {
    return;
  }
  auto [begin, end] = queue_.equal_range(timer.deadline_ns_);
  for (auto it = begin; it != end; ++it) {
    if (it->second == &timer) {
      queue_.erase(it);
      break;
    }
  }
  timer.deadline_ns_ = -1;
}

void TimerService::ThreadMain(void* service) { static_cast<TimerService*>(service)->Run(); }

void TimerService::Run() {
  thread_id_ = CurrentThread().host_tid;
  for (;;) {
    uint32_t seen = sequence_.load();
    int64_t next = -1;
    Timer* due = nullptr;
    {
      MutexGuard guard(lock_);
      if (!queue_.empty()) {
        next = queue_.begin()->first;
        if (next <= HostClockNs(CLOCK_MONOTONIC)) {
          due = queue_.begin()->second;
          queue_.erase(queue_.begin());
          due->deadline_ns_ = -1;
          running_ = due;
        }
      }
    }
    if (due == nullptr) {
      HostFutexWait(sequence_, seen, next);
      continue;
    }
    due->Fire();
    {
      MutexGuard guard(lock_);
      running_ = nullptr;
    }
    sequence_.fetch_add(1);
    HostFutexWake(sequence_, INT32_MAX);
  }
}

}  // namespace ukrun
