#include "sentry/fs/devpts/terminal_files.h"

#include <asm/ioctls.h>
#include <fcntl.h>

#include "base/format.h"
#include "sentry/fs/devpts/devpts_file_system.h"
#include "sentry/kernel.h"
#include "sentry/task/task.h"
#include "sentry/vfs/device_registry.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr uint32_t kSlaveMajor = 136;
constexpr uint32_t kTerminalMajor = 5;
constexpr uint32_t kCurrentMinor = 0, kConsoleMinor = 1, kMasterMinor = 2;

class SlaveFile final : public File {
 public:
  SlaveFile(const Path& path, const OpenOptions& options, RefPtr<Terminal> terminal,
            Terminal::Hangups opened)
      : File(path, options), terminal_(std::move(terminal)), opened_(opened) {}
  ~SlaveFile() override { terminal_->SlaveClosed(); }

  Result<size_t> Read(GuestIo& io) override {
    return terminal_->SlaveRead(CurrentTask(), io, opened_, nonblocking());
  }
  Result<size_t> Write(GuestIo& io) override {
    return terminal_->SlaveWrite(CurrentTask(), io, opened_);
  }
  Ready Readiness() override { return terminal_->SlaveReadiness(opened_); }
  WaitQueue* waiters() override { return &terminal_->slave_waiters(); }

  Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument) override {
    if (terminal_->HungUp(opened_)) {
      return Fail(request == TIOCSPGRP ? ENOTTY : EIO);
    }
    return terminal_->Ioctl(Terminal::Side::kSlave, task, request, argument);
  }

 private:
  const RefPtr<Terminal> terminal_;
  const Terminal::Hangups opened_;
};

class MasterFile final : public File {
 public:
  MasterFile(const Path& path, const OpenOptions& options, RefPtr<Terminal> terminal)
      : File(path, options), terminal_(std::move(terminal)) {}
  ~MasterFile() override { terminal_->CloseMaster(); }

  Result<size_t> Read(GuestIo& io) override { return terminal_->MasterRead(io); }
  Result<size_t> Write(GuestIo& io) override { return terminal_->MasterWrite(io); }
  Ready Readiness() override { return terminal_->MasterReadiness(); }
  WaitQueue* waiters() override { return &terminal_->master_waiters(); }

  Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument) override {
    if (request == TIOCGPTPEER) {
      return OpenPeer(task, static_cast<uint32_t>(argument.value()));
    }
    Result<int64_t> result = terminal_->MasterIoctl(task, request, argument);
    return result.Is(ENOTTY) ? terminal_->Ioctl(Terminal::Side::kMaster, task, request, argument)
                             : result;
  }

  std::string FdInfo() override { return Format("tty-index:\t{}\n", terminal_->index()); }

 private:
  // The slave, without a walk along a path that somebody else may have mounted over.
  Result<int64_t> OpenPeer(Task& task, uint32_t flags) {
    constexpr uint32_t kStatusFlags = O_NONBLOCK | O_APPEND;
    OpenOptions options;
    uint32_t mode = flags & O_ACCMODE;
    options.read = mode != O_WRONLY;
    options.write = mode != O_RDONLY;
    options.status_flags = flags & kStatusFlags;
    options.no_terminal = (flags & O_NOCTTY) != 0;
    Path path = DevptsFileSystem::Instance().SlavePath(terminal_->index(), path_.mount);
    RefPtr<File> slave = TRY(OpenSlave(task, *terminal_, path, options));
    CloseOnExec close = (flags & O_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo;
    return int64_t{TRY(task.InstallFile(std::move(slave), close)).value};
  }

  const RefPtr<Terminal> terminal_;
};

Result<RefPtr<File>> OpenMaster(Task& task, const Path& path, const OpenOptions& options) {
  RefPtr<Terminal> terminal = TRY(Terminal::Create(task.credentials().fsuid));
  return RefPtr<File>(MakeRef<MasterFile>(path, options, std::move(terminal)));
}

Result<RefPtr<File>> OpenSlaveNode(Task& task, const Path& path, const OpenOptions& options) {
  uint64_t device = TRY(path.dentry->inode()->GetAttributes()).special_device;
  RefPtr<Terminal> terminal = TRY(DevptsFileSystem::Instance().FindTerminal(DeviceMinor(device)));
  return OpenSlave(task, *terminal, path, options);
}

// /dev/tty: whatever controls the caller's session.
Result<RefPtr<File>> OpenCurrent(Task& task, const Path& path, const OpenOptions& options) {
  RefPtr<ControllingTerminal> terminal;
  {
    MutexGuard guard(kernel().tasks().lock());
    const RefPtr<ProcessGroup>& group = task.thread_group().process_group;
    terminal = group ? group->session->terminal : nullptr;
  }
  return terminal ? terminal->Reopen(task, path, options) : Fail(ENXIO);
}

constinit Terminal* g_console = nullptr;

Result<RefPtr<File>> OpenConsole(Task& task, const Path& path, const OpenOptions& options) {
  if (g_console == nullptr) {
    return Fail(ENXIO);
  }
  OpenOptions quiet = options;
  quiet.no_terminal = true;  // as on Linux, a console is nobody's by being opened
  return OpenSlave(task, *g_console, path, quiet);
}

}  // namespace

Result<RefPtr<File>> OpenSlave(Task& task, Terminal& terminal, const Path& path,
                               const OpenOptions& options) {
  Terminal::Hangups opened = TRY(terminal.SlaveOpened(task));
  RefPtr<File> file = MakeRef<SlaveFile>(path, options, RefPtr<Terminal>::Share(&terminal), opened);
  if (options.read && !options.no_terminal) {
    terminal.TakeIfWanted(task);
  }
  return file;
}

Result<RefPtr<File>> Terminal::Reopen(Task& task, const Path& path, const OpenOptions& options) {
  return OpenSlave(task, *this, path, options);
}

// Lives as long as the sandbox.
void SetConsole(RefPtr<Terminal> terminal) { g_console = terminal.Release(); }

void RegisterTerminalDevices() {
  RegisterCharacterDevice(kTerminalMajor, kCurrentMinor, &OpenCurrent);
  RegisterCharacterDevice(kTerminalMajor, kConsoleMinor, &OpenConsole);
  RegisterCharacterDevice(kTerminalMajor, kMasterMinor, &OpenMaster);
  RegisterCharacterDevice(kSlaveMajor, kAnyMinor, &OpenSlaveNode);
}

}  // namespace ukrun
