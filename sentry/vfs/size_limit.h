// RLIMIT_FSIZE and the largest file: how far a write may go.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace ukrun {

class File;
class GuestIo;
class Task;

// Shortens `io`, which is about to be written at `offset` (SeekableFile::kAppend: the end).
// Files other than regular ones have no limit. Errors: EFBIG, after sending SIGXFSZ.
Result<void> ApplyFileSizeLimit(File& file, GuestIo& io, int64_t offset);
// For truncate(2) and fallocate(2): may the file grow to `size`? Errors: EFBIG.
Result<void> CheckFileSizeLimit(Task& task, uint64_t current_size, uint64_t size);

}  // namespace ukrun
