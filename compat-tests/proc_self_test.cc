// What /proc tells a process about itself. Its descriptors and mounts are in proc_fd_test.cc, the
// facts about the machine in proc_system_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/mapping.h"
#include "compat-tests/util/proc_text.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr size_t kPage = 4096;

class ProcSelfTest : public TempDirTest {};

TEST_F(ProcSelfTest, IsALinkToTheDirectoryOfTheProcess) {
  EXPECT_EQ(ReadLink("/proc/self"), std::to_string(getpid()));
  ExpectPassesInChild([] { EXPECT_EQ(ReadLink("/proc/self"), std::to_string(getpid())); });
  EXPECT_EQ(ReadLink("/proc/thread-self"),
            std::to_string(getpid()) + "/task/" + std::to_string(gettid()));
}

TEST_F(ProcSelfTest, DirectoryBelongsToTheUser) {
  const struct stat status = Stat("/proc/self/");
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_EQ(status.st_uid, geteuid());
  EXPECT_EQ(status.st_gid, getegid());
}

TEST_F(ProcSelfTest, ExeLeadsToTheProgram) {
  const std::string path = ReadLink("/proc/self/exe");
  EXPECT_EQ(path.front(), '/');
  EXPECT_EQ(Stat(path.c_str()).st_ino, Stat("/proc/self/exe").st_ino);
  EXPECT_EQ(ReadFile("/proc/self/exe").substr(0, 4),
            "\x7f"
            "ELF");
}

TEST_F(ProcSelfTest, ExeOfADeletedProgramStillOpens) {
  WriteFile(Path("program"), ReadFile("/bin/cat"), 0755);
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  Child child([&] {
    // Nobody opens the other end: it stays until it is killed.
    execl(Path("program"), "program", Path("fifo").c_str(), nullptr);
    _exit(127);
  });
  const std::string exe = "/proc/" + std::to_string(child.pid()) + "/exe";
  ASSERT_TRUE(WaitUntil([&] {
    char target[4096];
    const ssize_t length = readlink(exe.c_str(), target, sizeof(target));
    return length > 0 && std::string(target, static_cast<size_t>(length)) == Path("program");
  }));
  ASSERT_OK(unlink(Path("program")));
  EXPECT_EQ(ReadLink(exe.c_str()), Path("program") + " (deleted)");
  EXPECT_EQ(ReadFile(exe.c_str()).substr(1, 3), "ELF");
}

TEST_F(ProcSelfTest, CwdAndRootAreLinks) {
  ExpectPassesInChild([&] {
    ASSERT_OK(chdir(Root()));
    EXPECT_EQ(ReadLink("/proc/self/cwd"), Root());
    WriteFile(Path("file"), "here");
    EXPECT_EQ(ReadFile("/proc/self/cwd/file"), "here");
    EXPECT_EQ(ReadLink("/proc/self/root"), "/");
    EXPECT_EQ(Stat("/proc/self/root/").st_ino, Stat("/").st_ino);
  });
}

TEST_F(ProcSelfTest, CmdlineAndEnvironAreTheStringsOfTheExec) {
  const std::string script = "cat /proc/$$/cmdline /proc/$$/environ > \"$OUT\"; true";
  Child child([&] {
    const std::string out = "OUT=" + Path("out");
    execle("/bin/sh", "argument zero", "-c", script.c_str(), "x y", "", nullptr,
           std::vector<const char*>{out.c_str(), "EMPTY=", nullptr}.data());
    _exit(127);
  });
  ASSERT_TRUE(child.Passes());
  const std::string zero(1, '\0');
  EXPECT_EQ(ReadFile(Path("out")), "argument zero" + zero + "-c" + zero + script + zero + "x y" +
                                       zero + zero + "OUT=" + Path("out") + zero + "EMPTY=" + zero);
}

TEST_F(ProcSelfTest, CommIsTheNameOfTheThreadAndCanBeSet) {
  std::thread([] {
    ASSERT_OK(prctl(PR_SET_NAME, "short"));
    EXPECT_EQ(ReadFile("/proc/thread-self/comm"), "short\n");
    Fd comm = OpenFile("/proc/thread-self/comm", O_WRONLY);
    WriteAll(comm.get(), "a name that is much too long");
    char name[16] = {};
    ASSERT_OK(prctl(PR_GET_NAME, name));
    EXPECT_STREQ(name, "a name that is ");
  }).join();
  const std::string comm = ReadFile("/proc/self/comm");
  const std::string exe = ReadLink("/proc/self/exe");
  EXPECT_NE(exe.find(comm.substr(0, comm.size() - 1)), std::string::npos) << comm << exe;
}

TEST_F(ProcSelfTest, StatHasItsFieldsInPlace) {
  const std::string text = ReadFile("/proc/self/stat");
  const size_t open_bracket = text.find('(');
  const size_t close_bracket = text.rfind(')');
  ASSERT_NE(close_bracket, std::string::npos);
  EXPECT_EQ(text.substr(0, open_bracket), std::to_string(getpid()) + " ");
  const std::string comm = ReadFile("/proc/self/comm");
  EXPECT_EQ(text.substr(open_bracket + 1, close_bracket - open_bracket - 1) + "\n", comm);
  // Field n of proc(5) is words[n - 3].
  const std::vector<std::string> words = Words(text.substr(close_bracket + 1));
  ASSERT_GE(words.size(), 50u);
  EXPECT_EQ(words[0], "R");
  EXPECT_EQ(words[1], std::to_string(getppid()));
  EXPECT_EQ(words[2], std::to_string(getpgrp()));
  EXPECT_EQ(words[3], std::to_string(getsid(0)));
  EXPECT_EQ(words[17], "1");              // threads
  EXPECT_GT(std::stoull(words[20]), 0u);  // virtual memory in bytes
  EXPECT_GT(std::stoull(words[21]), 0u);  // resident pages
}

TEST_F(ProcSelfTest, StatmCountsPages) {
  const std::vector<std::string> words = Words(ReadFile("/proc/self/statm"));
  ASSERT_EQ(words.size(), 7u);
  EXPECT_GT(std::stoull(words[0]), std::stoull(words[1]));
  EXPECT_GT(std::stoull(words[1]), 0u);
}

TEST_F(ProcSelfTest, StatusNamesIdsAndState) {
  const std::string status = ReadFile("/proc/self/status");
  EXPECT_EQ(Field(status, "Name") + "\n", ReadFile("/proc/self/comm"));
  EXPECT_EQ(Field(status, "State"), "R (running)");
  EXPECT_EQ(Field(status, "Pid"), std::to_string(getpid()));
  EXPECT_EQ(Field(status, "Tgid"), std::to_string(getpid()));
  EXPECT_EQ(Field(status, "PPid"), std::to_string(getppid()));
  EXPECT_EQ(Field(status, "TracerPid"), "0");
  EXPECT_EQ(Words(Field(status, "Uid")),
            (std::vector<std::string>{std::to_string(getuid()), std::to_string(geteuid()),
                                      std::to_string(geteuid()), std::to_string(geteuid())}));
  EXPECT_EQ(Words(Field(status, "Gid"))[0], std::to_string(getgid()));
  EXPECT_EQ(Words(Field(status, "VmRSS"))[1], "kB");
  EXPECT_GT(std::stoull(Field(status, "VmSize")), 0u);
}

TEST_F(ProcSelfTest, StatusFollowsUmaskSignalsAndThreads) {
  ExpectPassesInChild([] {
    umask(027);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    ASSERT_OK(sigprocmask(SIG_SETMASK, &blocked, nullptr));
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR1);
    const std::string status = ReadFile("/proc/self/status");
    EXPECT_EQ(Field(status, "Umask"), "0027");
    // Only in a new process: a thread that was joined is counted until it is really gone.
    EXPECT_EQ(Field(status, "Threads"), "1");
    EXPECT_EQ(Field(status, "SigBlk"), "0000000000000200");
    EXPECT_EQ(std::stoull(Field(status, "SigIgn"), nullptr, 16) & 0x800, 0x800u);
    EXPECT_EQ(std::stoull(Field(status, "SigPnd"), nullptr, 16) |
                  std::stoull(Field(status, "ShdPnd"), nullptr, 16),
              0x200u);
    std::thread([] {
      EXPECT_EQ(Field(ReadFile("/proc/self/status"), "Threads"), "2");
      EXPECT_EQ(Field(ReadFile("/proc/thread-self/status"), "Pid"), std::to_string(gettid()));
    }).join();
  });
}

TEST_F(ProcSelfTest, TaskListsTheThreads) {
  std::thread([] {
    std::set<std::string> tasks;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      tasks.insert(entry.path().filename());
    }
    EXPECT_EQ(tasks, (std::set<std::string>{std::to_string(getpid()), std::to_string(gettid())}));
  }).join();
}

TEST_F(ProcSelfTest, MapsShowMappingsAsTheyChange) {
  Mapping map(3 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  const auto line_of = [](const void* address) {
    std::istringstream maps(ReadFile("/proc/self/maps"));
    std::string line;
    while (std::getline(maps, line)) {
      unsigned long start = 0;
      unsigned long end = 0;
      EXPECT_EQ(sscanf(line.c_str(), "%lx-%lx", &start, &end), 2) << line;
      const auto wanted = reinterpret_cast<unsigned long>(address);
      if (start <= wanted && wanted < end) {
        return line;
      }
    }
    return std::string();
  };
  EXPECT_NE(line_of(map.data()).find(" rw-p 00000000 00:00 0"), std::string::npos);
  ASSERT_OK(mprotect(map.data() + kPage, kPage, PROT_READ | PROT_EXEC));
  EXPECT_NE(line_of(map.data() + kPage).find(" r-xp "), std::string::npos);
  ASSERT_OK(munmap(map.data() + kPage, kPage));
  EXPECT_EQ(line_of(map.data() + kPage), "");
  const int on_stack = 0;
  EXPECT_NE(line_of(&on_stack).find("[stack]"), std::string::npos);
  EXPECT_NE(ReadFile("/proc/self/maps").find(ReadLink("/proc/self/exe")), std::string::npos);
}

TEST_F(ProcSelfTest, ProcCannotBeWrittenTo) {
  EXPECT_ERRNO(OneOf(ENOENT, EACCES, EPERM), open("/proc/self/new", O_WRONLY | O_CREAT, 0600));
  EXPECT_ERRNO(OneOf(ENOENT, EACCES, EPERM), mkdir("/proc/new", 0755));
  EXPECT_ERRNO(OneOf(EPERM, EACCES), unlink("/proc/self/status"));
  EXPECT_ERRNO(ENOENT, open("/proc/999999999/status", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("/proc/self/status/x", O_RDONLY));
}

TEST_F(ProcSelfTest, FilesHaveSizeZeroAndCanBeReadInPieces) {
  EXPECT_EQ(Stat("/proc/self/status").st_size, 0);
  Fd fd = OpenFile("/proc/self/status", O_RDONLY);
  std::string pieces;
  char byte = 0;
  while (read(fd.get(), &byte, 1) == 1) {
    pieces += byte;
  }
  EXPECT_EQ(Field(pieces, "Pid"), std::to_string(getpid()));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(ReadAll(fd.get()).substr(0, 5), "Name:");
}

TEST_F(ProcSelfTest, DirectoryOfADeadProcessGoesAway) {
  std::string path;
  {
    Child child([] { pause(); });
    path = "/proc/" + std::to_string(child.pid());
    EXPECT_TRUE(Exists(path.c_str()));
    Fd status = OpenFile((path + "/status").c_str(), O_RDONLY);
    ASSERT_OK(kill(child.pid(), SIGKILL));
    child.WaitStatus();
    char byte = 0;
    EXPECT_ERRNO(ESRCH, read(status.get(), &byte, 1));
  }
  EXPECT_FALSE(Exists(path.c_str()));
}

TEST_F(ProcSelfTest, ZombieShowsItsState) {
  Child child([] {});
  const std::string path = "/proc/" + std::to_string(child.pid());
  ASSERT_TRUE(WaitUntil(
      [&] { return Field(ReadFile((path + "/status").c_str()), "State") == "Z (zombie)"; }));
  EXPECT_EQ(ReadFile((path + "/cmdline").c_str()), "");
  EXPECT_EQ(child.WaitStatus(), 0);
}

// Every lookup in /proc makes its inode anew; a removal must not wait to see one twice.
TEST_F(ProcSelfTest, NothingCanBeRemovedFromIt) {
  EXPECT_ERRNO(ENOTDIR, rmdir("/proc/self/fd/0"));
  EXPECT_ERRNO(EPERM, rmdir("/proc/self/task"));
  EXPECT_ERRNO(EPERM, unlink("/proc/self/mem"));
}

// Not provoked: EACCES and EPERM between users (see the tests of credentials).

}  // namespace
}  // namespace ukrun::compat_tests
