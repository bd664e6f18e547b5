// How the gofer asks statx(2): the same question from plain calls and from the ring.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "gofer/types.h"

namespace ukrun::gofer {

// An automount point that nobody has used yet shows as the directory that it is.
inline constexpr int kStatxFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
inline constexpr unsigned kStatxMask = STATX_BASIC_STATS | STATX_BTIME;

GoferAttributes FromStatx(const struct statx& from);

}  // namespace ukrun::gofer
