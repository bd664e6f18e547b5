// What all inodes of the overlay have in common: where their attributes are, and how they
// come to be kept. Symbolic links and special files are nothing more.
#pragma once

#include <string>

#include "sentry/fs/overlay/overlay.h"

namespace ukrun {

class OverlayInode : public Inode {
 public:
  // One of `lower` and `upper` is null. `parent` and `name`: where it lies below.
  OverlayInode(OverlayFileSystem& file_system, RefPtr<LowerInode> lower, RefPtr<TmpfsInode> upper,
               uint64_t number, OverlayDirectory* parent, std::string_view name);
  ~OverlayInode() override;

  FileSystem& file_system() override { return file_system_; }
  uint32_t type() const override { return type_; }
  uint64_t number() const { return number_; }
  const RefPtr<LowerInode>& lower() const { return lower_; }
  Result<Attributes> GetAttributes() override;
  Result<void> SetAttributes(const AttributeChange& change) override;
  Result<std::string> ReadLink() override;

  Result<std::string> GetXattr(std::string_view name) override;
  Result<void> SetXattr(std::string_view name, std::string_view value, XattrMode mode) override;
  Result<void> RemoveXattr(std::string_view name) override;
  Result<std::vector<std::string>> ListXattrs() override;

  // --- For the overlay's other classes.
  // What is stored above: attributes, and for regular files contents. Null: nothing yet.
  RefPtr<TmpfsInode> upper() const { return state_.Lock()->upper; }
  // Gives it attributes above, if it has none, and keeps it. Errors: ENOSPC.
  Result<RefPtr<TmpfsInode>> EnsureUpper();
  // Makes the directories above hold on to it.
  void Keep();
  // It has got (lost) names; the last one it had below is not its place any more.
  void ChangeLinkCount(int32_t delta);
  void LeavePlace();
  // Set by ForgetChangesSoFar(): as if it had been there from the start.
  void SetUnchanged();
  // It was changed itself (not only entries in it), or is new.
  bool is_changed() const { return changed_.load(std::memory_order_relaxed); }
  bool is_new() const { return !lower_; }
  // It has been given another place than it had below.
  bool is_moved() const { return moved_.load(std::memory_order_relaxed); }
  void SetMoved() { moved_.store(true, std::memory_order_relaxed); }
  void SetLinked() { linked_ = true; }

 protected:
  OverlayFileSystem& overlay() const { return file_system_; }
  void SetChanged() { changed_.store(true, std::memory_order_relaxed); }
  // Regular files: size and blocks come from where the contents are.
  virtual Result<void> DescribeContents(Attributes&) { return Ok(); }
  virtual Result<void> SetSize(uint64_t) { return Fail(EINVAL); }

 private:
  struct State {
    RefPtr<TmpfsInode> upper;
    // Names more (less) than the lower file has, until `upper` counts them.
    int32_t link_delta = 0;
    // Its place below, until somebody there holds on to it.
    RefPtr<OverlayDirectory> parent;
    std::string name;
  };
  Result<RefPtr<TmpfsInode>> MakeUpper();

  // Constant after construction (and publication).
  OverlayFileSystem& file_system_;
  const RefPtr<LowerInode> lower_;
  const uint32_t type_;
  const uint64_t number_;
  bool linked_ = false;

  mutable Locked<State, LockRank::kInode> state_;
  std::atomic<bool> changed_;
  std::atomic<bool> moved_{false};
};

}  // namespace ukrun
