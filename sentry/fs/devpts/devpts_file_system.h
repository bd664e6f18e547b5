// /dev/pts: a node for each pseudo-terminal whose master is open, and ptmx, which makes new
// ones (pts(4)). There is one for the whole sandbox, however often it is mounted.
#pragma once

#include <map>
#include <set>

#include "base/locked.h"
#include "sentry/fs/pseudo/pseudo_directory.h"

namespace ukrun {

class Terminal;

class DevptsFileSystem final : public PseudoFileSystem {
 public:
  static DevptsFileSystem& Instance();

  RefPtr<Inode> root() override;
  CacheNames cache_names() const override { return CacheNames::kNo; }

  // The lowest free number. It stays taken until the terminal is gone, which may be long
  // after its node. Errors: ENOSPC.
  Result<uint32_t> AllocateIndex();
  void ReleaseIndex(uint32_t index);
  // The terminal's node appears and goes.
  void AddTerminal(Terminal& terminal, uint32_t uid);
  void RemoveTerminal(uint32_t index);
  // Errors: EIO, as Linux says when a node outlives its terminal.
  Result<RefPtr<Terminal>> FindTerminal(uint32_t index);

  // The node of a slave, in `mount` if that is one of devpts.
  Path SlavePath(uint32_t index, const RefPtr<Mount>& mount);

 private:
  class Root;
  struct Node {
    RefPtr<PseudoInode> inode;
    Terminal* terminal = nullptr;  // lives: its master, which removes the node, holds it
  };
  struct State {
    std::set<uint32_t> taken;
    std::map<uint32_t, Node> nodes;
  };

  DevptsFileSystem();
  RefPtr<PseudoInode> FindNode(uint32_t index);

  RefPtr<PseudoDirectory> root_;  // Constant after construction.
  Locked<State, LockRank::kInode> state_;
};

}  // namespace ukrun
