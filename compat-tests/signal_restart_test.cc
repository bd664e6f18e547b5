// System calls that a handler interrupts: which go on with SA_RESTART, which never do, and what is
// left of their time.

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

std::atomic<int> g_handled = 0;

// Sends SIGUSR1 to the main thread once it sleeps in the call under test, and then, when the call
// goes on as it should, ends it with `finish`.
class SignalRestartTest : public DeadlineTest {
 protected:
  template <typename Finish>
  void InterruptThen(Finish finish) {
    const pid_t tid = GetTid();
    g_handled = 0;
    helper_ = std::thread([=] {
      const sigset_t set = SignalSet({SIGUSR1});
      pthread_sigmask(SIG_BLOCK, &set, nullptr);
      EXPECT_TRUE(WaitUntilAsleep(getpid(), tid));
      syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
      EXPECT_TRUE(Eventually([] { return g_handled > 0; }));
      finish(tid);
    });
  }
  void Interrupt() {
    InterruptThen([](pid_t) {});
  }
  void Join() { helper_.join(); }

  static void Count(int) { ++g_handled; }

  std::thread helper_;
};

TEST_F(SignalRestartTest, ReadFailsWithEintrWithoutTheFlag) {
  ScopedAction action(SIGUSR1, Count);
  Pipe pipe;
  Interrupt();
  char byte = 0;
  EXPECT_ERRNO(EINTR, read(pipe.reader.get(), &byte, 1));
  Join();
}

TEST_F(SignalRestartTest, ReadGoesOnWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Pipe pipe;
  InterruptThen([&](pid_t tid) {
    EXPECT_TRUE(WaitUntilAsleep(getpid(), tid));
    EXPECT_EQ(write(pipe.writer.get(), "x", 1), 1);
  });
  char byte = 0;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_EQ(g_handled, 1);
  Join();
}

TEST_F(SignalRestartTest, ReadGoesOnAfterManySignals) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Pipe pipe;
  InterruptThen([&](pid_t tid) {
    for (int i = 2; i <= 20; ++i) {
      syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
      EXPECT_TRUE(Eventually([&] { return g_handled == i; }));
    }
    EXPECT_EQ(write(pipe.writer.get(), "x", 1), 1);
  });
  char byte = 0;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 1);
  EXPECT_EQ(g_handled, 20);
  Join();
}

TEST_F(SignalRestartTest, WriteThatMovedSomethingReturnsThatMuch) {
  ScopedAction action(SIGUSR1, Count);
  Pipe pipe;
  const std::vector<char> data(1 << 20, 'x');
  Interrupt();
  const ssize_t written = write(pipe.writer.get(), data.data(), data.size());
  EXPECT_EQ(written, fcntl(pipe.writer.get(), F_GETPIPE_SZ));
  Join();
}

TEST_F(SignalRestartTest, WriteToAFullPipeFailsWithEintr) {
  ScopedAction action(SIGUSR1, Count);
  Pipe pipe;
  const std::vector<char> data(static_cast<size_t>(fcntl(pipe.writer.get(), F_GETPIPE_SZ)), 'x');
  ASSERT_EQ(write(pipe.writer.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
  Interrupt();
  EXPECT_ERRNO(EINTR, write(pipe.writer.get(), "y", 1));
  Join();
}

TEST_F(SignalRestartTest, WaitpidGoesOnWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    go.Receive();
    return 3;
  });
  InterruptThen([&](pid_t) { go.Send(); });
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(DescribeStatus(status), "exited 3");
  Join();
}

TEST_F(SignalRestartTest, NanosleepTellsTheRemainingTimeEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Interrupt();
  const timespec wanted = {50, 0};
  timespec remaining = {};
  EXPECT_ERRNO(EINTR, nanosleep(&wanted, &remaining));
  EXPECT_GT(ToNs(remaining), 5 * kSecondNs);
  EXPECT_LT(ToNs(remaining), 51 * kSecondNs);  // The timer's slack may be added.
  Join();
}

TEST_F(SignalRestartTest, NanosleepSleepsOnWhenNoHandlerRuns) {
  // An ignored signal, and a stop with its continuation, are not seen by the caller.
  ScopedAction action(SIGUSR1, SIG_IGN);
  const int64_t length_ns = 100 * kMillisecondNs;
  const pid_t pid = ForkChild([&] {
    const int64_t start_ns = NowNs();
    const timespec wanted = ToTimespec(length_ns);
    CHILD_CHECK(nanosleep(&wanted, nullptr) == 0);
    CHILD_CHECK(NowNs() - start_ns >= length_ns);
  });
  EXPECT_EQ(kill(pid, SIGUSR1), 0);
  EXPECT_EQ(kill(pid, SIGSTOP), 0);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  EXPECT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalRestartTest, ClockNanosleepToATimeLeavesTheRemainderAlone) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Interrupt();
  const timespec end = ToTimespec(NowNs() + 50 * kSecondNs);
  timespec remaining = {1, 2};
  EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, &remaining), EINTR);
  EXPECT_EQ(remaining.tv_sec, 1);
  EXPECT_EQ(remaining.tv_nsec, 2);
  Join();
}

TEST_F(SignalRestartTest, PollFailsWithEintrEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Pipe pipe;
  Interrupt();
  pollfd item = {pipe.reader.get(), POLLIN, 0};
  EXPECT_ERRNO(EINTR, poll(&item, 1, -1));
  Join();
}

TEST_F(SignalRestartTest, SelectFailsWithEintrEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  Pipe pipe;
  fd_set set;
  FD_ZERO(&set);
  FD_SET(pipe.reader.get(), &set);
  Interrupt();
  timeval limit = {50, 0};
  EXPECT_ERRNO(EINTR, select(pipe.reader.get() + 1, &set, nullptr, nullptr, &limit));
  EXPECT_LT(limit.tv_sec, 50);  // Linux tells what is left.
  Join();
}

TEST_F(SignalRestartTest, EpollWaitFailsWithEintrEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  Interrupt();
  epoll_event event = {};
  EXPECT_ERRNO(EINTR, epoll_wait(epoll.get(), &event, 1, -1));
  Join();
}

TEST_F(SignalRestartTest, SigsuspendFailsWithEintrEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  ScopedBlock block({SIGUSR1});
  Interrupt();
  const sigset_t none = SignalSet({});
  EXPECT_ERRNO(EINTR, sigsuspend(&none));
  Join();
}

TEST_F(SignalRestartTest, FutexWaitGoesOnWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  std::atomic<int> word = 0;
  InterruptThen([&](pid_t tid) {
    EXPECT_TRUE(WaitUntilAsleep(getpid(), tid));
    word = 1;
    EXPECT_TRUE(Eventually([&] { return syscall(SYS_futex, &word, FUTEX_WAKE, 1) == 1; }));
  });
  EXPECT_EQ(syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr), 0);
  EXPECT_EQ(word, 1);
  Join();
}

TEST_F(SignalRestartTest, FutexWaitFailsWithEintrWithoutTheFlag) {
  ScopedAction action(SIGUSR1, Count);
  std::atomic<int> word = 0;
  Interrupt();
  EXPECT_ERRNO(EINTR, syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr));
  Join();
}

TEST_F(SignalRestartTest, FutexWaitWithATimeFailsWithEintrEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  std::atomic<int> word = 0;
  Interrupt();
  const timespec limit = {50, 0};
  EXPECT_ERRNO(EINTR, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit));
  Join();
}

TEST_F(SignalRestartTest, FutexWaitWithATimeIsNotProlongedByAStop) {
  const pid_t pid = ForkChild([] {
    std::atomic<int> word = 0;
    const timespec limit = {0, 100'000'000};
    const int64_t start_ns = NowNs();
    CHILD_CHECK_ERRNO(ETIMEDOUT, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit));
    CHILD_CHECK(NowNs() - start_ns >= 100 * kMillisecondNs);
  });
  EXPECT_EQ(kill(pid, SIGSTOP), 0);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  EXPECT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalRestartTest, AcceptGoesOnWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  const Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr unnamed = {AF_UNIX, {}};
  ASSERT_EQ(bind(listener.get(), &unnamed, sizeof(sa_family_t)), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const Fd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  InterruptThen([&](pid_t) {
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  });
  const Fd accepted(accept(listener.get(), nullptr, nullptr));
  EXPECT_TRUE(accepted.ok());
  Join();
}

TEST_F(SignalRestartTest, RecvWithATimeoutFailsWithEintrEvenWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd first(ends[0]), second(ends[1]);
  const timeval limit = {50, 0};
  ASSERT_EQ(setsockopt(first.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
  Interrupt();
  char byte = 0;
  EXPECT_ERRNO(EINTR, recv(first.get(), &byte, 1, 0));
  Join();
}

TEST_F(SignalRestartTest, RecvWithoutATimeoutGoesOnWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd first(ends[0]), second(ends[1]);
  InterruptThen([&](pid_t) { EXPECT_EQ(send(second.get(), "x", 1, 0), 1); });
  char byte = 0;
  EXPECT_EQ(recv(first.get(), &byte, 1, 0), 1);
  Join();
}

TEST_F(SignalRestartTest, FlockGoesOnWithTheFlag) {
  ScopedAction action(SIGUSR1, Count, SA_RESTART);
  const Fd first(memfd_create("lock", MFD_CLOEXEC));
  const std::string path = "/proc/self/fd/" + std::to_string(first.get());
  const Fd second(open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(flock(first.get(), LOCK_EX), 0);
  InterruptThen([&](pid_t) { EXPECT_EQ(flock(first.get(), LOCK_UN), 0); });
  EXPECT_EQ(flock(second.get(), LOCK_EX), 0);
  Join();
}

TEST_F(SignalRestartTest, HandlersWithAndWithoutTheFlagDecideEachForItself) {
  // Two at once: the call fails when one of the handlers has no SA_RESTART.
  ScopedAction restarting(SIGUSR2, Count, SA_RESTART);
  ScopedAction interrupting(SIGUSR1, Count);
  Pipe pipe;
  const pid_t pid = ForkChild([&, me = getpid()] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR2);
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  g_handled = 0;
  char byte = 0;
  EXPECT_ERRNO(EINTR, read(pipe.reader.get(), &byte, 1));
  EXPECT_TRUE(Eventually([] { return g_handled == 2; }));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

}  // namespace
}  // namespace compat
