// Makes a thousand processes that all wait, and compares what processes cost.
//
//   processes [COUNT] [--exact]     1,000 unless told

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "growth.h"

namespace {

using scale::Check;
using scale::Require;

constexpr long kSmall = 10;

// Children that wait for the end of a pipe, and report that they saw it.
class Children {
 public:
  Children() { Check(pipe(release_.data()), "pipe"); }

  void GrowTo(long count) {
    while (static_cast<long>(pids_.size()) < count) {
      const pid_t pid = fork();
      if (pid < 0) {
        std::perror("fork");
        break;
      }
      if (pid == 0) {
        close(release_[1]);
        char byte = 0;
        const bool ended = read(release_[0], &byte, 1) == 0;
        _exit(ended ? 7 : 1);
      }
      pids_.push_back(pid);
      if (pids_.size() == 2) {
        Check(setpgid(pid, pid), "setpgid");
      }
    }
  }

  // Lets all of them end, and takes each away.
  void ReleaseAll() {
    close(release_[1]);
    for (const pid_t pid : pids_) {
      int status = 0;
      Require(Check(waitpid(pid, &status, 0), "waitpid") == pid, "that child was waited for");
      Require(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a child saw the end of the pipe");
    }
    Require(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "no child is left");
  }

  void CheckDistinct() const {
    std::vector<pid_t> sorted = pids_;
    std::sort(sorted.begin(), sorted.end());
    Require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(),
            "no two processes have one pid");
  }

  // The only member of its process group.
  pid_t alone() const { return pids_[1]; }
  pid_t first() const { return pids_.front(); }
  pid_t last() const { return pids_.back(); }
  long count() const { return static_cast<long>(pids_.size()); }

 private:
  std::array<int, 2> release_ = {};
  std::vector<pid_t> pids_;
};

// A child that answers each byte with a byte.
class Echo {
 public:
  Echo() {
    Check(pipe(to_.data()), "pipe");
    Check(pipe(from_.data()), "pipe");
    pid_ = Check(fork(), "fork");
    if (pid_ == 0) {
      char byte = 0;
      close(to_[1]);
      while (read(to_[0], &byte, 1) == 1 && write(from_[1], &byte, 1) == 1) {
      }
      _exit(0);
    }
    close(to_[0]);
    close(from_[1]);
  }

  void Ask() {
    char byte = 'x';
    Require(write(to_[1], &byte, 1) == 1 && read(from_[0], &byte, 1) == 1, "it answers");
  }

  void End() {
    Check(kill(pid_, SIGKILL), "kill");
    Check(waitpid(pid_, nullptr, 0), "waitpid");
  }

 private:
  std::array<int, 2> to_ = {};
  std::array<int, 2> from_ = {};
  pid_t pid_ = 0;
};

void ForkAndWait() {
  const pid_t pid = Check(fork(), "fork");
  if (pid == 0) {
    _exit(0);
  }
  Check(waitpid(pid, nullptr, 0), "waitpid");
}

void AddOperations(scale::Growth& growth, const Children& children, Echo& echo) {
  growth.Add("fork, exit, wait", 5, ForkAndWait);
  growth.Add("a byte there and back", 30, [&] { echo.Ask(); });
  growth.Add("kill with signal 0", 100, [&] { Check(kill(children.last(), 0), "kill"); });
  growth.Add("kill of a group of one, signal 0", 100,
             [&] { Check(kill(-children.alone(), 0), "kill"); });
  growth.Add("wait for one, without hanging", 100,
             [&] { Require(waitpid(children.first(), nullptr, WNOHANG) == 0, "it still runs"); });
  growth.Add("getpgid of the last", 100, [&] { Check(getpgid(children.last()), "getpgid"); });
  growth.Add("getpriority of the last", 100, [&] {
    Check(getpriority(PRIO_PROCESS, static_cast<id_t>(children.last())), "getpriority");
  });
  growth.Add("sched_yield", 100, [] { Check(sched_yield(), "sched_yield"); });
  growth.Add("read /proc/self/stat", 20, [] {
    char buffer[512];
    const int file = Check(open("/proc/self/stat", O_RDONLY), "open");
    Check(read(file, buffer, sizeof buffer), "read");
    close(file);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool exact = scale::MustBeExact(argc, argv);
  const long wanted = scale::CountFromArguments(argc, argv, 1'000);
  scale::StayOnOneProcessor();

  Echo echo;
  Children children;
  scale::Growth growth("processes");
  AddOperations(growth, children, echo);
  children.GrowTo(kSmall);
  growth.MeasureSmall(kSmall);
  children.GrowTo(wanted);
  if (children.count() < wanted) {
    scale::LimitCount(wanted, children.count(), exact, "processes");
  }
  const int status = growth.MeasureLarge(children.count());
  children.CheckDistinct();
  echo.End();
  children.ReleaseAll();
  return status;
}
