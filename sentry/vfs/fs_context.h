// Root, working directory and umask of a process (shared under CLONE_FS).
#pragma once

#include <cstdint>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class FsContext : public RefCounted<FsContext> {
 public:
  FsContext(Path root, Path cwd, uint32_t umask)
      : state_(State{std::move(root), std::move(cwd), umask}) {}

  Path root() const { return state_.Lock()->root; }
  Path cwd() const { return state_.Lock()->cwd; }
  uint32_t umask() const { return state_.Lock()->umask; }
  void set_root(Path root) { std::swap(state_.Lock()->root, root); }
  void set_cwd(Path cwd) { std::swap(state_.Lock()->cwd, cwd); }
  uint32_t ExchangeUmask(uint32_t umask) {
    return std::exchange(state_.Lock()->umask, umask & 0777);
  }
  RefPtr<FsContext> Clone() const {
    State copy = *state_.Lock();
    return MakeRef<FsContext>(copy.root, copy.cwd, copy.umask);
  }

 private:
  struct State {
    Path root;
    Path cwd;
    uint32_t umask;
  };
  mutable Locked<State, LockRank::kFsContext> state_;
};

}  // namespace ukrun
