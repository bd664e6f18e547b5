#include "sentry/start/filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/host_call.h"

namespace ukrun {

Result<void> InstallFilter(std::span<const std::byte> program) {
  if (program.empty()) {
    return Ok();
  }
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.size() / sizeof(sock_filter));
  filter.filter = reinterpret_cast<sock_filter*>(const_cast<std::byte*>(program.data()));
  TRY(HostCall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  TRY(HostCall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter));
  return Ok();
}

}  // namespace ukrun
