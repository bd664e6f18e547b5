// Permission rules that several parts of the VFS share. The public ones are in vfs.h.
#pragma once

#include "sentry/task/credentials.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {

// May names be looked up in this directory? Errors: EACCES.
Result<void> CheckSearch(const Credentials& credentials, Inode& directory);
// The right of the file's owner (inode_owner_or_capable).
bool IsOwner(const Credentials& credentials, const Attributes& attributes);
bool InGroup(const Credentials& credentials, uint32_t group);
// A name may be made in, or taken out of, `directory`. Errors: ENOENT (it is removed
// itself), EACCES, EROFS.
Result<void> CheckDirectoryChange(const Credentials& credentials, const Path& directory);
// Besides, the victim is not somebody else's in a sticky directory. Errors: EPERM.
Result<void> CheckSticky(const Credentials& credentials, Inode& directory, Inode& victim);
// The mode and group that a new inode in `directory` gets (set-group-id directories).
NewInode InheritGroup(const Credentials& credentials, const Attributes& directory, NewInode what);
// The permission bits that are left once a file's contents change hands or are written:
// without set-user-id, and without set-group-id where it means execution.
uint32_t WithoutSetIds(const Credentials& credentials, const Attributes& attributes);

}  // namespace ukrun
