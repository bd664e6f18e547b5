// select(2) and pselect6(2): poll(2) with sets of bits.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "sentry/syscalls/poll.h"
#include "sentry/syscalls/poll_wait.h"
#include "sentry/syscalls/time_limit.h"

namespace ukrun {
namespace {

constexpr uint32_t kBitsPerWord = 64;

enum Set : size_t { kRead, kWrite, kExcept, kSets };

// What puts a file into each of the resulting sets.
constexpr std::array<Ready, kSets> kMeaning = {Ready::kReadable | Ready::kHangUp | Ready::kError,
                                               Ready::kWritable | Ready::kError, Ready::kPriority};

using Words = std::vector<uint64_t>;
using Sets = std::array<Words, kSets>;
using Addresses = std::array<GuestAddr, kSets>;

bool Has(const Words& words, uint32_t fd) {
  return !words.empty() && (words[fd / kBitsPerWord] >> (fd % kBitsPerWord) & 1) != 0;
}

// Descriptors that every table has room for, and how many a set of the C library holds.
constexpr uint32_t kSmallestTable = 64;
constexpr uint32_t kOrdinarySet = 1024;

// How many descriptors Linux's table has room for: bits beyond are ignored, not EBADF. Costs
// a look at the whole table, so only those ask who need to know.
uint32_t TableSize(Task& task) {
  constexpr uint32_t kNext = 256;
  std::vector<int32_t> open = task.fds().Numbers();
  auto used = open.empty() ? 0 : static_cast<uint32_t>(open.back()) + 1;
  return used <= kSmallestTable ? kSmallestTable : std::max(kNext, std::bit_ceil(used));
}

size_t WordsFor(uint32_t count) { return (count + kBitsPerWord - 1) / kBitsPerWord; }

Result<Sets> LoadSets(Task& task, const Addresses& addresses, uint32_t count) {
  Sets sets;
  for (size_t i = 0; i < kSets; ++i) {
    if (!addresses[i].is_null()) {
      size_t words = WordsFor(count);
      sets[i] = TRY(UserArray<uint64_t>{addresses[i]}.Load(task.memory(), words));
    }
  }
  return sets;
}

// The descriptors that are in any set, and what is wanted of them, ascending. `*count` shrinks
// to the table's size when that is where they end.
// Errors: EBADF.
Result<std::vector<uint32_t>> AddFiles(Task& task, const Sets& sets, uint32_t* count,
                                       PollWait& wait) {
  std::vector<uint32_t> numbers;
  for (uint32_t fd = 0; fd < *count; ++fd) {
    Ready wanted = Ready::kNone;
    for (size_t i = 0; i < kSets; ++i) {
      wanted |= Has(sets[i], fd) ? kMeaning[i] : Ready::kNone;
    }
    if (!Any(wanted)) {
      continue;
    }
    Result<RefPtr<File>> file = task.GetFile(Fd{static_cast<int32_t>(fd)});
    if (!file.ok()) {
      uint32_t size = fd < kSmallestTable ? kSmallestTable : TableSize(task);
      if (fd < size) {
        return file.failure();
      }
      *count = size;
      break;
    }
    wait.Add(*std::move(file), wanted);
    numbers.push_back(fd);
  }
  return numbers;
}

// The bits that are set in the results.
int64_t MakeResults(const std::vector<uint32_t>& numbers, const PollWait& wait, Sets& sets) {
  Sets results;
  int64_t bits = 0;
  for (size_t i = 0; i < kSets; ++i) {
    results[i].resize(sets[i].size());
    for (size_t index = 0; index < numbers.size(); ++index) {
      uint32_t fd = numbers[index];
      if (Has(sets[i], fd) && Any(wait.found(index) & kMeaning[i])) {
        results[i][fd / kBitsPerWord] |= uint64_t{1} << (fd % kBitsPerWord);
        ++bits;
      }
    }
  }
  sets = std::move(results);
  return bits;
}

Result<int64_t> SelectUntil(Task& task, int32_t count, const Addresses& addresses,
                            int64_t deadline_ns) {
  if (count < 0) {
    return Fail(EINVAL);
  }
  auto limit = static_cast<uint32_t>(count);
  if (limit > kOrdinarySet) {
    limit = std::min(limit, TableSize(task));
  }
  Sets sets = TRY(LoadSets(task, addresses, limit));
  PollWait wait(task);
  std::vector<uint32_t> numbers = TRY(AddFiles(task, sets, &limit, wait));
  for (Words& words : sets) {
    words.resize(std::min(words.size(), WordsFor(limit)));
  }
  TRY(wait.Wait(deadline_ns));
  int64_t bits = MakeResults(numbers, wait, sets);
  for (size_t i = 0; i < kSets; ++i) {
    if (!addresses[i].is_null()) {
      TRY(UserArray<uint64_t>{addresses[i]}.Store(task.memory(), sets[i].data(), sets[i].size()));
    }
  }
  return bits;
}

}  // namespace

Result<int64_t> Select(Task& task, int32_t count, GuestAddr read_set, GuestAddr write_set,
                       GuestAddr except_set, UserInOut<abi::Timeval> timeout) {
  constexpr int64_t kUsPerSecond = 1'000'000;
  TimeLimit limit;
  if (!timeout.is_null()) {
    abi::Timeval given = TRY(timeout.Load(task.memory()));
    // As on Linux, microseconds beyond a second carry over.
    limit = TRY(TimeLimit::From(abi::Timespec{given.seconds + given.microseconds / kUsPerSecond,
                                              given.microseconds % kUsPerSecond * 1000}));
  }
  Result<int64_t> result =
      SelectUntil(task, count, {read_set, write_set, except_set}, limit.deadline_ns());
  return FinishTimedWait(task, result, limit, [&](abi::Timespec left) {
    return timeout.Store(task.memory(), abi::Timeval{left.seconds, left.nanoseconds / 1000});
  });
}

Result<int64_t> Pselect6(Task& task, int32_t count, GuestAddr read_set, GuestAddr write_set,
                         GuestAddr except_set, UserInOut<abi::Timespec> timeout, GuestAddr mask) {
  UserIn<uint64_t> set{};
  uint64_t mask_size = 0;
  if (!mask.is_null()) {
    auto words = TRY(UserArray<uint64_t>{mask}.Load(task.memory(), 2));
    set = UserIn<uint64_t>{GuestAddr(words[0])};
    mask_size = words[1];
  }
  TimeLimit limit;
  if (!timeout.is_null()) {
    limit = TRY(TimeLimit::From(TRY(timeout.Load(task.memory()))));
  }
  TRY(InstallTemporaryMask(task, set, mask_size));
  Result<int64_t> result =
      SelectUntil(task, count, {read_set, write_set, except_set}, limit.deadline_ns());
  return FinishTimedWait(task, result, limit,
                         [&](abi::Timespec left) { return timeout.Store(task.memory(), left); });
}

}  // namespace ukrun
