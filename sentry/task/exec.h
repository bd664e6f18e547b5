// execve(2): a new program in a fresh address space.
//
// Everything that can fail is done first, in an address space that only this task knows;
// then the other threads are ended, and the task moves over. So a program that cannot be
// loaded leaves the old one as it was.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {

class Task;

struct ExecRequest {
  RefPtr<File> file;      // opened for execution
  std::string file_name;  // as given: AT_EXECFN, also of scripts
  // The name of a script opened through a close-on-exec descriptor would be gone by the
  // time the interpreter wants it.
  bool name_vanishes = false;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

// Opens a program: a regular file, executable, on a mount without noexec.
// Errors: EACCES, ENOENT, ELOOP, ...
Result<RefPtr<File>> OpenExecutable(Task& task, Fd start, std::string_view path,
                                    const WalkOptions& options);

// Errors: ENOEXEC, ENOENT (interpreter), ELIBBAD, E2BIG, ENOMEM, ...
Result<void> ExecTask(Task& task, ExecRequest request);

}  // namespace ukrun
