#include "sentry/fs/pseudo/pseudo_file_system.h"

#include "sentry/vfs/vfs.h"

namespace ukrun {

PseudoFileSystem::PseudoFileSystem(std::string_view type, int64_t magic)
    : type_(type), magic_(magic), device_(NewDeviceNumber()), birth_time_ns_(FileTimeNow()) {}

Result<FileSystemStatistics> PseudoFileSystem::Statistics() {
  FileSystemStatistics statistics;
  statistics.type = magic_;
  return statistics;
}

PseudoInode::PseudoInode(PseudoFileSystem& file_system, uint32_t mode, uint64_t number)
    : file_system_(file_system), mode_(mode), number_(number == 0 ? NewInodeNumber() : number) {}

Result<Attributes> PseudoInode::GetAttributes() {
  Attributes attributes;
  attributes.device = file_system_.device();
  attributes.inode_number = number_;
  attributes.mode = mode_;
  attributes.link_count = IsDirectoryMode(mode_) ? 2 : 1;
  PseudoOwner owner = Owner();
  attributes.uid = owner.uid;
  attributes.gid = owner.gid;
  attributes.block_size = 1024;
  attributes.access_time_ns = file_system_.birth_time_ns();
  attributes.modify_time_ns = attributes.access_time_ns;
  attributes.change_time_ns = attributes.access_time_ns;
  Describe(attributes);
  return attributes;
}

Result<void> PseudoInode::SetAttributes(const AttributeChange& change) {
  return change.permissions ? Fail(EPERM) : Result<void>();
}

}  // namespace ukrun
