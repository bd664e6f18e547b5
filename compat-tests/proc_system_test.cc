// What /proc tells about the machine: processors, memory, time, version, and /proc/sys.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"

namespace ukrun::compat_tests {
namespace {

// The number in kB after "Name:" in /proc/meminfo.
int64_t MeminfoKb(const std::string& name) {
  std::istringstream lines(ReadFile("/proc/meminfo"));
  std::string key;
  int64_t value = 0;
  std::string rest;
  while (lines >> key >> value && std::getline(lines, rest)) {
    if (key == name + ":") {
      EXPECT_EQ(rest, " kB");
      return value;
    }
  }
  ADD_FAILURE() << "no " << name << " in /proc/meminfo";
  return 0;
}

int CountLinesWithPrefix(const std::string& text, const std::string& prefix) {
  std::istringstream lines(text);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    count += line.rfind(prefix, 0) == 0 ? 1 : 0;
  }
  return count;
}

TEST(ProcSystemTest, CpuinfoDescribesEveryProcessor) {
  const std::string cpuinfo = ReadFile("/proc/cpuinfo");
  EXPECT_EQ(CountLinesWithPrefix(cpuinfo, "processor"), sysconf(_SC_NPROCESSORS_ONLN));
  for (const char* field : {"vendor_id", "model name", "flags", "cpu MHz", "cache size"}) {
    EXPECT_NE(cpuinfo.find(field), std::string::npos) << field;
  }
  EXPECT_NE(cpuinfo.find(" sse2 "), std::string::npos);
}

TEST(ProcSystemTest, ProcessorsAgreeWithAffinityAndStat) {
  cpu_set_t set;
  ASSERT_OK(sched_getaffinity(0, sizeof(set), &set));
  EXPECT_GE(CPU_COUNT(&set), 1);
  EXPECT_LE(CPU_COUNT(&set), sysconf(_SC_NPROCESSORS_ONLN));
  const std::string stat = ReadFile("/proc/stat");
  EXPECT_EQ(stat.rfind("cpu ", 0), 0u);
  EXPECT_EQ(CountLinesWithPrefix(stat, "cpu"), sysconf(_SC_NPROCESSORS_ONLN) + 1);
  EXPECT_EQ(CountLinesWithPrefix(stat, "btime "), 1);
}

TEST(ProcSystemTest, MeminfoIsConsistentAndAgreesWithSysinfo) {
  const int64_t total = MeminfoKb("MemTotal");
  EXPECT_GT(total, 0);
  EXPECT_LE(MeminfoKb("MemFree"), total);
  EXPECT_LE(MeminfoKb("MemAvailable"), total);
  EXPECT_LE(MeminfoKb("SwapFree"), MeminfoKb("SwapTotal"));
  EXPECT_GE(MeminfoKb("Cached"), 0);
  struct sysinfo info = {};
  ASSERT_OK(sysinfo(&info));
  EXPECT_EQ(static_cast<int64_t>(info.totalram) * info.mem_unit / 1024, total);
}

TEST(ProcSystemTest, UptimeGrowsAndAgreesWithSysinfo) {
  double first = 0;
  double idle = 0;
  std::istringstream(ReadFile("/proc/uptime")) >> first >> idle;
  EXPECT_GT(first, 0);
  EXPECT_GE(idle, 0);
  struct sysinfo info = {};
  ASSERT_OK(sysinfo(&info));
  EXPECT_NEAR(first, static_cast<double>(info.uptime), 2);
  EXPECT_NEAR(first, static_cast<double>(ClockNs(CLOCK_BOOTTIME)) / 1e9, 2);
  WaitUntil([&] {
    double later = 0;
    std::istringstream(ReadFile("/proc/uptime")) >> later;
    return later > first;
  });
}

TEST(ProcSystemTest, LoadavgHasFiveFields) {
  double one = -1;
  double five = -1;
  double fifteen = -1;
  int running = 0;
  char slash = 0;
  int total = 0;
  int last_pid = 0;
  std::istringstream(ReadFile("/proc/loadavg")) >> one >> five >> fifteen >> running >> slash >>
      total >> last_pid;
  EXPECT_GE(one, 0);
  EXPECT_GE(fifteen, 0);
  EXPECT_EQ(slash, '/');
  EXPECT_GE(total, running);
  EXPECT_GT(last_pid, 0);
}

TEST(ProcSystemTest, VersionAgreesWithUname) {
  utsname name = {};
  ASSERT_OK(uname(&name));
  EXPECT_EQ(ReadFile("/proc/version").rfind(std::string("Linux version ") + name.release, 0), 0u);
  EXPECT_EQ(ReadFile("/proc/sys/kernel/osrelease"), std::string(name.release) + "\n");
  EXPECT_EQ(ReadFile("/proc/sys/kernel/hostname"), std::string(name.nodename) + "\n");
  EXPECT_EQ(ReadFile("/proc/sys/kernel/ostype"), "Linux\n");
}

TEST(ProcSystemTest, FilesystemsNameProcAndTmpfs) {
  const std::string filesystems = ReadFile("/proc/filesystems");
  EXPECT_NE(filesystems.find("nodev\tproc\n"), std::string::npos);
  EXPECT_NE(filesystems.find("nodev\ttmpfs\n"), std::string::npos);
}

TEST(ProcSystemTest, KernelLimitsAreNumbers) {
  EXPECT_GT(std::stol(ReadFile("/proc/sys/kernel/pid_max")), 0);
  EXPECT_GE(std::stol(ReadFile("/proc/sys/vm/overcommit_memory")), 0);
  EXPECT_GT(std::stol(ReadFile("/proc/sys/fs/file-max")), 0);
  EXPECT_GE(std::stol(ReadFile("/proc/sys/fs/pipe-max-size")), 4096);
  EXPECT_GE(std::stol(ReadFile("/proc/sys/vm/max_map_count")), 1000);
}

TEST(ProcSystemTest, RandomUuidIsDifferentEachTime) {
  const std::string first = ReadFile("/proc/sys/kernel/random/uuid");
  EXPECT_EQ(first.size(), 37u);
  EXPECT_EQ(first[14], '4');
  EXPECT_NE(ReadFile("/proc/sys/kernel/random/uuid"), first);
  const std::string boot = ReadFile("/proc/sys/kernel/random/boot_id");
  EXPECT_EQ(ReadFile("/proc/sys/kernel/random/boot_id"), boot);
}

TEST(ProcSystemTest, DirectoryListsProcessesByNumber) {
  Child child([] { pause(); });
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names.count(std::to_string(getpid())), 1u);
  EXPECT_EQ(names.count(std::to_string(child.pid())), 1u);
  EXPECT_EQ(names.count("1"), 1u);
  for (const char* name : {"self", "cpuinfo", "meminfo", "mounts", "stat", "uptime", "version"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
}

TEST(ProcSystemTest, FirstProcessIsOne) { EXPECT_EQ(ReadFile("/proc/1/stat").rfind("1 (", 0), 0u); }

TEST(ProcSystemTest, OrdinaryUserCannotChangeTheKernel) {
  ExpectPassesAsOrdinaryUser([] {
    EXPECT_ERRNO(OneOf(EACCES, EPERM, EROFS), open("/proc/sys/kernel/hostname", O_WRONLY));
    EXPECT_ERRNO(OneOf(EACCES, EPERM, ENOENT), open("/proc/sysrq-trigger", O_WRONLY));
  });
}

// proc(5) lists no errnos of its own.

}  // namespace
}  // namespace ukrun::compat_tests
