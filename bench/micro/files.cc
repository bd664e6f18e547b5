// Files: names, descriptors, contents.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace {

// A file of 1 MiB in the current directory, without a name.
int MakeFile() {
  int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  std::string data(1 << 20, 'x');
  if (fd < 0 || write(fd, data.data(), data.size()) != static_cast<ssize_t>(data.size())) {
    return -1;
  }
  return fd;
}

void StatOfAProgram(benchmark::State& state) {
  struct stat attributes = {};
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(stat("/bin/sh", &attributes));
  }
}
BENCHMARK(StatOfAProgram);

void StatOfNothing(benchmark::State& state) {
  struct stat attributes = {};
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(stat("/bin/there-is-no-such-program", &attributes));
  }
}
BENCHMARK(StatOfNothing);

void OpenAndClose(benchmark::State& state) {
  while (state.KeepRunning()) {
    close(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  }
}
BENCHMARK(OpenAndClose);

void CreateAndUnlink(benchmark::State& state) {
  const std::string name = "bench-" + std::to_string(getpid());
  while (state.KeepRunning()) {
    close(open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    unlink(name.c_str());
  }
}
BENCHMARK(CreateAndUnlink);

void Read(benchmark::State& state) {
  int fd = MakeFile();
  if (fd < 0) {
    state.SkipWithError("the current directory takes no file");
    return;
  }
  std::string buffer(static_cast<size_t>(state.range(0)), 0);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(pread(fd, buffer.data(), buffer.size(), 0));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  close(fd);
}
BENCHMARK(Read)->Arg(4 << 10)->Arg(1 << 20);

void Write(benchmark::State& state) {
  int fd = MakeFile();
  if (fd < 0) {
    state.SkipWithError("the current directory takes no file");
    return;
  }
  std::string buffer(static_cast<size_t>(state.range(0)), 'y');
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(pwrite(fd, buffer.data(), buffer.size(), 0));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  close(fd);
}
BENCHMARK(Write)->Arg(4 << 10)->Arg(1 << 20);

}  // namespace
