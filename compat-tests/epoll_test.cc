// epoll: level and edge triggering, one-shot, changes, and waiting. epoll_set_test.cc has nesting,
// exclusive waking, closing and the refused calls.

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class EpollTest : public DeadlineTest {
 protected:
  int Control(int operation, const Fd& fd, uint32_t events, uint64_t data = 0) {
    epoll_event event = {events, {}};
    event.data.u64 = data;
    return epoll_ctl(epoll_.get(), operation, fd.get(), &event);
  }

  // What is ready, one event at a time; events 0 when nothing is.
  epoll_event Wait(int timeout_ms = 0) {
    epoll_event event = {};
    return epoll_wait(epoll_.get(), &event, 1, timeout_ms) == 1 ? event : epoll_event{};
  }

  Fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
};

void Put(const Pipe& pipe) { EXPECT_EQ(write(pipe.writer.get(), "x", 1), 1); }
void Take(const Pipe& pipe) {
  char byte = 0;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 1);
}

TEST_F(EpollTest, NothingReadyReturnsZero) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  EXPECT_EQ(Wait().events, 0u);
}

TEST_F(EpollTest, ReadyDescriptorIsReportedWithItsData) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN, 0x123456789abcdef0), 0);
  Put(pipe);
  const epoll_event event = Wait();
  EXPECT_EQ(event.events, uint32_t{EPOLLIN});
  EXPECT_EQ(uint64_t{event.data.u64}, 0x123456789abcdef0u);
}

TEST_F(EpollTest, DescriptorThatIsReadyWhenAddedIsReported) {
  Pipe pipe;
  Put(pipe);
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
}

TEST_F(EpollTest, LevelTriggeringReportsUntilTheCauseIsGone) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  Put(pipe);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  }
  Take(pipe);
  EXPECT_EQ(Wait().events, 0u);
}

TEST_F(EpollTest, EdgeTriggeringReportsEachArrivalOnce) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN | EPOLLET), 0);
  Put(pipe);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  EXPECT_EQ(Wait().events, 0u);
  Put(pipe);  // More data, though the first byte was not read.
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  Take(pipe);
  EXPECT_EQ(Wait().events, 0u);
}

TEST_F(EpollTest, EdgeTriggeredDescriptorThatIsReadyWhenAddedIsReportedOnce) {
  Pipe pipe;
  Put(pipe);
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN | EPOLLET), 0);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  EXPECT_EQ(Wait().events, 0u);
}

TEST_F(EpollTest, OneshotIsSilentUntilItIsArmedAgain) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN | EPOLLONESHOT), 0);
  Put(pipe);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  Put(pipe);
  EXPECT_EQ(Wait().events, 0u);
  ASSERT_EQ(Control(EPOLL_CTL_MOD, pipe.reader, EPOLLIN | EPOLLONESHOT), 0);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  EXPECT_EQ(Wait().events, 0u);
}

TEST_F(EpollTest, ModificationChangesEventsAndDataAndLooksAgain) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, 0, 1), 0);
  Put(pipe);
  EXPECT_EQ(Wait().events, 0u);
  ASSERT_EQ(Control(EPOLL_CTL_MOD, pipe.reader, EPOLLIN, 2), 0);
  const epoll_event event = Wait();
  EXPECT_EQ(event.events, uint32_t{EPOLLIN});
  EXPECT_EQ(uint64_t{event.data.u64}, 2u);
  ASSERT_EQ(Control(EPOLL_CTL_MOD, pipe.reader, 0, 2), 0);
  EXPECT_EQ(Wait().events, 0u);
}

TEST_F(EpollTest, ModificationOfAnEdgeTriggeredOneReportsAgain) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN | EPOLLET), 0);
  Put(pipe);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
  ASSERT_EQ(Control(EPOLL_CTL_MOD, pipe.reader, EPOLLIN | EPOLLET), 0);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
}

TEST_F(EpollTest, DeletedDescriptorIsNotReported) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  Put(pipe);
  ASSERT_EQ(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pipe.reader.get(), nullptr), 0);
  EXPECT_EQ(Wait().events, 0u);
  EXPECT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN});
}

TEST_F(EpollTest, HangupAndErrorAreReportedUnasked) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, 0), 0);
  pipe.writer.Reset();
  EXPECT_EQ(Wait().events, uint32_t{EPOLLHUP});
  Pipe other;
  const Fd second_epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {0, {}};
  ASSERT_EQ(epoll_ctl(second_epoll.get(), EPOLL_CTL_ADD, other.writer.get(), &event), 0);
  other.reader.Reset();
  EXPECT_EQ(epoll_wait(second_epoll.get(), &event, 1, 0), 1);
  EXPECT_EQ(event.events, uint32_t{EPOLLERR});
}

TEST_F(EpollTest, SocketShutdownIsReportedAsReadHangup) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd first(ends[0]), second(ends[1]);
  ASSERT_EQ(Control(EPOLL_CTL_ADD, first, EPOLLIN | EPOLLRDHUP), 0);
  ASSERT_EQ(shutdown(second.get(), SHUT_WR), 0);
  EXPECT_EQ(Wait().events, uint32_t{EPOLLIN} | EPOLLRDHUP);
}

TEST_F(EpollTest, SeveralEventsAreReportedAtOnceAndInTurn) {
  std::vector<Pipe> pipes(10);
  for (size_t i = 0; i < pipes.size(); ++i) {
    ASSERT_EQ(Control(EPOLL_CTL_ADD, pipes[i].reader, EPOLLIN, i), 0);
    Put(pipes[i]);
  }
  epoll_event events[20];
  EXPECT_EQ(epoll_wait(epoll_.get(), events, 20, 0), 10);
  // With room for one, level triggering takes turns, so nobody starves.
  unsigned seen = 0;
  for (int i = 0; i < 10; ++i) {
    seen |= 1U << Wait().data.u64;
  }
  EXPECT_EQ(seen, 0x3ffu);
}

TEST_F(EpollTest, WaitEndsWhenADescriptorBecomesReady) {
  Pipe pipe;
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  const pid_t me = getpid();
  std::thread writer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    Put(pipe);
  });
  EXPECT_EQ(Wait(-1).events, uint32_t{EPOLLIN});
  writer.join();
}

TEST_F(EpollTest, DescriptorAddedDuringTheWaitIsSeen) {
  Pipe pipe;
  Put(pipe);
  const pid_t me = getpid();
  std::thread adder([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    EXPECT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  });
  EXPECT_EQ(Wait(-1).events, uint32_t{EPOLLIN});
  adder.join();
}

TEST_F(EpollTest, TimeoutEndsTheWait) {
  const int64_t start_ns = NowNs();
  epoll_event event = {};
  EXPECT_EQ(epoll_wait(epoll_.get(), &event, 1, 30), 0);
  EXPECT_GE(NowNs() - start_ns, 30 * kMillisecondNs);
}

TEST_F(EpollTest, PreciseTimeoutEndsTheWait) {
  const int64_t start_ns = NowNs();
  epoll_event event = {};
  const timespec limit = {0, 1'500'000};
  EXPECT_EQ(syscall(SYS_epoll_pwait2, epoll_.get(), &event, 1, &limit, nullptr, 0), 0);
  EXPECT_GE(NowNs() - start_ns, 1'500'000);
  Pipe pipe;
  Put(pipe);
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  EXPECT_EQ(syscall(SYS_epoll_pwait2, epoll_.get(), &event, 1, nullptr, nullptr, 0), 1);
  const timespec wrong = {0, kSecondNs};
  EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_pwait2, epoll_.get(), &event, 1, &wrong, nullptr, 0));
}

TEST_F(EpollTest, PwaitUsesItsMaskDuringTheWaitOnly) {
  static std::atomic<int> handled;
  handled = 0;
  ScopedAction action(SIGUSR1, [](int) { ++handled; });
  ScopedBlock block({SIGUSR1});
  raise(SIGUSR1);
  const sigset_t none = SignalSet({});
  epoll_event event = {};
  EXPECT_ERRNO(EINTR, epoll_pwait(epoll_.get(), &event, 1, -1, &none));
  EXPECT_EQ(handled, 1);
  raise(SIGUSR1);
  EXPECT_EQ(handled, 1);  // Blocked again.
  const sigset_t set = SignalSet({SIGUSR1});
  int number = 0;
  sigwait(&set, &number);
}

TEST_F(EpollTest, ReadyDescriptorWinsOverAPendingSignal) {
  ScopedAction action(SIGUSR1, [](int) {});
  ScopedBlock block({SIGUSR1});
  Pipe pipe;
  Put(pipe);
  ASSERT_EQ(Control(EPOLL_CTL_ADD, pipe.reader, EPOLLIN), 0);
  raise(SIGUSR1);
  const sigset_t none = SignalSet({});
  epoll_event event = {};
  EXPECT_EQ(epoll_pwait(epoll_.get(), &event, 1, -1, &none), 1);
}

TEST_F(EpollTest, EveryThreadThatWaitsGetsOneOfManyEdges) {
  const Fd event_fd(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
  ASSERT_EQ(Control(EPOLL_CTL_ADD, event_fd, EPOLLIN), 0);
  std::atomic<int> taken = 0;
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      while (taken < 100) {
        epoll_event event = {};
        if (epoll_wait(epoll_.get(), &event, 1, 1) == 1) {
          uint64_t value = 0;
          taken += read(event_fd.get(), &value, sizeof(value)) == sizeof(value) ? 1 : 0;
        }
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const uint64_t one = 1;
    EXPECT_EQ(write(event_fd.get(), &one, sizeof(one)), 8);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(taken, 100);
}

}  // namespace
}  // namespace compat
