// The errors of a path itself, for every system call that takes one: a part that is missing, is no
// directory, is a loop of links, is too long, is closed to the caller, or is no string at all. What
// a call answers about the file that it has found is in the test of that call.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct PathCall {
  const char* name;
  long (*call)(const char* path);
};
void PrintTo(const PathCall& call, std::ostream* out) { *out << call.name; }

char scratch[4096];
struct stat stat_buffer;
struct statfs statfs_buffer;
char* const no_strings[] = {nullptr};

long Open(const char* path, int flags) { return open(path, flags | O_CLOEXEC, 0600); }
long OpenHow(const char* path) {
  open_how how = {};
  return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}
long Watch(const char* path) {
  Fd instance(inotify_init1(IN_CLOEXEC));
  return inotify_add_watch(instance.get(), path, IN_MODIFY);
}

const PathCall kCalls[] = {
    {"open", [](const char* path) { return Open(path, O_RDONLY); }},
    {"open_creating", [](const char* path) { return Open(path, O_RDWR | O_CREAT); }},
    {"open_exclusive", [](const char* path) { return Open(path, O_RDWR | O_CREAT | O_EXCL); }},
    {"open_path", [](const char* path) { return Open(path, O_PATH); }},
    {"open_unnamed", [](const char* path) { return Open(path, O_TMPFILE | O_RDWR); }},
    {"openat2", OpenHow},
    {"creat", [](const char* path) -> long { return creat(path, 0600); }},
    {"mkdir", [](const char* path) -> long { return mkdir(path, 0700); }},
    {"rmdir", [](const char* path) -> long { return rmdir(path); }},
    {"unlink", [](const char* path) -> long { return unlink(path); }},
    {"mknod", [](const char* path) -> long { return mknod(path, S_IFIFO | 0600, 0); }},
    {"rename_from", [](const char* path) -> long { return rename(path, "renamed"); }},
    {"rename_to", [](const char* path) -> long { return rename("file", path); }},
    {"renameat2_from",
     [](const char* path) -> long {
       return renameat2(AT_FDCWD, path, AT_FDCWD, "renamed", RENAME_NOREPLACE);
     }},
    {"renameat2_exchange",
     [](const char* path) -> long {
       return renameat2(AT_FDCWD, "file", AT_FDCWD, path, RENAME_EXCHANGE);
     }},
    {"link_from", [](const char* path) -> long { return link(path, "linked"); }},
    {"link_to", [](const char* path) -> long { return link("file", path); }},
    {"symlink", [](const char* path) -> long { return symlink("target", path); }},
    {"readlink", [](const char* path) -> long { return readlink(path, scratch, sizeof(scratch)); }},
    {"stat", [](const char* path) -> long { return stat(path, &stat_buffer); }},
    {"lstat", [](const char* path) -> long { return lstat(path, &stat_buffer); }},
    {"statx",
     [](const char* path) {
       return syscall(SYS_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, scratch);
     }},
    {"statfs", [](const char* path) -> long { return statfs(path, &statfs_buffer); }},
    {"access", [](const char* path) -> long { return access(path, F_OK); }},
    {"faccessat2",
     [](const char* path) {
       return syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, AT_SYMLINK_NOFOLLOW);
     }},
    {"chmod", [](const char* path) -> long { return chmod(path, 0600); }},
    {"chown", [](const char* path) { return syscall(SYS_chown, path, -1, -1); }},
    {"lchown", [](const char* path) { return syscall(SYS_lchown, path, -1, -1); }},
    {"truncate", [](const char* path) -> long { return truncate(path, 0); }},
    {"utime", [](const char* path) { return syscall(SYS_utime, path, nullptr); }},
    {"utimes", [](const char* path) { return syscall(SYS_utimes, path, nullptr); }},
    {"futimesat", [](const char* path) { return syscall(SYS_futimesat, AT_FDCWD, path, nullptr); }},
    {"utimensat",
     [](const char* path) { return syscall(SYS_utimensat, AT_FDCWD, path, scratch, 0); }},
    {"chdir", [](const char* path) -> long { return chdir(path); }},
    {"chroot", [](const char* path) -> long { return chroot(path); }},
    {"execve", [](const char* path) -> long { return execve(path, no_strings, no_strings); }},
    {"execveat",
     [](const char* path) {
       return syscall(SYS_execveat, AT_FDCWD, path, no_strings, no_strings, AT_SYMLINK_NOFOLLOW);
     }},
    {"getxattr", [](const char* path) -> long { return getxattr(path, "user.a", scratch, 9); }},
    {"lgetxattr", [](const char* path) -> long { return lgetxattr(path, "user.a", scratch, 9); }},
    {"setxattr", [](const char* path) -> long { return setxattr(path, "user.a", "v", 1, 0); }},
    {"lsetxattr", [](const char* path) -> long { return lsetxattr(path, "user.a", "v", 1, 0); }},
    {"listxattr", [](const char* path) -> long { return listxattr(path, scratch, 9); }},
    {"llistxattr", [](const char* path) -> long { return llistxattr(path, scratch, 9); }},
    {"removexattr", [](const char* path) -> long { return removexattr(path, "user.a"); }},
    {"lremovexattr", [](const char* path) -> long { return lremovexattr(path, "user.a"); }},
    {"inotify_add_watch", Watch},
};

// The working directory is the test's own, so that paths can be as short or long as they should be.
class PathErrnoTest : public TempDirTest, public testing::WithParamInterface<PathCall> {
 protected:
  void SetUp() override {
    before_ = Fd(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_OK(chdir(Root()));
    WriteFile("file", "content");
    ASSERT_OK(symlink("loop", "loop"));
    ASSERT_OK(mkdir("dir", 0755));
  }
  void TearDown() override { EXPECT_OK(fchdir(before_.get())); }
  long Call(const std::string& path) const { return GetParam().call(path.c_str()); }

 private:
  Fd before_;
};

TEST_P(PathErrnoTest, MissingPartFailsWithEnoent) {
  EXPECT_ERRNO(ENOENT, Call("missing/name"));
  EXPECT_ERRNO(ENOENT, Call("dir/../missing/../file"));
}

TEST_P(PathErrnoTest, EmptyPathFailsWithEnoent) { EXPECT_ERRNO(ENOENT, Call("")); }

TEST_P(PathErrnoTest, PartThatIsNoDirectoryFailsWithEnotdir) {
  EXPECT_ERRNO(ENOTDIR, Call("file/name"));
  EXPECT_ERRNO(ENOTDIR, Call("dir/../file/../name"));
}

TEST_P(PathErrnoTest, LoopOfLinksFailsWithEloop) { EXPECT_ERRNO(ELOOP, Call("loop/name")); }

TEST_P(PathErrnoTest, TooLongPartFailsWithEnametoolong) {
  EXPECT_ERRNO(ENAMETOOLONG, Call("dir/" + std::string(256, 'n') + "/name"));
}

TEST_P(PathErrnoTest, TooLongPathFailsWithEnametoolong) {
  std::string path;
  while (path.size() < 4096) {
    path += "./";
  }
  EXPECT_ERRNO(ENAMETOOLONG, Call(path));
}

TEST_P(PathErrnoTest, PointerThatPointsNowhereFailsWithEfault) {
  EXPECT_ERRNO(EFAULT, GetParam().call(BadPointer<const char>()));
  volatile uintptr_t beyond_all_programs = ~uintptr_t{4095};
  EXPECT_ERRNO(EFAULT, GetParam().call(reinterpret_cast<const char*>(beyond_all_programs)));
}

TEST_P(PathErrnoTest, DirectoryThatMayNotBeSearchedFailsWithEacces) {
  ASSERT_OK(mkdir("closed", 0700));
  WriteFile("closed/name", "content", 0777);
  for (const char* name : {".", "file", "closed"}) {
    GiveToOrdinaryUser(name);
  }
  ASSERT_OK(chmod("closed", 0600));
  ExpectPassesAsOrdinaryUser([&] { EXPECT_ERRNO(EACCES, Call("closed/name")); });
  EXPECT_OK(chmod("closed", 0700));
}

INSTANTIATE_TEST_SUITE_P(Calls, PathErrnoTest, testing::ValuesIn(kCalls),
                         [](const auto& info) { return std::string(info.param.name); });

// --- Calls that take a directory's descriptor too ----------------------------------------------

struct AtCall {
  const char* name;
  long (*call)(int directory, const char* path);
};
void PrintTo(const AtCall& call, std::ostream* out) { *out << call.name; }

const AtCall kAtCalls[] = {
    {"openat", [](int at, const char* path) -> long { return openat(at, path, O_CLOEXEC); }},
    {"openat2",
     [](int at, const char* path) {
       open_how how = {};
       return syscall(SYS_openat2, at, path, &how, sizeof(how));
     }},
    {"mkdirat", [](int at, const char* path) -> long { return mkdirat(at, path, 0700); }},
    {"unlinkat", [](int at, const char* path) -> long { return unlinkat(at, path, 0); }},
    {"mknodat", [](int at, const char* path) -> long { return mknodat(at, path, S_IFIFO, 0); }},
    {"renameat_from",
     [](int at, const char* path) -> long { return renameat(at, path, AT_FDCWD, "renamed"); }},
    {"renameat_to",
     [](int at, const char* path) -> long { return renameat(AT_FDCWD, "file", at, path); }},
    {"renameat2_to",
     [](int at, const char* path) -> long { return renameat2(AT_FDCWD, "file", at, path, 0); }},
    {"linkat_from",
     [](int at, const char* path) -> long { return linkat(at, path, AT_FDCWD, "linked", 0); }},
    {"linkat_to",
     [](int at, const char* path) -> long { return linkat(AT_FDCWD, "file", at, path, 0); }},
    {"symlinkat", [](int at, const char* path) -> long { return symlinkat("target", at, path); }},
    {"readlinkat",
     [](int at, const char* path) -> long { return readlinkat(at, path, scratch, 9); }},
    {"newfstatat",
     [](int at, const char* path) -> long { return fstatat(at, path, &stat_buffer, 0); }},
    {"statx",
     [](int at, const char* path) { return syscall(SYS_statx, at, path, 0, 0x7ff, scratch); }},
    {"faccessat", [](int at, const char* path) { return syscall(SYS_faccessat, at, path, R_OK); }},
    {"faccessat2",
     [](int at, const char* path) { return syscall(SYS_faccessat2, at, path, R_OK, 0); }},
    {"fchmodat", [](int at, const char* path) { return syscall(SYS_fchmodat, at, path, 0600); }},
    {"fchownat", [](int at, const char* path) -> long { return fchownat(at, path, 0, 0, 0); }},
    {"futimesat",
     [](int at, const char* path) { return syscall(SYS_futimesat, at, path, nullptr); }},
    {"utimensat", [](int at, const char* path) -> long { return utimensat(at, path, nullptr, 0); }},
    {"execveat",
     [](int at, const char* path) {
       return syscall(SYS_execveat, at, path, no_strings, no_strings, 0);
     }},
};

class AtErrnoTest : public TempDirTest, public testing::WithParamInterface<AtCall> {
 protected:
  void SetUp() override {
    ASSERT_OK(chdir(Root()));
    WriteFile("file", "content");
  }
  void TearDown() override { EXPECT_OK(chdir("/")); }
  long Call(int directory, const char* path) const { return GetParam().call(directory, path); }
};

TEST_P(AtErrnoTest, BadDescriptorFailsWithEbadf) {
  EXPECT_ERRNO(EBADF, Call(-1, "name"));
  EXPECT_ERRNO(EBADF, Call(1'000'000, "name"));
}

TEST_P(AtErrnoTest, DescriptorOfAFileFailsWithEnotdir) {
  Fd file = OpenFile("file", O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, Call(file.get(), "name"));
  Fd handle = OpenFile("file", O_PATH);
  EXPECT_ERRNO(ENOTDIR, Call(handle.get(), "name"));
}

TEST_P(AtErrnoTest, DirectoryThatIsGoneFailsWithEnoent) {
  ASSERT_OK(mkdir("gone", 0700));
  Fd gone = OpenFile("gone", O_RDONLY | O_DIRECTORY);
  ASSERT_OK(rmdir("gone"));
  EXPECT_ERRNO(ENOENT, Call(gone.get(), "name"));
}

TEST_P(AtErrnoTest, AbsolutePathLeavesTheDescriptorAlone) {
  EXPECT_ERRNO(ENOENT, Call(-1, Path("missing/name")));
}

INSTANTIATE_TEST_SUITE_P(Calls, AtErrnoTest, testing::ValuesIn(kAtCalls),
                         [](const auto& info) { return std::string(info.param.name); });

// Errnos of path calls not provoked by these tests:
// - EIO, ENOMEM, EDQUOT, ENOSPC: failing hardware, full machines or full file systems.
// - EROFS: a read-only mount, which takes privileges over mounts that tests don't count on.
// - EMLINK: 65,000 links natively, on some file systems none at all.
// - EOVERFLOW of stat and statfs: only in 32-bit programs. ENOSYS of statfs: no file system here.
// - EPERM of immutable and append-only files: needs ioctls that few file systems have.

}  // namespace
}  // namespace ukrun::compat_tests
