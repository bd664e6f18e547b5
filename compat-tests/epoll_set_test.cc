// epoll: the set itself (closing, duplicates, nesting, inheritance), exclusive waking, and the
// calls that are refused.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class EpollSetTest : public DeadlineTest {};

Fd Create() { return Fd(epoll_create1(EPOLL_CLOEXEC)); }

int Add(const Fd& epoll, int fd, uint32_t events = EPOLLIN) {
  epoll_event event = {events, {}};
  event.data.fd = fd;
  return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
}

int CountReady(const Fd& epoll, int timeout_ms = 0) {
  epoll_event events[64];
  return epoll_wait(epoll.get(), events, 64, timeout_ms);
}

TEST_F(EpollSetTest, ClosingADescriptorRemovesIt) {
  const Fd epoll = Create();
  Pipe pipe;
  ASSERT_EQ(Add(epoll, pipe.reader.get()), 0);
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  EXPECT_EQ(CountReady(epoll), 1);
  pipe.reader.Reset();
  EXPECT_EQ(CountReady(epoll), 0);
}

TEST_F(EpollSetTest, ADuplicateKeepsTheOpenFileInTheSet) {
  const Fd epoll = Create();
  Pipe pipe;
  const int number = pipe.reader.get();
  const Fd copy(dup(number));
  ASSERT_EQ(Add(epoll, number), 0);
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  pipe.reader.Reset();
  EXPECT_EQ(CountReady(epoll), 1);  // As the manual warns.
  EXPECT_ERRNO(EBADF, epoll_ctl(epoll.get(), EPOLL_CTL_DEL, number, nullptr));
}

TEST_F(EpollSetTest, ADuplicateMayBeAddedBesideTheOriginal) {
  const Fd epoll = Create();
  Pipe pipe;
  const Fd copy(dup(pipe.reader.get()));
  EXPECT_EQ(Add(epoll, pipe.reader.get()), 0);
  EXPECT_EQ(Add(epoll, copy.get()), 0);
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  EXPECT_EQ(CountReady(epoll), 2);
}

TEST_F(EpollSetTest, SetIsSharedWithForkedChildren) {
  const Fd epoll = Create();
  Pipe pipe;
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(Add(epoll, pipe.reader.get()) == 0); }), "exited 0");
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  EXPECT_EQ(CountReady(epoll), 1);
}

TEST_F(EpollSetTest, ASetIsReadableWhenSomethingInItIsReady) {
  const Fd inner = Create(), outer = Create();
  Pipe pipe;
  ASSERT_EQ(Add(inner, pipe.reader.get()), 0);
  ASSERT_EQ(Add(outer, inner.get()), 0);
  EXPECT_EQ(CountReady(outer), 0);
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  EXPECT_EQ(CountReady(outer), 1);
  pollfd item = {inner.get(), POLLIN, 0};
  EXPECT_EQ(poll(&item, 1, 0), 1);
  char byte;
  ASSERT_EQ(read(pipe.reader.get(), &byte, 1), 1);
  EXPECT_EQ(CountReady(outer), 0);
}

TEST_F(EpollSetTest, WaitOnAnOuterSetIsWokenThroughTheInnerOne) {
  const Fd inner = Create(), outer = Create();
  Pipe pipe;
  ASSERT_EQ(Add(inner, pipe.reader.get()), 0);
  ASSERT_EQ(Add(outer, inner.get(), EPOLLIN | EPOLLET), 0);
  const pid_t me = getpid();
  std::thread writer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    EXPECT_EQ(write(pipe.writer.get(), "x", 1), 1);
  });
  EXPECT_EQ(CountReady(outer, -1), 1);
  writer.join();
}

TEST_F(EpollSetTest, CyclesFailWithEloop) {
  const Fd first = Create(), second = Create(), third = Create();
  ASSERT_EQ(Add(first, second.get()), 0);
  ASSERT_EQ(Add(second, third.get()), 0);
  EXPECT_ERRNO(ELOOP, Add(second, first.get()));
  EXPECT_ERRNO(ELOOP, Add(third, first.get()));
}

TEST_F(EpollSetTest, DeepNestingFailsWithEloopOrEinval) {
  std::vector<Fd> sets;
  sets.push_back(Create());
  int added = 0;
  for (int i = 0; i < 10; ++i) {
    sets.push_back(Create());
    if (Add(sets.back(), sets[sets.size() - 2].get()) != 0) {
      EXPECT_TRUE(errno == ELOOP || errno == EINVAL);
      break;
    }
    ++added;
  }
  EXPECT_GE(added, 4);
  EXPECT_LT(added, 10);
}

TEST_F(EpollSetTest, ExclusiveWakesOneOfSeveralSetsAtLeast) {
  Pipe pipe;
  std::vector<Fd> sets;
  Channel<pid_t> tids;
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    sets.push_back(Create());
    ASSERT_EQ(Add(sets.back(), pipe.reader.get(), EPOLLIN | EPOLLEXCLUSIVE), 0);
  }
  for (const Fd& set : sets) {
    threads.emplace_back([&] {
      tids.Send(GetTid());
      if (CountReady(set, -1) == 1) {
        ++woken;
      }
    });
    EXPECT_TRUE(WaitUntilAsleep(getpid(), tids.Receive()));
  }
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  EXPECT_TRUE(Eventually([&] { return woken >= 1; }));
  // The others wake when the writer goes away; that is not exclusive.
  pipe.writer.Reset();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(woken, 3);
}

TEST_F(EpollSetTest, ExclusiveMayNotBeModifiedOrCombined) {
  const Fd epoll = Create(), inner = Create();
  Pipe pipe;
  epoll_event event = {EPOLLIN | EPOLLEXCLUSIVE, {}};
  EXPECT_ERRNO(EINVAL, Add(epoll, pipe.reader.get(), EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT));
  EXPECT_ERRNO(EINVAL, Add(epoll, inner.get(), EPOLLIN | EPOLLEXCLUSIVE));
  ASSERT_EQ(Add(epoll, pipe.reader.get(), EPOLLIN | EPOLLEXCLUSIVE), 0);
  EXPECT_ERRNO(EINVAL, epoll_ctl(epoll.get(), EPOLL_CTL_MOD, pipe.reader.get(), &event));
  event.events = EPOLLIN;
  EXPECT_ERRNO(EINVAL, epoll_ctl(epoll.get(), EPOLL_CTL_MOD, pipe.reader.get(), &event));
}

TEST_F(EpollSetTest, CreateCallsHaveTheirFlags) {
  EXPECT_EQ(fcntl(Create().get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(Fd(epoll_create1(0)).get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(Fd(epoll_create(5)).get(), F_GETFD), 0);
  EXPECT_ERRNO(EINVAL, epoll_create(0));
  EXPECT_ERRNO(EINVAL, epoll_create(-1));
  EXPECT_ERRNO(EINVAL, epoll_create1(1));
}

TEST_F(EpollSetTest, ControlRefusesBadArguments) {
  const Fd epoll = Create();
  const Fd file(memfd_create("regular", MFD_CLOEXEC));
  Pipe pipe;
  epoll_event event = {EPOLLIN, {}};
  ASSERT_EQ(Add(epoll, pipe.reader.get()), 0);
  EXPECT_ERRNO(EEXIST, Add(epoll, pipe.reader.get()));
  EXPECT_ERRNO(ENOENT, epoll_ctl(epoll.get(), EPOLL_CTL_MOD, pipe.writer.get(), &event));
  EXPECT_ERRNO(ENOENT, epoll_ctl(epoll.get(), EPOLL_CTL_DEL, pipe.writer.get(), nullptr));
  EXPECT_ERRNO(EPERM, Add(epoll, file.get()));  // Regular files are always ready.
  EXPECT_ERRNO(EINVAL, Add(epoll, epoll.get()));
  EXPECT_ERRNO(EINVAL, epoll_ctl(epoll.get(), 9, pipe.writer.get(), &event));
  EXPECT_ERRNO(EINVAL, epoll_ctl(pipe.reader.get(), EPOLL_CTL_ADD, pipe.writer.get(), &event));
  EXPECT_ERRNO(EBADF, Add(epoll, 999));
  EXPECT_ERRNO(EBADF, epoll_ctl(999, EPOLL_CTL_ADD, pipe.writer.get(), &event));
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_ctl, epoll.get(), EPOLL_CTL_ADD, pipe.writer.get(), 8));
}

TEST_F(EpollSetTest, WaitRefusesBadArguments) {
  const Fd epoll = Create();
  Pipe pipe;
  epoll_event event = {};
  EXPECT_ERRNO(EINVAL, epoll_wait(epoll.get(), &event, 0, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_wait, epoll.get(), &event, -1, 0));
  EXPECT_ERRNO(EINVAL, epoll_wait(pipe.reader.get(), &event, 1, 0));
  EXPECT_ERRNO(EBADF, epoll_wait(999, &event, 1, 0));
  ASSERT_EQ(Add(epoll, pipe.writer.get(), EPOLLOUT), 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_wait, epoll.get(), 8, 1, 0));
  // An address that no program can have is refused even when there is nothing to report.
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_DEL, pipe.writer.get(), nullptr), 0);
  EXPECT_EQ(syscall(SYS_epoll_wait, epoll.get(), 8, 1, 0), 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_wait, epoll.get(), -4096L, 1, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_wait, epoll.get(), 0x7ffffffff000L, 1, 0));
  char byte = 0;
  EXPECT_ERRNO(EINVAL, read(epoll.get(), &byte, 1));
}

TEST_F(EpollSetTest, AThousandDescriptorsInOneSet) {
  const Fd epoll = Create();
  std::vector<Pipe> pipes(1000);
  for (const Pipe& pipe : pipes) {
    ASSERT_TRUE(pipe.reader.ok());
    ASSERT_EQ(Add(epoll, pipe.reader.get()), 0);
  }
  EXPECT_EQ(CountReady(epoll), 0);
  for (size_t i = 0; i < pipes.size(); i += 100) {
    ASSERT_EQ(write(pipes[i].writer.get(), "x", 1), 1);
  }
  EXPECT_EQ(CountReady(epoll), 10);
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: EMFILE, ENFILE, ENOMEM, ENOSPC (max_user_watches): host conditions.
