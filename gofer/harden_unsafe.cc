#include "gofer/harden.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ukrun::gofer {
namespace {

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

constexpr uint64_t kToRead = Bit(CAP_DAC_READ_SEARCH);
constexpr uint64_t kToChange =
    Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FOWNER) | Bit(CAP_FSETID);

}  // namespace

Result<void> TieToParent() {
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // The modes that the Sentry asks for are final.
  umask(0);
  // A file that grows too large is an errno for the guest, not our end.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
            prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
  return ok ? Ok() : Result<void>(Fail(errno));
}

void CloseDescriptorsAbove(int last) { close_range(static_cast<unsigned>(last) + 1, ~0U, 0); }

Result<void> KeepFileCapabilitiesOnly(Changes changes) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data) != 0) {
    return Fail(errno);
  }
  uint64_t permitted = data[0].permitted | uint64_t{data[1].permitted} << 32;
  uint64_t kept = permitted & (changes == Changes::kAllowed ? kToRead | kToChange : kToRead);
  auto low = static_cast<uint32_t>(kept);
  auto high = static_cast<uint32_t>(kept >> 32);
  data[0] = {low, low, 0};
  data[1] = {high, high, 0};
  return syscall(SYS_capset, &header, data) == 0 ? Ok() : Result<void>(Fail(errno));
}

}  // namespace ukrun::gofer
