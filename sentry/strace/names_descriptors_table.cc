// Names of flags and values of calls about descriptors and terminals.
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <sys/file.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kFcntlCommandsList =
    std::to_array<NamedValue>({UKRUN_NAMED(F_DUPFD),           UKRUN_NAMED(F_GETFD),
                               UKRUN_NAMED(F_SETFD),           UKRUN_NAMED(F_GETFL),
                               UKRUN_NAMED(F_SETFL),           UKRUN_NAMED(F_GETLK),
                               UKRUN_NAMED(F_SETLK),           UKRUN_NAMED(F_SETLKW),
                               UKRUN_NAMED(F_SETOWN),          UKRUN_NAMED(F_GETOWN),
                               UKRUN_NAMED(F_SETSIG),          UKRUN_NAMED(F_GETSIG),
                               UKRUN_NAMED(F_SETOWN_EX),       UKRUN_NAMED(F_GETOWN_EX),
                               UKRUN_NAMED(F_OFD_GETLK),       UKRUN_NAMED(F_OFD_SETLK),
                               UKRUN_NAMED(F_OFD_SETLKW),      UKRUN_NAMED(F_SETLEASE),
                               UKRUN_NAMED(F_GETLEASE),        UKRUN_NAMED(F_NOTIFY),
                               UKRUN_NAMED(F_DUPFD_CLOEXEC),   UKRUN_NAMED(F_SETPIPE_SZ),
                               UKRUN_NAMED(F_GETPIPE_SZ),      UKRUN_NAMED(F_ADD_SEALS),
                               UKRUN_NAMED(F_GET_SEALS),       UKRUN_NAMED(F_GET_RW_HINT),
                               UKRUN_NAMED(F_SET_RW_HINT),     UKRUN_NAMED(F_GET_FILE_RW_HINT),
                               UKRUN_NAMED(F_SET_FILE_RW_HINT)});
constexpr auto kFdFlagsList = std::to_array<NamedValue>({UKRUN_NAMED(FD_CLOEXEC)});
constexpr auto kLockTypesList =
    std::to_array<NamedValue>({UKRUN_NAMED(F_RDLCK), UKRUN_NAMED(F_WRLCK), UKRUN_NAMED(F_UNLCK)});
constexpr auto kFlockOperationsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(LOCK_SH), UKRUN_NAMED(LOCK_EX), UKRUN_NAMED(LOCK_NB), UKRUN_NAMED(LOCK_UN)});
constexpr auto kSealsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(F_SEAL_SEAL), UKRUN_NAMED(F_SEAL_SHRINK), UKRUN_NAMED(F_SEAL_GROW),
     UKRUN_NAMED(F_SEAL_WRITE), UKRUN_NAMED(F_SEAL_FUTURE_WRITE)});
constexpr auto kOwnerTypesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(F_OWNER_TID), UKRUN_NAMED(F_OWNER_PID), UKRUN_NAMED(F_OWNER_PGRP)});
constexpr auto kNewFdFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(O_CLOEXEC), UKRUN_NAMED(O_NONBLOCK), UKRUN_NAMED(O_DIRECT)});
constexpr auto kMemfdFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MFD_CLOEXEC), UKRUN_NAMED(MFD_ALLOW_SEALING), UKRUN_NAMED(MFD_HUGETLB),
     NamedValue{8, "MFD_NOEXEC_SEAL"}, NamedValue{16, "MFD_EXEC"}});
constexpr auto kSpliceFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(SPLICE_F_MOVE), UKRUN_NAMED(SPLICE_F_NONBLOCK),
                               UKRUN_NAMED(SPLICE_F_MORE), UKRUN_NAMED(SPLICE_F_GIFT)});
constexpr auto kReadWriteFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(RWF_HIPRI), UKRUN_NAMED(RWF_DSYNC), UKRUN_NAMED(RWF_SYNC), UKRUN_NAMED(RWF_NOWAIT),
     UKRUN_NAMED(RWF_APPEND)});
constexpr auto kCloseRangeFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(CLOSE_RANGE_UNSHARE), UKRUN_NAMED(CLOSE_RANGE_CLOEXEC)});
constexpr auto kIoctlRequestsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(TCGETS),         UKRUN_NAMED(TCSETS),       UKRUN_NAMED(TCSETSW),
     UKRUN_NAMED(TCSETSF),        UKRUN_NAMED(TCGETS2),      UKRUN_NAMED(TCSETS2),
     UKRUN_NAMED(TCSETSW2),       UKRUN_NAMED(TCSETSF2),     UKRUN_NAMED(TCSBRK),
     UKRUN_NAMED(TCSBRKP),        UKRUN_NAMED(TCXONC),       UKRUN_NAMED(TCFLSH),
     UKRUN_NAMED(TIOCEXCL),       UKRUN_NAMED(TIOCNXCL),     UKRUN_NAMED(TIOCGEXCL),
     UKRUN_NAMED(TIOCSCTTY),      UKRUN_NAMED(TIOCNOTTY),    UKRUN_NAMED(TIOCGPGRP),
     UKRUN_NAMED(TIOCSPGRP),      UKRUN_NAMED(TIOCGSID),     UKRUN_NAMED(TIOCOUTQ),
     UKRUN_NAMED(TIOCSTI),        UKRUN_NAMED(TIOCGWINSZ),   UKRUN_NAMED(TIOCSWINSZ),
     UKRUN_NAMED(TIOCPKT),        UKRUN_NAMED(TIOCGPKT),     UKRUN_NAMED(TIOCSBRK),
     UKRUN_NAMED(TIOCCBRK),       UKRUN_NAMED(TIOCGPTN),     UKRUN_NAMED(TIOCSPTLCK),
     UKRUN_NAMED(TIOCGPTLCK),     UKRUN_NAMED(TIOCGPTPEER),  UKRUN_NAMED(TIOCSIG),
     UKRUN_NAMED(TIOCGETD),       UKRUN_NAMED(TIOCSETD),     UKRUN_NAMED(TIOCCONS),
     UKRUN_NAMED(FIONREAD),       UKRUN_NAMED(FIONBIO),      UKRUN_NAMED(FIOASYNC),
     UKRUN_NAMED(FIOCLEX),        UKRUN_NAMED(FIONCLEX),     UKRUN_NAMED(FIGETBSZ),
     UKRUN_NAMED(FICLONE),        UKRUN_NAMED(FICLONERANGE), UKRUN_NAMED(FS_IOC_GETFLAGS),
     UKRUN_NAMED(FS_IOC_SETFLAGS)});
constexpr auto kInputModesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(IGNBRK), UKRUN_NAMED(BRKINT), UKRUN_NAMED(IGNPAR), UKRUN_NAMED(PARMRK),
     UKRUN_NAMED(INPCK), UKRUN_NAMED(ISTRIP), UKRUN_NAMED(INLCR), UKRUN_NAMED(IGNCR),
     UKRUN_NAMED(ICRNL), UKRUN_NAMED(IUCLC), UKRUN_NAMED(IXON), UKRUN_NAMED(IXANY),
     UKRUN_NAMED(IXOFF), UKRUN_NAMED(IMAXBEL), UKRUN_NAMED(IUTF8)});
constexpr auto kOutputModesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(OPOST), UKRUN_NAMED(OLCUC), UKRUN_NAMED(ONLCR), UKRUN_NAMED(OCRNL),
     UKRUN_NAMED(ONOCR), UKRUN_NAMED(ONLRET), UKRUN_NAMED(OFILL), UKRUN_NAMED(OFDEL)});
constexpr auto kControlModesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(CS8), UKRUN_NAMED(CS6), UKRUN_NAMED(CS7), UKRUN_NAMED(CSTOPB), UKRUN_NAMED(CREAD),
     UKRUN_NAMED(PARENB), UKRUN_NAMED(PARODD), UKRUN_NAMED(HUPCL), UKRUN_NAMED(CLOCAL),
     UKRUN_NAMED(B38400), UKRUN_NAMED(CRTSCTS)});
constexpr auto kLocalModesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(ISIG), UKRUN_NAMED(ICANON), UKRUN_NAMED(ECHO), UKRUN_NAMED(ECHOE),
     UKRUN_NAMED(ECHOK), UKRUN_NAMED(ECHONL), UKRUN_NAMED(NOFLSH), UKRUN_NAMED(TOSTOP),
     UKRUN_NAMED(ECHOCTL), UKRUN_NAMED(ECHOKE), UKRUN_NAMED(IEXTEN)});

}  // namespace

constinit const Names kFcntlCommands = OneOf(kFcntlCommandsList);
constinit const Names kFdFlags = FlagsOf(kFdFlagsList);
constinit const Names kLockTypes = OneOf(kLockTypesList);
constinit const Names kFlockOperations = FlagsOf(kFlockOperationsList);
constinit const Names kSeals = FlagsOf(kSealsList);
constinit const Names kOwnerTypes = OneOf(kOwnerTypesList);
constinit const Names kNewFdFlags = FlagsOf(kNewFdFlagsList);
constinit const Names kMemfdFlags = FlagsOf(kMemfdFlagsList);
constinit const Names kSpliceFlags = FlagsOf(kSpliceFlagsList);
constinit const Names kReadWriteFlags = FlagsOf(kReadWriteFlagsList);
constinit const Names kCloseRangeFlags = FlagsOf(kCloseRangeFlagsList);
constinit const Names kIoctlRequests = OneOf(kIoctlRequestsList);
constinit const Names kInputModes = FlagsOf(kInputModesList);
constinit const Names kOutputModes = FlagsOf(kOutputModesList);
constinit const Names kControlModes = FlagsOf(kControlModesList);
constinit const Names kLocalModes = FlagsOf(kLocalModesList);

}  // namespace ukrun::strace
