// System calls that do next to nothing: what crossing into the kernel costs.
#include <benchmark/benchmark.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

void Getppid(benchmark::State& state) {
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(syscall(SYS_getppid));
  }
}
BENCHMARK(Getppid);

// No system call where the vDSO answers.
void ClockGettime(benchmark::State& state) {
  timespec now = {};
  while (state.KeepRunning()) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    benchmark::DoNotOptimize(now);
  }
}
BENCHMARK(ClockGettime);

void EventfdWriteAndRead(benchmark::State& state) {
  int fd = eventfd(0, EFD_CLOEXEC);
  while (state.KeepRunning()) {
    eventfd_write(fd, 1);
    eventfd_t value = 0;
    eventfd_read(fd, &value);
  }
  close(fd);
}
BENCHMARK(EventfdWriteAndRead);

void PollOneOfMany(benchmark::State& state) {
  pollfd polled[64];
  for (pollfd& each : polled) {
    each = {eventfd(0, EFD_CLOEXEC), POLLIN, 0};
  }
  eventfd_write(polled[63].fd, 1);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(poll(polled, 64, 0));
  }
  for (pollfd& each : polled) {
    close(each.fd);
  }
}
BENCHMARK(PollOneOfMany);

}  // namespace
