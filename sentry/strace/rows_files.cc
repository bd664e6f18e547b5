// Calls about files by name: open(2), stat(2), rename(2), xattr(7), …
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

constexpr int kSysFchmodat2 = 452;  // newer than Debian 12's headers

// open's third argument is one only when a file is made.
template <size_t kFlagsAt>
void FormatOpenMode(const Call& call, uint64_t value, std::string& out) {
  uint64_t flags = call.arguments[kFlagsAt];
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
    AppendMode(out, static_cast<uint32_t>(value));
  }
}
template <size_t kFlagsAt>
constexpr Argument kOpenMode{&FormatOpenMode<kFlagsAt>};

void FormatOpenHow(const Call& call, uint64_t value, std::string& out) {
  auto how = Fetch<abi::OpenHow>(call, value);
  if (!how) {
    AppendAddress(out, value);
    return;
  }
  out += "{flags=";
  AppendNames(out, kOpenFlags, how->flags);
  if (how->mode != 0) {
    out += ", mode=";
    AppendMode(out, static_cast<uint32_t>(how->mode));
  }
  out += ", resolve=";
  AppendNames(out, kResolveFlags, how->resolve);
  out.push_back('}');
}
constexpr Argument kOpenHow{&FormatOpenHow};

// The two times, of access and of modification.
template <typename T>
void FormatTimes(const Call& call, uint64_t value, std::string& out) {
  AppendArray<T>(call, value, 2, out, [&](const T& time) { AppendStructure(out, time); });
}
template <typename T>
constexpr Argument kTimes{&FormatTimes<T>};

// A mode with the file's type in it.
void FormatNodeMode(const Call&, uint64_t value, std::string& out) {
  AppendFileMode(out, static_cast<uint32_t>(value));
}
constexpr Argument kNodeMode{&FormatNodeMode};

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_open, {kType, kNamed<kOpenFlags>, kOpenMode<1>}},
    {SYS_openat, {kType, kType, kNamed<kOpenFlags>, kOpenMode<2>}},
    {SYS_openat2, {kType, kType, kOpenHow}},
    {SYS_creat, {kType, kMode}},
    {SYS_close_range, {kType, kType, kNamed<kCloseRangeFlags>}},
    {SYS_access, {kType, kNamed<kAccessModes>}},
    {SYS_faccessat, {kType, kType, kNamed<kAccessModes>}},
    {SYS_faccessat2, {kType, kType, kNamed<kAccessModes>, kNamed<kAccessAtFlags>}},
    {SYS_newfstatat, {kType, kType, kType, kNamed<kAtFlags>}},
    {SYS_statx, {kType, kType, kNamed<kAtFlags>, kNamed<kStatxMask>}},
    {SYS_mkdir, {kType, kMode}},
    {SYS_mkdirat, {kType, kType, kMode}},
    {SYS_mknod, {kType, kNodeMode, kDevice}},
    {SYS_mknodat, {kType, kType, kNodeMode, kDevice}},
    {SYS_chmod, {kType, kMode}},
    {SYS_fchmod, {kType, kMode}},
    {SYS_fchmodat, {kType, kType, kMode}},
    {kSysFchmodat2, {kType, kType, kMode, kNamed<kAtFlags>}},
    {SYS_fchownat, {kType, kType, kType, kType, kNamed<kAtFlags>}},
    {SYS_umask, {kMode}, &AppendResultMode},
    {SYS_linkat, {kType, kType, kType, kType, kNamed<kAtFlags>}},
    {SYS_unlinkat, {kType, kType, kNamed<kUnlinkFlags>}},
    {SYS_renameat2, {kType, kType, kType, kType, kNamed<kRenameFlags>}},
    {SYS_readlink, {kType, kDataReturned}},
    {SYS_readlinkat, {kType, kType, kDataReturned}},
    {SYS_getcwd, {kTextReturned}},
    {SYS_utimes, {kType, kTimes<abi::Timeval>}},
    {SYS_futimesat, {kType, kType, kTimes<abi::Timeval>}},
    {SYS_utimensat, {kType, kType, kTimes<abi::Timespec>, kNamed<kAtFlags>}},
    {SYS_setxattr, {kType, kType, kDataSized<3>, kType, kNamed<kXattrFlags>}},
    {SYS_lsetxattr, {kType, kType, kDataSized<3>, kType, kNamed<kXattrFlags>}},
    {SYS_fsetxattr, {kType, kType, kDataSized<3>, kType, kNamed<kXattrFlags>}},
    {SYS_getxattr, {kType, kType, kDataReturned}},
    {SYS_lgetxattr, {kType, kType, kDataReturned}},
    {SYS_fgetxattr, {kType, kType, kDataReturned}},
    {SYS_listxattr, {kType, kDataReturned}},
    {SYS_llistxattr, {kType, kDataReturned}},
    {SYS_flistxattr, {kType, kDataReturned}},
    {SYS_inotify_init1, {kNamed<kInotifyFlags>}},
    {SYS_inotify_add_watch, {kType, kType, kNamed<kInotifyEvents>}},
    {SYS_mount, {kPath, kPath, kPath, kHex, kAddress}},
    {SYS_umount2, {kPath, kHex}},
    {SYS_pivot_root, {kPath, kPath}},
    {SYS_name_to_handle_at, {kFd, kPath, kAddress, kAddress, kNamed<kAtFlags>}},
});

}  // namespace

std::span<const CallFormat> FileRows() { return kRows; }

}  // namespace ukrun::strace
