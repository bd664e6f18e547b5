// How the cost of an operation grows with how many things there are already.
//
// The programs of this folder measure some operations while there is little of something (open
// descriptors, processes, mappings, directory entries), make much of it, and measure again. They
// fail where the cost has grown although Linux's doesn't. They run natively and under ukrun; both
// measurements come from one run, so the speed of the machine doesn't matter.
//
// Used by one thread. This is not a benchmark: bench/ has those.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace scale {

// The exit statuses that CTest knows.
inline constexpr int kPassed = 0;
inline constexpr int kFailed = 1;
inline constexpr int kSkipped = 77;

// The cost may grow by this factor: a deeper tree, colder caches. A scan would grow it a
// hundredfold and more.
inline constexpr double kAllowedGrowth = 4.0;
// Below this difference (in nanoseconds) a growth is noise, whatever the factor.
inline constexpr double kNoiseNs = 3000.0;

// Ends the program with a message unless a call that has to work did.
template <typename T>
T Check(T result, const char* what) {
  if (result < T{0}) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(kFailed);
  }
  return result;
}

inline void Require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "not true: %s\n", what);
    std::exit(kFailed);
  }
}

// Keeps this program and what it starts on one processor. Where two of them talk, whether the
// scheduler puts them on one or on two makes a difference of ten times, and nothing here is
// about that.
inline void StayOnOneProcessor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(Check(sched_getcpu(), "sched_getcpu")), &one);
  Check(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

// One operation, and what it cost while there was little.
struct Operation {
  std::string name;
  // How many calls of `run` make one batch; enough for a batch to last some 100 microseconds.
  int batch;
  std::function<void()> run;
  double small_ns = 0;
};

class Growth {
 public:
  // `what` there is little or much of, for the report.
  explicit Growth(std::string what) : what_(std::move(what)) {}

  void Add(std::string name, int batch, std::function<void()> run) {
    operations_.push_back({std::move(name), batch, std::move(run)});
  }

  void MeasureSmall(long count) {
    small_ = count;
    for (Operation& operation : operations_) {
      operation.small_ns = CostNs(operation);
    }
  }

  // Measures again, reports, and returns the exit status. What seems to have grown is given two
  // more chances, since others use the machine as well.
  int MeasureLarge(long count) {
    std::printf("%-34s %12s %12s %8s\n", "nanoseconds a call", Label(small_).c_str(),
                Label(count).c_str(), "growth");
    bool grown = false;
    for (Operation& operation : operations_) {
      double large_ns = CostNs(operation);
      for (int chance = 0; chance < 2 && HasGrown(operation.small_ns, large_ns); ++chance) {
        large_ns = std::min(large_ns, CostNs(operation));
      }
      const bool failed = HasGrown(operation.small_ns, large_ns);
      grown |= failed;
      std::printf("%-34s %12.0f %12.0f %7.2fx%s\n", operation.name.c_str(), operation.small_ns,
                  large_ns, large_ns / operation.small_ns, failed ? "  TOO MUCH" : "");
    }
    return grown ? kFailed : kPassed;
  }

  // Compares two costs that were measured elsewhere.
  static bool HasGrown(double small_ns, double large_ns) {
    return large_ns > small_ns * kAllowedGrowth && large_ns > small_ns + kNoiseNs;
  }

 private:
  // The cheapest of several batches: the others were disturbed.
  static double CostNs(const Operation& operation) {
    constexpr int kBatches = 9;
    double cheapest = 0;
    for (int i = 0; i < kBatches; ++i) {
      const auto start = std::chrono::steady_clock::now();
      for (int call = 0; call < operation.batch; ++call) {
        operation.run();
      }
      const std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - start;
      const double cost = took.count() / operation.batch;
      cheapest = i == 0 ? cost : std::min(cheapest, cost);
    }
    return cheapest;
  }

  std::string Label(long count) const { return std::to_string(count) + " " + what_; }

  std::string what_;
  long small_ = 0;
  std::vector<Operation> operations_;
};

// The first argument as a number; `fallback` where there is none.
inline long CountFromArguments(int argc, char** argv, long fallback) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-') {
      return std::strtol(argv[i], nullptr, 10);
    }
  }
  return fallback;
}

// Whether fewer than asked for is a failure. Natively a host's limits may be lower, and the
// programs make do with what they get; inside ukrun nothing may be in the way.
inline bool MustBeExact(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--exact") == 0) {
      return true;
    }
  }
  return false;
}

// Lowers a count to a limit, or fails where it must be exact.
inline long LimitCount(long wanted, long limit, bool exact, const char* what) {
  if (wanted <= limit) {
    return wanted;
  }
  if (exact) {
    std::fprintf(stderr, "only %ld %s are allowed, not %ld\n", limit, what, wanted);
    std::exit(kFailed);
  }
  std::printf("only %ld %s are allowed here, so %ld take the place of %ld\n", limit, what, limit,
              wanted);
  return limit;
}

}  // namespace scale
