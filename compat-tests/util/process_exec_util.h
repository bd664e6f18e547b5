// For tests of exec: the test program itself as the program to execute. Started with kReportFlag
// as its first argument it tells what it sees of its process, one "key=value" per line, instead of
// running tests; the test reads that as a map.
//
// A test that uses this has its own main(): see CompatExecMain.

#pragma once

#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

extern char** environ;

namespace compat {

inline constexpr char kReportFlag[] = "--report";
inline constexpr int kReportedFds = 32;

using Report = std::map<std::string, std::string>;

// The path of the test program.
inline std::string OwnPath() {
  char path[4096] = {};
  return readlink("/proc/self/exe", path, sizeof(path) - 1) > 0 ? path : "";
}

// Descriptors, dispositions and masks, as lists of numbers such as "2,10,".
inline void PrintSignalReport() {
  std::string ignored, handled, blocked, waiting;
  sigset_t mask, pending;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  sigpending(&pending);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action = {};
    const std::string text = std::to_string(number) + ",";
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_DFL) {
      (action.sa_handler == SIG_IGN ? ignored : handled) += text;
    }
    blocked += sigismember(&mask, number) == 1 ? text : "";
    waiting += sigismember(&pending, number) == 1 ? text : "";
  }
  printf("ignored=%s\nhandled=%s\nblocked=%s\npending=%s\n", ignored.c_str(), handled.c_str(),
         blocked.c_str(), waiting.c_str());
}

inline void PrintAuxiliaryReport() {
  printf("execfn=%s\n", reinterpret_cast<const char*>(getauxval(AT_EXECFN)));
  printf("secure=%lu\npagesize=%lu\n", getauxval(AT_SECURE), getauxval(AT_PAGESZ));
  printf("auxuid=%lu\nauxeuid=%lu\n", getauxval(AT_UID), getauxval(AT_EUID));
  printf("auxgid=%lu\nauxegid=%lu\n", getauxval(AT_GID), getauxval(AT_EGID));
  printf("phdr=%d\nentry=%d\n", getauxval(AT_PHDR) != 0, getauxval(AT_ENTRY) != 0);
  printf("clktck=%lu\nplatform=%s\n", getauxval(AT_CLKTCK),
         reinterpret_cast<const char*>(getauxval(AT_PLATFORM)));
  const auto* random = reinterpret_cast<const unsigned char*>(getauxval(AT_RANDOM));
  printf("random=");
  for (int i = 0; random != nullptr && i < 16; ++i) {
    printf("%02x", random[i]);
  }
  printf("\n");
}

inline int PrintReport(int argc, char** argv) {
  printf("pid=%d\ntid=%d\nppid=%d\n", getpid(), GetTid(), getppid());
  printf("argc=%d\n", argc);
  for (int i = 0; i < argc; ++i) {
    printf("argv%d=%s\n", i, argv[i]);
  }
  int count = 0;
  for (; environ[count] != nullptr; ++count) {
    printf("env%d=%s\n", count, environ[count]);
  }
  printf("envc=%d\n", count);
  for (int fd = 0; fd < kReportedFds; ++fd) {
    printf("fd%d=%s\n", fd, fcntl(fd, F_GETFD) == -1 ? "closed" : "open");
  }
  PrintSignalReport();
  PrintAuxiliaryReport();
  stack_t stack = {};
  sigaltstack(nullptr, &stack);
  printf("altstack=%s\n", (stack.ss_flags & SS_DISABLE) != 0 ? "disabled" : "enabled");
  printf("alarm=%u\numask=%o\n", alarm(0), umask(0));
  char name[16] = {};
  prctl(PR_GET_NAME, name);
  printf("name=%s\nnonewprivs=%d\n", name, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  printf("keepcaps=%d\ndumpable=%d\n", prctl(PR_GET_KEEPCAPS), prctl(PR_GET_DUMPABLE));
  int death_signal = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  printf("pdeathsig=%d\nuid=%u\neuid=%u\n", death_signal, getuid(), geteuid());
  printf("gid=%u\negid=%u\ntaskstate=%c\n", getgid(), getegid(), ThreadState(getpid(), getpid()));
  fflush(stdout);
  return 0;
}

inline std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t length = 0;
  while ((length = read(fd, buffer, sizeof(buffer))) > 0 || (length == -1 && errno == EINTR)) {
    text.append(buffer, length > 0 ? static_cast<size_t>(length) : 0);
  }
  return text;
}

inline Report ParseReport(const std::string& text) {
  Report report;
  size_t start = 0;
  for (size_t end = 0; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
    const std::string line = text.substr(start, end - start);
    const size_t equals = line.find('=');
    if (equals != std::string::npos) {
      report[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  return report;
}

// Runs `body`, which is to call exec, in a child whose standard output is collected.
template <typename Body>
std::string CaptureOutput(Body&& body, std::string* status) {
  Pipe output(O_CLOEXEC);
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(dup2(output.writer.get(), STDOUT_FILENO) == STDOUT_FILENO);
    body();
    dprintf(STDERR_FILENO, "child: exec failed: %s\n", strerror(errno));
    return kChildFailed;
  });
  output.writer.Reset();
  const std::string text = ReadAll(output.reader.get());
  *status = WaitFor(pid);
  return text;
}

// The same for a body that executes this program with kReportFlag.
template <typename Body>
Report CaptureReport(Body&& body) {
  std::string status;
  Report report = ParseReport(CaptureOutput(std::forward<Body>(body), &status));
  EXPECT_EQ(status, "exited 0");
  return report;
}

// Lists of C strings for exec.
class StringList {
 public:
  explicit StringList(std::vector<std::string> strings) : strings_(std::move(strings)) {
    for (std::string& text : strings_) {
      pointers_.push_back(text.data());
    }
    pointers_.push_back(nullptr);
  }
  StringList(const StringList&) = delete;
  StringList& operator=(const StringList&) = delete;
  char** get() { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

// The main() of such a test.
inline int CompatExecMain(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], kReportFlag) == 0) {
    return PrintReport(argc, argv);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

// A directory below /tmp that is deleted with what the test put in it.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    char path[] = "/tmp/compat_XXXXXX";
    path_ = mkdtemp(path) != nullptr ? path : "";
  }
  ~ScratchDirectory() {
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/bin/rm", "rm", "-rf", path_.c_str(), nullptr);
      _exit(kChildFailed);
    }
    WaitFor(pid);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string path(const std::string& name = "") const { return path_ + "/" + name; }

  // Creates a file; returns its path.
  std::string Write(const std::string& name, const std::string& content, mode_t mode = 0755) const {
    const Fd file(open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_EQ(write(file.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    EXPECT_EQ(fchmod(file.get(), mode), 0);
    return path(name);
  }

 private:
  std::string path_;
};

}  // namespace compat
