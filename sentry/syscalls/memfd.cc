#include "sentry/syscalls/memfd.h"

#include <fcntl.h>

#include "sentry/fs/memfd/memfd.h"
#include "sentry/task/task.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

namespace ukrun {
namespace {

// NAME_MAX without "memfd:", and with the terminating zero.
constexpr size_t kLongestName = 250;
// The size of huge pages is in the upper bits.
constexpr uint32_t kHugeSizeBits = 0x3fu << 26;

}  // namespace

Result<Fd> MemfdCreate(Task& task, UserString name, Flags<MemfdFlag> flags) {
  using enum MemfdFlag;
  Flags<MemfdFlag> known(flags.bits() & ~(flags.Has(kHugeTlb) ? kHugeSizeBits : 0));
  if (!known.OnlyContains(kCloexec, kAllowSealing, kHugeTlb, kNoExecSeal, kExec) ||
      (flags.Has(kExec) && flags.Has(kNoExecSeal))) {
    return Fail(EINVAL);
  }
  if (flags.Has(kHugeTlb)) {
    return Fail(ENOSYS);  // as a Linux without hugetlbfs
  }
  std::string text = TRY(name.Load(task.memory(), kLongestName, EINVAL));
  MemfdOptions options;
  options.uid = task.credentials().fsuid;
  options.gid = task.credentials().fsgid;
  if (flags.Has(kNoExecSeal)) {
    options.permissions = 0666;
    options.seals = F_SEAL_EXEC;
  } else if (!flags.Has(kAllowSealing)) {
    options.seals = F_SEAL_SEAL;
  }
  RefPtr<File> file = TRY(CreateMemfd(task, text, options));
  return task.InstallFile(std::move(file),
                          flags.Has(kCloexec) ? CloseOnExec::kYes : CloseOnExec::kNo);
}

}  // namespace ukrun
