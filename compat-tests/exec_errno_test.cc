// execve(2) and execveat(2): every way to fail that can be provoked, with malformed programs among
// them. A failed exec leaves the caller as it was.

#include <elf.h>
#include <sys/resource.h>

#include <thread>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class ExecErrnoTest : public DeadlineTest {
 protected:
  ScratchDirectory directory_;
};

long Exec(const std::string& path) {
  StringList arguments({"program"});
  return execve(path.c_str(), arguments.get(), environ);
}

// Expects exec of `path` to fail in a child, which lives on.
void ExpectExecFails(int error, const std::string& path) {
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK_ERRNO(error, Exec(path)); }), "exited 0") << path;
}

long Execveat(int fd, const char* path, int flags) {
  StringList arguments({"program"});
  return syscall(SYS_execveat, fd, path, arguments.get(), environ, flags);
}

// A static program that ends with status 21: header, one program header, code.
struct TinyElf {
  Elf64_Ehdr header = {};
  Elf64_Phdr segment = {};
  unsigned char code[16] = {0xbf, 21, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b, 0, 0};

  static constexpr uint64_t kAddress = 0x400000;

  TinyElf() {
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = kAddress + offsetof(TinyElf, code);
    header.e_phoff = offsetof(TinyElf, segment);
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_vaddr = kAddress;
    segment.p_filesz = segment.p_memsz = sizeof(TinyElf);
    segment.p_align = 4096;
  }

  std::string bytes() const { return {reinterpret_cast<const char*>(this), sizeof(*this)}; }
};

TEST_F(ExecErrnoTest, TinyStaticProgramRuns) {
  // The others are variations of this one.
  const std::string path = directory_.Write("tiny", TinyElf().bytes());
  EXPECT_EQ(RunInChild([&] { Exec(path); }), "exited 21");
}

TEST_F(ExecErrnoTest, TinyPositionIndependentProgramRuns) {
  TinyElf elf;
  elf.header.e_type = ET_DYN;
  elf.segment.p_vaddr = 0;
  elf.header.e_entry = offsetof(TinyElf, code);
  const std::string path = directory_.Write("tiny_pie", elf.bytes());
  EXPECT_EQ(RunInChild([&] { Exec(path); }), "exited 21");
}

TEST_F(ExecErrnoTest, MalformedHeadersFailWithEnoexec) {
  const auto refused = [&](const char* what, auto change) {
    TinyElf elf;
    change(elf);
    SCOPED_TRACE(what);
    ExpectExecFails(ENOEXEC, directory_.Write("malformed", elf.bytes()));
  };
  refused("magic", [](TinyElf& elf) { elf.header.e_ident[1] = 'e'; });
  refused("machine", [](TinyElf& elf) { elf.header.e_machine = EM_AARCH64; });
  refused("relocatable", [](TinyElf& elf) { elf.header.e_type = ET_REL; });
  refused("core file", [](TinyElf& elf) { elf.header.e_type = ET_CORE; });
  refused("header size", [](TinyElf& elf) { elf.header.e_phentsize = 55; });
  refused("no segments", [](TinyElf& elf) { elf.header.e_phnum = 0; });
  refused("too many segments", [](TinyElf& elf) { elf.header.e_phnum = 2000; });
}

TEST_F(ExecErrnoTest, ProgramHeadersBeyondTheFileAreRefused) {
  TinyElf elf;
  elf.header.e_phoff = 1 << 20;
  const std::string path = directory_.Write("beyond", elf.bytes());
  EXPECT_EQ(RunInChild([&] {
              Exec(path);
              CHILD_CHECK(errno == EIO || errno == ENOEXEC);
            }),
            "exited 0");
}

TEST_F(ExecErrnoTest, EmptyAndShortFilesFailWithEnoexec) {
  ExpectExecFails(ENOEXEC, directory_.Write("empty", ""));
  ExpectExecFails(ENOEXEC, directory_.Write("one_byte", "x"));
  ExpectExecFails(ENOEXEC, directory_.Write("magic_only", ELFMAG));
  ExpectExecFails(ENOEXEC, directory_.Write("half_a_header", TinyElf().bytes().substr(0, 30)));
  ExpectExecFails(ENOEXEC, directory_.Write("hash_only", "#"));
}

TEST_F(ExecErrnoTest, SegmentAtAnImpossibleAddressKillsOrFails) {
  // The old image is gone when this is found out, so the process may be killed instead.
  TinyElf elf;
  elf.segment.p_vaddr = 0xffff'8000'0000'0000;
  elf.header.e_entry = elf.segment.p_vaddr + offsetof(TinyElf, code);
  const std::string path = directory_.Write("impossible", elf.bytes());
  const std::string status = RunInChild([&] {
    Exec(path);
    return 0;
  });
  EXPECT_TRUE(status == "exited 0" || status == "killed by 11" || status == "killed by 9")
      << status;
}

TEST_F(ExecErrnoTest, MissingElfInterpreterFailsWithEnoent) {
  struct {
    TinyElf elf;
    Elf64_Phdr unused = {};
    char interpreter[32] = "/nowhere/ld.so";
  } program;
  // The code gives way to a second program header, the interpreter's.
  Elf64_Phdr interpreter = {};
  interpreter.p_type = PT_INTERP;
  interpreter.p_offset = offsetof(decltype(program), interpreter);
  interpreter.p_filesz = interpreter.p_memsz = sizeof("/nowhere/ld.so");
  std::string bytes(reinterpret_cast<const char*>(&program), sizeof(program));
  memcpy(bytes.data() + offsetof(TinyElf, code), &interpreter, sizeof(interpreter));
  bytes[offsetof(Elf64_Ehdr, e_phnum)] = 2;
  ExpectExecFails(ENOENT, directory_.Write("no_interpreter", bytes));
  // A name without its final zero byte, and an empty one.
  interpreter.p_filesz = 5;
  memcpy(bytes.data() + offsetof(TinyElf, code), &interpreter, sizeof(interpreter));
  ExpectExecFails(ENOEXEC, directory_.Write("unterminated_interpreter", bytes));
  interpreter.p_filesz = 1;
  memcpy(bytes.data() + offsetof(TinyElf, code), &interpreter, sizeof(interpreter));
  ExpectExecFails(ENOEXEC, directory_.Write("empty_interpreter", bytes));
}

TEST_F(ExecErrnoTest, ElfInterpreterThatIsNoElfFileFailsWithElibbad) {
  struct {
    TinyElf elf;
    Elf64_Phdr unused = {};
    char interpreter[32] = "/etc/os-release";
  } program;
  const std::string text = directory_.Write("not_elf", std::string(4096, 'x'));
  ASSERT_LT(text.size(), sizeof(program.interpreter));
  strcpy(program.interpreter, text.c_str());
  Elf64_Phdr interpreter = {};
  interpreter.p_type = PT_INTERP;
  interpreter.p_offset = offsetof(decltype(program), interpreter);
  interpreter.p_filesz = interpreter.p_memsz = text.size() + 1;
  std::string bytes(reinterpret_cast<const char*>(&program), sizeof(program));
  memcpy(bytes.data() + offsetof(TinyElf, code), &interpreter, sizeof(interpreter));
  bytes[offsetof(Elf64_Ehdr, e_phnum)] = 2;
  ExpectExecFails(ELIBBAD, directory_.Write("bad_interpreter", bytes));
}

TEST_F(ExecErrnoTest, MissingFilesAndBadPaths) {
  ExpectExecFails(ENOENT, directory_.path("missing"));
  ExpectExecFails(ENOENT, "");
  ExpectExecFails(ENOTDIR, "/etc/passwd/program");
  ExpectExecFails(ENAMETOOLONG, "/" + std::string(256, 'x'));
  ExpectExecFails(ENAMETOOLONG, "/" + std::string(5000, 'x'));
  ASSERT_EQ(symlink("loop", directory_.path("loop").c_str()), 0);
  ExpectExecFails(ELOOP, directory_.path("loop"));
  ASSERT_EQ(symlink("missing", directory_.path("dangling").c_str()), 0);
  ExpectExecFails(ENOENT, directory_.path("dangling"));
}

TEST_F(ExecErrnoTest, FilesThatMayNotBeExecutedFailWithEacces) {
  ExpectExecFails(EACCES, directory_.Write("no_x", TinyElf().bytes(), 0644));
  ExpectExecFails(EACCES, "/tmp");
  ExpectExecFails(EACCES, "/dev/null");
  ASSERT_EQ(mkfifo(directory_.path("fifo").c_str(), 0755), 0);
  ExpectExecFails(EACCES, directory_.path("fifo"));
}

TEST_F(ExecErrnoTest, UnsearchableDirectoryFailsWithEacces) {
  const std::string path = directory_.Write("tiny", TinyElf().bytes());
  ASSERT_EQ(chmod(directory_.path().c_str(), 0600), 0);
  EXPECT_EQ(RunInChild([&] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              CHILD_CHECK_ERRNO(EACCES, Exec(path));
            }),
            "exited 0");
  ASSERT_EQ(chmod(directory_.path().c_str(), 0700), 0);
}

TEST_F(ExecErrnoTest, ExecuteOnlyPermissionIsEnough) {
  const std::string path = directory_.Write("tiny", TinyElf().bytes(), 0111);
  EXPECT_EQ(RunInChild([&] { Exec(path); }), "exited 21");
}

TEST_F(ExecErrnoTest, FileOpenForWritingFailsWithEtxtbsy) {
  const std::string path = directory_.Write("busy", TinyElf().bytes());
  {
    const Fd writer(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    ExpectExecFails(ETXTBSY, path);
  }
  EXPECT_EQ(RunInChild([&] { Exec(path); }), "exited 21");
}

TEST_F(ExecErrnoTest, AnArgumentOf128KiBFailsWithE2big) {
  EXPECT_EQ(RunInChild([] {
              StringList arguments({"x", std::string(128 * 1024, 'y')});
              CHILD_CHECK_ERRNO(E2BIG, execve("/bin/true", arguments.get(), environ));
              StringList few({"x"});
              CHILD_CHECK_ERRNO(E2BIG, execve("/bin/true", few.get(), arguments.get()));
            }),
            "exited 0");
}

TEST_F(ExecErrnoTest, ArgumentsBeyondAQuarterOfTheStackLimitFailWithE2big) {
  const auto exec_with = [](size_t count) {
    return RunInChild([&] {
      const rlimit limit = {1 << 20, RLIM_INFINITY};
      rlimit now = {};
      getrlimit(RLIMIT_STACK, &now);
      const rlimit lowered = {limit.rlim_cur, now.rlim_max};
      CHILD_CHECK(setrlimit(RLIMIT_STACK, &lowered) == 0);
      StringList arguments(std::vector<std::string>(count, std::string(1000, 'a')));
      StringList nothing({});
      execve("/bin/true", arguments.get(), nothing.get());
      return errno == E2BIG ? 50 : kChildFailed;
    });
  };
  EXPECT_EQ(exec_with(200), "exited 0");
  EXPECT_EQ(exec_with(300), "exited 50");
}

TEST_F(ExecErrnoTest, BadPointersFailWithEfault) {
  EXPECT_EQ(RunInChild([] {
              auto* bad = reinterpret_cast<char*>(8);
              StringList arguments({"x"});
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_execve, bad, arguments.get(), environ));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_execve, nullptr, arguments.get(), environ));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_execve, "/bin/true", bad, environ));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_execve, "/bin/true", arguments.get(), bad));
              char* bad_argument[] = {bad, nullptr};
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_execve, "/bin/true", bad_argument, environ));
            }),
            "exited 0");
}

TEST_F(ExecErrnoTest, ExecveatDescriptorsAndFlags) {
  const Fd directory(open("/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Fd file(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK_ERRNO(EBADF, Execveat(999, "true", 0));
              CHILD_CHECK_ERRNO(EBADF, Execveat(999, "", AT_EMPTY_PATH));
              CHILD_CHECK_ERRNO(ENOTDIR, Execveat(file.get(), "true", 0));
              CHILD_CHECK_ERRNO(EINVAL, Execveat(directory.get(), "true", 0x10));
              CHILD_CHECK_ERRNO(ENOENT, Execveat(directory.get(), "", 0x10));
              CHILD_CHECK_ERRNO(ENOENT, Execveat(directory.get(), "", 0));
              CHILD_CHECK_ERRNO(EACCES, Execveat(directory.get(), "", AT_EMPTY_PATH));
              CHILD_CHECK_ERRNO(EACCES, Execveat(file.get(), "", AT_EMPTY_PATH));
            }),
            "exited 0");
  ASSERT_EQ(symlink("/bin/true", directory_.path("link").c_str()), 0);
  EXPECT_EQ(RunInChild([&] {
              const std::string link = directory_.path("link");
              CHILD_CHECK_ERRNO(ELOOP, Execveat(AT_FDCWD, link.c_str(), AT_SYMLINK_NOFOLLOW));
              Execveat(AT_FDCWD, link.c_str(), 0);
              return kChildFailed;
            }),
            "exited 0");
}

TEST_F(ExecErrnoTest, AFailedExecLeavesTheProcessAsItWas) {
  EXPECT_EQ(RunInChild([] {
              static volatile sig_atomic_t handled = 0;
              signal(SIGUSR1, [](int) { handled = 1; });
              Channel<> stop, stopped;
              std::thread other([&] {
                stop.Receive();
                stopped.Send('y');
              });
              const Fd marked(memfd_create("marked", MFD_CLOEXEC));
              CHILD_CHECK_ERRNO(ENOENT, Exec("/nowhere/program"));
              CHILD_CHECK_ERRNO(ENOENT, Exec("/nowhere/program"));
              CHILD_CHECK(fcntl(marked.get(), F_GETFD) == FD_CLOEXEC);
              raise(SIGUSR1);
              CHILD_CHECK(handled == 1);
              stop.Send();
              CHILD_CHECK(stopped.Receive() == 'y');
              other.join();
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat

int main(int argc, char** argv) { return compat::CompatExecMain(argc, argv); }

// Errnos of execve(2) and execveat(2) not provoked here (exec_script_test.cc has those of scripts):
// - EACCES of a noexec mount, EPERM of a nosuid mount or a traced set-user-ID program: needs mounts
//   or a tracer.
// - EAGAIN: RLIMIT_NPROC exceeded by setuid between fork and exec; covered in credentials_test.cc.
// - EINVAL (several PT_INTERP), EISDIR: current kernels give other errors for these.
// - EIO, EMFILE, ENFILE, ENOMEM: host conditions.
