#include "sentry/syscalls/directory.h"

#include <algorithm>

#include "sentry/syscalls/path_arguments.h"
#include "sentry/vfs/notify.h"

namespace ukrun {
namespace {

// Entries are gathered in a kernel buffer of at most this size; more take another call.
constexpr size_t kMostGathered = 64 * 1024;
constexpr size_t kAlignment = 8;

// The records that getdents (0) and getdents64 (1) write; fields are copied unaligned.
enum class RecordFormat : uint8_t { kOld, k64 };

class DirectoryBuffer final : public DirectorySink {
 public:
  DirectoryBuffer(RecordFormat format, size_t size) : format_(format), size_(size) {
    bytes_.reserve(std::min<size_t>(size, 4096));
  }

  bool Add(std::string_view name, uint64_t inode_number, uint8_t type, int64_t next) override {
    // Both begin with d_ino, d_off and d_reclen. The type then comes before the name, or in
    // the record's last byte.
    constexpr size_t kFixed = 8 + 8 + 2;
    size_t length = kFixed + name.size() + 2;
    length = (length + kAlignment - 1) & ~(kAlignment - 1);
    if (bytes_.size() + length > size_) {
      overflowed_ = true;
      return false;
    }
    size_t begin = bytes_.size();
    bytes_.resize(begin + length);
    char* record = bytes_.data() + begin;
    auto record_length = static_cast<uint16_t>(length);
    memcpy(record, &inode_number, 8);
    memcpy(record + 8, &next, 8);
    memcpy(record + 16, &record_length, 2);
    bool old = format_ == RecordFormat::kOld;
    memcpy(record + (old ? kFixed : kFixed + 1), name.data(), name.size());
    record[old ? length - 1 : kFixed] = static_cast<char>(type);
    return true;
  }

  const std::vector<char>& bytes() const { return bytes_; }
  bool overflowed() const { return overflowed_; }

 private:
  const RecordFormat format_;
  const size_t size_;
  std::vector<char> bytes_;
  bool overflowed_ = false;
};

Result<size_t> ReadEntries(Task& task, Fd fd, GuestAddr buffer, uint32_t size,
                           RecordFormat format) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  Inode* inode = file->inode();
  if (inode == nullptr || inode->type() != S_IFDIR) {
    return Fail(ENOTDIR);
  }
  if (file->path().dentry->unlinked()) {
    return Fail(ENOENT);
  }
  DirectoryBuffer entries(format, std::min<size_t>(size, kMostGathered));
  int64_t position = file->position();
  TRY(file->ReadDirectory(entries));
  const std::vector<char>& bytes = entries.bytes();
  if (bytes.empty()) {
    return entries.overflowed() ? Result<size_t>(Fail(EINVAL)) : size_t{0};
  }
  Result<void> stored = task.memory().Write(buffer, bytes.data(), bytes.size());
  if (!stored.ok()) {
    // What the guest did not get is still to be read.
    static_cast<void>(file->Seek(position, SEEK_SET));
    return stored.failure();
  }
  NotifyAccessed(file->path());
  return bytes.size();
}

Result<void> EnterDirectory(Task& task, const Path& path) {
  if (path.dentry->inode()->type() != S_IFDIR) {
    return Fail(ENOTDIR);
  }
  TRY(CheckPermission(task.credentials(), path, kMayExecute));
  task.fs().set_cwd(path);
  return Ok();
}

}  // namespace

Result<size_t> Getdents(Task& task, Fd fd, GuestAddr buffer, uint32_t size) {
  return ReadEntries(task, fd, buffer, size, RecordFormat::kOld);
}

Result<size_t> Getdents64(Task& task, Fd fd, GuestAddr buffer, uint32_t size) {
  return ReadEntries(task, fd, buffer, size, RecordFormat::k64);
}

Result<void> Chdir(Task& task, UserString path) {
  return EnterDirectory(task, TRY(FindPath(task, Fd{kAtFdCwd}, path, 0)));
}

Result<void> Fchdir(Task& task, Fd fd) {
  RefPtr<File> file = TRY(task.GetFileOrPath(fd));
  if (file->inode() == nullptr) {
    return Fail(ENOTDIR);
  }
  return EnterDirectory(task, file->path());
}

Result<void> Chroot(Task& task, UserString path) {
  Path root = TRY(FindPath(task, Fd{kAtFdCwd}, path, 0));
  if (root.dentry->inode()->type() != S_IFDIR) {
    return Fail(ENOTDIR);
  }
  TRY(CheckPermission(task.credentials(), root, kMayExecute));
  if (!task.credentials().Has(Capability::kSysChroot)) {
    return Fail(EPERM);
  }
  task.fs().set_root(root);
  return Ok();
}

Result<size_t> Getcwd(Task& task, GuestAddr buffer, uint64_t size) {
  Path cwd = task.fs().cwd();
  if (cwd.dentry->unlinked()) {
    return Fail(ENOENT);
  }
  std::string name = PathName(cwd, task.fs().root());
  if (name.size() >= UserString::kPathMax) {
    return Fail(ENAMETOOLONG);
  }
  if (name.size() + 1 > size) {
    return Fail(ERANGE);
  }
  TRY(task.memory().Write(buffer, name.c_str(), name.size() + 1));
  return name.size() + 1;
}

Result<uint32_t> Umask(Task& task, uint32_t mask) { return task.fs().ExchangeUmask(mask); }

}  // namespace ukrun
