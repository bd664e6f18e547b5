// eventfd2(2): the counter, the semaphore mode, blocking and polling.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class EventfdTest : public DeadlineTest {};

constexpr uint64_t kLargest = 0xffff'ffff'ffff'fffe;

Fd Create(unsigned initial = 0, int flags = EFD_NONBLOCK) { return Fd(eventfd(initial, flags)); }

ssize_t Write(const Fd& event, uint64_t value) { return write(event.get(), &value, sizeof(value)); }

// The value read; 0 with errno when the read fails (0 is never read).
uint64_t Read(const Fd& event) {
  uint64_t value = 0;
  return read(event.get(), &value, sizeof(value)) == sizeof(value) ? value : 0;
}

short Poll(const Fd& event) {
  pollfd item = {event.get(), POLLIN | POLLOUT, 0};
  poll(&item, 1, 0);
  return item.revents;
}

TEST_F(EventfdTest, ReadTakesTheWholeCounter) {
  const Fd event = Create(5);
  EXPECT_EQ(Write(event, 7), 8);
  EXPECT_EQ(Read(event), 12u);
  EXPECT_EQ(Read(event), 0u);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(EventfdTest, SemaphoreReadTakesOne) {
  const Fd event = Create(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  EXPECT_EQ(Read(event), 1u);
  EXPECT_EQ(Read(event), 1u);
  EXPECT_EQ(Read(event), 0u);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(EventfdTest, WriteOfZeroChangesNothing) {
  const Fd event = Create();
  EXPECT_EQ(Write(event, 0), 8);
  EXPECT_EQ(Poll(event), POLLOUT);
}

TEST_F(EventfdTest, WriteThatWouldOverflowReturnsEagain) {
  const Fd event = Create();
  EXPECT_EQ(Write(event, kLargest), 8);
  EXPECT_ERRNO(EAGAIN, Write(event, 1));
  EXPECT_EQ(Read(event), kLargest);
  EXPECT_EQ(Write(event, kLargest - 1), 8);
  EXPECT_EQ(Write(event, 1), 8);
  EXPECT_ERRNO(EAGAIN, Write(event, kLargest));
}

TEST_F(EventfdTest, WriteOfTheReservedValueReturnsEinval) {
  const Fd event = Create();
  EXPECT_ERRNO(EINVAL, Write(event, ~uint64_t{0}));
}

TEST_F(EventfdTest, PollShowsReadableAndWritable) {
  const Fd event = Create();
  EXPECT_EQ(Poll(event), POLLOUT);
  Write(event, 1);
  EXPECT_EQ(Poll(event), POLLIN | POLLOUT);
  Write(event, kLargest - 1);
  EXPECT_EQ(Poll(event), POLLIN);
  Read(event);
  EXPECT_EQ(Poll(event), POLLOUT);
}

TEST_F(EventfdTest, BlockedReadIsWokenByAWrite) {
  const Fd event = Create(0, 0);
  const pid_t me = getpid();
  std::thread writer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    EXPECT_EQ(Write(event, 3), 8);
  });
  EXPECT_EQ(Read(event), 3u);
  writer.join();
}

TEST_F(EventfdTest, BlockedWriteIsWokenByARead) {
  const Fd event = Create(0, 0);
  ASSERT_EQ(Write(event, kLargest), 8);
  const pid_t me = getpid();
  std::thread reader([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    EXPECT_EQ(Read(event), kLargest);
  });
  EXPECT_EQ(Write(event, 9), 8);
  reader.join();
  EXPECT_EQ(Read(event), 9u);
}

TEST_F(EventfdTest, SemaphoreWakesOneReaderForEachUnit) {
  const Fd event = Create(0, EFD_SEMAPHORE);
  std::atomic<int> taken = 0;
  std::thread readers[4];
  for (std::thread& reader : readers) {
    reader = std::thread([&] { taken += Read(event) == 1 ? 1 : 0; });
  }
  EXPECT_EQ(Write(event, 4), 8);
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(taken, 4);
}

TEST_F(EventfdTest, BlockedReadIsInterrupted) {
  ScopedAction action(SIGUSR1, [](int) {});
  const Fd event = Create(0, 0);
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  uint64_t value = 0;
  EXPECT_ERRNO(EINTR, read(event.get(), &value, sizeof(value)));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(EventfdTest, ForkedChildSharesTheCounter) {
  const Fd event = Create(0, 0);
  const pid_t pid = ForkChild([&] { CHILD_CHECK(Write(event, 11) == 8); });
  EXPECT_EQ(Read(event), 11u);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(EventfdTest, DuplicateSharesTheCounter) {
  const Fd event = Create(4);
  const Fd copy(dup(event.get()));
  EXPECT_EQ(Read(copy), 4u);
  EXPECT_EQ(Read(event), 0u);
}

TEST_F(EventfdTest, EdgeTriggeredEpollSeesEachWrite) {
  const Fd event = Create();
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event item = {EPOLLIN | EPOLLET, {}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &item), 0);
  for (int i = 0; i < 3; ++i) {
    Write(event, 1);
    EXPECT_EQ(epoll_wait(epoll.get(), &item, 1, -1), 1);
    EXPECT_EQ(epoll_wait(epoll.get(), &item, 1, 0), 0);
  }
}

TEST_F(EventfdTest, FlagsSetTheDescriptor) {
  EXPECT_EQ(fcntl(Create(0, 0).get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(Create(0, EFD_CLOEXEC).get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(Create(0, EFD_NONBLOCK).get(), F_GETFL), O_RDWR | O_NONBLOCK);
  const Fd event = Create(0, 0);
  ASSERT_EQ(fcntl(event.get(), F_SETFL, O_NONBLOCK), 0);
  uint64_t value = 0;
  EXPECT_ERRNO(EAGAIN, read(event.get(), &value, sizeof(value)));
}

TEST_F(EventfdTest, OldCallHasNoFlags) {
  const Fd event(static_cast<int>(syscall(SYS_eventfd, 3)));
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(Read(event), 3u);
  EXPECT_EQ(fcntl(event.get(), F_GETFD), 0);
}

TEST_F(EventfdTest, BadArgumentsAreRefused) {
  const Fd event = Create(1);
  char buffer[16] = {};
  EXPECT_ERRNO(EINVAL, eventfd(0, 0x100));
  EXPECT_ERRNO(EINVAL, read(event.get(), buffer, 7));
  EXPECT_ERRNO(EINVAL, write(event.get(), buffer, 7));
  EXPECT_EQ(read(event.get(), buffer, sizeof(buffer)), 8);
  EXPECT_ERRNO(EFAULT, syscall(SYS_write, event.get(), 8, 8));
  EXPECT_EQ(lseek(event.get(), 100, SEEK_SET), 0);  // Succeeds and does nothing.
  EXPECT_ERRNO(ESPIPE, pwrite(event.get(), buffer, 8, 0));
  EXPECT_ERRNO(EINVAL, ftruncate(event.get(), 0));
}

TEST_F(EventfdTest, ValueIsGoneEvenWhenTheReadFaults) {
  const Fd event = Create(6);
  EXPECT_ERRNO(EFAULT, syscall(SYS_read, event.get(), 8, 8));
  EXPECT_EQ(Read(event), 0u);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: EMFILE, ENFILE, ENODEV, ENOMEM (host conditions).
