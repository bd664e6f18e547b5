// A guest tries to reach the part of the address space that the kernel keeps for itself
// (0x5700'0000'0000, 1 TiB): by its own loads, by calls that copy memory, by process_vm_*, by
// /proc/PID/mem, and with mappings laid over it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr uint64_t kBegin = 0x5700'0000'0000;
constexpr uint64_t kEnd = 0x5800'0000'0000;
// From here on a guest's own process has pieces without secrets: the platform's stub, the vDSO.
constexpr uint64_t kOpenBegin = 0x57ff'0000'0000;
constexpr uint64_t kPage = 4096;

void* Pointer(uint64_t address) { return reinterpret_cast<void*>(address); }

// The first pages, where things are likely to lie, and some of all the others.
std::vector<uint64_t> Places() {
  std::vector<uint64_t> places;
  for (uint64_t i = 0; i < 300; ++i) {
    places.push_back(kBegin + i * kPage);
  }
  for (uint64_t at = kBegin; at < kEnd; at += uint64_t{1} << 32) {
    places.push_back(at);
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    places.push_back(kBegin + random() % (kEnd - kBegin) / 8 * 8);
  }
  places.push_back(kEnd - 8);
  return places;
}

sigjmp_buf after_fault;

TEST(KernelWindow, LoadsFault) {
  struct sigaction action {};
  action.sa_handler = [](int) { siglongjmp(after_fault, 1); };
  ASSERT_EQ(sigaction(SIGSEGV, &action, nullptr), 0);
  for (uint64_t place : Places()) {
    if (place >= kOpenBegin) {
      continue;
    }
    if (sigsetjmp(after_fault, 1) == 0) {
      uint64_t value = *static_cast<volatile uint64_t*>(Pointer(place));
      FAIL() << std::hex << place << " holds " << value;
    }
  }
}

TEST(KernelWindow, CallsCopyNeitherFromNorToIt) {
  int zero = open("/dev/zero", O_RDONLY);
  int file = memfd_create("sink", 0);
  ASSERT_GE(zero, 0);
  ASSERT_GE(file, 0);
  for (uint64_t place : Places()) {
    EXPECT_EQ(read(zero, Pointer(place), 8), -1) << std::hex << place;
    EXPECT_EQ(pwrite(file, Pointer(place), 8, 0), -1) << std::hex << place;
  }
  // From below into it: what lies below is all that may be copied.
  void* below = mmap(Pointer(kBegin - kPage), kPage, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_EQ(below, Pointer(kBegin - kPage));
  EXPECT_LE(read(zero, below, 2 * kPage), static_cast<ssize_t>(kPage));
  munmap(below, kPage);
  close(zero);
  close(file);
}

TEST(KernelWindow, OtherProcessesMemoryEndsBeforeIt) {
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    pause();
    _exit(0);
  }
  for (pid_t pid : {getpid(), child}) {
    int memory = open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR);
    ASSERT_GE(memory, 0);
    for (uint64_t place : Places()) {
      uint64_t word = 0;
      iovec local{&word, sizeof(word)};
      iovec remote{Pointer(place), sizeof(word)};
      EXPECT_EQ(process_vm_readv(pid, &local, 1, &remote, 1, 0), -1) << std::hex << place;
      EXPECT_EQ(process_vm_writev(pid, &local, 1, &remote, 1, 0), -1) << std::hex << place;
      EXPECT_EQ(pread(memory, &word, sizeof(word), static_cast<off_t>(place)), -1);
      EXPECT_EQ(pwrite(memory, &word, sizeof(word), static_cast<off_t>(place)), -1);
    }
    close(memory);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(KernelWindow, NoMappingLiesOverIt) {
  struct Range {
    uint64_t begin, size;
  };
  for (Range range : {Range{kBegin, kPage}, Range{kBegin - kPage, 2 * kPage},
                      Range{kEnd - kPage, 2 * kPage}, Range{kBegin, kEnd - kBegin},
                      Range{kEnd - kPage, ~uint64_t{0}}, Range{~uint64_t{0} - kPage + 1, kPage}}) {
    void* at = Pointer(range.begin);
    EXPECT_EQ(mmap(at, range.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                   -1, 0),
              MAP_FAILED);
    EXPECT_EQ(mprotect(at, range.size, PROT_READ | PROT_WRITE | PROT_EXEC), -1);
    EXPECT_EQ(mremap(at, kPage, 2 * kPage, MREMAP_MAYMOVE), MAP_FAILED);
    void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    EXPECT_EQ(mremap(page, kPage, range.size, MREMAP_MAYMOVE | MREMAP_FIXED, at), MAP_FAILED);
    // Either is right, as long as calls work afterwards.
    madvise(at, range.size, MADV_DONTNEED);
    munmap(at, range.size);
    EXPECT_GT(getppid() + 1, 0);
  }
}

}  // namespace
