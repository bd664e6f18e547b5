// A file is either written or executed (ETXTBSY): Linux's i_writecount.
#pragma once

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

// Errors: ETXTBSY while the file is being executed.
Result<void> GetWriteAccess(Inode& inode);
void PutWriteAccess(Inode& inode);
// From now on `file` gives back, at its end, the access that the caller has got.
void AdoptWriteAccess(File& file);

// Held by a running program on its executable: nobody may open it for writing.
class WriteDenial {
 public:
  WriteDenial() = default;
  // Errors: ETXTBSY while somebody has it open for writing.
  static Result<WriteDenial> Take(RefPtr<Inode> inode);
  WriteDenial(WriteDenial&& other) noexcept = default;
  WriteDenial& operator=(WriteDenial&& other) noexcept {
    std::swap(inode_, other.inode_);
    return *this;
  }
  ~WriteDenial();

 private:
  explicit WriteDenial(RefPtr<Inode> inode) : inode_(std::move(inode)) {}
  RefPtr<Inode> inode_;
};

}  // namespace ukrun
