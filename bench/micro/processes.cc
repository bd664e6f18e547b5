// Processes, threads, and their talking to each other.
#include <benchmark/benchmark.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace {

void ForkAndWait(benchmark::State& state) {
  while (state.KeepRunning()) {
    pid_t child = fork();
    if (child == 0) {
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
}
BENCHMARK(ForkAndWait)->UseRealTime();

void SpawnAndWait(benchmark::State& state) {
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  while (state.KeepRunning()) {
    pid_t child = 0;
    if (posix_spawn(&child, name, nullptr, nullptr, arguments, environ) != 0) {
      state.SkipWithError("/bin/true cannot be started");
      return;
    }
    waitpid(child, nullptr, 0);
  }
}
BENCHMARK(SpawnAndWait)->UseRealTime();

void ThreadAndJoin(benchmark::State& state) {
  while (state.KeepRunning()) {
    std::thread([] {}).join();
  }
}
BENCHMARK(ThreadAndJoin)->UseRealTime();

// A byte to another process and one back.
void PipeRoundTrip(benchmark::State& state) {
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) {
    state.SkipWithError("no pipes");
    return;
  }
  pid_t child = fork();
  char byte = 0;
  if (child == 0) {
    close(there[1]);
    while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) {
    }
    _exit(0);
  }
  while (state.KeepRunning()) {
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) {
      state.SkipWithError("the other process is gone");
      break;
    }
  }
  for (int fd : {there[0], there[1], back[0], back[1]}) {
    close(fd);
  }
  waitpid(child, nullptr, 0);
}
BENCHMARK(PipeRoundTrip)->UseRealTime();

void SignalToOneself(benchmark::State& state) {
  signal(SIGUSR1, [](int) {});
  while (state.KeepRunning()) {
    raise(SIGUSR1);
  }
}
BENCHMARK(SignalToOneself);

}  // namespace
