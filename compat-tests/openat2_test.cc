// openat2(2): its strictness about arguments and the RESOLVE_* restrictions.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

int OpenAt2(int directory, const char* path, const void* how, size_t size) {
  return static_cast<int>(syscall(SYS_openat2, directory, path, how, size));
}

int OpenAt2(int directory, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  const open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return OpenAt2(directory, path, &how, sizeof(how));
}

// Opens for reading below `directory` under the restriction.
Fd Resolve(int directory, const char* path, uint64_t resolve, uint64_t flags = O_RDONLY) {
  return Fd(OpenAt2(directory, path, flags | O_CLOEXEC, 0, resolve));
}

class OpenAt2Test : public TempDirTest {
 protected:
  // outside; jail/{file, sub/, self -> file, up -> ../outside, absolute -> /file,
  // back -> sub/../file}
  void SetUp() override {
    ASSERT_OK(mkdir(Path("jail"), 0755));
    ASSERT_OK(mkdir(Path("jail/sub"), 0755));
    WriteFile(Path("outside"), "outside");
    WriteFile(Path("jail/file"), "file");
    ASSERT_OK(symlink("file", Path("jail/self")));
    ASSERT_OK(symlink("../outside", Path("jail/up")));
    ASSERT_OK(symlink("/file", Path("jail/absolute")));
    ASSERT_OK(symlink("sub/../file", Path("jail/back")));
    jail_ = Fd(open(Path("jail"), O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_OK(jail_.get());
  }

  Fd jail_;
};

TEST_F(OpenAt2Test, OpensAndCreatesLikeOpenat) {
  Fd fd(OpenAt2(jail_.get(), "new", O_RDWR | O_CREAT | O_EXCL, 0600, 0));
  ASSERT_OK(fd.get());
  EXPECT_ERRNO(EEXIST, OpenAt2(jail_.get(), "new", O_RDWR | O_CREAT | O_EXCL, 0600, 0));
  EXPECT_ERRNO(ENOENT, OpenAt2(jail_.get(), "missing", O_RDONLY, 0, 0));
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "up", 0).get()), "outside");
}

TEST_F(OpenAt2Test, UnknownOrContradictoryArgumentsFailWithEinval) {
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", uint64_t{1} << 30, 0, 0));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", uint64_t{1} << 40, 0, 0));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", O_RDONLY, 0600, 0));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "new", O_WRONLY | O_CREAT, 010000, 0));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", O_RDONLY, 0, uint64_t{1} << 32));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", O_PATH | O_RDWR, 0, 0));
  EXPECT_ERRNO(EINVAL,
               OpenAt2(jail_.get(), "file", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), ".", O_TMPFILE | O_RDONLY, 0600, 0));
}

TEST_F(OpenAt2Test, StructureMayGrowWithZerosOnly) {
  struct {
    open_how how = {.flags = O_RDONLY, .mode = 0, .resolve = 0};
    uint64_t future = 0;
  } longer;
  Fd fd(OpenAt2(jail_.get(), "file", &longer, sizeof(longer)));
  EXPECT_OK(fd.get());
  longer.future = 1;
  EXPECT_ERRNO(E2BIG, OpenAt2(jail_.get(), "file", &longer, sizeof(longer)));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", &longer, sizeof(open_how) - 1));
  EXPECT_ERRNO(EINVAL, OpenAt2(jail_.get(), "file", &longer, 0));
  EXPECT_ERRNO(E2BIG, OpenAt2(jail_.get(), "file", &longer, 1 << 20));
}

TEST_F(OpenAt2Test, BadPointersFailWithEfault) {
  const open_how how = {};
  EXPECT_ERRNO(EFAULT, OpenAt2(jail_.get(), "file", nullptr, sizeof(open_how)));
  EXPECT_ERRNO(EFAULT, OpenAt2(jail_.get(), BadPointer<const char>(), &how, sizeof(how)));
}

TEST_F(OpenAt2Test, BeneathAllowsWhatStaysBelow) {
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "file", RESOLVE_BENEATH).get()), "file");
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "self", RESOLVE_BENEATH).get()), "file");
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "sub/../file", RESOLVE_BENEATH).get()), "file");
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "back", RESOLVE_BENEATH).get()), "file");
}

TEST_F(OpenAt2Test, BeneathRefusesEveryEscapeWithExdev) {
  for (const char* path : {"..", "../outside", "up", "absolute", "sub/../../jail/file", "/"}) {
    EXPECT_ERRNO(EXDEV, OpenAt2(jail_.get(), path, O_RDONLY, 0, RESOLVE_BENEATH)) << path;
  }
  EXPECT_ERRNO(EXDEV, OpenAt2(jail_.get(), Path("jail/file"), O_RDONLY, 0, RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, OpenAt2(jail_.get(), "../new", O_WRONLY | O_CREAT, 0600, RESOLVE_BENEATH));
  EXPECT_FALSE(Exists(Path("new")));
}

TEST_F(OpenAt2Test, InRootTreatsTheDirectoryAsRoot) {
  for (const char* path : {"file", "/file", "absolute", "../file", "../../sub/../file", "back"}) {
    Fd fd = Resolve(jail_.get(), path, RESOLVE_IN_ROOT);
    ASSERT_OK(fd.get()) << path;
    EXPECT_EQ(ReadAll(fd.get()), "file") << path;
  }
  EXPECT_ERRNO(ENOENT, OpenAt2(jail_.get(), "up", O_RDONLY, 0, RESOLVE_IN_ROOT));
  EXPECT_ERRNO(ENOENT, OpenAt2(jail_.get(), "/proc/version", O_RDONLY, 0, RESOLVE_IN_ROOT));
}

TEST_F(OpenAt2Test, NoSymlinksRefusesThemAnywhereWithEloop) {
  ASSERT_OK(symlink("sub", Path("jail/dirlink")));
  WriteFile(Path("jail/sub/inner"), "inner");
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "sub/inner", RESOLVE_NO_SYMLINKS).get()), "inner");
  EXPECT_ERRNO(ELOOP, OpenAt2(jail_.get(), "self", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  EXPECT_ERRNO(ELOOP, OpenAt2(jail_.get(), "dirlink/inner", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  Fd handle = Resolve(jail_.get(), "self", RESOLVE_NO_SYMLINKS, O_PATH | O_NOFOLLOW);
  EXPECT_OK(handle.get());
}

TEST_F(OpenAt2Test, NoMagicLinksRefusesOnlyThoseOfProc) {
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "self", RESOLVE_NO_MAGICLINKS).get()), "file");
  EXPECT_ERRNO(ELOOP, OpenAt2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
  EXPECT_ERRNO(ELOOP, OpenAt2(AT_FDCWD, (FdPath(jail_.get()) + "/file").c_str(), O_RDONLY, 0,
                              RESOLVE_NO_MAGICLINKS));
  // /proc/self is an ordinary symlink.
  Fd status = Resolve(AT_FDCWD, "/proc/self/status", RESOLVE_NO_MAGICLINKS);
  EXPECT_OK(status.get());
}

TEST_F(OpenAt2Test, MagicLinksNeverLeadIntoAScope) {
  Fd proc(open("/proc/self", O_PATH | O_DIRECTORY));
  ASSERT_OK(proc.get());
  EXPECT_ERRNO(EXDEV, OpenAt2(proc.get(), "exe", O_RDONLY, 0, RESOLVE_BENEATH));
  EXPECT_ERRNO(EXDEV, OpenAt2(proc.get(), "cwd", O_RDONLY, 0, RESOLVE_IN_ROOT));
}

TEST_F(OpenAt2Test, NoXdevRefusesToCrossAMountWithExdev) {
  Fd root(open("/", O_PATH | O_DIRECTORY));
  ASSERT_OK(root.get());
  EXPECT_ERRNO(EXDEV, OpenAt2(root.get(), "proc/version", O_RDONLY, 0, RESOLVE_NO_XDEV));
  Fd proc(open("/proc", O_PATH | O_DIRECTORY));
  ASSERT_OK(proc.get());
  EXPECT_ERRNO(EXDEV, OpenAt2(proc.get(), "..", O_RDONLY, 0, RESOLVE_NO_XDEV));
  EXPECT_EQ(ReadAll(Resolve(jail_.get(), "sub/../file", RESOLVE_NO_XDEV).get()), "file");
}

TEST_F(OpenAt2Test, CachedEitherSucceedsOrFailsWithEagain) {
  EXPECT_ERRNO(EAGAIN, OpenAt2(jail_.get(), "new", O_WRONLY | O_CREAT, 0600, RESOLVE_CACHED));
  EXPECT_ERRNO(EAGAIN, OpenAt2(jail_.get(), "file", O_WRONLY | O_TRUNC, 0, RESOLVE_CACHED));
  EXPECT_EQ(ReadFile(Path("jail/file")), "file");
  Fd fd = Resolve(jail_.get(), "file", RESOLVE_CACHED);
  if (!fd.ok()) {
    EXPECT_EQ(errno, EAGAIN);
  }
}

// Not provoked: EAGAIN of RESOLVE_BENEATH and RESOLVE_IN_ROOT, which needs a rename racing with a
// ".." step.

}  // namespace
}  // namespace ukrun::compat_tests
