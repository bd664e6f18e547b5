// ukrun-boot, the first stage: an ordinary static program, linked low so that it is never
// in the way, that places the Sentry's image in the kernel window and jumps to it.
//
// It is started by ukrun with the descriptors of ukrun/startup.h. From the jump on, this
// program's code and data are garbage that the Sentry unmaps.
#include <linux/rseq.h>
#include <sys/auxv.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ukrun/boot/boot_error.h"
#include "ukrun/boot/image.h"
#include "ukrun/boot/landlock.h"
#include "ukrun/boot/vdso.h"
#include "ukrun/startup.h"

namespace ukrun::boot {
namespace {

// The C library has told the host about memory of this thread: a restartable-sequence
// area, which the host writes to whenever it schedules the thread, a list of robust locks
// and a word to clear at exit. All of it is about to vanish.
void ForgetThreadRegistrations() {
  if (__rseq_size != 0) {
    char* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
    constexpr unsigned kOriginalSize = 32;
    if (syscall(SYS_rseq, area, std::max(kOriginalSize, __rseq_size), RSEQ_FLAG_UNREGISTER,
                RSEQ_SIG) != 0) {
      Fail("cannot withdraw the restartable-sequence area", errno);
    }
  }
  syscall(SYS_set_robust_list, nullptr, 24);
  syscall(SYS_set_tid_address, nullptr);
}

startup::BootInfo Describe() {
  startup::BootInfo info{};
  info.hwcap = getauxval(AT_HWCAP);
  info.hwcap2 = getauxval(AT_HWCAP2);
  info.minimum_signal_stack = getauxval(AT_MINSIGSTKSZ);
  info.clock_ticks = getauxval(AT_CLKTCK);
  return info;
}

int Boot() {
  startup::BootInfo info = Describe();
  uint64_t entry = PlaceImage(startup::kSentryImageFd);
  close(startup::kSentryImageFd);
  MoveVdso(startup::kBootProcFd, info);
  close(startup::kBootProcFd);
  ForbidPaths();
  ForgetThreadRegistrations();
  reinterpret_cast<startup::SentryEntry>(entry)(&info);
  Fail("the Sentry returned", 0);
}

}  // namespace
}  // namespace ukrun::boot

int main() { return ukrun::boot::Boot(); }
