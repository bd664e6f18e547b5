// Changing attributes; extended attributes.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "gofer/tree.h"

namespace ukrun::gofer {
namespace {

constexpr size_t kLongestXattrName = 255;
constexpr size_t kLongestXattrValue = size_t{64} * 1024;

// Extended attributes have no calls for O_PATH descriptors, so they go by this path.
std::string MagicPath(int fd) { return std::string("/proc/self/fd/") + FdName(fd).text; }

// What a sandbox may see: not `trusted.`, by which the host's programs talk to themselves.
bool MayRead(std::string_view name) { return !name.starts_with("trusted."); }

// What it may change: not `security.` (capabilities of programs) either.
bool MayWrite(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("system.posix_acl_");
}

Result<std::string> CheckXattrName(std::string_view name) {
  if (name.empty() || name.size() > kLongestXattrName ||
      name.find('\0') != std::string_view::npos) {
    return Fail(ERANGE);
  }
  return std::string(name);
}

timespec ToTimespec(const GoferTimeChange& change) {
  switch (change.kind) {
    case GoferTimeChange::Kind::kNow:
      return {0, UTIME_NOW};
    case GoferTimeChange::Kind::kSet: {
      int64_t seconds = change.time_ns / 1'000'000'000;
      int64_t nanoseconds = change.time_ns % 1'000'000'000;
      if (nanoseconds < 0) {
        --seconds;
        nanoseconds += 1'000'000'000;
      }
      return {seconds, nanoseconds};
    }
    default:
      return {0, UTIME_OMIT};
  }
}

// Asks for a value of unknown size, which may grow between the question and the answer.
template <typename Read>
Result<std::string> ReadAll(Read read) {
  std::string value(256, '\0');
  while (true) {
    ssize_t size = read(value.data(), value.size());
    if (size >= 0) {
      value.resize(static_cast<size_t>(size));
      return value;
    }
    if (errno != ERANGE || value.size() >= kLongestXattrValue) {
      return Fail(errno == ERANGE ? E2BIG : errno);
    }
    value.resize(value.size() * 16);
    value.resize(std::min(value.size(), kLongestXattrValue));
  }
}

}  // namespace

Result<GoferAttributes> Tree::SetAttributes(uint64_t handle, const GoferSetAttributes& change) {
  NodeRef node = TRY(FindWritable(handle));
  SharedFd fd = TRY(nodes_.Descriptor(node));
  if (change.size != GoferSetAttributes::kKeepSize) {
    if (change.size > INT64_MAX) {
      return Fail(EINVAL);
    }
    GoferOpenOptions for_writing{.access = GoferAccess::kWrite};
    int flags = TRY(OpenFlags(*node, for_writing));
    HostFd file = TRY(OpenAgain(fd->get(), flags));
    TRY(CheckOpened(file.get(), for_writing));
    if (ftruncate(file.get(), static_cast<off_t>(change.size)) != 0) {
      return Fail(errno);
    }
  }
  GoferAttributes before = TRY(StatDescriptor(fd->get()));
  if (hiding_->inodes().Contains(before)) {
    return Fail(ESTALE);
  }
  bool new_owner =
      change.owner.uid != GoferOwner::kUnchanged || change.owner.gid != GoferOwner::kUnchanged;
  if (new_owner &&
      fchownat(fd->get(), "", change.owner.uid, change.owner.gid, AT_EMPTY_PATH) != 0) {
    return Fail(errno);
  }
  if (change.mode != GoferSetAttributes::kKeepMode) {
    if (node->type == S_IFLNK) {
      return Fail(EOPNOTSUPP);
    }
    mode_t mode = change.mode & 07777;
    if (node->type != S_IFDIR && (mode & (S_ISUID | S_ISGID)) != 0) {
      return Fail(EPERM);  // no program with another's rights gets onto the host
    }
    if (fchmodat(proc_fds_.get(), FdName(fd->get()).text, mode, 0) != 0) {
      return Fail(errno);
    }
  }
  std::array<timespec, 2> times{ToTimespec(change.atime), ToTimespec(change.mtime)};
  bool new_times = times[0].tv_nsec != UTIME_OMIT || times[1].tv_nsec != UTIME_OMIT;
  if (new_times && utimensat(fd->get(), "", times.data(), AT_EMPTY_PATH) != 0) {
    return Fail(errno);
  }
  return StatDescriptor(fd->get());
}

Result<std::string> Tree::GetXattr(uint64_t handle, std::string_view name) {
  NodeRef node = TRY(nodes_.Find(handle));
  std::string c_name = TRY(CheckXattrName(name));
  if (!MayRead(name)) {
    return Fail(ENODATA);
  }
  SharedFd fd = TRY(nodes_.Descriptor(node));
  std::string path = MagicPath(fd->get());
  return ReadAll(
      [&](char* to, size_t size) { return getxattr(path.c_str(), c_name.c_str(), to, size); });
}

Result<void> Tree::SetXattr(uint64_t handle, std::string_view name, std::string_view value,
                            uint32_t flags) {
  NodeRef node = TRY(FindWritable(handle));
  std::string c_name = TRY(CheckXattrName(name));
  if (!MayWrite(name)) {
    return Fail(EPERM);
  }
  if (value.size() > kLongestXattrValue) {
    return Fail(E2BIG);
  }
  if ((flags & ~uint32_t{XATTR_CREATE | XATTR_REPLACE}) != 0) {
    return Fail(EINVAL);
  }
  SharedFd fd = TRY(nodes_.Descriptor(node));
  std::string path = MagicPath(fd->get());
  if (setxattr(path.c_str(), c_name.c_str(), value.data(), value.size(), static_cast<int>(flags)) !=
      0) {
    return Fail(errno);
  }
  return Ok();
}

Result<std::string> Tree::ListXattr(uint64_t handle) {
  NodeRef node = TRY(nodes_.Find(handle));
  SharedFd fd = TRY(nodes_.Descriptor(node));
  std::string path = MagicPath(fd->get());
  std::string all =
      TRY(ReadAll([&](char* to, size_t size) { return listxattr(path.c_str(), to, size); }));
  std::string readable;
  for (size_t begin = 0; begin < all.size();) {
    size_t end = std::min(all.find('\0', begin), all.size() - 1) + 1;
    std::string_view entry(all.data() + begin, end - begin);
    if (MayRead(entry)) {
      readable.append(entry);
    }
    begin = end;
  }
  return readable;
}

Result<void> Tree::RemoveXattr(uint64_t handle, std::string_view name) {
  NodeRef node = TRY(FindWritable(handle));
  std::string c_name = TRY(CheckXattrName(name));
  if (!MayWrite(name)) {
    return Fail(EPERM);
  }
  SharedFd fd = TRY(nodes_.Descriptor(node));
  if (removexattr(MagicPath(fd->get()).c_str(), c_name.c_str()) != 0) {
    return Fail(errno);
  }
  return Ok();
}

}  // namespace ukrun::gofer
