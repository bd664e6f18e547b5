// Futexes with owners: priority inheritance (raw and through pthread), robust mutexes whose owner
// dies, and process-shared synchronization.

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class FutexPiTest : public DeadlineTest {};

using Word = std::atomic<uint32_t>;

long Futex(Word* word, int operation, const timespec* timeout = nullptr) {
  return syscall(SYS_futex, word, operation, 0, timeout, nullptr, 0);
}

uint32_t OwnTid() { return static_cast<uint32_t>(GetTid()); }

// A mutex in memory that is shared with children, with the attributes asked for.
class SharedMutex {
 public:
  explicit SharedMutex(int robust, int protocol = PTHREAD_PRIO_NONE) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    EXPECT_EQ(pthread_mutex_init(mutex_.get(), &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
  }
  pthread_mutex_t* get() const { return mutex_.get(); }

 private:
  Shared<pthread_mutex_t> mutex_;
};

TEST_F(FutexPiTest, LockStoresTheOwnersTidAndUnlockClearsIt) {
  Word word = 0;
  ASSERT_EQ(Futex(&word, FUTEX_LOCK_PI), 0);
  EXPECT_EQ(word & FUTEX_TID_MASK, OwnTid());
  ASSERT_EQ(Futex(&word, FUTEX_UNLOCK_PI), 0);
  EXPECT_EQ(word, 0u);
}

TEST_F(FutexPiTest, UnlockHandsOverToTheWaiter) {
  Word word = OwnTid();  // Taken without the kernel, as a program does.
  Channel<pid_t> tids;
  std::thread waiter([&] {
    tids.Send(GetTid());
    EXPECT_EQ(Futex(&word, FUTEX_LOCK_PI), 0);
    EXPECT_EQ(word & FUTEX_TID_MASK, OwnTid());
    EXPECT_EQ(Futex(&word, FUTEX_UNLOCK_PI), 0);
  });
  const pid_t tid = tids.Receive();
  EXPECT_TRUE(WaitUntilAsleep(getpid(), tid));
  EXPECT_EQ(word, OwnTid() | FUTEX_WAITERS);
  ASSERT_EQ(Futex(&word, FUTEX_UNLOCK_PI), 0);
  waiter.join();
  EXPECT_EQ(word & FUTEX_TID_MASK, 0u);
}

TEST_F(FutexPiTest, TrylockOfATakenWordFailsWithEagain) {
  Word word = 0;
  ASSERT_EQ(Futex(&word, FUTEX_TRYLOCK_PI), 0);
  std::thread([&] { EXPECT_ERRNO(EAGAIN, Futex(&word, FUTEX_TRYLOCK_PI)); }).join();
  EXPECT_EQ(Futex(&word, FUTEX_UNLOCK_PI), 0);
}

TEST_F(FutexPiTest, LockTimesOut) {
  Word word = 0;
  ASSERT_EQ(Futex(&word, FUTEX_LOCK_PI), 0);
  std::thread([&] {
    const timespec limit = ToTimespec(NowNs(CLOCK_REALTIME) + 30 * kMillisecondNs);
    EXPECT_ERRNO(ETIMEDOUT, Futex(&word, FUTEX_LOCK_PI, &limit));
    const timespec monotonic = ToTimespec(NowNs() + 30 * kMillisecondNs);
    EXPECT_ERRNO(ETIMEDOUT, Futex(&word, FUTEX_LOCK_PI2, &monotonic));
  }).join();
  EXPECT_EQ(Futex(&word, FUTEX_UNLOCK_PI), 0);
}

TEST_F(FutexPiTest, MisuseIsRefused) {
  Word word = OwnTid();
  EXPECT_ERRNO(EDEADLK, Futex(&word, FUTEX_LOCK_PI));
  EXPECT_ERRNO(EDEADLK, Futex(&word, FUTEX_TRYLOCK_PI));
  word = 0x3ffffff;  // Nobody has this id.
  EXPECT_ERRNO(ESRCH, Futex(&word, FUTEX_LOCK_PI));
  EXPECT_ERRNO(EPERM, Futex(&word, FUTEX_UNLOCK_PI));
  EXPECT_ERRNO(EFAULT, Futex(reinterpret_cast<Word*>(8), FUTEX_LOCK_PI));
  EXPECT_ERRNO(EINVAL,
               Futex(reinterpret_cast<Word*>(reinterpret_cast<char*>(&word) + 2), FUTEX_LOCK_PI));
}

TEST_F(FutexPiTest, PriorityInheritanceMutexesExcludeEachOther) {
  SharedMutex mutex(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
  int counter = 0;
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 500; ++i) {
        pthread_mutex_lock(mutex.get());
        ++counter;
        pthread_mutex_unlock(mutex.get());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(counter, 2000);
}

TEST_F(FutexPiTest, RobustMutexOfADeadProcessIsHandedOver) {
  SharedMutex mutex(PTHREAD_MUTEX_ROBUST);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(pthread_mutex_lock(mutex.get()) == 0); }), "exited 0");
  EXPECT_EQ(pthread_mutex_lock(mutex.get()), EOWNERDEAD);
  EXPECT_EQ(pthread_mutex_consistent(mutex.get()), 0);
  EXPECT_EQ(pthread_mutex_unlock(mutex.get()), 0);
  EXPECT_EQ(pthread_mutex_lock(mutex.get()), 0);
  EXPECT_EQ(pthread_mutex_unlock(mutex.get()), 0);
}

TEST_F(FutexPiTest, RobustMutexWakesAWaiterWhenTheOwnerIsKilled) {
  SharedMutex mutex(PTHREAD_MUTEX_ROBUST);
  Channel<> locked;
  const pid_t owner = ForkChild([&] {
    CHILD_CHECK(pthread_mutex_lock(mutex.get()) == 0);
    locked.Send();
    pause();
  });
  locked.Receive();
  const pid_t waiter =
      ForkChild([&] { CHILD_CHECK(pthread_mutex_lock(mutex.get()) == EOWNERDEAD); });
  EXPECT_TRUE(WaitUntilAsleep(waiter));
  kill(owner, SIGKILL);
  EXPECT_EQ(WaitFor(owner), "killed by 9");
  EXPECT_EQ(WaitFor(waiter), "exited 0");
}

TEST_F(FutexPiTest, RobustMutexOfAnEndedThreadIsHandedOver) {
  SharedMutex mutex(PTHREAD_MUTEX_ROBUST);
  std::thread([&] { pthread_mutex_lock(mutex.get()); }).join();
  EXPECT_EQ(pthread_mutex_lock(mutex.get()), EOWNERDEAD);
  EXPECT_EQ(pthread_mutex_unlock(mutex.get()), 0);
  EXPECT_EQ(pthread_mutex_lock(mutex.get()), ENOTRECOVERABLE);
}

TEST_F(FutexPiTest, RobustMutexOfAProcessThatExecutesIsHandedOver) {
  SharedMutex mutex(PTHREAD_MUTEX_ROBUST);
  EXPECT_EQ(RunInChild([&] {
              pthread_mutex_lock(mutex.get());
              execl("/bin/true", "true", nullptr);
            }),
            "exited 0");
  EXPECT_EQ(pthread_mutex_lock(mutex.get()), EOWNERDEAD);
}

TEST_F(FutexPiTest, RobustPriorityInheritanceMutexIsHandedOver) {
  SharedMutex mutex(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT);
  Channel<> locked;
  const pid_t owner = ForkChild([&] {
    CHILD_CHECK(pthread_mutex_lock(mutex.get()) == 0);
    locked.Send();
    pause();
  });
  locked.Receive();
  const pid_t waiter = ForkChild([&] { return pthread_mutex_lock(mutex.get()) == EOWNERDEAD; });
  EXPECT_TRUE(WaitUntilAsleep(waiter));
  kill(owner, SIGKILL);
  EXPECT_EQ(WaitFor(owner), "killed by 9");
  EXPECT_EQ(WaitFor(waiter), "exited 1");
}

TEST_F(FutexPiTest, RobustListOfTheKernelMarksTheWord) {
  // The list as get_robust_list describes it: one entry whose word lies at a fixed distance.
  struct Entry {
    robust_list link;
    Word word;
  };
  Shared<Entry> entry;
  EXPECT_EQ(RunInChild([&] {
              static robust_list_head head;
              head.list.next = &entry->link;
              head.futex_offset = offsetof(Entry, word);
              head.list_op_pending = nullptr;
              entry->link.next = &head.list;
              entry->word = OwnTid() | FUTEX_WAITERS;
              CHILD_CHECK(syscall(SYS_set_robust_list, &head, sizeof(head)) == 0);
            }),
            "exited 0");
  EXPECT_EQ(entry->word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

TEST_F(FutexPiTest, RobustListCalls) {
  robust_list_head* head = nullptr;
  size_t length = 0;
  ASSERT_EQ(syscall(SYS_get_robust_list, 0, &head, &length), 0);
  EXPECT_NE(head, nullptr);
  EXPECT_EQ(length, sizeof(robust_list_head));
  EXPECT_ERRNO(EINVAL, syscall(SYS_set_robust_list, head, sizeof(*head) - 1));
  EXPECT_ERRNO(ESRCH, syscall(SYS_get_robust_list, 0x3fffff, &head, &length));
  EXPECT_ERRNO(EFAULT, syscall(SYS_get_robust_list, 0, nullptr, &length));
}

TEST_F(FutexPiTest, ProcessSharedConditionVariableWorks) {
  struct State {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int stage;
  };
  Shared<State> state;
  pthread_mutexattr_t mutex_attributes;
  pthread_mutexattr_init(&mutex_attributes);
  pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&state->mutex, &mutex_attributes);
  pthread_condattr_t condition_attributes;
  pthread_condattr_init(&condition_attributes);
  pthread_condattr_setpshared(&condition_attributes, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&state->condition, &condition_attributes);
  const auto step = [&](int from) {  // Waits for its turn, a hundred times.
    for (; from < 200; from += 2) {
      pthread_mutex_lock(&state->mutex);
      while (state->stage != from) {
        pthread_cond_wait(&state->condition, &state->mutex);
      }
      ++state->stage;
      pthread_cond_broadcast(&state->condition);
      pthread_mutex_unlock(&state->mutex);
    }
  };
  const pid_t pid = ForkChild([&] { step(1); });
  step(0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(state->stage, 200);
}

TEST_F(FutexPiTest, ProcessSharedSemaphoreWorks) {
  Shared<sem_t> semaphore;
  ASSERT_EQ(sem_init(semaphore.get(), 1, 0), 0);
  const pid_t pid = ForkChild([&] { CHILD_CHECK(sem_wait(semaphore.get()) == 0); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  ASSERT_EQ(sem_post(semaphore.get()), 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(FutexPiTest, ProcessSharedBarrierAndRwlockWork) {
  struct State {
    pthread_barrier_t barrier;
    pthread_rwlock_t lock;
    int value;
  };
  Shared<State> state;
  pthread_barrierattr_t barrier_attributes;
  pthread_barrierattr_init(&barrier_attributes);
  pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&state->barrier, &barrier_attributes, 3);
  pthread_rwlockattr_t lock_attributes;
  pthread_rwlockattr_init(&lock_attributes);
  pthread_rwlockattr_setpshared(&lock_attributes, PTHREAD_PROCESS_SHARED);
  pthread_rwlock_init(&state->lock, &lock_attributes);
  pid_t pids[2];
  for (pid_t& pid : pids) {
    pid = ForkChild([&] {
      pthread_barrier_wait(&state->barrier);
      for (int i = 0; i < 100; ++i) {
        pthread_rwlock_wrlock(&state->lock);
        ++state->value;
        pthread_rwlock_unlock(&state->lock);
      }
      pthread_barrier_wait(&state->barrier);
    });
  }
  pthread_barrier_wait(&state->barrier);
  pthread_barrier_wait(&state->barrier);
  pthread_rwlock_rdlock(&state->lock);
  EXPECT_EQ(state->value, 200);
  pthread_rwlock_unlock(&state->lock);
  for (const pid_t pid : pids) {
    EXPECT_EQ(WaitFor(pid), "exited 0");
  }
}

}  // namespace
}  // namespace compat

// Not here: FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI, which the C library has not used since
// 2.25. Errnos not provoked: EPERM of a kernel thread's id, ENOMEM.
