// Files that become shorter while other processes map them: SIGBUS for everybody.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/fault.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/mapping.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr size_t kPage = 4096;
constexpr int kReadWrite = PROT_READ | PROT_WRITE;

// A file of four pages, of each kind that lies in memory or below the working directory.
class MmapTruncateTest : public TempDirTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::string kind = GetParam();
    if (kind == "memfd") {
      fd_ = Fd(memfd_create("test", MFD_CLOEXEC));
    } else {
      const std::string path = kind == "shm" ? "/dev/shm/compat-truncate" : Path("file");
      fd_ = Fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      if (kind == "shm") {
        EXPECT_OK(unlink(path.c_str()));
      }
    }
    ASSERT_OK(fd_.get());
    WriteAll(fd_.get(), std::string(4 * kPage, 'x'));
  }

  Fd fd_;
};

int SignalAt(const Mapping& map, size_t page) {
  return FaultOf([&] { return map[page * kPage]; }).signal;
}

TEST_P(MmapTruncateTest, AnotherProcessGetsSigbusBeyondTheEnd) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Signpost mapped;
  Signpost truncated;
  Signpost seen;
  Signpost grown;
  Child child([&] {
    EXPECT_EQ(map[0] + map[kPage] + map[3 * kPage], 3 * 'x');
    mapped.Raise();
    ASSERT_TRUE(truncated.Wait());
    EXPECT_EQ(SignalAt(map, 0), 0);
    EXPECT_EQ(map[100], '\0');
    EXPECT_EQ(SignalAt(map, 1), SIGBUS);
    EXPECT_EQ(SignalAt(map, 3), SIGBUS);
    seen.Raise();
    ASSERT_TRUE(grown.Wait());
    EXPECT_EQ(SignalAt(map, 1), 0);
    EXPECT_EQ(map[kPage], '\0');
    EXPECT_EQ(SignalAt(map, 2), SIGBUS);
  });
  ASSERT_TRUE(mapped.Wait());
  ASSERT_OK(ftruncate(fd_.get(), 100));
  EXPECT_EQ(SignalAt(map, 1), SIGBUS);
  truncated.Raise();
  ASSERT_TRUE(seen.Wait());
  ASSERT_OK(ftruncate(fd_.get(), 2 * kPage));
  grown.Raise();
  EXPECT_TRUE(child.Passes());
}

TEST_P(MmapTruncateTest, CopiesOfAPrivateMappingGoToo) {
  Mapping map(4 * kPage, kReadWrite, MAP_PRIVATE, fd_.get());
  map[2 * kPage] = 'y';
  Signpost mapped;
  Signpost truncated;
  Child child([&] {
    map[kPage] = 'z';
    mapped.Raise();
    ASSERT_TRUE(truncated.Wait());
    EXPECT_EQ(SignalAt(map, 1), SIGBUS);
    EXPECT_EQ(SignalAt(map, 2), SIGBUS);
  });
  ASSERT_TRUE(mapped.Wait());
  ASSERT_OK(ftruncate(fd_.get(), kPage));
  truncated.Raise();
  EXPECT_TRUE(child.Passes());
}

TEST_P(MmapTruncateTest, CallsGetEfaultThere) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Signpost mapped;
  Signpost truncated;
  Child child([&] {
    mapped.Raise();
    ASSERT_TRUE(truncated.Wait());
    Fd null(open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
    EXPECT_ERRNO(EFAULT, write(null.get(), map.data() + 2 * kPage, 10));
    EXPECT_ERRNO(EFAULT, pread(fd_.get(), map.data() + 3 * kPage, 10, 0));
  });
  ASSERT_TRUE(mapped.Wait());
  ASSERT_OK(ftruncate(fd_.get(), kPage));
  truncated.Raise();
  EXPECT_TRUE(child.Passes());
}

TEST_P(MmapTruncateTest, WhatIsMappedInItsPlaceStays) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Signpost mapped;
  Signpost truncated;
  Child child([&] {
    mapped.Raise();
    ASSERT_TRUE(truncated.Wait());
    ASSERT_OK(mmap(map.data() + kPage, kPage, kReadWrite, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                   -1, 0));
    map[kPage] = 'n';
    EXPECT_EQ(map[kPage], 'n');
    EXPECT_EQ(SignalAt(map, 2), SIGBUS);
    ExpectPassesInChild([&] {
      EXPECT_EQ(map[kPage], 'n');
      EXPECT_EQ(SignalAt(map, 3), SIGBUS);
    });
  });
  ASSERT_TRUE(mapped.Wait());
  ASSERT_OK(ftruncate(fd_.get(), kPage));
  truncated.Raise();
  EXPECT_TRUE(child.Passes());
}

// The child never makes a call between the mapping and the signal.
TEST_P(MmapTruncateTest, RunningCodeIsStopped) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Signpost mapped;
  Child child([&] {
    signal(SIGBUS, SIG_DFL);
    mapped.Raise();
    for (;;) {
      if (map[2 * kPage] == 'q') {
        break;
      }
    }
  });
  ASSERT_TRUE(mapped.Wait());
  ASSERT_OK(ftruncate(fd_.get(), kPage));
  const int status = child.WaitStatus();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) << status;
}

TEST_P(MmapTruncateTest, ThreadsOfAnotherProcessStopToo) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Signpost mapped;
  Child child([&] {
    signal(SIGBUS, SIG_DFL);
    std::thread([&] {
      mapped.Raise();
      while (map[2 * kPage] != 'q') {
      }
    }).detach();
    pause();
  });
  ASSERT_TRUE(mapped.Wait());
  ASSERT_OK(ftruncate(fd_.get(), kPage));
  const int status = child.WaitStatus();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) << status;
}

// Pages that were beyond the end when they were mapped, and that nobody has touched since.
TEST_P(MmapTruncateTest, OtherProcessesReadWhatHasGrown) {
  ASSERT_OK(ftruncate(fd_.get(), kPage));
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Signpost done;
  Child child([&] { EXPECT_TRUE(done.Wait()); });
  ASSERT_OK(ftruncate(fd_.get(), 4 * kPage));
  WriteAll(fd_.get(), "y");
  char byte = 'a';
  const iovec here = {&byte, 1};
  const iovec there = {map.data() + 2 * kPage, 1};
  EXPECT_EQ(process_vm_readv(child.pid(), &here, 1, &there, 1, 0), 1);
  EXPECT_EQ(byte, '\0');
  done.Raise();
  EXPECT_TRUE(child.Passes());
}

INSTANTIATE_TEST_SUITE_P(Files, MmapTruncateTest, testing::Values("memfd", "shm", "file"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace ukrun::compat_tests
