#include "sentry/fs/anonymous/anonymous_inode.h"

#include <array>

#include "base/locked.h"
#include "sentry/vfs/attribute_change.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// Linux keeps pipes, sockets and the rest in file systems of their own, as fstatfs(2) shows.
struct Kind {
  std::string_view name;
  int64_t magic;
};
constexpr std::array kKinds = {
    Kind{"anon_inodefs", 0x09041934},
    Kind{"pipefs", 0x50495045},
    Kind{"sockfs", 0x534f434b},
};

class AnonymousFileSystem final : public FileSystem {
 public:
  explicit AnonymousFileSystem(const Kind& kind) : kind_(kind), device_(NewDeviceNumber()) {}
  std::string_view type_name() const override { return kind_.name; }
  RefPtr<Inode> root() override { return nullptr; }
  Result<FileSystemStatistics> Statistics() override {
    FileSystemStatistics statistics;
    statistics.type = kind_.magic;
    return statistics;
  }
  uint64_t device() const { return device_; }

 private:
  const Kind& kind_;
  const uint64_t device_;
};

AnonymousFileSystem& FileSystemFor(uint32_t type) {
  static constinit std::array<std::atomic<AnonymousFileSystem*>, kKinds.size()> instances{};
  size_t index = type == S_IFIFO ? 1 : type == S_IFSOCK ? 2 : 0;
  std::atomic<AnonymousFileSystem*>& instance = instances[index];
  if (AnonymousFileSystem* existing = instance.load(std::memory_order_acquire)) {
    return *existing;
  }
  auto* fresh = new AnonymousFileSystem(kKinds[index]);
  AnonymousFileSystem* expected = nullptr;
  if (!instance.compare_exchange_strong(expected, fresh, std::memory_order_acq_rel)) {
    fresh->Unref();
    return *expected;
  }
  return *fresh;
}

class AnonymousInode final : public Inode {
 public:
  explicit AnonymousInode(const Attributes& attributes) : attributes_(attributes) {}

  FileSystem& file_system() override { return FileSystemFor(type_); }
  uint32_t type() const override { return type_; }
  Result<Attributes> GetAttributes() override { return *attributes_.Lock(); }
  Result<void> SetAttributes(const AttributeChange& change) override {
    if (change.size) {
      return Fail(EINVAL);
    }
    ApplyChange(*attributes_.Lock(), change);
    return Ok();
  }

 private:
  Locked<Attributes, LockRank::kInode> attributes_;
  const uint32_t type_ = attributes_.Lock()->mode & S_IFMT;
};

}  // namespace

RefPtr<Inode> NewAnonymousInode(uint32_t mode, uint32_t uid, uint32_t gid) {
  Attributes attributes;
  attributes.device = FileSystemFor(mode & S_IFMT).device();
  attributes.inode_number = NewInodeNumber();
  attributes.mode = mode;
  attributes.uid = uid;
  attributes.gid = gid;
  int64_t now = FileTimeNow();
  attributes.access_time_ns = now;
  attributes.modify_time_ns = now;
  attributes.change_time_ns = now;
  attributes.birth_time_ns = now;
  return MakeRef<AnonymousInode>(attributes);
}

}  // namespace ukrun
