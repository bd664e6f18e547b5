#include "ukrun/filter_build.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/host_fd.h"
#include "ukrun/status.h"

namespace ukrun {
namespace {

// libseccomp writes programs to descriptors only.
absl::StatusOr<std::string> Export(scmp_filter_ctx context) {
  HostFd memory(memfd_create("ukrun-filter", MFD_CLOEXEC));
  int result = memory.valid() ? seccomp_export_bpf(context, memory.get()) : -errno;
  off_t size = lseek(memory.get(), 0, SEEK_END);
  if (result != 0 || size <= 0) {
    return SystemError("cannot build a seccomp filter", result != 0 ? -result : EIO);
  }
  std::string program(static_cast<size_t>(size), '\0');
  if (pread(memory.get(), program.data(), program.size(), 0) != size) {
    return SystemError("cannot build a seccomp filter", errno);
  }
  return program;
}

}  // namespace

absl::StatusOr<std::string> BuildFilter(std::span<const AllowedCall> allowed,
                                        std::span<const int> signalled) {
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(seccomp_init(SCMP_ACT_KILL_PROCESS),
                                                           &seccomp_release);
  if (context == nullptr) {
    return absl::ResourceExhaustedError("cannot build a seccomp filter: out of memory");
  }
  // Calls of other instruction sets (int 0x80, x32) are never legitimate.
  int result = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  // A tree instead of a list: every call of the process passes through here.
  if (result == 0) {
    result = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }
  for (const AllowedCall& call : allowed) {
    if (result != 0) {
      break;
    }
    if (call.check.has_value()) {
      scmp_arg_cmp compare = {call.check->argument, SCMP_CMP_MASKED_EQ, call.check->mask,
                              call.check->value};
      result = seccomp_rule_add_array(context.get(), SCMP_ACT_ALLOW, call.number, 1, &compare);
    } else {
      result = seccomp_rule_add_array(context.get(), SCMP_ACT_ALLOW, call.number, 0, nullptr);
    }
  }
  for (int number : signalled) {
    if (result == 0) {
      result = seccomp_rule_add_array(context.get(), SCMP_ACT_TRAP, number, 0, nullptr);
    }
  }
  if (result != 0) {
    return SystemError("cannot build a seccomp filter", -result);
  }
  return Export(context.get());
}

}  // namespace ukrun
