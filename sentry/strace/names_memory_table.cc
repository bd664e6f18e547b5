// Names of flags and values of calls about memory.
#include <linux/membarrier.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kProtectionList = std::to_array<NamedValue>(
    {UKRUN_NAMED(PROT_READ), UKRUN_NAMED(PROT_WRITE), UKRUN_NAMED(PROT_EXEC),
     UKRUN_NAMED(PROT_GROWSDOWN), UKRUN_NAMED(PROT_GROWSUP)});
constexpr auto kMapFlagsChoices = std::to_array<NamedValue>(
    {UKRUN_NAMED(MAP_SHARED), UKRUN_NAMED(MAP_PRIVATE), UKRUN_NAMED(MAP_SHARED_VALIDATE)});
constexpr auto kMapFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MAP_FIXED), UKRUN_NAMED(MAP_ANONYMOUS), UKRUN_NAMED(MAP_GROWSDOWN),
     UKRUN_NAMED(MAP_DENYWRITE), UKRUN_NAMED(MAP_EXECUTABLE), UKRUN_NAMED(MAP_LOCKED),
     UKRUN_NAMED(MAP_NORESERVE), UKRUN_NAMED(MAP_POPULATE), UKRUN_NAMED(MAP_NONBLOCK),
     UKRUN_NAMED(MAP_STACK), UKRUN_NAMED(MAP_HUGETLB), UKRUN_NAMED(MAP_SYNC),
     UKRUN_NAMED(MAP_FIXED_NOREPLACE), UKRUN_NAMED(MAP_32BIT)});
constexpr auto kRemapFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MREMAP_MAYMOVE), UKRUN_NAMED(MREMAP_FIXED), UKRUN_NAMED(MREMAP_DONTUNMAP)});
constexpr auto kMemoryAdviceList =
    std::to_array<NamedValue>({UKRUN_NAMED(MADV_NORMAL),
                               UKRUN_NAMED(MADV_RANDOM),
                               UKRUN_NAMED(MADV_SEQUENTIAL),
                               UKRUN_NAMED(MADV_WILLNEED),
                               UKRUN_NAMED(MADV_DONTNEED),
                               UKRUN_NAMED(MADV_FREE),
                               UKRUN_NAMED(MADV_REMOVE),
                               UKRUN_NAMED(MADV_DONTFORK),
                               UKRUN_NAMED(MADV_DOFORK),
                               UKRUN_NAMED(MADV_HWPOISON),
                               UKRUN_NAMED(MADV_MERGEABLE),
                               UKRUN_NAMED(MADV_UNMERGEABLE),
                               UKRUN_NAMED(MADV_HUGEPAGE),
                               UKRUN_NAMED(MADV_NOHUGEPAGE),
                               UKRUN_NAMED(MADV_DONTDUMP),
                               UKRUN_NAMED(MADV_DODUMP),
                               UKRUN_NAMED(MADV_WIPEONFORK),
                               UKRUN_NAMED(MADV_KEEPONFORK),
                               UKRUN_NAMED(MADV_COLD),
                               UKRUN_NAMED(MADV_PAGEOUT),
                               UKRUN_NAMED(MADV_POPULATE_READ),
                               UKRUN_NAMED(MADV_POPULATE_WRITE),
                               NamedValue{24, "MADV_DONTNEED_LOCKED"},
                               NamedValue{25, "MADV_COLLAPSE"},
                               NamedValue{102, "MADV_GUARD_INSTALL"},
                               NamedValue{103, "MADV_GUARD_REMOVE"}});
constexpr auto kMsyncFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MS_ASYNC), UKRUN_NAMED(MS_INVALIDATE), UKRUN_NAMED(MS_SYNC)});
constexpr auto kLockAllFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MCL_CURRENT), UKRUN_NAMED(MCL_FUTURE), UKRUN_NAMED(MCL_ONFAULT)});
constexpr auto kLock2FlagsList = std::to_array<NamedValue>({UKRUN_NAMED(MLOCK_ONFAULT)});
constexpr auto kMembarrierCommandsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MEMBARRIER_CMD_QUERY), UKRUN_NAMED(MEMBARRIER_CMD_GLOBAL),
     UKRUN_NAMED(MEMBARRIER_CMD_GLOBAL_EXPEDITED),
     UKRUN_NAMED(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED),
     UKRUN_NAMED(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
     UKRUN_NAMED(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
     UKRUN_NAMED(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE),
     UKRUN_NAMED(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE),
     UKRUN_NAMED(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ),
     UKRUN_NAMED(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)});

}  // namespace

constinit const Names kProtection = FlagsOf(kProtectionList, "PROT_NONE");
constinit const Names kMapFlags = {
    .choice_mask = MAP_TYPE, .choices = kMapFlagsChoices, .flags = kMapFlagsList};
constinit const Names kRemapFlags = FlagsOf(kRemapFlagsList);
constinit const Names kMemoryAdvice = OneOf(kMemoryAdviceList);
constinit const Names kMsyncFlags = FlagsOf(kMsyncFlagsList);
constinit const Names kLockAllFlags = FlagsOf(kLockAllFlagsList);
constinit const Names kLock2Flags = FlagsOf(kLock2FlagsList);
constinit const Names kMembarrierCommands = OneOf(kMembarrierCommandsList);

}  // namespace ukrun::strace
