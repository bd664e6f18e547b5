// User and group ids: the set*id calls, supplementary groups, file-system ids, who may do what.
// capability_test.cc has capabilities and securebits.
//
// Each test changes a child. Those that begin as root are skipped for other users.

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <thread>
#include <vector>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class CredentialsTest : public DeadlineTest {};

class RootCredentialsTest : public CredentialsTest {
 protected:
  void SetUp() override {
    CredentialsTest::SetUp();
    if (geteuid() != 0) {
      GTEST_SKIP() << "needs root, to become other users";
    }
  }
};

constexpr uid_t kUser = 54321, kOther = 54322, kThird = 54323;

struct Ids {
  unsigned real, effective, saved;
  bool operator==(const Ids&) const = default;
};

Ids UserIds() {
  Ids ids = {};
  CHILD_CHECK(getresuid(&ids.real, &ids.effective, &ids.saved) == 0);
  return ids;
}
Ids GroupIds() {
  Ids ids = {};
  CHILD_CHECK(getresgid(&ids.real, &ids.effective, &ids.saved) == 0);
  return ids;
}
// Executes this program through a descriptor, which needs no access to the directories above it.
void BecomeReporterThrough(const Fd& program) {
  StringList arguments({"program", kReportFlag});
  syscall(SYS_execveat, program.get(), "", arguments.get(), environ, AT_EMPTY_PATH);
}
Fd OpenOwnProgram() { return Fd(open(OwnPath().c_str(), O_RDONLY | O_CLOEXEC)); }

bool UserIdsAre(uid_t real, uid_t effective, uid_t saved) {
  return UserIds() == Ids{real, effective, saved};
}
bool GroupIdsAre(gid_t real, gid_t effective, gid_t saved) {
  return GroupIds() == Ids{real, effective, saved};
}

TEST_F(CredentialsTest, CallsAgree) {
  EXPECT_EQ(RunInChild([] {
              const Ids users = UserIds(), groups = GroupIds();
              CHILD_CHECK(getuid() == users.real && geteuid() == users.effective);
              CHILD_CHECK(getgid() == groups.real && getegid() == groups.effective);
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetuidOfRootChangesAllThree) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setuid(kUser) == 0);
              CHILD_CHECK(UserIdsAre(kUser, kUser, kUser));
              CHILD_CHECK_ERRNO(EPERM, setuid(0));
              CHILD_CHECK(setuid(kUser) == 0);
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetgidOfRootChangesAllThree) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setgid(kUser) == 0);
              CHILD_CHECK(GroupIdsAre(kUser, kUser, kUser));
              CHILD_CHECK(setgid(0) == 0);  // Still root as a user.
              CHILD_CHECK(setgid(kUser) == 0 && setuid(kUser) == 0);
              CHILD_CHECK_ERRNO(EPERM, setgid(0));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SeteuidIsATemporaryChange) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(seteuid(kUser) == 0);
              CHILD_CHECK(UserIdsAre(0, kUser, 0));
              CHILD_CHECK_ERRNO(EPERM, seteuid(kOther));
              CHILD_CHECK(seteuid(0) == 0);
              CHILD_CHECK(UserIdsAre(0, 0, 0));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetuidOfAnOrdinaryUserChangesTheEffectiveOneOnly) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setresuid(kUser, kOther, kThird) == 0);
              CHILD_CHECK(setuid(kThird) == 0);
              CHILD_CHECK(UserIdsAre(kUser, kThird, kThird));
              CHILD_CHECK(setuid(kUser) == 0);
              CHILD_CHECK(UserIdsAre(kUser, kUser, kThird));
              CHILD_CHECK_ERRNO(EPERM, setuid(kOther));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetresuidSetsEachAndKeepsMinusOne) {
  EXPECT_EQ(RunInChild([] {
              const auto keep = static_cast<uid_t>(-1);
              CHILD_CHECK(setresuid(kUser, kOther, kThird) == 0);
              CHILD_CHECK(UserIdsAre(kUser, kOther, kThird));
              CHILD_CHECK(setresuid(keep, kUser, keep) == 0);
              CHILD_CHECK(UserIdsAre(kUser, kUser, kThird));
              CHILD_CHECK(setresuid(kThird, kThird, kUser) == 0);  // Any of the three it has.
              CHILD_CHECK(UserIdsAre(kThird, kThird, kUser));
              CHILD_CHECK_ERRNO(EPERM, setresuid(keep, kOther, keep));
              CHILD_CHECK_ERRNO(EPERM, setresuid(keep, keep, 0));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetresgidSetsEachAndKeepsMinusOne) {
  EXPECT_EQ(RunInChild([] {
              const auto keep = static_cast<gid_t>(-1);
              CHILD_CHECK(setresgid(kUser, kOther, kThird) == 0);
              CHILD_CHECK(GroupIdsAre(kUser, kOther, kThird));
              CHILD_CHECK(setuid(kUser) == 0);
              CHILD_CHECK(setresgid(keep, kThird, keep) == 0);
              CHILD_CHECK(GroupIdsAre(kUser, kThird, kThird));
              CHILD_CHECK_ERRNO(EPERM, setresgid(0, keep, keep));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetreuidMovesTheSavedIdWhenTheRealOneIsSet) {
  EXPECT_EQ(RunInChild([] {
              const auto keep = static_cast<uid_t>(-1);
              CHILD_CHECK(setreuid(kUser, kOther) == 0);
              CHILD_CHECK(UserIdsAre(kUser, kOther, kOther));
              CHILD_CHECK(setreuid(keep, kUser) == 0);  // To the real id: saved stays.
              CHILD_CHECK(UserIdsAre(kUser, kUser, kOther));
              CHILD_CHECK(setreuid(keep, kOther) == 0);  // To another one: saved follows.
              CHILD_CHECK(UserIdsAre(kUser, kOther, kOther));
              CHILD_CHECK_ERRNO(EPERM, setreuid(kThird, keep));
              CHILD_CHECK_ERRNO(EPERM, setreuid(keep, kThird));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SetregidMovesTheSavedIdWhenTheRealOneIsSet) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setregid(kUser, kOther) == 0);
              CHILD_CHECK(GroupIdsAre(kUser, kOther, kOther));
              CHILD_CHECK(setegid(kUser) == 0);
              CHILD_CHECK(GroupIdsAre(kUser, kUser, kOther));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, FileSystemIdsFollowAndCanBeSetAlone) {
  EXPECT_EQ(RunInChild([] {
              const auto ask = static_cast<uid_t>(-1);
              CHILD_CHECK(setfsuid(kUser) == 0);  // Returns the one before.
              CHILD_CHECK(setfsuid(ask) == static_cast<int>(kUser));
              CHILD_CHECK(geteuid() == 0);
              CHILD_CHECK(seteuid(kOther) == 0);
              CHILD_CHECK(setfsuid(ask) == static_cast<int>(kOther));
              CHILD_CHECK(setfsuid(kThird) == static_cast<int>(kOther));
              CHILD_CHECK(setfsuid(ask) == static_cast<int>(kOther));  // Refused without a word.
              CHILD_CHECK(seteuid(0) == 0);
              CHILD_CHECK(setfsgid(kUser) == 0);
              CHILD_CHECK(setfsgid(ask) == static_cast<int>(kUser));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, FileSystemIdOwnsNewFiles) {
  ScratchDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0777), 0);
  EXPECT_EQ(RunInChild([&] {
              setfsuid(kUser);
              setfsgid(kOther);
              const Fd file(open(directory.path("file").c_str(), O_CREAT | O_WRONLY, 0600));
              struct stat status = {};
              CHILD_CHECK(fstat(file.get(), &status) == 0);
              CHILD_CHECK(status.st_uid == kUser && status.st_gid == kOther);
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, SupplementaryGroupsAreSetAndRead) {
  EXPECT_EQ(RunInChild([] {
              const gid_t groups[] = {30003, 30001, 30002};
              CHILD_CHECK(setgroups(3, groups) == 0);
              gid_t seen[8] = {};
              CHILD_CHECK(getgroups(0, nullptr) == 3);
              CHILD_CHECK(getgroups(8, seen) == 3);
              CHILD_CHECK(seen[0] == 30001 && seen[1] == 30002 && seen[2] == 30003);  // Sorted.
              CHILD_CHECK_ERRNO(EINVAL, getgroups(2, seen));
              CHILD_CHECK_ERRNO(EINVAL, syscall(SYS_getgroups, -1, seen));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_getgroups, 8, 8));
              CHILD_CHECK(setgroups(0, nullptr) == 0 && getgroups(0, nullptr) == 0);
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_setgroups, 3, 8));
              CHILD_CHECK_ERRNO(EINVAL, syscall(SYS_setgroups, 65537, groups));
              CHILD_CHECK(setuid(kUser) == 0);
              CHILD_CHECK_ERRNO(EPERM, setgroups(3, groups));
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, GroupsOpenFiles) {
  ScratchDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  const std::string path = directory.Write("file", "x", 0640);
  ASSERT_EQ(chown(path.c_str(), 0, 30001), 0);
  const auto open_with = [&](std::vector<gid_t> groups, gid_t group) {
    return RunInChild([&] {
      CHILD_CHECK(setgroups(groups.size(), groups.data()) == 0);
      CHILD_CHECK(setgid(group) == 0 && setuid(kUser) == 0);
      const Fd file(open(path.c_str(), O_RDONLY));
      return file.ok() ? 0 : errno;
    });
  };
  EXPECT_EQ(open_with({30001}, kUser), "exited 0");
  EXPECT_EQ(open_with({}, 30001), "exited 0");
  EXPECT_EQ(open_with({30002}, kUser), "exited 13");
}

TEST_F(RootCredentialsTest, IdsAreInheritedByChildrenAndKeptOverExec) {
  Report report = CaptureReport([] {
    CHILD_CHECK(setgroups(0, nullptr) == 0 && setresgid(kOther, kOther, kOther) == 0);
    const Fd program = OpenOwnProgram();
    CHILD_CHECK(setresuid(kUser, kUser, kUser) == 0);
    BecomeReporterThrough(program);
  });
  EXPECT_EQ(report["uid"], std::to_string(kUser));
  EXPECT_EQ(report["auxuid"], std::to_string(kUser));
  EXPECT_EQ(report["egid"], std::to_string(kOther));
  EXPECT_EQ(report["secure"], "0");
}

TEST_F(RootCredentialsTest, ExecMakesTheEffectiveIdTheSavedOne) {
  Report report = CaptureReport([] {
    const Fd program = OpenOwnProgram();
    CHILD_CHECK(setresuid(kUser, kOther, kThird) == 0);
    BecomeReporterThrough(program);
  });
  EXPECT_EQ(report["uid"], std::to_string(kUser));
  EXPECT_EQ(report["euid"], std::to_string(kOther));
  EXPECT_EQ(report["secure"], "1");  // Real and effective differ.
}

TEST_F(RootCredentialsTest, LibraryChangesEveryThread) {
  EXPECT_EQ(RunInChild([] {
              Channel<> go;
              Channel<uid_t> ids;
              std::thread other([&] {
                go.Receive();
                ids.Send(geteuid());
              });
              CHILD_CHECK(setuid(kUser) == 0);
              go.Send();
              CHILD_CHECK(ids.Receive() == kUser);
              other.join();
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, RawCallChangesOneThread) {
  EXPECT_EQ(RunInChild([] {
              std::thread([] { CHILD_CHECK(syscall(SYS_setuid, kUser) == 0); }).join();
              CHILD_CHECK(geteuid() == 0);
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, ProcStatusShowsTheIds) {
  EXPECT_EQ(RunInChild([] {
              const gid_t groups[] = {30001, 30002};
              CHILD_CHECK(setgroups(2, groups) == 0);
              CHILD_CHECK(setresgid(kUser, kOther, kThird) == 0);
              CHILD_CHECK(setresuid(kUser, kOther, kThird) == 0);
              const Fd file(open("/proc/thread-self/status", O_RDONLY));
              const std::string text = ReadAll(file.get());
              CHILD_CHECK(text.find("Uid:\t54321\t54322\t54323\t54322\n") != std::string::npos);
              CHILD_CHECK(text.find("Gid:\t54321\t54322\t54323\t54322\n") != std::string::npos);
              CHILD_CHECK(text.find("Groups:\t30001 30002") != std::string::npos);
            }),
            "exited 0");
}

TEST_F(RootCredentialsTest, PermissionsFollowTheEffectiveUser) {
  ScratchDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  const std::string path = directory.Write("secret", "x", 0600);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(seteuid(kUser) == 0);
              CHILD_CHECK_ERRNO(EACCES, open(path.c_str(), O_RDONLY));
              CHILD_CHECK(access(path.c_str(), R_OK) == 0);  // access asks for the real user.
              CHILD_CHECK_ERRNO(EACCES, faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS));
              CHILD_CHECK_ERRNO(EPERM, chmod(path.c_str(), 0666));
              CHILD_CHECK(seteuid(0) == 0);
              CHILD_CHECK(Fd(open(path.c_str(), O_RDONLY)).ok());
            }),
            "exited 0");
}

TEST_F(CredentialsTest, BadIdsAndPointersAreRefused) {
  const auto none = static_cast<uid_t>(-1);
  EXPECT_ERRNO(EINVAL, syscall(SYS_setuid, none));
  EXPECT_ERRNO(EINVAL, syscall(SYS_setgid, none));
  EXPECT_EQ(setresuid(none, none, none), 0);
  EXPECT_EQ(setregid(none, none), 0);
  unsigned id = 0;
  EXPECT_ERRNO(EFAULT, syscall(SYS_getresuid, 8, &id, &id));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getresgid, &id, 8, &id));
}

}  // namespace
}  // namespace compat

int main(int argc, char** argv) { return compat::CompatExecMain(argc, argv); }

// Errnos not provoked here: EAGAIN of setuid (RLIMIT_NPROC; current kernels let exec fail instead),
// EINVAL for ids outside a user namespace, ENOMEM.
