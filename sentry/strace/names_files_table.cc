// Names of flags and values of calls about files.
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kOpenFlagsChoices =
    std::to_array<NamedValue>({UKRUN_NAMED(O_RDONLY), UKRUN_NAMED(O_WRONLY), UKRUN_NAMED(O_RDWR)});
constexpr auto kOpenFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(O_TMPFILE), UKRUN_NAMED(O_SYNC), UKRUN_NAMED(O_CREAT), UKRUN_NAMED(O_EXCL),
     UKRUN_NAMED(O_NOCTTY), UKRUN_NAMED(O_TRUNC), UKRUN_NAMED(O_APPEND), UKRUN_NAMED(O_NONBLOCK),
     UKRUN_NAMED(O_DSYNC), UKRUN_NAMED(O_ASYNC), UKRUN_NAMED(O_DIRECT),
     NamedValue{0100000, "O_LARGEFILE"}, UKRUN_NAMED(O_DIRECTORY), UKRUN_NAMED(O_NOFOLLOW),
     UKRUN_NAMED(O_NOATIME), UKRUN_NAMED(O_CLOEXEC), UKRUN_NAMED(O_PATH)});
constexpr auto kResolveFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(RESOLVE_NO_XDEV), UKRUN_NAMED(RESOLVE_NO_MAGICLINKS),
                               UKRUN_NAMED(RESOLVE_NO_SYMLINKS), UKRUN_NAMED(RESOLVE_BENEATH),
                               UKRUN_NAMED(RESOLVE_IN_ROOT), UKRUN_NAMED(RESOLVE_CACHED)});
constexpr auto kAccessModesList =
    std::to_array<NamedValue>({UKRUN_NAMED(R_OK), UKRUN_NAMED(W_OK), UKRUN_NAMED(X_OK)});
constexpr auto kFileTypesChoices = std::to_array<NamedValue>(
    {UKRUN_NAMED(S_IFSOCK), UKRUN_NAMED(S_IFLNK), UKRUN_NAMED(S_IFREG), UKRUN_NAMED(S_IFBLK),
     UKRUN_NAMED(S_IFDIR), UKRUN_NAMED(S_IFCHR), UKRUN_NAMED(S_IFIFO)});
constexpr auto kFileTypesList =
    std::to_array<NamedValue>({UKRUN_NAMED(S_ISUID), UKRUN_NAMED(S_ISGID), UKRUN_NAMED(S_ISVTX)});
constexpr auto kAtFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(AT_SYMLINK_NOFOLLOW), UKRUN_NAMED(AT_SYMLINK_FOLLOW), UKRUN_NAMED(AT_NO_AUTOMOUNT),
     UKRUN_NAMED(AT_EMPTY_PATH), UKRUN_NAMED(AT_STATX_FORCE_SYNC), UKRUN_NAMED(AT_STATX_DONT_SYNC),
     UKRUN_NAMED(AT_RECURSIVE)});
constexpr auto kUnlinkFlagsList = std::to_array<NamedValue>({UKRUN_NAMED(AT_REMOVEDIR)});
constexpr auto kAccessAtFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(AT_EACCESS), UKRUN_NAMED(AT_SYMLINK_NOFOLLOW), UKRUN_NAMED(AT_EMPTY_PATH)});
constexpr auto kStatxMaskList = std::to_array<NamedValue>(
    {UKRUN_NAMED(STATX_ALL), UKRUN_NAMED(STATX_BASIC_STATS), UKRUN_NAMED(STATX_TYPE),
     UKRUN_NAMED(STATX_MODE), UKRUN_NAMED(STATX_NLINK), UKRUN_NAMED(STATX_UID),
     UKRUN_NAMED(STATX_GID), UKRUN_NAMED(STATX_ATIME), UKRUN_NAMED(STATX_MTIME),
     UKRUN_NAMED(STATX_CTIME), UKRUN_NAMED(STATX_INO), UKRUN_NAMED(STATX_SIZE),
     UKRUN_NAMED(STATX_BLOCKS), UKRUN_NAMED(STATX_BTIME), UKRUN_NAMED(STATX_MNT_ID)});
constexpr auto kRenameFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(RENAME_NOREPLACE), UKRUN_NAMED(RENAME_EXCHANGE), UKRUN_NAMED(RENAME_WHITEOUT)});
constexpr auto kWhenceList =
    std::to_array<NamedValue>({UKRUN_NAMED(SEEK_SET), UKRUN_NAMED(SEEK_CUR), UKRUN_NAMED(SEEK_END),
                               UKRUN_NAMED(SEEK_DATA), UKRUN_NAMED(SEEK_HOLE)});
constexpr auto kAllocateModesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(FALLOC_FL_KEEP_SIZE), UKRUN_NAMED(FALLOC_FL_PUNCH_HOLE),
     UKRUN_NAMED(FALLOC_FL_COLLAPSE_RANGE), UKRUN_NAMED(FALLOC_FL_ZERO_RANGE),
     UKRUN_NAMED(FALLOC_FL_INSERT_RANGE), UKRUN_NAMED(FALLOC_FL_UNSHARE_RANGE)});
constexpr auto kFileAdviceList =
    std::to_array<NamedValue>({UKRUN_NAMED(POSIX_FADV_NORMAL), UKRUN_NAMED(POSIX_FADV_RANDOM),
                               UKRUN_NAMED(POSIX_FADV_SEQUENTIAL), UKRUN_NAMED(POSIX_FADV_WILLNEED),
                               UKRUN_NAMED(POSIX_FADV_DONTNEED), UKRUN_NAMED(POSIX_FADV_NOREUSE)});
constexpr auto kSyncRangeFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(SYNC_FILE_RANGE_WAIT_BEFORE), UKRUN_NAMED(SYNC_FILE_RANGE_WRITE),
     UKRUN_NAMED(SYNC_FILE_RANGE_WAIT_AFTER)});
constexpr auto kXattrFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(XATTR_CREATE), UKRUN_NAMED(XATTR_REPLACE)});
constexpr auto kFileSystemTypesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(TMPFS_MAGIC), UKRUN_NAMED(PROC_SUPER_MAGIC), UKRUN_NAMED(SYSFS_MAGIC),
     UKRUN_NAMED(DEVPTS_SUPER_MAGIC), UKRUN_NAMED(OVERLAYFS_SUPER_MAGIC),
     UKRUN_NAMED(EXT4_SUPER_MAGIC), UKRUN_NAMED(XFS_SUPER_MAGIC), UKRUN_NAMED(BTRFS_SUPER_MAGIC),
     UKRUN_NAMED(PIPEFS_MAGIC), UKRUN_NAMED(SOCKFS_MAGIC), UKRUN_NAMED(ANON_INODE_FS_MAGIC)});

}  // namespace

constinit const Names kOpenFlags = {
    .choice_mask = O_ACCMODE, .choices = kOpenFlagsChoices, .flags = kOpenFlagsList};
constinit const Names kResolveFlags = FlagsOf(kResolveFlagsList);
constinit const Names kAccessModes = FlagsOf(kAccessModesList, "F_OK");
constinit const Names kFileTypes = {
    .choice_mask = S_IFMT, .choices = kFileTypesChoices, .flags = kFileTypesList};
constinit const Names kAtFlags = FlagsOf(kAtFlagsList);
constinit const Names kUnlinkFlags = FlagsOf(kUnlinkFlagsList);
constinit const Names kAccessAtFlags = FlagsOf(kAccessAtFlagsList);
constinit const Names kStatxMask = FlagsOf(kStatxMaskList);
constinit const Names kRenameFlags = FlagsOf(kRenameFlagsList);
constinit const Names kWhence = OneOf(kWhenceList);
constinit const Names kAllocateModes = FlagsOf(kAllocateModesList);
constinit const Names kFileAdvice = OneOf(kFileAdviceList);
constinit const Names kSyncRangeFlags = FlagsOf(kSyncRangeFlagsList);
constinit const Names kXattrFlags = FlagsOf(kXattrFlagsList);
constinit const Names kFileSystemTypes = OneOf(kFileSystemTypesList);

}  // namespace ukrun::strace
