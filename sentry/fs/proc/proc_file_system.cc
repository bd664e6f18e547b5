#include "sentry/fs/proc/proc_file_system.h"

#include <linux/magic.h>

#include "sentry/fs/proc/namespace_directory.h"
#include "sentry/fs/proc/proc_root.h"
#include "sentry/fs/proc/system_table.h"

namespace ukrun {

Result<RefPtr<FileSystem>> ProcFileSystem::Create() {
  return RefPtr<FileSystem>(RefPtr<ProcFileSystem>::Adopt(new ProcFileSystem));
}

ProcFileSystem::ProcFileSystem() : PseudoFileSystem("proc", PROC_SUPER_MAGIC) {
  namespaces_ = MakeNamespaceFileSystem();
  net_ = MakeRef<PseudoDirectory>(*this, 0555u);
  AddNetEntries(*this, *net_);
  root_ = MakeProcRoot(*this);
  AddSystemEntries(*this, *root_);
}

RefPtr<Inode> ProcFileSystem::root() { return root_; }

}  // namespace ukrun
