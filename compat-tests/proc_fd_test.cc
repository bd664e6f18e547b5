// /proc/self/fd, fdinfo, mounts and mountinfo.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/proc_text.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class ProcFdTest : public TempDirTest {};

TEST_F(ProcFdTest, ListsExactlyTheOpenDescriptors) {
  ExpectPassesInChild([&] {
    ASSERT_OK(close_range(3, ~0u, 0));
    ASSERT_EQ(dup2(0, 77), 77);
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      names.insert(entry.path().filename());
    }
    // 3 is the directory that is being read.
    EXPECT_EQ(names, (std::set<std::string>{"0", "1", "2", "3", "77"}));
    EXPECT_FALSE(Exists("/proc/self/fd/76"));
    EXPECT_ERRNO(ENOENT, open("/proc/self/fd/76", O_RDONLY));
  });
}

TEST_F(ProcFdTest, NamesWhatEachIs) {
  WriteFile(Path("file"), "");
  Fd file = OpenFile(Path("file"), O_RDONLY);
  EXPECT_EQ(ReadLink(FdPath(file.get()).c_str()), Path("file"));
  int ends[2];
  ASSERT_OK(pipe2(ends, O_CLOEXEC));
  const std::string inode = std::to_string(FdStat(ends[0]).st_ino);
  EXPECT_EQ(ReadLink(FdPath(ends[0]).c_str()), "pipe:[" + inode + "]");
  close(ends[0]);
  close(ends[1]);
  Fd event(eventfd(0, EFD_CLOEXEC));
  EXPECT_EQ(ReadLink(FdPath(event.get()).c_str()).rfind("anon_inode:[eventfd", 0), 0u);
  Fd null = OpenFile("/dev/null", O_RDONLY);
  EXPECT_EQ(ReadLink(FdPath(null.get()).c_str()), "/dev/null");
}

TEST_F(ProcFdTest, OpeningOneMakesANewDescription) {
  WriteFile(Path("file"), "content", 0644);
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_EQ(lseek(fd.get(), 4, SEEK_SET), 4);
  Fd again(open(FdPath(fd.get()).c_str(), O_RDWR));
  ASSERT_OK(again.get());
  EXPECT_EQ(lseek(again.get(), 0, SEEK_CUR), 0);
}

TEST_F(ProcFdTest, OpeningAPipeEndAttachesToThePipe) {
  int ends[2];
  ASSERT_OK(pipe2(ends, O_CLOEXEC));
  Fd writer(open(FdPath(ends[0]).c_str(), O_WRONLY));
  ASSERT_OK(writer.get());
  EXPECT_EQ(write(writer.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(ProcFdTest, FdinfoShowsPositionAndFlags) {
  WriteFile(Path("file"), "content");
  Fd fd(open(Path("file"), O_RDWR | O_APPEND | O_CLOEXEC));
  EXPECT_EQ(lseek(fd.get(), 5, SEEK_SET), 5);
  const std::string info = ReadFile(("/proc/self/fdinfo/" + std::to_string(fd.get())).c_str());
  EXPECT_EQ(Field(info, "pos"), "5");
  const unsigned long flags = std::stoul(Field(info, "flags"), nullptr, 8);
  EXPECT_EQ(flags & static_cast<unsigned long>(O_ACCMODE | O_APPEND | O_CLOEXEC),
            static_cast<unsigned long>(O_RDWR | O_APPEND | O_CLOEXEC));
}

class ProcMountsTest : public testing::Test {};

TEST_F(ProcMountsTest, ListRootAndProcWithSixFields) {
  std::istringstream mounts(ReadFile("/proc/self/mounts"));
  std::set<std::string> points;
  std::string line;
  while (std::getline(mounts, line)) {
    const std::vector<std::string> words = Words(line);
    ASSERT_EQ(words.size(), 6u) << line;
    points.insert(words[1]);
    if (words[1] == "/proc") {
      EXPECT_EQ(words[2], "proc");
    }
  }
  EXPECT_EQ(points.count("/"), 1u);
  EXPECT_EQ(points.count("/proc"), 1u);
  EXPECT_EQ(ReadLink("/proc/mounts"), "self/mounts");
}

TEST_F(ProcMountsTest, MountinfoHasItsSeparatorAndTheSamePoints) {
  std::istringstream mounts(ReadFile("/proc/self/mountinfo"));
  std::string line;
  bool root_seen = false;
  while (std::getline(mounts, line)) {
    const std::vector<std::string> words = Words(line);
    ASSERT_GE(words.size(), 10u) << line;
    EXPECT_EQ(std::count(words.begin() + 6, words.end(), "-"), 1) << line;
    root_seen = root_seen || words[4] == "/";
  }
  EXPECT_TRUE(root_seen);
}

// proc(5) lists no errnos of its own.

}  // namespace
}  // namespace ukrun::compat_tests
