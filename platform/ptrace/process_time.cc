#include "platform/ptrace/process_time.h"

#include <time.h>

#include <algorithm>

#include "base/host_call.h"

namespace ukrun::ptrace {
namespace {

// The clock id of another process's CPU time, as clock_getcpuclockid(3) makes it.
int ProcessClockId(int host_pid) {
  constexpr uint32_t kScheduled = 2;
  return static_cast<int>(~static_cast<uint32_t>(host_pid) << 3 | kScheduled);
}

}  // namespace

void GuestClock::Enter() {
  entered_at_ns_.store(HostClockNs(CLOCK_MONOTONIC), std::memory_order_relaxed);
}

void GuestClock::Leave() {
  int64_t entered = entered_at_ns_.exchange(0, std::memory_order_relaxed);
  finished_ns_.fetch_add(HostClockNs(CLOCK_MONOTONIC) - entered, std::memory_order_relaxed);
}

int64_t GuestClock::ElapsedNs() const {
  int64_t entered = entered_at_ns_.load(std::memory_order_relaxed);
  int64_t running = entered == 0 ? 0 : HostClockNs(CLOCK_MONOTONIC) - entered;
  return finished_ns_.load(std::memory_order_relaxed) + std::max<int64_t>(running, 0);
}

void ProcessTime::Remove(const GuestClock& clock) {
  auto clocks = clocks_.Lock();
  if (std::erase(clocks->running, &clock) != 0) {
    clocks->ended_ns += clock.ElapsedNs();
  }
}

int64_t ProcessTime::Of(const GuestClock& clock) const {
  auto clocks = clocks_.Lock();
  int64_t all_ns = clocks->ended_ns;
  for (const GuestClock* each : clocks->running) {
    all_ns += each->ElapsedNs();
  }
  int64_t mine_ns = clock.ElapsedNs();
  int64_t used_ns = HostClockNs(ProcessClockId(host_pid_));
  if (used_ns >= all_ns) {
    return mine_ns;
  }
  if (mine_ns >= all_ns) {
    return used_ns;  // the only thread there has been
  }
  // In microseconds and with a fraction of 20 bits, products fit for some months.
  constexpr int64_t kOne = int64_t{1} << 20;
  int64_t part = used_ns / 1000 * kOne / std::max<int64_t>(all_ns / 1000, 1);
  return mine_ns / 1000 * part / kOne * 1000;
}

}  // namespace ukrun::ptrace
