// The names of flags and other values, by subject; the tables are in names_*_table.cc.
#pragma once

#include "sentry/strace/text.h"

// An entry whose name is Linux's.
#define UKRUN_NAMED(name) \
  ::ukrun::strace::NamedValue { name, #name }

namespace ukrun::strace {

// --- Files.
extern const Names kOpenFlags, kResolveFlags, kAccessModes, kFileTypes;
// AT_*, which mean different things to different calls.
extern const Names kAtFlags, kUnlinkFlags, kAccessAtFlags;
extern const Names kStatxMask, kRenameFlags, kWhence, kAllocateModes, kFileAdvice, kSyncRangeFlags;
extern const Names kXattrFlags, kFileSystemTypes;

// --- Descriptors.
extern const Names kFcntlCommands, kFdFlags, kLockTypes, kFlockOperations, kSeals, kOwnerTypes;
extern const Names kNewFdFlags, kMemfdFlags, kSpliceFlags, kReadWriteFlags, kCloseRangeFlags;
extern const Names kIoctlRequests, kInputModes, kOutputModes, kControlModes, kLocalModes;

// --- Memory.
extern const Names kProtection, kMapFlags, kRemapFlags, kMemoryAdvice, kMsyncFlags;
extern const Names kLockAllFlags, kLock2Flags, kMembarrierCommands;

// --- Processes and their signals.
extern const Names kCloneFlags, kNamespaceFlags, kWaitOptions, kWaitIdTypes, kArchOptions;
extern const Names kProcessOptions, kResources, kUsageTargets, kSchedulers, kPriorityTargets;
extern const Names kSignalActionFlags, kMaskChanges, kAlternateStackFlags;
// si_code: what every signal may have, and what the kernel says of a fault or a child.
extern const Names kSignalCodes, kChildCodes, kIllegalCodes, kArithmeticCodes, kSegmentCodes,
    kBusCodes, kTrapCodes, kPollCodes;

// --- Sockets.
extern const Names kAddressFamilies, kSocketTypes, kSocketFlags, kProtocols, kMessageFlags;
extern const Names kShutdownDirections, kOptionLevels, kSocketOptions, kTcpOptions, kIpOptions,
    kControlTypes;

// --- Waiting and time.
extern const Names kPollEvents, kEpollEvents, kEpollOperations, kEpollFlags;
extern const Names kFutexOperations, kEventFdFlags, kTimerFdFlags, kSignalFdFlags, kInotifyFlags,
    kInotifyEvents;
extern const Names kClocks, kTimerFlags, kIntervalTimers, kNotifications;

// --- The rest.
extern const Names kRandomFlags;

}  // namespace ukrun::strace
