// What the process tree knows of a session's terminal. The terminal itself is
// sentry/fs/devpts.
#pragma once

#include <cstdint>

#include "base/ref_ptr.h"
#include "base/result.h"

namespace ukrun {

class File;
class Task;
class ThreadGroup;
struct OpenOptions;
struct Path;

class ControllingTerminal : public RefCounted<ControllingTerminal> {
 public:
  virtual ~ControllingTerminal() = default;
  // For /proc/PID/stat (tty_nr).
  virtual uint64_t device() const = 0;
  // Its foreground process group; 0 for none. Lock-free or under a lock above kTaskTree.
  virtual int32_t foreground_group() const = 0;
  // The session's leader has ended: the terminal is released, the foreground group gets
  // SIGHUP and SIGCONT. Called without locks.
  virtual void SessionLeaderEnded(ThreadGroup& leader) = 0;
  // Opens it once more, for /dev/tty.
  virtual Result<RefPtr<File>> Reopen(Task& task, const Path& path, const OpenOptions& options) = 0;
};

}  // namespace ukrun
