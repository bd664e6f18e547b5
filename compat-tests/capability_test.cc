// Capabilities: capget(2), capset(2), the bounding and ambient sets, securebits, what changes of
// the user ids do to them, and set-user-id programs.

#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

constexpr uid_t kUser = 54321, kOther = 54322;

struct Sets {
  uint64_t effective = 0, permitted = 0, inheritable = 0;
};

long Capget(Sets* sets, pid_t pid = 0) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
  __user_cap_data_struct data[2] = {};
  const long result = syscall(SYS_capget, &header, data);
  const auto join = [](uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; };
  *sets = {join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
           join(data[0].inheritable, data[1].inheritable)};
  return result;
}

long Capset(const Sets& sets, pid_t pid = 0) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
  const auto low = [](uint64_t set) { return static_cast<uint32_t>(set); };
  const auto high = [](uint64_t set) { return static_cast<uint32_t>(set >> 32); };
  const __user_cap_data_struct data[2] = {
      {low(sets.effective), low(sets.permitted), low(sets.inheritable)},
      {high(sets.effective), high(sets.permitted), high(sets.inheritable)}};
  return syscall(SYS_capset, &header, data);
}

Sets Current() {
  Sets sets;
  CHILD_CHECK(Capget(&sets) == 0);
  return sets;
}

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

class CapabilityTest : public DeadlineTest {};

class RootCapabilityTest : public CapabilityTest {
 protected:
  void SetUp() override {
    CapabilityTest::SetUp();
    if (geteuid() != 0) {
      GTEST_SKIP() << "needs root, to have capabilities";
    }
  }
};

TEST_F(CapabilityTest, EffectiveIsASubsetOfPermitted) {
  Sets sets;
  ASSERT_EQ(Capget(&sets), 0);
  EXPECT_EQ(sets.effective & ~sets.permitted, 0u);
}

TEST_F(CapabilityTest, OtherProcessesCanBeAsked) {
  Sets own, parent;
  ASSERT_EQ(Capget(&own), 0);
  const pid_t me = getpid();
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(Capget(&parent, me) == 0);
              CHILD_CHECK(parent.permitted == own.permitted);
            }),
            "exited 0");
  EXPECT_ERRNO(ESRCH, Capget(&own, 0x3fffff));
  EXPECT_ERRNO(EINVAL, Capget(&own, -1));
}

TEST_F(RootCapabilityTest, RootHasWhatOrdinaryWorkNeeds) {
  const Sets sets = Current();
  for (const int capability :
       {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETUID, CAP_SETGID, CAP_SETPCAP}) {
    EXPECT_NE(sets.effective & Bit(capability), 0u) << capability;
  }
}

TEST_F(RootCapabilityTest, LeavingRootForGoodClearsAll) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setresuid(kUser, kUser, kUser) == 0);
              CHILD_CHECK(Current().permitted == 0 && Current().effective == 0);
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, LeavingRootForATimeClearsTheEffectiveSetOnly) {
  EXPECT_EQ(RunInChild([] {
              const Sets before = Current();
              CHILD_CHECK(seteuid(kUser) == 0);
              CHILD_CHECK(Current().effective == 0);
              CHILD_CHECK(Current().permitted == before.permitted);
              CHILD_CHECK(seteuid(0) == 0);
              CHILD_CHECK(Current().effective == before.permitted);
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, OneRootIdKeepsThePermittedSet) {
  EXPECT_EQ(RunInChild([] {
              const Sets before = Current();
              CHILD_CHECK(setresuid(0, kUser, kUser) == 0);
              CHILD_CHECK(Current().effective == 0 && Current().permitted == before.permitted);
              CHILD_CHECK(setresuid(kUser, kUser, kUser) == 0);
              CHILD_CHECK(Current().permitted == 0);
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, KeepcapsKeepsThePermittedSet) {
  EXPECT_EQ(RunInChild([] {
              const Sets before = Current();
              CHILD_CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
              CHILD_CHECK(prctl(PR_GET_KEEPCAPS) == 1);
              CHILD_CHECK(setresuid(kUser, kUser, kUser) == 0);
              CHILD_CHECK(Current().permitted == before.permitted && Current().effective == 0);
              Sets wanted = Current();
              wanted.effective = Bit(CAP_SETUID);
              CHILD_CHECK(Capset(wanted) == 0);
              CHILD_CHECK(setuid(kOther) == 0);
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_SET_KEEPCAPS, 2));
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, DroppedCapabilityIsGone) {
  ScratchDirectory directory;
  const std::string path = directory.Write("file", "x", 0600);
  ASSERT_EQ(chown(path.c_str(), kUser, kUser), 0);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(Fd(open(path.c_str(), O_RDONLY)).ok());
              Sets sets = Current();
              const uint64_t override_bits = Bit(CAP_DAC_OVERRIDE) | Bit(CAP_DAC_READ_SEARCH);
              sets.effective &= ~override_bits;
              CHILD_CHECK(Capset(sets) == 0);
              CHILD_CHECK_ERRNO(EACCES, open(path.c_str(), O_RDONLY));
              sets.effective |= Bit(CAP_DAC_OVERRIDE);  // Still permitted.
              CHILD_CHECK(Capset(sets) == 0);
              CHILD_CHECK(Fd(open(path.c_str(), O_RDONLY)).ok());
              sets.effective &= ~override_bits;
              sets.permitted &= ~override_bits;
              CHILD_CHECK(Capset(sets) == 0);
              sets.permitted |= Bit(CAP_DAC_OVERRIDE);
              CHILD_CHECK_ERRNO(EPERM, Capset(sets));
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, CallsAreRefusedWithoutTheirCapability) {
  EXPECT_EQ(RunInChild([] {
              Sets sets = Current();
              sets.effective = 0;
              CHILD_CHECK(Capset(sets) == 0);
              CHILD_CHECK_ERRNO(EPERM, setuid(kUser));
              CHILD_CHECK_ERRNO(EPERM, setgid(kUser));
              CHILD_CHECK_ERRNO(EPERM, setgroups(0, nullptr));
              CHILD_CHECK_ERRNO(EPERM, chroot("/"));
              CHILD_CHECK_ERRNO(EPERM, sethostname("x", 1));
              CHILD_CHECK_ERRNO(EPERM, prctl(PR_CAPBSET_DROP, CAP_KILL));
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, BoundingSetOnlyShrinks) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_CAPBSET_READ, CAP_KILL) == 1);
              CHILD_CHECK(prctl(PR_CAPBSET_DROP, CAP_KILL) == 0);
              CHILD_CHECK(prctl(PR_CAPBSET_READ, CAP_KILL) == 0);
              CHILD_CHECK((Current().permitted & Bit(CAP_KILL)) != 0);  // Not taken away now.
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_CAPBSET_READ, 64));
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_CAPBSET_DROP, 64));
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, AmbientSetNeedsPermittedAndInheritable) {
  EXPECT_EQ(RunInChild([] {
              const auto ambient = [](int operation, int capability) {
                return prctl(PR_CAP_AMBIENT, operation, capability, 0, 0);
              };
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL) == 0);
              CHILD_CHECK_ERRNO(EPERM, ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL));
              Sets sets = Current();
              sets.inheritable |= Bit(CAP_KILL);
              CHILD_CHECK(Capset(sets) == 0);
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0);
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL) == 1);
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_LOWER, CAP_KILL) == 0);
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0);
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0) == 0);
              CHILD_CHECK(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL) == 0);
              CHILD_CHECK_ERRNO(EINVAL, ambient(99, CAP_KILL));
              CHILD_CHECK_ERRNO(EINVAL, ambient(PR_CAP_AMBIENT_RAISE, 64));
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, SecurebitsChangeTheRulesAndCanBeLocked) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_GET_SECUREBITS) == 0);
              CHILD_CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0);
              CHILD_CHECK(prctl(PR_GET_SECUREBITS) == SECBIT_NO_SETUID_FIXUP);
              const Sets before = Current();
              CHILD_CHECK(seteuid(kUser) == 0);
              CHILD_CHECK(Current().effective == before.effective);
              CHILD_CHECK(seteuid(0) == 0);
              const int locked = SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED;
              CHILD_CHECK(prctl(PR_SET_SECUREBITS, locked) == 0);
              CHILD_CHECK_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, 0));
              // The manual page says EINVAL of bits that there are not.
              CHILD_CHECK_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, locked | 1 << 20));
            }),
            "exited 0");
}

TEST_F(RootCapabilityTest, CapsetRefusesWhatIsNotAllowed) {
  EXPECT_EQ(RunInChild([] {
              Sets sets = Current();
              sets.permitted &= ~Bit(CAP_KILL);
              CHILD_CHECK_ERRNO(EPERM, Capset(sets));  // Effective but not permitted.
              CHILD_CHECK_ERRNO(EPERM, Capset(Current(), getppid()));
              CHILD_CHECK(Capset(Current(), getpid()) == 0);
            }),
            "exited 0");
}

TEST_F(CapabilityTest, VersionsAndPointersAreChecked) {
  __user_cap_header_struct header = {1234, 0};
  __user_cap_data_struct data[2] = {};
  EXPECT_ERRNO(EINVAL, syscall(SYS_capget, &header, data));
  EXPECT_EQ(header.version, uint32_t{_LINUX_CAPABILITY_VERSION_3});  // Told what it should be.
  header.version = 1234;
  EXPECT_EQ(syscall(SYS_capget, &header, nullptr), 0);  // The way to ask for the version.
  EXPECT_EQ(header.version, uint32_t{_LINUX_CAPABILITY_VERSION_3});
  EXPECT_ERRNO(EFAULT, syscall(SYS_capget, 8, data));
  EXPECT_ERRNO(EFAULT, syscall(SYS_capget, &header, 8));
  header.version = _LINUX_CAPABILITY_VERSION_3;
  EXPECT_EQ(syscall(SYS_capget, &header, nullptr), 0);  // Nor does the right one want room.
  header.version = _LINUX_CAPABILITY_VERSION_1;
  EXPECT_EQ(syscall(SYS_capget, &header, data), 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_capset, 8, data));
  EXPECT_ERRNO(EFAULT, syscall(SYS_capset, &header, 8));
  header.pid = -1;
  EXPECT_ERRNO(EINVAL, syscall(SYS_capget, &header, data));
  header.pid = INT_MAX;
  EXPECT_ERRNO(ESRCH, syscall(SYS_capget, &header, data));
  header.version = 1234;
  EXPECT_ERRNO(EINVAL, syscall(SYS_capset, &header, data));
}

TEST_F(RootCapabilityTest, ExecOfAnOrdinaryUserLosesCapabilities) {
  std::string status;
  const std::string output = CaptureOutput(
      [] {
        CHILD_CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
        CHILD_CHECK(setresuid(kUser, kUser, kUser) == 0);
        execl("/bin/grep", "grep", "CapPrm", "/proc/self/status", nullptr);
      },
      &status);
  EXPECT_EQ(output, "CapPrm:\t0000000000000000\n");
}

TEST_F(RootCapabilityTest, SetUserIdProgramRunsAsItsOwner) {
  ScratchDirectory directory;
  struct statvfs system = {};
  ASSERT_EQ(statvfs(directory.path().c_str(), &system), 0);
  if ((system.f_flag & ST_NOSUID) != 0) {
    GTEST_SKIP() << "/tmp is mounted nosuid";
  }
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  const Fd own(open(OwnPath().c_str(), O_RDONLY | O_CLOEXEC));
  const std::string path = directory.Write("program", ReadAll(own.get()));
  ASSERT_EQ(chown(path.c_str(), kOther, kOther), 0);
  ASSERT_EQ(chmod(path.c_str(), 06755), 0);
  const auto run = [&](bool no_new_privs) {
    return CaptureReport([&] {
      CHILD_CHECK(!no_new_privs || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
      CHILD_CHECK(setresgid(kUser, kUser, kUser) == 0 && setresuid(kUser, kUser, kUser) == 0);
      execl(path.c_str(), "program", kReportFlag, nullptr);
    });
  };
  Report report = run(false);
  EXPECT_EQ(report["uid"], std::to_string(kUser));
  EXPECT_EQ(report["euid"], std::to_string(kOther));
  EXPECT_EQ(report["egid"], std::to_string(kOther));
  EXPECT_EQ(report["secure"], "1");
  EXPECT_EQ(report["dumpable"], "0");
  report = run(true);
  EXPECT_EQ(report["euid"], std::to_string(kUser));
  EXPECT_EQ(report["secure"], "0");
}

}  // namespace
}  // namespace compat

int main(int argc, char** argv) { return compat::CompatExecMain(argc, argv); }
