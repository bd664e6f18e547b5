// A pseudo-terminal (pty(7)): a line discipline between a master and any number of open
// slaves, and the session that it controls.
//
//   terminal.cc              reading, writing, closing
//   terminal_session.cc      sessions, foreground groups, hang-ups (credentials(7), "Sessions")
//   terminal_ioctl.cc        ioctl_tty(2)
//   terminal_files.cc        the file objects, and how device nodes are opened
//
// Guest memory is copied without the terminal's lock. Signals are sent under it, so that
// their order is that of what happened.
#pragma once

#include <atomic>
#include <string>

#include "base/locked.h"
#include "base/wait_queue.h"
#include "sentry/fs/devpts/line_discipline.h"
#include "sentry/mm/guest_io.h"
#include "sentry/task/controlling_terminal.h"
#include "sentry/task/thread_group.h"
#include "sentry/time/timer_service.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class Terminal final : public ControllingTerminal {
 public:
  // With a number of its own, and a node in /dev/pts that belongs to `uid`.
  // The slave cannot be opened before Unlock. Errors: ENOSPC.
  static Result<RefPtr<Terminal>> Create(uint32_t uid);
  ~Terminal() override;

  uint32_t index() const { return index_; }

  // --- ControllingTerminal.
  uint64_t device() const override;
  int32_t foreground_group() const override { return foreground_.load(std::memory_order_relaxed); }
  void SessionLeaderEnded(ThreadGroup& leader) override;
  Result<RefPtr<File>> Reopen(Task& task, const Path& path, const OpenOptions& options) override;

  // --- The master.
  Result<size_t> MasterRead(GuestIo& io);
  Result<size_t> MasterWrite(GuestIo& io);
  Ready MasterReadiness();
  WaitQueue& master_waiters() { return master_waiters_; }
  // The same for kernel memory: takes or gives as much as there is room or output for.
  size_t Type(std::string_view bytes);
  size_t TypeSpace();
  size_t TakeOutput(char* to, size_t size);
  // The master is gone: everybody who has the terminal open loses it.
  void CloseMaster();

  // --- Slaves. `opened` is what SlaveOpened has given the file.
  using Hangups = uint64_t;
  // Errors: EIO (locked, or the master is gone), EBUSY (TIOCEXCL).
  Result<Hangups> SlaveOpened(Task& task);
  void SlaveClosed();
  Result<size_t> SlaveRead(Task& task, GuestIo& io, Hangups opened, bool nonblocking);
  Result<size_t> SlaveWrite(Task& task, GuestIo& io, Hangups opened);
  Ready SlaveReadiness(Hangups opened);
  bool HungUp(Hangups opened) const { return hangups_.load() != opened; }
  WaitQueue& slave_waiters() { return slave_waiters_; }

  // --- Sessions (terminal_session.cc).
  // Makes it the terminal of the task's session, when the task leads one that has none.
  void TakeIfWanted(Task& task);
  // TIOCSCTTY. Errors: EPERM.
  enum class Steal : uint8_t { kNo, kYes };
  Result<void> Take(Task& task, Steal steal);
  // TIOCNOTTY. Errors: ENOTTY.
  Result<void> GiveUp(Task& task);
  bool Controls(const Task& task) const;
  // 0: none. TIOCGSID.
  int32_t session_id() const { return session_id_.load(std::memory_order_relaxed); }
  // TIOCSPGRP. Errors: ENOTTY, EPERM, ESRCH, EINVAL.
  Result<void> SetForeground(Task& task, int32_t group);
  // What a process in the background may not do: raises `signal` (SIGTTIN, SIGTTOU) and
  // fails with kErestartsys, or with EIO where it would not help.
  Result<void> CheckForeground(Task& task, int signal);
  void SignalForeground(int signal);

  // --- Settings (terminal_ioctl.cc).
  Termios termios() const { return state_.Lock()->line.termios(); }
  void SetTermios(const Termios& termios);
  WindowSize window() const { return state_.Lock()->window; }
  // Tells the foreground group (SIGWINCH) when it is a change.
  void SetWindow(const WindowSize& window);
  void Unlock() { state_.Lock()->locked = false; }
  size_t OutputSize() const { return state_.Lock()->line.output_size(); }
  // Ioctls that master and slave share. Errors: ENOTTY for unknown ones.
  enum class Side : uint8_t { kMaster, kSlave };
  Result<int64_t> Ioctl(Side side, Task& task, uint32_t request, GuestAddr argument);
  // Those of the master alone.
  Result<int64_t> MasterIoctl(Task& task, uint32_t request, GuestAddr argument);

 private:
  struct State {
    LineDiscipline line;
    WindowSize window;
    bool locked = true;
    bool exclusive = false;
    bool packet_mode = false;
    bool master_closed = false;
    uint32_t open_slaves = 0;
    bool slaves_closed = false;  // there were some, and all are closed
    RefPtr<Session> session;
  };
  // Wakes readers whose VTIME is over.
  class ReadTimer final : public Timer {
   public:
    ReadTimer(TimerService& service, WaitQueue& queue) : Timer(service), queue_(queue) {}
    void Fire() override { queue_.Notify(Ready::kReadable); }

   private:
    WaitQueue& queue_;
  };

  explicit Terminal(uint32_t index);

  // What follows from bytes that were typed or written: signals, readiness.
  void AfterTypingLocked(State& state);
  void AfterOutputLocked(State& state);
  // How many bytes a read may take now. Errors: EAGAIN.
  Result<size_t> ReadableNow(State& state, GuestIo& io, bool nonblocking);
  Result<size_t> WaitForMore(GuestIo& io, size_t available, size_t wanted, int64_t time_ns);

  Result<int64_t> ModeIoctl(Task& task, uint32_t request, GuestAddr argument);
  Result<int64_t> FlowIoctl(Side side, Task& task, uint32_t request, GuestAddr argument);
  Result<int64_t> SessionIoctl(Side side, Task& task, uint32_t request, GuestAddr argument);
  Result<void> ChangeModes(Task& task, const Termios& termios, uint32_t how);
  Result<void> Flush(int queue);
  Result<void> Flow(int action);

  // Session and terminal refer to each other until they are taken apart. What is left is
  // released without locks.
  struct Parted {
    RefPtr<Session> session;
    RefPtr<ControllingTerminal> terminal;
  };
  // Require the terminal's lock and take the tree's.
  void TakeLocked(State& state, ThreadGroup& group);
  Parted DetachLocked(State& state);
  Parted HangUpLocked(State& state);
  void SignalForegroundLocked(const State& state, int signal);

  // Constant after construction.
  const uint32_t index_;

  // Held over one write, so that writes don't mix; no lock but a file's position is held
  // when it is taken, as guest memory is read under it.
  Mutex slave_write_lock_{LockRank::kFileContents};
  Mutex master_write_lock_{LockRank::kFileContents};
  mutable Locked<State, LockRank::kTerminal> state_;

  // Written under the lock, read without.
  std::atomic<Hangups> hangups_{0};
  std::atomic<int32_t> foreground_{0};
  std::atomic<int32_t> session_id_{0};

  // Synchronize themselves.
  WaitQueue master_waiters_;
  WaitQueue slave_waiters_;
  ReadTimer read_timer_;
};

}  // namespace ukrun
