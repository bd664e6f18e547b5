// mkdir(2), rmdir(2) and reading directories: getdents64(2) and what readdir(3) makes of it.

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

Directory OpenDirectory(const char* path) {
  Directory directory(opendir(path));
  EXPECT_NE(directory, nullptr) << path << ": " << ErrnoName(errno);
  return directory;
}

// The names from the current position to the end, in the order in which they come.
std::vector<std::string> ReadNames(DIR* directory) {
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    names.emplace_back(entry->d_name);
  }
  EXPECT_EQ(errno, 0) << ErrnoName(errno);
  return names;
}

std::multiset<std::string> NamesIn(const char* path) {
  const std::vector<std::string> names = ReadNames(OpenDirectory(path).get());
  return {names.begin(), names.end()};
}

using Names = std::multiset<std::string>;

class MkdirTest : public TempDirTest {};

TEST_F(MkdirTest, MakesAnEmptyDirectoryWithTheModeLessUmask) {
  ScopedUmask umask(022);
  ASSERT_OK(mkdir(Path("dir"), 0777));
  const struct stat status = Stat(Path("dir"));
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_EQ(PermissionBits(status), 0755u);
  EXPECT_EQ(status.st_uid, geteuid());
  EXPECT_EQ(NamesIn(Path("dir")), (Names{".", ".."}));
}

TEST_F(MkdirTest, KeepsTheStickyBitButNotSetuid) {
  ScopedUmask umask(0);
  ASSERT_OK(mkdir(Path("dir"), 05777));
  EXPECT_EQ(PermissionBits(Stat(Path("dir"))), 01777u);
}

TEST_F(MkdirTest, AcceptsTrailingSlashes) {
  EXPECT_OK(mkdir(Path("dir///"), 0755));
  EXPECT_TRUE(S_ISDIR(Stat(Path("dir")).st_mode));
}

TEST_F(MkdirTest, ExistingNameOfAnyKindFailsWithEexist) {
  WriteFile(Path("file"), "");
  ASSERT_OK(mkdir(Path("dir"), 0755));
  ASSERT_OK(symlink("missing", Path("dangling")));
  for (const char* name : {"file", "dir", "dir/", "dir/.", "dir/..", "dangling", "."}) {
    EXPECT_ERRNO(EEXIST, mkdir(Path(name), 0755)) << name;
  }
  EXPECT_ERRNO(EEXIST, mkdir("/", 0755));
  EXPECT_FALSE(Exists(Path("missing")));
}

TEST_F(MkdirTest, ErrorsOfMkdir) {
  WriteFile(Path("file"), "");
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ENOENT, mkdir(Path("missing/dir"), 0755));
  EXPECT_ERRNO(ENOENT, mkdir(Path("missing/."), 0755));
  EXPECT_ERRNO(ENOTDIR, mkdir(Path("file/dir"), 0755));
  EXPECT_ERRNO(ELOOP, mkdir(Path("loop/dir"), 0755));
  EXPECT_ERRNO(ENAMETOOLONG, mkdir(Path(std::string(256, 'n')), 0755));
  EXPECT_ERRNO(EFAULT, mkdir(BadPointer<const char>(), 0755));
  EXPECT_ERRNO(EBADF, mkdirat(-1, "dir", 0755));
}

TEST_F(MkdirTest, NeedsWritePermissionOnTheParent) {
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    ASSERT_OK(chmod(own.path().c_str(), 0555));
    EXPECT_ERRNO(EACCES, mkdir((own.path() + "/dir").c_str(), 0755));
    ASSERT_OK(chmod(own.path().c_str(), 0755));
  });
}

class RmdirTest : public TempDirTest {};

TEST_F(RmdirTest, RemovesAnEmptyDirectory) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  EXPECT_OK(rmdir(Path("dir")));
  EXPECT_FALSE(Exists(Path("dir")));
  ASSERT_OK(mkdir(Path("dir"), 0755));
  EXPECT_OK(rmdir(Path("dir/")));
  ASSERT_OK(mkdir(Path("dir"), 0755));
  EXPECT_OK(unlinkat(AT_FDCWD, Path("dir"), AT_REMOVEDIR));
}

TEST_F(RmdirTest, NonEmptyDirectoryFailsWithEnotempty) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  WriteFile(Path("dir/file"), "");
  EXPECT_ERRNO(ENOTEMPTY, rmdir(Path("dir")));
  EXPECT_TRUE(Exists(Path("dir/file")));
  ASSERT_OK(unlink(Path("dir/file")));
  EXPECT_OK(rmdir(Path("dir")));
}

TEST_F(RmdirTest, DotFailsWithEinvalAndDotDotWithEnotempty) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  EXPECT_ERRNO(EINVAL, rmdir(Path("dir/.")));
  EXPECT_ERRNO(ENOTEMPTY, rmdir(Path("dir/..")));
  EXPECT_ERRNO(EBUSY, rmdir("/"));
}

TEST_F(RmdirTest, AnythingButADirectoryFailsWithEnotdir) {
  WriteFile(Path("file"), "");
  ASSERT_OK(mkdir(Path("dir"), 0755));
  ASSERT_OK(symlink("dir", Path("link")));
  EXPECT_ERRNO(ENOTDIR, rmdir(Path("file")));
  EXPECT_ERRNO(ENOTDIR, rmdir(Path("file/dir")));
  EXPECT_ERRNO(ENOTDIR, rmdir(Path("link")));
  EXPECT_ERRNO(ENOTDIR, rmdir(Path("link/")));
  EXPECT_TRUE(Exists(Path("dir")));
}

TEST_F(RmdirTest, ErrorsOfRmdir) {
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ENOENT, rmdir(Path("missing")));
  EXPECT_ERRNO(ENOENT, rmdir(""));
  EXPECT_ERRNO(ELOOP, rmdir(Path("loop/dir")));
  EXPECT_ERRNO(ENAMETOOLONG, rmdir(Path(std::string(256, 'n'))));
  EXPECT_ERRNO(EFAULT, rmdir(BadPointer<const char>()));
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    ASSERT_OK(mkdir((own.path() + "/dir").c_str(), 0755));
    ASSERT_OK(chmod(own.path().c_str(), 0555));
    EXPECT_ERRNO(EACCES, rmdir((own.path() + "/dir").c_str()));
    ASSERT_OK(chmod(own.path().c_str(), 0755));
  });
}

TEST_F(RmdirTest, BusyMountPointFailsWithEbusy) {
  SKIP_UNLESS_ROOT();
  EXPECT_ERRNO(EBUSY, rmdir("/proc"));
}

TEST_F(RmdirTest, RemovedDirectoryStaysUsableAsAnEmptyOneWithoutDots) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  Directory directory = OpenDirectory(Path("dir"));
  ASSERT_OK(rmdir(Path("dir")));
  EXPECT_EQ(FdStat(dirfd(directory.get())).st_nlink, 0u);
  char buffer[1024];
  EXPECT_ERRNO(ENOENT, syscall(SYS_getdents64, dirfd(directory.get()), buffer, sizeof(buffer)));
}

class ReadDirectoryTest : public TempDirTest {
 protected:
  void MakeFiles(int count) {
    for (int i = 0; i < count; ++i) {
      Fd fd(open(Path(Name(i)), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
      ASSERT_OK(fd.get());
    }
  }
  static std::string Name(int i) { return "file" + std::to_string(i); }
};

TEST_F(ReadDirectoryTest, ListsEverythingOnceWithTypeAndInode) {
  WriteFile(Path("file"), "");
  ASSERT_OK(mkdir(Path("dir"), 0755));
  ASSERT_OK(symlink("file", Path("link")));
  ASSERT_OK(mkfifo(Path("fifo"), 0644));
  const std::map<std::string, int> types = {{".", DT_DIR},   {"..", DT_DIR},   {"file", DT_REG},
                                            {"dir", DT_DIR}, {"link", DT_LNK}, {"fifo", DT_FIFO}};
  Directory directory = OpenDirectory(Root());
  size_t seen = 0;
  while (const dirent* entry = readdir(directory.get())) {
    const auto type = types.find(entry->d_name);
    ASSERT_NE(type, types.end()) << entry->d_name;
    EXPECT_EQ(entry->d_type, type->second) << entry->d_name;
    if (type->first != "..") {  // which may lie on another file system
      EXPECT_EQ(entry->d_ino, LinkStat(Path(entry->d_name)).st_ino) << entry->d_name;
    }
    ++seen;
  }
  EXPECT_EQ(seen, types.size());
}

TEST_F(ReadDirectoryTest, RewindSeesWhatWasAddedSince) {
  MakeFiles(1);
  Directory directory = OpenDirectory(Root());
  EXPECT_EQ(ReadNames(directory.get()).size(), 3u);
  EXPECT_EQ(ReadNames(directory.get()).size(), 0u);
  WriteFile(Path("later"), "");
  rewinddir(directory.get());
  const std::vector<std::string> names = ReadNames(directory.get());
  EXPECT_EQ(names.size(), 4u);
  EXPECT_EQ(std::count(names.begin(), names.end(), "later"), 1);
}

TEST_F(ReadDirectoryTest, SeekdirReturnsToAToldPosition) {
  MakeFiles(100);
  Directory directory = OpenDirectory(Root());
  for (int i = 0; i < 40; ++i) {
    ASSERT_NE(readdir(directory.get()), nullptr);
  }
  const long position = telldir(directory.get());
  const std::vector<std::string> rest = ReadNames(directory.get());
  EXPECT_EQ(rest.size(), 62u);
  seekdir(directory.get(), position);
  EXPECT_EQ(ReadNames(directory.get()), rest);
}

TEST_F(ReadDirectoryTest, PositionsBelongToTheDescriptionNotTheDirectory) {
  MakeFiles(5);
  Directory first = OpenDirectory(Root());
  Directory second = OpenDirectory(Root());
  EXPECT_EQ(ReadNames(first.get()).size(), 7u);
  EXPECT_EQ(ReadNames(second.get()).size(), 7u);
}

TEST_F(ReadDirectoryTest, RemovingEachEntryWhileReadingMissesNone) {
  MakeFiles(1000);
  Directory directory = OpenDirectory(Root());
  int removed = 0;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] != '.') {
      ASSERT_OK(unlinkat(dirfd(directory.get()), entry->d_name, 0)) << entry->d_name;
      ++removed;
    }
  }
  EXPECT_EQ(removed, 1000);
  EXPECT_EQ(NamesIn(Root()), (Names{".", ".."}));
}

TEST_F(ReadDirectoryTest, EntriesThatStayAreSeenOnceWhileOthersComeAndGo) {
  MakeFiles(600);
  Directory directory = OpenDirectory(Root());
  std::map<std::string, int> seen;
  int step = 0;
  while (const dirent* entry = readdir(directory.get())) {
    ++seen[entry->d_name];
    if (step < 300) {  // file0 to file299 go, 300 new ones come
      EXPECT_OK(unlink(Path(Name(step))));
      WriteFile(Path("new" + std::to_string(step)), "");
    }
    ++step;
    ASSERT_LT(step, 2000) << "the reading never ends";
  }
  for (int i = 300; i < 600; ++i) {
    EXPECT_EQ(seen[Name(i)], 1) << Name(i);
  }
  for (const auto& [name, times] : seen) {
    EXPECT_EQ(times, 1) << name;
  }
}

TEST_F(ReadDirectoryTest, FiveThousandEntriesAllComeOnce) {
  MakeFiles(5000);
  const Names names = NamesIn(Root());
  EXPECT_EQ(names.size(), 5002u);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 5002u);
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(names.count(Name(i)), 1u) << Name(i);
  }
}

TEST_F(ReadDirectoryTest, LongNamesComeWhole) {
  const std::string name(255, 'n');
  WriteFile(Path(name), "");
  EXPECT_EQ(NamesIn(Root()).count(name), 1u);
}

TEST_F(ReadDirectoryTest, RenamedEntryIsListedUnderItsNewName) {
  MakeFiles(3);
  ASSERT_OK(rename(Path(Name(1)), Path("renamed")));
  EXPECT_EQ(NamesIn(Root()), (Names{".", "..", "file0", "file2", "renamed"}));
}

TEST_F(ReadDirectoryTest, SystemDirectoriesCanBeListed) {
  const Names root = NamesIn("/");
  for (const char* name : {"bin", "etc", "proc", "dev", "tmp", "usr"}) {
    EXPECT_EQ(root.count(name), 1u) << name;
  }
  EXPECT_GT(NamesIn("/usr/bin").size(), 50u);
}

TEST_F(ReadDirectoryTest, AFileMadeAndRemovedInAListedDirectoryComesAndGoes) {
  MakeFiles(2);
  EXPECT_EQ(NamesIn(Root()).size(), 4u);
  ASSERT_OK(unlink(Path(Name(0))));
  EXPECT_EQ(NamesIn(Root()).size(), 3u);
  WriteFile(Path(Name(0)), "again");
  EXPECT_EQ(NamesIn(Root()).size(), 4u);
}

// The record as the kernel writes it: glibc's dirent64 has the same layout on amd64.
std::vector<std::string> RawNames(int fd, size_t buffer_size) {
  std::vector<char> buffer(buffer_size);
  std::vector<std::string> names;
  while (true) {
    const long count = syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
    EXPECT_OK(count);
    if (count <= 0) {
      return names;
    }
    for (long at = 0; at < count;) {
      struct dirent64 entry = {};
      const size_t fixed = offsetof(struct dirent64, d_name);
      std::copy_n(buffer.data() + at, fixed, reinterpret_cast<char*>(&entry));
      EXPECT_EQ(entry.d_reclen % 8, 0);
      names.emplace_back(buffer.data() + at + static_cast<long>(fixed));
      EXPECT_LE(fixed + names.back().size() + 1, entry.d_reclen);
      at += entry.d_reclen;
    }
  }
}

TEST_F(ReadDirectoryTest, GetdentsFillsWholeRecordsIntoAnyBuffer) {
  MakeFiles(50);
  for (size_t size : {64u, 280u, 4096u, 65536u}) {
    Fd fd = OpenFile(Root(), O_RDONLY | O_DIRECTORY);
    EXPECT_EQ(RawNames(fd.get(), size).size(), 52u) << size;
    EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
    EXPECT_EQ(RawNames(fd.get(), 4096).size(), 52u) << size;
  }
}

TEST_F(ReadDirectoryTest, DuplicatedDescriptorsShareThePosition) {
  MakeFiles(3);
  Fd fd = OpenFile(Root(), O_RDONLY | O_DIRECTORY);
  Fd copy(dup(fd.get()));
  EXPECT_EQ(RawNames(fd.get(), 4096).size(), 5u);
  EXPECT_EQ(RawNames(copy.get(), 4096).size(), 0u);
}

TEST_F(ReadDirectoryTest, ErrorsOfGetdents) {
  MakeFiles(1);
  Fd fd = OpenFile(Root(), O_RDONLY | O_DIRECTORY);
  char buffer[4096];
  EXPECT_ERRNO(EINVAL, syscall(SYS_getdents64, fd.get(), buffer, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getdents64, fd.get(), 1, sizeof(buffer)));
  EXPECT_ERRNO(EBADF, syscall(SYS_getdents64, -1, buffer, sizeof(buffer)));
  Fd file = OpenFile(Path(Name(0)), O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, syscall(SYS_getdents64, file.get(), buffer, sizeof(buffer)));
  Fd handle = OpenFile(Root(), O_PATH | O_DIRECTORY);
  EXPECT_ERRNO(EBADF, syscall(SYS_getdents64, handle.get(), buffer, sizeof(buffer)));
  // Nothing was consumed by the failures.
  EXPECT_EQ(RawNames(fd.get(), 4096).size(), 3u);
}

TEST_F(ReadDirectoryTest, ReadAndWriteOnADirectoryFail) {
  Fd fd = OpenFile(Root(), O_RDONLY | O_DIRECTORY);
  char byte = 0;
  EXPECT_ERRNO(EISDIR, read(fd.get(), &byte, 1));
  EXPECT_ERRNO(EISDIR, pread(fd.get(), &byte, 1, 0));
  EXPECT_ERRNO(EBADF, write(fd.get(), &byte, 1));
}

// Not provoked: EMLINK (ext4 has no limit with dir_nlink, tmpfs none); EDQUOT and ENOSPC; EROFS
// (needs a read-only mount); EPERM of mkdir (needs a file system without directories) and of rmdir
// by the sticky bit (see permission_test.cc); ENOMEM.

}  // namespace
}  // namespace ukrun::compat_tests
