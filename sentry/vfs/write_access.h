// A file is either written or executed (ETXTBSY): Linux's i_writecount.
#pragma once

#include "base/result.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class File;

// Errors: ETXTBSY while the file is being executed.
Result<void> GetWriteAccess(Inode& inode);
void PutWriteAccess(Inode& inode);
// From now on `file` gives back, at its end, the access that the caller has got.
void AdoptWriteAccess(File& file);

// Nobody may open the file for writing. Errors: ETXTBSY while somebody has it so.
Result<void> DenyWriteAccess(Inode& inode);
void AllowWriteAccess(Inode& inode);
// From now on `file`, a program that is being executed, lifts the denial at its end.
void AdoptWriteDenial(File& file);

}  // namespace ukrun
