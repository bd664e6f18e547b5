// futex(2): wait, wake, bitsets, requeue, wake_op, timeouts, sharing. futex_pi_test.cc has priority
// inheritance and robust lists.

#include <linux/futex.h>

#include <atomic>
#include <climits>
#include <thread>
#include <vector>

#include "compat-tests/util/process_memory_util.h"
#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class FutexTest : public DeadlineTest {};

using Word = std::atomic<uint32_t>;

long Futex(Word* word, int operation, uint32_t value, const timespec* timeout = nullptr,
           Word* second = nullptr, uint32_t third = 0) {
  return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

// The calls that take a count in the place of the timeout.
long FutexCount(Word* word, int operation, uint32_t value, uint64_t count, Word* second,
                uint32_t third = 0) {
  return syscall(SYS_futex, word, operation, value, count, second, third);
}

// Threads that wait on a word; their results are collected at the end.
class Waiters {
 public:
  template <typename Wait>
  Waiters(int count, Wait wait) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, wait] {
        tids_.Send(GetTid());
        if (wait() == 0) {
          ++woken_;
        }
      });
      EXPECT_TRUE(WaitUntilAsleep(getpid(), tids_.Receive()));
    }
  }
  ~Waiters() { Join(); }
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  int woken() const { return woken_; }
  bool WaitForWoken(int count) {
    return Eventually([&] { return woken_ == count; });
  }
  void Join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) {
        thread.join();
      }
    }
  }

 private:
  std::vector<std::thread> threads_;
  Channel<pid_t> tids_;
  std::atomic<int> woken_ = 0;
};

TEST_F(FutexTest, WaitOnAnotherValueFailsWithEagain) {
  Word word = 1;
  EXPECT_ERRNO(EAGAIN, Futex(&word, FUTEX_WAIT, 0));
  EXPECT_ERRNO(EAGAIN, Futex(&word, FUTEX_WAIT_PRIVATE, 2));
  EXPECT_ERRNO(EAGAIN, Futex(&word, FUTEX_WAIT_BITSET, 2, nullptr, nullptr, 1));
}

TEST_F(FutexTest, WakeWithoutWaitersWakesNobody) {
  Word word = 0;
  EXPECT_EQ(Futex(&word, FUTEX_WAKE, INT_MAX), 0);
}

TEST_F(FutexTest, WakeWakesAsManyAsAsked) {
  Word word = 0;
  Waiters waiters(4, [&] { return Futex(&word, FUTEX_WAIT_PRIVATE, 0); });
  EXPECT_EQ(Futex(&word, FUTEX_WAKE_PRIVATE, 1), 1);
  EXPECT_TRUE(waiters.WaitForWoken(1));
  EXPECT_EQ(Futex(&word, FUTEX_WAKE_PRIVATE, 2), 2);
  EXPECT_TRUE(waiters.WaitForWoken(3));
  EXPECT_EQ(Futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX), 1);
  EXPECT_TRUE(waiters.WaitForWoken(4));
}

TEST_F(FutexTest, WakeOfAnotherWordWakesNobody) {
  Word words[2] = {};
  Waiters waiters(1, [&] { return Futex(&words[0], FUTEX_WAIT, 0); });
  EXPECT_EQ(Futex(&words[1], FUTEX_WAKE, INT_MAX), 0);
  EXPECT_EQ(Futex(&words[0], FUTEX_WAKE, INT_MAX), 1);
}

TEST_F(FutexTest, SharedWakeDoesNotMeetAPrivateWaiter) {
  Word word = 0;
  Waiters waiters(1, [&] { return Futex(&word, FUTEX_WAIT_PRIVATE, 0); });
  EXPECT_EQ(Futex(&word, FUTEX_WAKE, INT_MAX), 0);
  EXPECT_EQ(Futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX), 1);
}

TEST_F(FutexTest, BitsetsThatMeetWake) {
  Word word = 0;
  Waiters waiters(1, [&] { return Futex(&word, FUTEX_WAIT_BITSET, 0, nullptr, nullptr, 0b0110); });
  EXPECT_EQ(Futex(&word, FUTEX_WAKE_BITSET, INT_MAX, nullptr, nullptr, 0b1001), 0);
  EXPECT_EQ(Futex(&word, FUTEX_WAKE_BITSET, INT_MAX, nullptr, nullptr, 0b0100), 1);
}

TEST_F(FutexTest, PlainWakeMeetsEveryBitset) {
  Word word = 0;
  Waiters waiters(1, [&] { return Futex(&word, FUTEX_WAIT_BITSET, 0, nullptr, nullptr, 0b1000); });
  EXPECT_EQ(Futex(&word, FUTEX_WAKE, 1), 1);
}

TEST_F(FutexTest, RequeueMovesWaiters) {
  Word from = 0, to = 0;
  Waiters waiters(4, [&] { return Futex(&from, FUTEX_WAIT, 0); });
  EXPECT_EQ(FutexCount(&from, FUTEX_REQUEUE, 1, 2, &to), 3);  // One woken, two moved.
  EXPECT_TRUE(waiters.WaitForWoken(1));
  EXPECT_EQ(Futex(&to, FUTEX_WAKE, INT_MAX), 2);
  EXPECT_EQ(Futex(&from, FUTEX_WAKE, INT_MAX), 1);
}

TEST_F(FutexTest, CmpRequeueMovesOnlyWhenTheValueIsTheExpectedOne) {
  Word from = 0, to = 0;
  Waiters waiters(3, [&] { return Futex(&from, FUTEX_WAIT_PRIVATE, 0); });
  EXPECT_ERRNO(EAGAIN, FutexCount(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, 9, &to, 5));
  EXPECT_EQ(waiters.woken(), 0);
  EXPECT_EQ(FutexCount(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, INT_MAX, &to, 0), 3);
  EXPECT_TRUE(waiters.WaitForWoken(1));
  EXPECT_EQ(Futex(&to, FUTEX_WAKE_PRIVATE, INT_MAX), 2);
}

TEST_F(FutexTest, WakeOpChangesTheSecondWordAndWakesBoth) {
  const struct {
    uint32_t operation;
    uint32_t argument, before, after;
  } cases[] = {{FUTEX_OP_SET, 7, 5, 7}, {FUTEX_OP_ADD, 3, 5, 8},
               {FUTEX_OP_OR, 8, 5, 13}, {FUTEX_OP_ANDN, 4, 5, 1},
               {FUTEX_OP_XOR, 3, 5, 6}, {FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 4, 5, 16}};
  for (const auto& item : cases) {
    Word first = 0, second = item.before;
    Waiters waiters(1, [&] { return Futex(&first, FUTEX_WAIT, 0); });
    Waiters others(1, [&] { return Futex(&second, FUTEX_WAIT, item.before); });
    const uint32_t operation =
        (item.operation << 28) | (FUTEX_OP_CMP_EQ << 24) | (item.argument << 12) | item.before;
    EXPECT_EQ(FutexCount(&first, FUTEX_WAKE_OP, 1, 1, &second, operation), 2);
    EXPECT_EQ(second, item.after);
    waiters.Join();
    others.Join();
  }
}

TEST_F(FutexTest, WakeOpWakesTheSecondOnlyWhenTheOldValueCompares) {
  const struct {
    uint32_t comparison;
    uint32_t argument;
    bool wakes;
  } cases[] = {{FUTEX_OP_CMP_EQ, 4, false}, {FUTEX_OP_CMP_NE, 4, true},
               {FUTEX_OP_CMP_LT, 6, true},  {FUTEX_OP_CMP_LE, 4, false},
               {FUTEX_OP_CMP_GT, 4, true},  {FUTEX_OP_CMP_GE, 6, false}};
  for (const auto& item : cases) {
    Word first = 0, second = 5;
    Waiters others(1, [&] { return Futex(&second, FUTEX_WAIT, 5); });
    const uint32_t operation = (FUTEX_OP_ADD << 28) | (item.comparison << 24) | item.argument;
    EXPECT_EQ(FutexCount(&first, FUTEX_WAKE_OP, 1, 1, &second, operation), item.wakes ? 1 : 0);
    Futex(&second, FUTEX_WAKE, INT_MAX);
  }
}

TEST_F(FutexTest, RelativeTimeoutEndsTheWait) {
  Word word = 0;
  const int64_t start_ns = NowNs();
  const timespec limit = {0, 30'000'000};
  EXPECT_ERRNO(ETIMEDOUT, Futex(&word, FUTEX_WAIT, 0, &limit));
  EXPECT_GE(NowNs() - start_ns, 30 * kMillisecondNs);
  const timespec none = {0, 0};
  EXPECT_ERRNO(ETIMEDOUT, Futex(&word, FUTEX_WAIT, 0, &none));
}

TEST_F(FutexTest, AbsoluteTimeoutsOfBothClocksEndTheWait) {
  Word word = 0;
  for (const int flag : {0, FUTEX_CLOCK_REALTIME}) {
    const clockid_t clock = flag != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    const int64_t end_ns = NowNs(clock) + 30 * kMillisecondNs;
    const timespec limit = ToTimespec(end_ns);
    EXPECT_ERRNO(ETIMEDOUT, Futex(&word, FUTEX_WAIT_BITSET | flag, 0, &limit, nullptr,
                                  FUTEX_BITSET_MATCH_ANY));
    EXPECT_GE(NowNs(clock), end_ns);
    const timespec past = {1, 0};
    EXPECT_ERRNO(ETIMEDOUT,
                 Futex(&word, FUTEX_WAIT_BITSET | flag, 0, &past, nullptr, FUTEX_BITSET_MATCH_ANY));
  }
}

TEST_F(FutexTest, TimeoutThatIsNotReachedDoesNotDisturb) {
  Word word = 0;
  const timespec limit = {50, 0};
  Waiters waiters(1, [&] { return Futex(&word, FUTEX_WAIT, 0, &limit); });
  EXPECT_EQ(Futex(&word, FUTEX_WAKE, 1), 1);
}

TEST_F(FutexTest, ProcessesMeetInSharedMemory) {
  Shared<Word> word;
  const pid_t pid = ForkChild([&] { return Futex(word.get(), FUTEX_WAIT, 0) == 0 ? 7 : 1; });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  EXPECT_EQ(Futex(word.get(), FUTEX_WAKE, 1), 1);
  EXPECT_EQ(WaitFor(pid), "exited 7");
}

TEST_F(FutexTest, SharedFutexIsFoundAtADifferentAddress) {
  const Fd file(memfd_create("futex", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), kPageSize), 0);
  const auto map = [&] {
    return static_cast<Word*>(mmap(nullptr, kPageSize, kReadWrite, MAP_SHARED, file.get(), 0));
  };
  Word* first = map();
  Word* second = map();
  ASSERT_NE(first, second);
  Waiters waiters(1, [&] { return Futex(first, FUTEX_WAIT, 0); });
  EXPECT_EQ(Futex(second, FUTEX_WAKE, 1), 1);
  waiters.Join();
  munmap(first, kPageSize);
  munmap(second, kPageSize);
}

TEST_F(FutexTest, PrivateMemoryOfAChildIsAnotherFutex) {
  Word word = 0;
  const pid_t pid = ForkChild([&] {
    const timespec limit = {0, 50'000'000};
    CHILD_CHECK_ERRNO(ETIMEDOUT, Futex(&word, FUTEX_WAIT, 0, &limit));
  });
  WaitUntilAsleep(pid);
  EXPECT_EQ(Futex(&word, FUTEX_WAKE, INT_MAX), 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(FutexTest, WaitvWaitsForAnyOfSeveralWords) {
  Word words[3] = {};
  struct futex_waitv list[3] = {};
  for (int i = 0; i < 3; ++i) {
    list[i].uaddr = reinterpret_cast<uint64_t>(&words[i]);
    list[i].flags = FUTEX_32;
  }
  std::atomic<long> result = -2;
  Waiters waiters(1, [&] {
    result = syscall(SYS_futex_waitv, list, 3, 0, nullptr, 0);
    return result >= 0 ? 0 : -1;
  });
  EXPECT_EQ(Futex(&words[1], FUTEX_WAKE, 1), 1);
  waiters.Join();
  EXPECT_EQ(result, 1);
  words[2] = 5;
  EXPECT_ERRNO(EAGAIN, syscall(SYS_futex_waitv, list, 3, 0, nullptr, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_futex_waitv, list, 0, 0, nullptr, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_futex_waitv, list, 129, 0, nullptr, 0));
}

TEST_F(FutexTest, BadArgumentsAreRefused) {
  Word word = 0;
  auto* odd = reinterpret_cast<Word*>(reinterpret_cast<char*>(&word) + 1);
  auto* bad = reinterpret_cast<Word*>(8);
  const timespec negative = {-1, 0}, overfull = {0, 1'000'000'000};
  EXPECT_ERRNO(EINVAL, Futex(odd, FUTEX_WAIT, 0));
  EXPECT_ERRNO(EINVAL, Futex(odd, FUTEX_WAKE, 1));
  EXPECT_ERRNO(EFAULT, Futex(bad, FUTEX_WAIT, 0));
  EXPECT_ERRNO(EFAULT, Futex(nullptr, FUTEX_WAIT, 0));
  EXPECT_ERRNO(EFAULT, Futex(bad, FUTEX_WAKE, 1));
  EXPECT_ERRNO(EINVAL, Futex(&word, FUTEX_WAIT, 0, &negative));
  EXPECT_ERRNO(EINVAL, Futex(&word, FUTEX_WAIT, 0, &overfull));
  EXPECT_ERRNO(EFAULT, Futex(&word, FUTEX_WAIT, 0, reinterpret_cast<timespec*>(8)));
  EXPECT_ERRNO(EINVAL, Futex(&word, FUTEX_WAIT_BITSET, 0, nullptr, nullptr, 0));
  EXPECT_ERRNO(EINVAL, Futex(&word, FUTEX_WAKE_BITSET, 1, nullptr, nullptr, 0));
  EXPECT_ERRNO(ENOSYS, Futex(&word, 99, 0));
  EXPECT_ERRNO(ENOSYS, Futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0));
  EXPECT_ERRNO(EFAULT, FutexCount(&word, FUTEX_REQUEUE, 1, 1, bad));
  EXPECT_ERRNO(EINVAL, FutexCount(&word, FUTEX_REQUEUE, 0x8000'0000U, 1, &word));
  EXPECT_ERRNO(ENOSYS, FutexCount(&word, FUTEX_WAKE_OP, 1, 1, &word, 0x70000000));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: EINTR and its restarts (signal_restart_test.cc), ENFILE and ENOMEM
// (host conditions), EINVAL for waiters of different kinds on one word (racy).
