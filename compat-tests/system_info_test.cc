// What programs ask about the system: uname(2), sysinfo(2), getrandom(2), getcpu(2), affinity,
// scheduling, priorities.

#include <limits.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class SystemInfoTest : public DeadlineTest {};

TEST_F(SystemInfoTest, UnameDescribesLinuxOnX86) {
  utsname name = {};
  ASSERT_EQ(uname(&name), 0);
  EXPECT_STREQ(name.sysname, "Linux");
  EXPECT_STREQ(name.machine, "x86_64");
  EXPECT_STRNE(name.nodename, "");
  int major = 0, minor = 0;
  ASSERT_EQ(sscanf(name.release, "%d.%d", &major, &minor), 2);
  EXPECT_GE(major, 4);
  EXPECT_STRNE(name.version, "");
  EXPECT_ERRNO(EFAULT, syscall(SYS_uname, 8));
}

TEST_F(SystemInfoTest, HostNameAgreesWithUname) {
  utsname name = {};
  ASSERT_EQ(uname(&name), 0);
  char host[256] = {};
  ASSERT_EQ(gethostname(host, sizeof(host)), 0);
  EXPECT_STREQ(host, name.nodename);
}

TEST_F(SystemInfoTest, HostNameCannotBeSetWithoutPrivilege) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              CHILD_CHECK_ERRNO(EPERM, sethostname("x", 1));
              CHILD_CHECK_ERRNO(EPERM, setdomainname("x", 1));
            }),
            "exited 0");
}

TEST_F(SystemInfoTest, SysinfoIsPlausible) {
  struct sysinfo info = {};
  ASSERT_EQ(sysinfo(&info), 0);
  EXPECT_GE(info.uptime, 0);
  EXPECT_GT(info.mem_unit, 0u);
  EXPECT_GT(info.totalram * info.mem_unit, 16ULL << 20);
  EXPECT_LE(info.freeram, info.totalram);
  EXPECT_LE(info.freeswap, info.totalswap);
  EXPECT_GT(info.procs, 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_sysinfo, 8));
}

TEST_F(SystemInfoTest, SysinfoAndProcAgreeOnMemory) {
  struct sysinfo info = {};
  ASSERT_EQ(sysinfo(&info), 0);
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t kilobytes = 0;
  file >> name >> kilobytes;
  EXPECT_EQ(name, "MemTotal:");
  EXPECT_EQ(kilobytes, info.totalram * info.mem_unit / 1024);
}

TEST_F(SystemInfoTest, GetrandomFillsTheBuffer) {
  std::vector<unsigned char> first(256), second(256);
  EXPECT_EQ(getrandom(first.data(), first.size(), 0), 256);
  EXPECT_EQ(getrandom(second.data(), second.size(), GRND_NONBLOCK), 256);
  EXPECT_NE(first, second);
  std::vector<unsigned char> large(1 << 20);
  EXPECT_EQ(getrandom(large.data(), large.size(), GRND_NONBLOCK), 1 << 20);
  EXPECT_GT(std::set<unsigned char>(large.begin(), large.end()).size(), 250u);
  EXPECT_EQ(getrandom(first.data(), 0, 0), 0);
}

TEST_F(SystemInfoTest, GetrandomRefusesBadArguments) {
  char byte;
  EXPECT_ERRNO(EINVAL, getrandom(&byte, 1, 0x100));
  EXPECT_ERRNO(EINVAL, syscall(SYS_getrandom, &byte, 1, GRND_RANDOM | 4));  // GRND_INSECURE.
  EXPECT_ERRNO(EFAULT, syscall(SYS_getrandom, 8, 1, 0));
}

TEST_F(SystemInfoTest, GetcpuIsOneOfTheAffinityMask) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  unsigned cpu = 9999, node = 9999;
  ASSERT_EQ(syscall(SYS_getcpu, &cpu, &node, nullptr), 0);
  EXPECT_TRUE(CPU_ISSET(cpu, &set));
  EXPECT_LT(node, 1024u);
  EXPECT_GE(sched_getcpu(), 0);
  EXPECT_EQ(syscall(SYS_getcpu, nullptr, nullptr, nullptr), 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_getcpu, 8, nullptr, nullptr));
}

TEST_F(SystemInfoTest, AffinityAgreesWithTheNumberOfProcessors) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  EXPECT_GE(CPU_COUNT(&set), 1);
  EXPECT_LE(CPU_COUNT(&set), sysconf(_SC_NPROCESSORS_CONF));
  EXPECT_EQ(static_cast<unsigned>(CPU_COUNT(&set)), std::thread::hardware_concurrency());
}

TEST_F(SystemInfoTest, AffinityCanBeNarrowedAndIsInherited) {
  EXPECT_EQ(RunInChild([] {
              cpu_set_t all, one, seen;
              CHILD_CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
              size_t first = 0;
              while (!CPU_ISSET(first, &all)) {
                ++first;
              }
              CPU_ZERO(&one);
              CPU_SET(first, &one);
              CHILD_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
              CHILD_CHECK(sched_getaffinity(0, sizeof(seen), &seen) == 0);
              CHILD_CHECK(CPU_EQUAL(&seen, &one));
              CHILD_CHECK(sched_getcpu() == static_cast<int>(first));
              CHILD_CHECK(RunInChild([&] {
                            CHILD_CHECK(sched_getaffinity(0, sizeof(seen), &seen) == 0);
                            CHILD_CHECK(CPU_EQUAL(&seen, &one));
                          }) == "exited 0");
              CHILD_CHECK(sched_setaffinity(0, sizeof(all), &all) == 0);
              CHILD_CHECK(sched_getaffinity(0, sizeof(seen), &seen) == 0);
              CHILD_CHECK(CPU_EQUAL(&seen, &all));
            }),
            "exited 0");
}

TEST_F(SystemInfoTest, AffinityRefusesBadArguments) {
  cpu_set_t none;
  CPU_ZERO(&none);
  EXPECT_ERRNO(EINVAL, sched_setaffinity(0, sizeof(none), &none));
  EXPECT_ERRNO(ESRCH, sched_getaffinity(0x3fffff, sizeof(none), &none));
  EXPECT_ERRNO(ESRCH, sched_setaffinity(0x3fffff, sizeof(none), &none));
  EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getaffinity, 0, 4, &none));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sched_getaffinity, 0, sizeof(none), 8));
  // The system call tells how many bytes it stored.
  const long stored = syscall(SYS_sched_getaffinity, 0, sizeof(none), &none);
  EXPECT_GT(stored, 0);
  EXPECT_EQ(stored % 8, 0);
}

TEST_F(SystemInfoTest, YieldSucceeds) { EXPECT_EQ(sched_yield(), 0); }

TEST_F(SystemInfoTest, SchedulerIsTheOrdinaryOne) {
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  sched_param parameter = {9};
  ASSERT_EQ(sched_getparam(0, &parameter), 0);
  EXPECT_EQ(parameter.sched_priority, 0);
  EXPECT_EQ(sched_get_priority_min(SCHED_OTHER), 0);
  EXPECT_EQ(sched_get_priority_max(SCHED_OTHER), 0);
  EXPECT_EQ(sched_get_priority_min(SCHED_FIFO), 1);
  EXPECT_EQ(sched_get_priority_max(SCHED_FIFO), 99);
  EXPECT_ERRNO(EINVAL, sched_get_priority_max(99));
  EXPECT_ERRNO(ESRCH, sched_getscheduler(0x3fffff));
  EXPECT_ERRNO(EINVAL, sched_getscheduler(-1));
  timespec interval = {};
  EXPECT_EQ(sched_rr_get_interval(0, &interval), 0);
}

TEST_F(SystemInfoTest, SchedulerCallsRefuseBadArguments) {
  const sched_param none = {0}, five = {5};
  sched_param read = {};
  timespec interval = {};
  EXPECT_ERRNO(EINVAL, sched_setscheduler(0, 99, &none));
  EXPECT_ERRNO(EINVAL, sched_setscheduler(0, SCHED_OTHER, &five));
  EXPECT_ERRNO(EINVAL, sched_setscheduler(-1, SCHED_OTHER, &none));
  EXPECT_ERRNO(ESRCH, sched_setscheduler(INT_MAX, SCHED_OTHER, &none));
  EXPECT_ERRNO(EINVAL, sched_getscheduler(-1));
  EXPECT_ERRNO(ESRCH, sched_getscheduler(INT_MAX));
  EXPECT_ERRNO(EINVAL, sched_setparam(0, &five));
  EXPECT_ERRNO(EINVAL, sched_setparam(-1, &none));
  EXPECT_ERRNO(EINVAL, syscall(SYS_sched_setparam, 0, nullptr));
  EXPECT_ERRNO(ESRCH, sched_setparam(INT_MAX, &none));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sched_setparam, 0, 8));
  EXPECT_ERRNO(EINVAL, sched_getparam(-1, &read));
  EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getparam, 0, nullptr));
  EXPECT_ERRNO(ESRCH, sched_getparam(INT_MAX, &read));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sched_getparam, 0, 8));
  EXPECT_ERRNO(EINVAL, sched_get_priority_max(99));
  EXPECT_ERRNO(EINVAL, sched_get_priority_min(99));
  EXPECT_ERRNO(EINVAL, sched_rr_get_interval(-1, &interval));
  EXPECT_ERRNO(ESRCH, sched_rr_get_interval(INT_MAX, &interval));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sched_rr_get_interval, 0, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sched_setaffinity, 0, 8, 8));
}

TEST_F(SystemInfoTest, SyslogRefusesBadArguments) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "others may be told EPERM before anything else (kernel.dmesg_restrict)";
  }
  char text[16];
  EXPECT_ERRNO(EINVAL, syscall(SYS_syslog, 3, nullptr, 1));
  EXPECT_ERRNO(EINVAL, syscall(SYS_syslog, 3, text, -1));
}

TEST_F(SystemInfoTest, BatchAndIdleNeedNoPrivilege) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              const sched_param zero = {0}, one = {1};
              CHILD_CHECK(sched_setscheduler(0, SCHED_BATCH, &zero) == 0);
              CHILD_CHECK(sched_getscheduler(0) == SCHED_BATCH);
              CHILD_CHECK(sched_setscheduler(0, SCHED_OTHER, &zero) == 0);
              CHILD_CHECK_ERRNO(EINVAL, sched_setscheduler(0, SCHED_OTHER, &one));
              CHILD_CHECK_ERRNO(EINVAL, sched_setscheduler(0, 99, &zero));
              CHILD_CHECK_ERRNO(EPERM, sched_setscheduler(0, SCHED_FIFO, &one));
            }),
            "exited 0");
}

TEST_F(SystemInfoTest, PriorityIsSetReadAndInherited) {
  EXPECT_EQ(RunInChild([] {
              // Only ever upwards, for the tests may run under nice themselves.
              CHILD_CHECK(setpriority(PRIO_PROCESS, 0, 13) == 0);
              CHILD_CHECK(getpriority(PRIO_PROCESS, 0) == 13);
              CHILD_CHECK(nice(3) == 16);
              CHILD_CHECK(setpriority(PRIO_PROCESS, 0, 100) == 0);  // Cut to 19.
              CHILD_CHECK(getpriority(PRIO_PROCESS, 0) == 19);
              CHILD_CHECK(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 1);  // 20 minus it.
              CHILD_CHECK(RunInChild([] { return getpriority(PRIO_PROCESS, 0); }) == "exited 19");
            }),
            "exited 0");
}

TEST_F(SystemInfoTest, PriorityOfGroupsIsTheHighestOne) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setpgid(0, 0) == 0);
              CHILD_CHECK(setpriority(PRIO_PROCESS, 0, 13) == 0);
              Channel<> ready, go;
              const pid_t pid = ForkChild([&] {
                setpriority(PRIO_PROCESS, 0, 15);
                ready.Send();
                go.Receive();
                return getpriority(PRIO_PROCESS, 0);
              });
              ready.Receive();
              CHILD_CHECK(getpriority(PRIO_PGRP, 0) == 13);
              CHILD_CHECK(setpriority(PRIO_PGRP, 0, 17) == 0);
              go.Send();
              CHILD_CHECK(WaitFor(pid) == "exited 17");
            }),
            "exited 0");
}

TEST_F(SystemInfoTest, PriorityRefusesWhatIsNotAllowed) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              rlimit limit = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_NICE, &limit) == 0);
              CHILD_CHECK(setpriority(PRIO_PROCESS, 0, 17) == 0);
              CHILD_CHECK_ERRNO(EACCES, setpriority(PRIO_PROCESS, 0, 12));
              CHILD_CHECK_ERRNO(EPERM, nice(-5));
            }),
            "exited 0");
  EXPECT_ERRNO(EINVAL, getpriority(static_cast<__priority_which>(3), 0));
  EXPECT_ERRNO(ESRCH, getpriority(PRIO_PROCESS, 0x3fffff));
  EXPECT_ERRNO(ESRCH, setpriority(PRIO_PROCESS, 0x3fffff, 5));
}

TEST_F(SystemInfoTest, ProcAndSysconfAgreeOnProcessors) {
  std::ifstream file("/proc/cpuinfo");
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    count += line.rfind("processor", 0) == 0 ? 1 : 0;
  }
  EXPECT_EQ(count, sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: EAGAIN and EINTR of getrandom (before the pool is ready), EPERM of
// other users' affinity and priority.
