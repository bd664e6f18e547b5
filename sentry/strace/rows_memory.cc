// Calls about memory: mmap(2), madvise(2), …
#include <sys/syscall.h>

#include "sentry/strace/formats.h"
#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"

namespace ukrun::strace {
namespace {

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_mmap, {kType, kType, kNamed<kProtection>, kNamed<kMapFlags>, kType, kHex}},
    {SYS_mprotect, {kType, kType, kNamed<kProtection>}},
    {SYS_pkey_mprotect, {kType, kType, kNamed<kProtection>}},
    {SYS_mremap, {kType, kType, kType, kNamed<kRemapFlags>}},
    {SYS_madvise, {kType, kType, kNamed<kMemoryAdvice>}},
    {SYS_msync, {kType, kType, kNamed<kMsyncFlags>}},
    {SYS_mlock2, {kType, kType, kNamed<kLock2Flags>}},
    {SYS_mlockall, {kNamed<kLockAllFlags>}},
    {SYS_membarrier, {kNamed<kMembarrierCommands>, kHex}},
    {SYS_memfd_create, {kType, kNamed<kMemfdFlags>}},
    {SYS_pkey_alloc, {kHex, kHex}},
    {SYS_pkey_free, {kSigned}},
});

}  // namespace

std::span<const CallFormat> MemoryRows() { return kRows; }

}  // namespace ukrun::strace
