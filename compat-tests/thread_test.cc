// Threads: creation and end, ids, thread-local storage, masks, stacks, cancellation.

#include <dirent.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class ThreadTest : public DeadlineTest {};

std::set<pid_t> ListTasks() {
  std::set<pid_t> tasks;
  DIR* directory = opendir("/proc/self/task");
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') {
      tasks.insert(std::stoi(entry->d_name));
    }
  }
  closedir(directory);
  return tasks;
}

TEST_F(ThreadTest, LeadersTidIsThePid) {
  EXPECT_EQ(RunInChild([] { CHILD_CHECK(GetTid() == getpid()); }), "exited 0");
}

TEST_F(ThreadTest, ThreadsHaveOnePidAndParentAndDistinctTids) {
  const pid_t pid = getpid(), parent = getppid();
  std::set<pid_t> tids = {GetTid()};
  for (int i = 0; i < 10; ++i) {
    std::thread([&] {
      EXPECT_EQ(getpid(), pid);
      EXPECT_EQ(getppid(), parent);
      EXPECT_NE(GetTid(), pid);
      tids.insert(GetTid());
    }).join();
  }
  EXPECT_GE(tids.size(), 2u);
}

TEST_F(ThreadTest, AHundredThreadsRunAtOnce) {
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  bool stop = false;
  std::set<pid_t> tids;
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&] {
      std::unique_lock lock(mutex);
      tids.insert(GetTid());
      ++running;
      changed.notify_all();
      changed.wait(lock, [&] { return stop; });
    });
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running == 100; });
    EXPECT_EQ(tids.size(), 100u);
    const std::set<pid_t> tasks = ListTasks();
    for (const pid_t tid : tids) {
      EXPECT_EQ(tasks.count(tid), 1u);
    }
    stop = true;
    changed.notify_all();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_TRUE(Eventually([] { return ListTasks().size() == 1; }));
}

TEST_F(ThreadTest, ResultsAreReturnedByJoin) {
  pthread_t threads[50];
  for (uintptr_t i = 0; i < 50; ++i) {
    ASSERT_EQ(pthread_create(
                  &threads[i], nullptr, [](void* argument) { return static_cast<void*>(argument); },
                  reinterpret_cast<void*>(i)),
              0);
  }
  for (uintptr_t i = 0; i < 50; ++i) {
    void* result = nullptr;
    EXPECT_EQ(pthread_join(threads[i], &result), 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(result), i);
  }
}

TEST_F(ThreadTest, ThreadLocalVariablesAreEachThreadsOwn) {
  static thread_local int value = 5;
  value = 6;
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&, i] {
      const bool fresh = value == 5;
      value = i;
      sched_yield();
      right += fresh && value == i ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 10);
  EXPECT_EQ(value, 6);
}

TEST_F(ThreadTest, ErrnoIsEachThreadsOwn) {
  errno = EXDEV;
  std::thread([] {
    EXPECT_ERRNO(EBADF, close(-1));
    EXPECT_EQ(errno, EBADF);
  }).join();
  EXPECT_EQ(errno, EXDEV);
}

TEST_F(ThreadTest, KeysWithDestructorsRunThemAtTheEnd) {
  static std::atomic<int> destroyed;
  destroyed = 0;
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key, [](void*) { ++destroyed; }), 0);
  std::thread([&] { pthread_setspecific(key, &destroyed); }).join();
  EXPECT_EQ(destroyed, 1);
  pthread_key_delete(key);
}

TEST_F(ThreadTest, MaskIsInheritedAndThenEachThreadsOwn) {
  ScopedBlock block({SIGUSR1});
  std::thread([] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGUSR1), 1);
    const sigset_t other = SignalSet({SIGUSR2});
    pthread_sigmask(SIG_SETMASK, &other, nullptr);
  }).join();
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGUSR1), 1);
  EXPECT_EQ(sigismember(&mask, SIGUSR2), 0);
}

TEST_F(ThreadTest, PendingSignalsOfAThreadAreNotInherited) {
  ScopedBlock block({SIGUSR1});
  pthread_kill(pthread_self(), SIGUSR1);
  std::thread([] {
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
  }).join();
  const sigset_t set = SignalSet({SIGUSR1});
  int number = 0;
  EXPECT_EQ(sigwait(&set, &number), 0);
}

TEST_F(ThreadTest, PthreadKillRunsTheHandlerInThatThread) {
  static std::atomic<pid_t> handler_tid;
  handler_tid = 0;
  ScopedAction action(SIGUSR1, [](int) { handler_tid = GetTid(); });
  Channel<pid_t> tids;
  Channel<> stop;
  std::thread other([&] {
    tids.Send(GetTid());
    stop.Receive();
  });
  const pid_t tid = tids.Receive();
  ASSERT_EQ(pthread_kill(other.native_handle(), SIGUSR1), 0);
  EXPECT_TRUE(Eventually([&] { return handler_tid == tid; }));
  stop.Send();
  other.join();
}

TEST_F(ThreadTest, SetTidAddressReturnsTheCallersTidAndIsClearedAtTheEnd) {
  static std::atomic<int> word;
  word = 77;
  std::thread([] {
    // The C library never joins a detached thread, so it doesn't miss its own word.
    EXPECT_EQ(syscall(SYS_set_tid_address, &word), GetTid());
  }).detach();
  // The kernel stores zero and wakes one waiter.
  while (word == 77) {
    const timespec limit = {0, 50'000'000};
    syscall(SYS_futex, &word, FUTEX_WAIT, 77, &limit, nullptr, 0);
  }
  EXPECT_EQ(word, 0);
}

TEST_F(ThreadTest, NamesAreEachThreadsOwnAndShowInProc) {
  std::thread([] {
    ASSERT_EQ(prctl(PR_SET_NAME, "worker thread"), 0);
    std::ifstream file("/proc/self/task/" + std::to_string(GetTid()) + "/comm");
    std::string name;
    std::getline(file, name);
    EXPECT_EQ(name, "worker thread");
  }).join();
  char name[16] = {};
  ASSERT_EQ(prctl(PR_GET_NAME, name), 0);
  EXPECT_STRNE(name, "worker thread");
}

TEST_F(ThreadTest, NameOfAnotherThreadCanBeSet) {
  Channel<> ready, stop;
  std::thread other([&] {
    ready.Send();
    stop.Receive();
  });
  ready.Receive();
  EXPECT_EQ(pthread_setname_np(other.native_handle(), "renamed"), 0);
  char name[16] = {};
  EXPECT_EQ(pthread_getname_np(other.native_handle(), name, sizeof(name)), 0);
  EXPECT_STREQ(name, "renamed");
  stop.Send();
  other.join();
}

TEST_F(ThreadTest, StacksHaveTheSizeAskedFor) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 32 << 20), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void*) -> void* {
                  volatile char large[16 << 20];
                  large[0] = 1;
                  large[sizeof(large) - 1] = 1;
                  return reinterpret_cast<void*>(static_cast<uintptr_t>(large[0]));
                },
                nullptr),
            0);
  void* result = nullptr;
  ASSERT_EQ(pthread_join(thread, &result), 0);
  EXPECT_NE(result, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST_F(ThreadTest, StackOfTheMainThreadIsDescribed) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
  void* base = nullptr;
  size_t size = 0;
  ASSERT_EQ(pthread_attr_getstack(&attributes, &base, &size), 0);
  char on_stack = 0;
  EXPECT_GE(&on_stack, base);
  EXPECT_LT(&on_stack, static_cast<char*>(base) + size);
  pthread_attr_destroy(&attributes);
}

TEST_F(ThreadTest, CancellationEndsABlockedThread) {
  Pipe pipe;
  Channel<pid_t> tids;
  struct State {
    Pipe* pipe;
    Channel<pid_t>* tids;
  } state = {&pipe, &tids};
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void* argument) -> void* {
                  auto* given = static_cast<State*>(argument);
                  given->tids->Send(GetTid());
                  char byte;
                  while (read(given->pipe->reader.get(), &byte, 1) != 1) {
                  }
                  return nullptr;
                },
                &state),
            0);
  EXPECT_TRUE(WaitUntilAsleep(getpid(), tids.Receive()));
  ASSERT_EQ(pthread_cancel(thread), 0);
  void* result = nullptr;
  EXPECT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, PTHREAD_CANCELED);
}

TEST_F(ThreadTest, TimedJoinTimesOutWhileTheThreadLives) {
  Channel<> stop;
  std::thread other([&] { stop.Receive(); });
  const timespec end = ToTimespec(NowNs(CLOCK_REALTIME) + 20 * kMillisecondNs);
  EXPECT_EQ(pthread_timedjoin_np(other.native_handle(), nullptr, &end), ETIMEDOUT);
  EXPECT_EQ(pthread_tryjoin_np(other.native_handle(), nullptr), EBUSY);
  stop.Send();
  other.join();
}

TEST_F(ThreadTest, AThousandThreadsInARow) {
  int sum = 0;
  for (int i = 0; i < 1000; ++i) {
    std::thread([&] { ++sum; }).join();
  }
  EXPECT_EQ(sum, 1000);
}

TEST_F(ThreadTest, MutexAndConditionVariableTakeTurns) {
  std::mutex mutex;
  std::condition_variable changed;
  int turn = 0;
  const auto play = [&](int parity) {
    for (int i = 0; i < 1000; ++i) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return turn % 2 == parity; });
      ++turn;
      changed.notify_one();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, 2000);
}

TEST_F(ThreadTest, DescriptorsDirectoryAndUidsAreShared) {
  int fd = -1;
  std::thread([&] { fd = memfd_create("by a thread", MFD_CLOEXEC); }).join();
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(close(fd), 0);
}

TEST_F(ThreadTest, UnsharedDescriptorTableIsTheThreadsOwn) {
  const Fd file(memfd_create("unshared", MFD_CLOEXEC));
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_FILES), 0);
    EXPECT_EQ(close(file.get()), 0);
  }).join();
  EXPECT_EQ(fcntl(file.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ThreadTest, UsageOfAThreadIsItsOwn) {
  std::thread([] {
    while (NowNs(CLOCK_THREAD_CPUTIME_ID) < 30 * kMillisecondNs) {
    }
    rusage usage = {};
    ASSERT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
    EXPECT_GE(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec, 20'000);
  }).join();
  std::thread([] {
    rusage usage = {};
    ASSERT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
    EXPECT_LT(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec, 20'000);
  }).join();
}

TEST_F(ThreadTest, UnshareRefusesWhatCannotBeUnshared) {
  std::thread([] {
    EXPECT_ERRNO(EINVAL, unshare(CLONE_THREAD));
    EXPECT_ERRNO(EINVAL, unshare(CLONE_VM));
    EXPECT_ERRNO(EINVAL, unshare(CLONE_SIGHAND));
    EXPECT_ERRNO(EINVAL, unshare(1));
    EXPECT_EQ(unshare(CLONE_FS), 0);
    EXPECT_EQ(unshare(0), 0);
  }).join();
}

TEST_F(ThreadTest, ThreadLimitOfTheUserFailsWithEagain) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              const rlimit limit = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
              pthread_t thread;
              CHILD_CHECK(pthread_create(
                              &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr) ==
                          EAGAIN);
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat
