#include "ukrun/filters.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstring>
#include <vector>

#include "ukrun/filter_build.h"

namespace ukrun {
namespace {

// The host's interpreter of seccomp programs, as far as libseccomp uses it.
uint32_t Evaluate(const std::string& program, const seccomp_data& data) {
  std::vector<sock_filter> code(program.size() / sizeof(sock_filter));
  std::memcpy(code.data(), program.data(), code.size() * sizeof(sock_filter));
  uint32_t a = 0;
  for (size_t pc = 0; pc < code.size(); ++pc) {
    const sock_filter& op = code[pc];
    auto jump = [&op, &pc](bool condition) { pc += condition ? op.jt : op.jf; };
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (op.k + sizeof(a) > sizeof(data)) {
          return ~0U;
        }
        std::memcpy(&a, static_cast<const char*>(static_cast<const void*>(&data)) + op.k,
                    sizeof(a));
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= op.k;
        break;
      case BPF_JMP | BPF_JA:
        pc += op.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(a == op.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(a > op.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(a >= op.k);
        break;
      case BPF_RET | BPF_K:
        return op.k;
      default:
        ADD_FAILURE() << "unexpected instruction " << op.code;
        return ~0U;
    }
  }
  return ~0U;
}

uint32_t Verdict(const std::string& program, int number, std::array<uint64_t, 6> args = {},
                 uint32_t architecture = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = number;
  data.arch = architecture;
  std::copy(args.begin(), args.end(), data.args);
  return Evaluate(program, data);
}

bool Allows(const std::string& program, int number, std::array<uint64_t, 6> args = {},
            uint32_t architecture = AUDIT_ARCH_X86_64) {
  uint32_t verdict = Verdict(program, number, args, architecture);
  EXPECT_TRUE(verdict == SECCOMP_RET_ALLOW || verdict == SECCOMP_RET_KILL_PROCESS ||
              verdict == SECCOMP_RET_TRAP)
      << verdict;
  return verdict == SECCOMP_RET_ALLOW;
}

class FiltersTest : public ::testing::Test {
 protected:
  const std::string sentry_ = *SentryFilter("ptrace");
  const std::string guest_ = *GuestFilter("ptrace");
};

TEST_F(FiltersTest, WorkIsAllowed) {
  for (int number : {SYS_read, SYS_write, SYS_mmap, SYS_futex, SYS_ptrace, SYS_process_vm_readv,
                     SYS_clone, SYS_exit_group, SYS_restart_syscall}) {
    EXPECT_TRUE(Allows(sentry_, number)) << number;
  }
  for (int number : {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_exit_group}) {
    EXPECT_TRUE(Allows(guest_, number)) << number;
  }
  EXPECT_TRUE(Allows(guest_, SYS_clone, {CLONE_FILES | CLONE_PARENT}));
}

TEST_F(FiltersTest, NothingThatReachesOutIsAllowed) {
  for (const std::string& program : {sentry_, guest_}) {
    for (int number : {SYS_open,
                       SYS_openat,
                       SYS_openat2,
                       SYS_creat,
                       SYS_execve,
                       SYS_execveat,
                       SYS_socket,
                       SYS_socketpair,
                       SYS_connect,
                       SYS_bind,
                       SYS_fork,
                       SYS_vfork,
                       SYS_clone3,
                       SYS_unshare,
                       SYS_setns,
                       SYS_mount,
                       SYS_pivot_root,
                       SYS_chroot,
                       SYS_setuid,
                       SYS_setresuid,
                       SYS_capset,
                       SYS_bpf,
                       SYS_perf_event_open,
                       SYS_io_uring_setup,
                       SYS_userfaultfd,
                       SYS_keyctl,
                       SYS_vmsplice,
                       SYS_pidfd_getfd,
                       SYS_open_by_handle_at,
                       SYS_unlink,
                       SYS_renameat2,
                       SYS_kexec_load,
                       SYS_init_module,
                       SYS_reboot,
                       SYS_ptrace + 100000}) {
      EXPECT_FALSE(Allows(program, number)) << number;
    }
  }
  EXPECT_FALSE(Allows(guest_, SYS_clone, {CLONE_PARENT})) << "a descriptor table of its own";
}

TEST_F(FiltersTest, GuestProcessesGetNothingThatTheSentryHasNot) {
  for (int number = 0; number < 600; ++number) {
    if (Allows(guest_, number)) {
      EXPECT_TRUE(Allows(sentry_, number)) << number << ": the Sentry's filter is inherited";
    }
  }
}

TEST_F(FiltersTest, TheVsyscallPageKillsNoGuest) {
  for (int number : {SYS_gettimeofday, SYS_time, SYS_getcpu}) {
    EXPECT_EQ(Verdict(guest_, number), SECCOMP_RET_TRAP) << number;
    EXPECT_NE(Verdict(sentry_, number), SECCOMP_RET_KILL_PROCESS) << number;
  }
}

TEST_F(FiltersTest, GuestProcessesCannotReachOthersMemoryOrFiles) {
  for (int number : {SYS_read, SYS_write, SYS_pread64, SYS_process_vm_readv, SYS_process_vm_writev,
                     SYS_recvmsg, SYS_sendmsg, SYS_ioctl}) {
    EXPECT_FALSE(Allows(guest_, number)) << number;
  }
}

TEST_F(FiltersTest, ArgumentsAreChecked) {
  constexpr uint64_t kEmptyPath = 0x1000;
  EXPECT_TRUE(Allows(sentry_, SYS_newfstatat, {3, 0, 0, kEmptyPath}));
  EXPECT_FALSE(Allows(sentry_, SYS_newfstatat, {3, 0, 0, 0}));
  EXPECT_TRUE(Allows(sentry_, SYS_statx, {3, 0, kEmptyPath | 0x4000}));
  EXPECT_FALSE(Allows(sentry_, SYS_statx, {3, 0, 0}));
  EXPECT_TRUE(Allows(sentry_, SYS_ioctl, {0, TIOCGWINSZ}));
  EXPECT_TRUE(Allows(sentry_, SYS_ioctl, {0, FIONREAD}));
  EXPECT_FALSE(Allows(sentry_, SYS_ioctl, {0, TIOCSTI}));
  EXPECT_TRUE(Allows(sentry_, SYS_sendto, {4, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(Allows(sentry_, SYS_sendto, {4, 0, 0, 0, 0x7fff0000, 16}));
}

TEST_F(FiltersTest, OtherInstructionSetsAreNotAllowed) {
  constexpr int kX32 = 0x40000000;
  for (const std::string& program : {sentry_, guest_}) {
    EXPECT_FALSE(Allows(program, 1, {}, AUDIT_ARCH_I386));
    EXPECT_FALSE(Allows(program, SYS_read | kX32));
    EXPECT_FALSE(Allows(program, SYS_mmap | kX32));
    EXPECT_FALSE(Allows(program, -1));
  }
}

TEST(BuildFilterTest, OneOfSeveralChecksIsEnough) {
  const AllowedCall kCalls[] = {
      {SYS_ioctl, "one", ArgumentCheck{1, 0xffff'ffff, 5}},
      {SYS_ioctl, "other", ArgumentCheck{1, 0xffff'ffff, 7}},
  };
  std::string program = *BuildFilter(kCalls);
  EXPECT_TRUE(Allows(program, SYS_ioctl, {0, 5}));
  EXPECT_TRUE(Allows(program, SYS_ioctl, {0, 7}));
  EXPECT_TRUE(Allows(program, SYS_ioctl, {0, (uint64_t{1} << 32) | 7}));
  EXPECT_FALSE(Allows(program, SYS_ioctl, {0, 6}));
  EXPECT_FALSE(Allows(program, SYS_read));
}

}  // namespace
}  // namespace ukrun
