// execve(2) and execveat(2): what the new program gets and what of the process it keeps.
// exec_errno_test.cc has the failures, exec_script_test.cc the scripts.

#include <spawn.h>
#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class ExecTest : public DeadlineTest {};

Report ExecReport(std::vector<std::string> more_arguments = {},
                  std::vector<std::string> environment = {}) {
  more_arguments.insert(more_arguments.begin(), {"program", kReportFlag});
  return CaptureReport([&] {
    StringList arguments(more_arguments), variables(environment);
    execve(OwnPath().c_str(), arguments.get(), variables.get());
  });
}

// Executes this program for a report in the calling process.
void BecomeReporter() { execl(OwnPath().c_str(), "program", kReportFlag, nullptr); }

TEST_F(ExecTest, PassesArgumentsExactly) {
  Report report = ExecReport({"", "a b", "\t*?$", "last"});
  EXPECT_EQ(report["argc"], "6");
  EXPECT_EQ(report["argv0"], "program");
  EXPECT_EQ(report["argv2"], "");
  EXPECT_EQ(report["argv3"], "a b");
  EXPECT_EQ(report["argv4"], "\t*?$");
  EXPECT_EQ(report["argv5"], "last");
}

TEST_F(ExecTest, PassesTheEnvironmentExactlyAndInOrder) {
  Report report = ExecReport({}, {"B=2", "A=1", "NOVALUE", "B=again"});
  EXPECT_EQ(report["envc"], "4");
  EXPECT_EQ(report["env0"], "B=2");
  EXPECT_EQ(report["env1"], "A=1");
  EXPECT_EQ(report["env2"], "NOVALUE");
  EXPECT_EQ(report["env3"], "B=again");
}

TEST_F(ExecTest, PassesTenThousandArguments) {
  std::vector<std::string> many(10'000, "x");
  many.back() = "the end";
  Report report = ExecReport(many);
  EXPECT_EQ(report["argc"], "10002");
  EXPECT_EQ(report["argv10001"], "the end");
}

TEST_F(ExecTest, PassesAnArgumentOfAlmost128KiB) {
  const std::string longest(128 * 1024 - 1, 'y');
  EXPECT_EQ(ExecReport({longest})["argv2"], longest);
}

TEST_F(ExecTest, AnEmptyArgumentListBecomesOneEmptyString) {
  // As on Linux 5.18 and newer: cat copies its own command line, one empty string.
  std::string status;
  const std::string output = CaptureOutput(
      [] {
        char* nothing[] = {nullptr};
        CHILD_CHECK(dup2(Fd(open("/proc/self/cmdline", O_RDONLY)).get(), STDIN_FILENO) == 0);
        execve("/bin/cat", nothing, nothing);
      },
      &status);
  EXPECT_EQ(status, "exited 0");
  EXPECT_EQ(output, std::string(1, '\0'));
}

TEST_F(ExecTest, NullArgumentAndEnvironmentPointersMeanEmptyLists) {
  std::string status;
  CaptureOutput([] { syscall(SYS_execve, "/bin/true", nullptr, nullptr); }, &status);
  EXPECT_EQ(status, "exited 0");
}

TEST_F(ExecTest, KeepsThePidAndTheParent) {
  pid_t child = 0;
  Channel<pid_t> channel;
  Report report = CaptureReport([&] {
    channel.Send(getpid());
    BecomeReporter();
  });
  child = channel.Receive();
  EXPECT_EQ(report["pid"], std::to_string(child));
  EXPECT_EQ(report["tid"], std::to_string(child));
  EXPECT_EQ(report["ppid"], std::to_string(getpid()));
}

TEST_F(ExecTest, ClosesDescriptorsMarkedCloexecAndKeepsTheOthers) {
  Report report = CaptureReport([] {
    CHILD_CHECK(dup2(STDERR_FILENO, 20) == 20);
    CHILD_CHECK(dup3(STDERR_FILENO, 21, O_CLOEXEC) == 21);
    CHILD_CHECK(dup2(STDERR_FILENO, 22) == 22);
    CHILD_CHECK(fcntl(22, F_SETFD, FD_CLOEXEC) == 0);
    BecomeReporter();
  });
  EXPECT_EQ(report["fd20"], "open");
  EXPECT_EQ(report["fd21"], "closed");
  EXPECT_EQ(report["fd22"], "closed");
}

TEST_F(ExecTest, SeversADescriptorTableSharedWithAnotherProcess) {
  // The child shares the table; its exec closes the marked descriptor in its own copy only.
  Fd file(memfd_create("shared table", MFD_CLOEXEC));
  std::vector<char> stack(256 * 1024);
  const pid_t pid = clone([](void*) { return execl("/bin/true", "true", nullptr); },
                          stack.data() + stack.size(), CLONE_FILES | SIGCHLD, nullptr);
  ASSERT_GT(pid, 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(fcntl(file.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ExecTest, ResetsHandledSignalsAndKeepsIgnoredOnes) {
  Report report = CaptureReport([] {
    signal(SIGUSR1, [](int) {});
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGALRM, SIG_DFL);
    BecomeReporter();
  });
  EXPECT_EQ(report["handled"], "");
  EXPECT_NE(("," + report["ignored"]).find(",12,15,"), std::string::npos) << report["ignored"];
}

TEST_F(ExecTest, KeepsTheSignalMaskAndPendingSignals) {
  Report report = CaptureReport([] {
    const sigset_t set = SignalSet({SIGUSR1, SIGUSR2});
    sigprocmask(SIG_SETMASK, &set, nullptr);
    raise(SIGUSR1);
    BecomeReporter();
  });
  EXPECT_EQ(report["blocked"], "10,12,");
  EXPECT_EQ(report["pending"], "10,");
}

TEST_F(ExecTest, KeepsTheAlarmAndTheUmask) {
  Report report = CaptureReport([] {
    alarm(1000);
    umask(0123);
    BecomeReporter();
  });
  EXPECT_GT(std::stoi(report["alarm"]), 900);
  EXPECT_EQ(report["umask"], "123");
}

TEST_F(ExecTest, ForgetsTheAlternateStack) {
  Report report = CaptureReport([] {
    static char memory[32768];
    const stack_t stack = {memory, 0, sizeof(memory)};
    CHILD_CHECK(sigaltstack(&stack, nullptr) == 0);
    BecomeReporter();
  });
  EXPECT_EQ(report["altstack"], "disabled");
}

TEST_F(ExecTest, NamesTheThreadAfterTheFileAndCutsItAtFifteenBytes) {
  ScratchDirectory directory;
  const std::string link = directory.path("a_name_of_more_than_15_bytes");
  ASSERT_EQ(symlink(OwnPath().c_str(), link.c_str()), 0);
  Report report = CaptureReport([&] { execl(link.c_str(), "other name", kReportFlag, nullptr); });
  EXPECT_EQ(report["name"], "a_name_of_more_");
  EXPECT_EQ(report["execfn"], link);
  EXPECT_EQ(report["argv0"], "other name");
}

TEST_F(ExecTest, GivesTheAuxiliaryVector) {
  Report report = ExecReport();
  EXPECT_EQ(report["execfn"], OwnPath());
  EXPECT_EQ(report["secure"], "0");
  EXPECT_EQ(report["pagesize"], "4096");
  EXPECT_EQ(report["clktck"], "100");
  EXPECT_EQ(report["platform"], "x86_64");
  EXPECT_EQ(report["phdr"], "1");
  EXPECT_EQ(report["entry"], "1");
  EXPECT_EQ(report["auxuid"], std::to_string(getuid()));
  EXPECT_EQ(report["auxeuid"], std::to_string(geteuid()));
  EXPECT_EQ(report["auxgid"], std::to_string(getgid()));
  EXPECT_EQ(report["auxegid"], std::to_string(getegid()));
}

TEST_F(ExecTest, GivesEachProgramOtherRandomBytes) {
  const std::string first = ExecReport()["random"];
  EXPECT_EQ(first.size(), 32u);
  EXPECT_NE(first, ExecReport()["random"]);
}

TEST_F(ExecTest, ResetsDumpableAndKeepcapsButKeepsNoNewPrivsAndDeathSignal) {
  Report report = CaptureReport([] {
    CHILD_CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    CHILD_CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
    CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHILD_CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
    BecomeReporter();
  });
  EXPECT_EQ(report["dumpable"], "1");
  EXPECT_EQ(report["keepcaps"], "0");
  EXPECT_EQ(report["nonewprivs"], "1");
  EXPECT_EQ(report["pdeathsig"], std::to_string(SIGUSR1));
}

TEST_F(ExecTest, FromAnotherThreadTakesOverTheLeadersId) {
  Channel<pid_t> channel;
  Report report = CaptureReport([&] {
    channel.Send(getpid());
    std::thread([] {
      CHILD_CHECK(GetTid() != getpid());
      BecomeReporter();
    }).join();
  });
  const std::string pid = std::to_string(channel.Receive());
  EXPECT_EQ(report["pid"], pid);
  EXPECT_EQ(report["tid"], pid);
}

TEST_F(ExecTest, EndsTheOtherThreads) {
  Pipe pipe;
  const pid_t pid = ForkChild([&] {
    for (int i = 0; i < 5; ++i) {
      std::thread([] {
        for (;;) {
          pause();
        }
      }).detach();
    }
    // The program ends when it reads the end of its input, so threads that lived on would show.
    CHILD_CHECK(dup2(pipe.reader.get(), STDIN_FILENO) == 0);
    pipe.writer.Reset();
    std::thread([] { execl("/bin/sh", "sh", "-c", "read x; exit 4", nullptr); }).join();
  });
  EXPECT_TRUE(Eventually([&] {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    return std::getline(file, name) && name == "sh";
  }));
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string line, threads;
  while (std::getline(file, line)) {
    threads = line.rfind("Threads:", 0) == 0 ? line : threads;
  }
  EXPECT_EQ(threads, "Threads:\t1");
  pipe.writer.Reset();
  EXPECT_EQ(WaitFor(pid), "exited 4");
}

TEST_F(ExecTest, ExecutesAMemoryFileThroughItsDescriptor) {
  const Fd source(open(OwnPath().c_str(), O_RDONLY | O_CLOEXEC));
  const std::string content = ReadAll(source.get());
  const Fd file(memfd_create("program", MFD_CLOEXEC));
  ASSERT_EQ(write(file.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  Report report = CaptureReport([&] {
    StringList arguments({"from memory", kReportFlag}), variables({});
    syscall(SYS_execveat, file.get(), "", arguments.get(), variables.get(), AT_EMPTY_PATH);
  });
  EXPECT_EQ(report["argv0"], "from memory");
  EXPECT_EQ(report["execfn"], "/dev/fd/" + std::to_string(file.get()));
}

TEST_F(ExecTest, ExecveatFollowsADirectoryDescriptor) {
  const Fd directory(open("/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::string status;
  const std::string output = CaptureOutput(
      [&] {
        StringList arguments({"echo", "hello"}), variables({});
        syscall(SYS_execveat, directory.get(), "echo", arguments.get(), variables.get(), 0);
      },
      &status);
  EXPECT_EQ(output, "hello\n");
  EXPECT_EQ(status, "exited 0");
}

TEST_F(ExecTest, ExecveatWithoutADirectoryUsesTheWorkingDirectory) {
  std::string status;
  const std::string output = CaptureOutput(
      [&] {
        CHILD_CHECK(chdir("/bin") == 0);
        StringList arguments({"echo", "here"}), variables({});
        syscall(SYS_execveat, AT_FDCWD, "echo", arguments.get(), variables.get(), 0);
      },
      &status);
  EXPECT_EQ(output, "here\n");
}

TEST_F(ExecTest, RelativePathsWork) {
  std::string status;
  const std::string output = CaptureOutput(
      [] {
        CHILD_CHECK(chdir("/") == 0);
        execl("bin/./echo", "echo", "relative", nullptr);
      },
      &status);
  EXPECT_EQ(output, "relative\n");
}

TEST_F(ExecTest, WorksInADirectoryDeletedWhileInUse) {
  ScratchDirectory directory;
  std::string status;
  CaptureOutput(
      [&] {
        const std::string path = directory.path("gone");
        CHILD_CHECK(mkdir(path.c_str(), 0700) == 0 && chdir(path.c_str()) == 0);
        CHILD_CHECK(rmdir(path.c_str()) == 0);
        execl("/bin/true", "true", nullptr);
      },
      &status);
  EXPECT_EQ(status, "exited 0");
}

TEST_F(ExecTest, PosixSpawnRunsAProgramWithFileActions) {
  Pipe output(O_CLOEXEC);
  posix_spawn_file_actions_t actions;
  ASSERT_EQ(posix_spawn_file_actions_init(&actions), 0);
  posix_spawn_file_actions_adddup2(&actions, output.writer.get(), STDOUT_FILENO);
  StringList arguments({"echo", "spawned"});
  pid_t pid = 0;
  ASSERT_EQ(posix_spawn(&pid, "/bin/echo", &actions, nullptr, arguments.get(), environ), 0);
  output.writer.Reset();
  EXPECT_EQ(ReadAll(output.reader.get()), "spawned\n");
  EXPECT_EQ(WaitFor(pid), "exited 0");
  posix_spawn_file_actions_destroy(&actions);
}

TEST_F(ExecTest, PosixSpawnReportsAMissingProgramToItsCaller) {
  StringList arguments({"missing"});
  pid_t pid = 0;
  EXPECT_EQ(posix_spawn(&pid, "/nowhere/missing", nullptr, nullptr, arguments.get(), environ),
            ENOENT);
}

TEST_F(ExecTest, ShellPipelineOfProgramsWorks) {
  std::string status;
  const std::string output = CaptureOutput(
      [] {
        execl("/bin/sh", "sh", "-c", "printf 'b\\na\\nb\\n' | sort | uniq -c | tr -d ' '", nullptr);
      },
      &status);
  EXPECT_EQ(output, "1a\n2b\n");
  EXPECT_EQ(status, "exited 0");
}

}  // namespace
}  // namespace compat

int main(int argc, char** argv) { return compat::CompatExecMain(argc, argv); }
