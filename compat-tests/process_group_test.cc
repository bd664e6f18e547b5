// setpgid(2), setsid(2), getpgid(2), getsid(2), and kill(2) aimed at groups and processes.

#include <climits>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class ProcessGroupTest : public DeadlineTest {};

TEST_F(ProcessGroupTest, ChildStartsInTheParentsGroupAndSession) {
  EXPECT_EQ(RunInChild([group = getpgrp(), session = getsid(0)] {
              CHILD_CHECK(getpgrp() == group && getpgid(0) == group && getsid(0) == session);
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, SetpgidOfZeroMakesTheCallerALeader) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setpgid(0, 0) == 0);
              CHILD_CHECK(getpgrp() == getpid());
              CHILD_CHECK(setpgid(0, 0) == 0);  // Again changes nothing.
              CHILD_CHECK(getpgrp() == getpid());
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, ParentMovesChildrenIntoOneGroup) {
  const pid_t first = ForkSleeper();
  const pid_t second = ForkSleeper();
  EXPECT_EQ(setpgid(first, 0), 0);
  EXPECT_EQ(setpgid(second, first), 0);
  EXPECT_EQ(getpgid(first), first);
  EXPECT_EQ(getpgid(second), first);
  EXPECT_EQ(setpgid(second, second), 0);
  EXPECT_EQ(getpgid(second), second);
  EXPECT_EQ(setpgid(second, getpgrp()), 0);
  EXPECT_EQ(getpgid(second), getpgrp());
  KillAndWait(first);
  KillAndWait(second);
}

TEST_F(ProcessGroupTest, GroupOutlivesItsLeader) {
  const pid_t leader = ForkSleeper();
  const pid_t member = ForkSleeper();
  ASSERT_EQ(setpgid(leader, leader), 0);
  ASSERT_EQ(setpgid(member, leader), 0);
  EXPECT_EQ(KillAndWait(leader), "killed by 9");
  EXPECT_EQ(getpgid(member), leader);
  EXPECT_EQ(kill(-leader, SIGTERM), 0);
  EXPECT_EQ(WaitFor(member), "killed by 15");
  EXPECT_ERRNO(ESRCH, kill(-leader, 0));
}

TEST_F(ProcessGroupTest, ZombieMemberKeepsTheGroup) {
  const pid_t leader = ForkChild([] { setpgid(0, 0); });
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(leader), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(kill(-leader, 0), 0);
  EXPECT_EQ(getpgid(leader), leader);
  WaitFor(leader);
  EXPECT_ERRNO(ESRCH, kill(-leader, 0));
  EXPECT_ERRNO(ESRCH, getpgid(leader));
}

TEST_F(ProcessGroupTest, SetsidMakesASessionAndAGroup) {
  EXPECT_EQ(RunInChild([] {
              const pid_t me = getpid();
              CHILD_CHECK(setsid() == me);
              CHILD_CHECK(getsid(0) == me && getpgrp() == me && getsid(me) == me);
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, SetsidOfAGroupLeaderFailsWithEperm) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setpgid(0, 0) == 0);
              CHILD_CHECK_ERRNO(EPERM, setsid());
              CHILD_CHECK(getsid(0) != getpid());
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, SetsidFailsWhileAGroupWithTheCallersIdExists) {
  EXPECT_EQ(RunInChild([own_group = getpgrp()] {
              CHILD_CHECK(setpgid(0, 0) == 0);
              const pid_t member = ForkSleeper();
              CHILD_CHECK(setpgid(0, own_group) == 0);
              CHILD_CHECK(getpgid(member) == getpid());
              CHILD_CHECK_ERRNO(EPERM, setsid());
              KillAndWait(member);
              CHILD_CHECK(setsid() == getpid());
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, SetpgidOfASessionLeaderFailsWithEperm) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setsid() == getpid());
              CHILD_CHECK_ERRNO(EPERM, setpgid(0, 0));
              CHILD_CHECK_ERRNO(EPERM, setpgid(0, getppid()));
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, SetpgidOfAChildInAnotherSessionFailsWithEperm) {
  Channel<> ready;
  const pid_t pid = ForkChild([&] {
    setsid();
    ready.Send();
    pause();
  });
  ready.Receive();
  EXPECT_ERRNO(EPERM, setpgid(pid, pid));
  EXPECT_ERRNO(EPERM, setpgid(pid, getpgrp()));
  KillAndWait(pid);
}

TEST_F(ProcessGroupTest, SetpgidIntoAGroupOfAnotherSessionFailsWithEperm) {
  Channel<> ready;
  const pid_t other = ForkChild([&] {
    setsid();
    ready.Send();
    pause();
  });
  ready.Receive();
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(EPERM, setpgid(0, other)); }), "exited 0");
  KillAndWait(other);
}

TEST_F(ProcessGroupTest, SetpgidIntoAMissingGroupFailsWithEperm) {
  EXPECT_EQ(RunInChild([] { CHILD_CHECK_ERRNO(EPERM, setpgid(0, 0x3fffff)); }), "exited 0");
}

TEST_F(ProcessGroupTest, SetpgidOfAChildAfterExecFailsWithEacces) {
  Pipe started(O_CLOEXEC);
  const pid_t pid = ForkChild([&] {
    started.reader.Reset();
    execl("/bin/sleep", "sleep", "60", nullptr);
  });
  started.writer.Reset();
  char byte;
  EXPECT_EQ(read(started.reader.get(), &byte, 1), 0);  // The exec closed the other end.
  EXPECT_ERRNO(EACCES, setpgid(pid, pid));
  KillAndWait(pid);
}

TEST_F(ProcessGroupTest, SetpgidOfAProcessThatIsNoChildFailsWithEsrch) {
  EXPECT_EQ(RunInChild([] { CHILD_CHECK_ERRNO(ESRCH, setpgid(getppid(), 0)); }), "exited 0");
  EXPECT_ERRNO(ESRCH, setpgid(0x3fffff, 0));
  Channel<pid_t> grandchild;
  const pid_t child = ForkChild([&] {
    const pid_t pid = ForkSleeper();
    grandchild.Send(pid);
    WaitFor(pid);
  });
  const pid_t pid = grandchild.Receive();
  EXPECT_ERRNO(ESRCH, setpgid(pid, 0));
  kill(pid, SIGKILL);
  WaitFor(child);
}

TEST_F(ProcessGroupTest, NegativeGroupFailsWithEinvalAndNegativePidWithEsrch) {
  EXPECT_ERRNO(EINVAL, setpgid(0, -1));
  EXPECT_ERRNO(EINVAL, setpgid(-1, 0));  // Zero stands for the pid.
  EXPECT_ERRNO(ESRCH, setpgid(-1, 5));
}

TEST_F(ProcessGroupTest, QueriesOfMissingProcessesFailWithEsrch) {
  EXPECT_ERRNO(ESRCH, getpgid(0x3fffff));
  EXPECT_ERRNO(ESRCH, getpgid(-1));
  EXPECT_ERRNO(ESRCH, getsid(0x3fffff));
  EXPECT_ERRNO(ESRCH, getsid(-1));
}

TEST_F(ProcessGroupTest, QueriesAcrossSessionsAreAllowed) {
  Channel<> ready;
  const pid_t pid = ForkChild([&] {
    setsid();
    ready.Send();
    pause();
  });
  ready.Receive();
  EXPECT_EQ(getpgid(pid), pid);
  EXPECT_EQ(getsid(pid), pid);
  KillAndWait(pid);
}

TEST_F(ProcessGroupTest, KillOfAGroupReachesEveryMember) {
  std::vector<pid_t> members;
  for (int i = 0; i < 5; ++i) {
    members.push_back(ForkSleeper());
    ASSERT_EQ(setpgid(members.back(), members.front()), 0);
  }
  EXPECT_EQ(killpg(members.front(), SIGUSR1), 0);
  for (const pid_t pid : members) {
    EXPECT_EQ(WaitFor(pid), "killed by 10");
  }
}

TEST_F(ProcessGroupTest, KillOfZeroReachesTheCallersGroup) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setpgid(0, 0) == 0);
              const pid_t member = ForkSleeper();
              signal(SIGTERM, SIG_IGN);
              CHILD_CHECK(kill(0, SIGTERM) == 0);
              CHILD_CHECK(WaitFor(member) == "killed by 15");
            }),
            "exited 0");
}

TEST_F(ProcessGroupTest, KillOfMissingTargetsFailsWithEsrch) {
  EXPECT_ERRNO(ESRCH, kill(0x3fffff, 0));
  EXPECT_ERRNO(ESRCH, kill(-0x3fffff, 0));
  EXPECT_ERRNO(ESRCH, kill(INT_MIN, 0));
}

TEST_F(ProcessGroupTest, KillWithABadSignalFailsWithEinval) {
  EXPECT_ERRNO(EINVAL, kill(getpid(), -1));
  EXPECT_ERRNO(EINVAL, kill(getpid(), 65));
  EXPECT_ERRNO(EINVAL, killpg(-1, 0));
}

TEST_F(ProcessGroupTest, KillOfAnotherUsersProcessFailsWithEperm) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root, to become another user";
  }
  const pid_t victim = ForkSleeper();
  EXPECT_EQ(setpgid(victim, victim), 0);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              CHILD_CHECK_ERRNO(EPERM, kill(victim, SIGTERM));
              CHILD_CHECK_ERRNO(EPERM, kill(victim, 0));
              CHILD_CHECK_ERRNO(EPERM, kill(-victim, SIGTERM));
              // SIGCONT is allowed within a session, whoever the user.
              CHILD_CHECK(kill(victim, SIGCONT) == 0);
            }),
            "exited 0");
  EXPECT_EQ(KillAndWait(victim), "killed by 9");
}

TEST_F(ProcessGroupTest, KillIsAllowedWhenTheRealUserMatches) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root, to become other users";
  }
  Channel<> ready;
  const pid_t victim = ForkChild([&] {
    CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
    ready.Send();
    pause();
  });
  ready.Receive();
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(setresuid(54321, 54322, 54322) == 0);
              CHILD_CHECK(kill(victim, SIGTERM) == 0);
            }),
            "exited 0");
  EXPECT_EQ(WaitFor(victim), "killed by 15");
}

}  // namespace
}  // namespace compat

// Not provoked here: kill(-1), which would reach every process of this machine when run natively.
