// statfs(2) and fstatfs(2), and what statvfs(3) makes of them.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class StatfsTest : public TempDirTest {
 protected:
  void SetUp() override { WriteFile(Path("file"), "content"); }

  static struct statfs Of(const char* path) {
    struct statfs filesystem = {};
    EXPECT_OK(statfs(path, &filesystem)) << path;
    return filesystem;
  }
};

TEST_F(StatfsTest, NumbersAreConsistent) {
  for (const std::string& path : {std::string("/"), std::string("/tmp"), std::string(Root())}) {
    const struct statfs filesystem = Of(path.c_str());
    EXPECT_GT(filesystem.f_bsize, 0) << path;
    EXPECT_LE(filesystem.f_bfree, filesystem.f_blocks) << path;
    EXPECT_LE(filesystem.f_bavail, filesystem.f_bfree) << path;
    EXPECT_LE(filesystem.f_ffree, filesystem.f_files) << path;
    EXPECT_EQ(filesystem.f_namelen, 255) << path;
    EXPECT_NE(filesystem.f_type, 0) << path;
  }
}

TEST_F(StatfsTest, TemporaryDirectoryHasRoom) {
  const struct statfs filesystem = Of(Root());
  EXPECT_GT(filesystem.f_blocks, 0u);
  EXPECT_GT(filesystem.f_bavail, 0u);
}

TEST_F(StatfsTest, IsAboutTheFileSystemNotTheFile) {
  const struct statfs directory = Of(Root());
  const struct statfs file = Of(Path("file"));
  EXPECT_EQ(file.f_type, directory.f_type);
  EXPECT_EQ(file.f_blocks, directory.f_blocks);
  EXPECT_EQ(memcmp(&file.f_fsid, &directory.f_fsid, sizeof(file.f_fsid)), 0);
}

TEST_F(StatfsTest, DescriptorFormAgrees) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  struct statfs by_fd = {};
  ASSERT_OK(fstatfs(fd.get(), &by_fd));
  EXPECT_EQ(by_fd.f_type, Of(Path("file")).f_type);
  Fd handle(open(Path("file"), O_PATH | O_CLOEXEC));
  struct statfs by_handle = {};
  ASSERT_OK(fstatfs(handle.get(), &by_handle));
  EXPECT_EQ(by_handle.f_type, by_fd.f_type);
}

TEST_F(StatfsTest, UnlinkedFilesStillHaveAFileSystem) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  ASSERT_OK(unlink(Path("file")));
  struct statfs filesystem = {};
  EXPECT_OK(fstatfs(fd.get(), &filesystem));
}

TEST_F(StatfsTest, SpecialFileSystemsAreKnownByTheirNumbers) {
  EXPECT_EQ(Of("/proc").f_type, PROC_SUPER_MAGIC);
  Fd memory(memfd_create("memory", MFD_CLOEXEC));
  struct statfs filesystem = {};
  ASSERT_OK(fstatfs(memory.get(), &filesystem));
  EXPECT_EQ(filesystem.f_type, TMPFS_MAGIC);
  int ends[2];
  ASSERT_OK(pipe(ends));
  ASSERT_OK(fstatfs(ends[0], &filesystem));
  EXPECT_EQ(filesystem.f_type, PIPEFS_MAGIC);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(StatfsTest, FollowsSymlinks) {
  ASSERT_OK(symlink("/proc", Path("link")));
  EXPECT_EQ(Of(Path("link")).f_type, PROC_SUPER_MAGIC);
}

TEST_F(StatfsTest, StatvfsConvertsAndShowsFlags) {
  struct statvfs converted = {};
  ASSERT_OK(statvfs(Root(), &converted));
  EXPECT_EQ(converted.f_namemax, 255u);
  EXPECT_GT(converted.f_frsize, 0u);
  EXPECT_EQ(converted.f_flag & ST_RDONLY, 0u);
}

TEST_F(StatfsTest, NeedsSearchPermissionOnly) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  WriteFile(Path("dir/file"), "", 0);
  ASSERT_OK(chmod(Path("dir"), 0700));
  GiveToOrdinaryUser(Path("dir/file"));
  GiveToOrdinaryUser(Path("dir"));
  ExpectPassesAsOrdinaryUser([&] {
    struct statfs filesystem = {};
    EXPECT_OK(statfs(Path("dir/file"), &filesystem));
    ASSERT_OK(chmod(Path("dir"), 0600));
    EXPECT_ERRNO(EACCES, statfs(Path("dir/file"), &filesystem));
    ASSERT_OK(chmod(Path("dir"), 0700));
  });
}

TEST_F(StatfsTest, ErrorsOfStatfs) {
  ASSERT_OK(symlink("loop", Path("loop")));
  struct statfs filesystem = {};
  EXPECT_ERRNO(ENOENT, statfs(Path("missing"), &filesystem));
  EXPECT_ERRNO(ENOENT, statfs("", &filesystem));
  EXPECT_ERRNO(ENOTDIR, statfs(Path("file/x"), &filesystem));
  EXPECT_ERRNO(ELOOP, statfs(Path("loop"), &filesystem));
  EXPECT_ERRNO(ENAMETOOLONG, statfs(Path(std::string(256, 'n')), &filesystem));
  EXPECT_ERRNO(EBADF, fstatfs(-1, &filesystem));
  EXPECT_ERRNO(EFAULT, statfs(BadPointer<const char>(), &filesystem));
  EXPECT_ERRNO(EFAULT, statfs(Path("file"), BadPointer<struct statfs>()));
}

// Not provoked: EINTR, EIO, ENOMEM, ENOSYS; EOVERFLOW (only in 32-bit programs).

}  // namespace
}  // namespace ukrun::compat_tests
