// What file systems have in common whose contents the kernel makes up (proc, sysfs,
// devpts): a device number, fixed modes, nothing that a guest could make or remove.
#pragma once

#include <string_view>

#include "sentry/vfs/inode.h"

namespace ukrun {

class PseudoFileSystem : public FileSystem {
 public:
  // `type` has the life of a literal; `magic` is what statfs(2) says.
  PseudoFileSystem(std::string_view type, int64_t magic);

  std::string_view type_name() const override { return type_; }
  Result<FileSystemStatistics> Statistics() override;

  uint64_t device() const { return device_; }
  // When the file system was made: the time of everything that has none of its own.
  int64_t birth_time_ns() const { return birth_time_ns_; }

 private:
  const std::string_view type_;
  const int64_t magic_;
  const uint64_t device_;
  const int64_t birth_time_ns_;
};

// Ids of an inode's owner.
struct PseudoOwner {
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// Whoever holds an inode holds its file system too, through the mount of a path; the file
// system is therefore a reference only.
class PseudoInode : public Inode {
 public:
  // `mode` with type. `number` 0: a new one.
  PseudoInode(PseudoFileSystem& file_system, uint32_t mode, uint64_t number = 0);

  FileSystem& file_system() override { return file_system_; }
  uint32_t type() const override { return mode_ & S_IFMT; }
  Result<Attributes> GetAttributes() override;
  // As on Linux's proc: modes stay (EPERM); owners and times are accepted and forgotten, and
  // so is truncation, which shells ask for when they redirect into a file.
  Result<void> SetAttributes(const AttributeChange& change) override;

  uint64_t number() const { return number_; }
  uint32_t mode() const { return mode_; }

 protected:
  PseudoFileSystem& pseudo_file_system() const { return file_system_; }
  // Who owns it now. Default: root.
  virtual PseudoOwner Owner() { return {}; }
  // What else is special about it.
  virtual void Describe(Attributes&) {}

 private:
  PseudoFileSystem& file_system_;
  const uint32_t mode_;
  const uint64_t number_;
};

// A symbolic link whose target never changes.
class PseudoLink final : public PseudoInode {
 public:
  PseudoLink(PseudoFileSystem& file_system, std::string target)
      : PseudoInode(file_system, S_IFLNK | 0777), target_(std::move(target)) {}
  Result<std::string> ReadLink() override { return target_; }

 private:
  const std::string target_;
};

}  // namespace ukrun
