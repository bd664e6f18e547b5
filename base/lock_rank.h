// The order in which kernel locks are taken: a thread may only take a lock whose rank is
// higher than every rank that it holds. Checked at run time in builds with assertions.
// Every rank says why it stands where it does. There is no "unranked".
#pragma once

#include <cstdint>

namespace ukrun {

enum class LockRank : uint8_t {
  kNone = 0,
  // An open file's offset, held over the read or write that uses it (as Linux's f_pos_lock),
  // and so over page faults of the buffer.
  kFileOffset,
  // A file of the overlay gets its copy above, as part of a write.
  kCopyUp,
  // Held over one write to a file's contents, so that writes are atomic to each other (as
  // Linux's inode lock), and so over page faults of the buffer.
  kFileContents,
  // Held over a whole change of an address space, including injected calls.
  kMemoryManager,
  // Directory operations hold it over file-system calls (create, rename, unlink).
  kRenameTree,
  kDirectory,
  kMountTable,
  // Making a file system of which there is one, on first use: its inodes come with it.
  kFileSystemStart,
  // Inode contents and attributes; taken inside directory operations.
  kInode,
  kInodeSecond,
  // Pages of a tmpfs file; under its inode, over the pool.
  kMemoryObject,
  kDentryCache,
  kFsContext,
  kFileLocks,
  // One per descriptor table; taken by calls that then look at files, never the reverse.
  kFdTable,
  // Which epoll sets are in which; taken before the sets themselves.
  kEpollNesting,
  // An epoll set's table, held while its files are asked whether they are ready.
  kEpoll,
  // Terminals send signals with their state settled, so they come before the task tree.
  kTerminal,
  kSocketTable,
  kSocket,
  kPipe,
  kInotify,
  kFutex,
  // Timers of a process; they send signals with their state settled.
  kProcessTimers,
  // The process tree, signals, stop state. Leaf for most of the kernel: never held over I/O.
  kTaskTree,
  kCredentials,
  // Pointers of a task to what it shares; taken to look at another task.
  kTaskResources,
  // A timerfd's time, held while its timer is set to it.
  kTimerFile,
  kTimers,
  // Small objects with a counter or list behind them (eventfd, memfd seals, ...).
  kFileObject,
  kCloseObservers,
  // Readiness lists; notified with the locks above held.
  kWaitQueue,
  // The ready list of an epoll set; a file's waiter adds to it.
  kEpollReady,
  kGofer,
  // Starting a service thread on first use.
  kServiceStart,
  kHostPoller,
  kPagePool,
  // The place for signal frames in a guest's process, held over host calls there; whoever
  // finds the process dead tells the platform.
  kFramePlace,
  kPlatform,
  kIds,
  kThreads,
  kLog,
  // The allocator may be entered under anything.
  kHeap,
  kHeapUnits,
};

}  // namespace ukrun
