#include "sentry/fs/stdio/sandbox_terminal.h"

#include <fcntl.h>

#include <cstring>

#include "base/format.h"
#include "sentry/fs/devpts/devpts_file_system.h"
#include "sentry/fs/devpts/terminal_files.h"
#include "sentry/fs/stdio/terminal_pump.h"
#include "sentry/task/task.h"
#include "sentry/time/deadline.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// A host terminal that takes nothing for so long is stopped or stuck.
constexpr int64_t kFlushTimeoutNs = 5'000'000'000;

// Set before the control thread starts; null when the streams are no terminal.
constinit TerminalPump* g_pump = nullptr;

WindowSize ToWindow(const WindowSizeSetting& setting) {
  return WindowSize{setting.rows, setting.columns, setting.x_pixels, setting.y_pixels};
}

// As the user's terminal was before ukrun made it raw.
void ApplyModes(Terminal& terminal, const SandboxSettings& settings) {
  if (settings.termios.size() == sizeof(Termios)) {
    Termios termios;
    std::memcpy(&termios, settings.termios.data(), sizeof(termios));
    termios.line = 0;
    terminal.SetTermios(termios);
  }
  terminal.SetWindow(ToWindow(settings.window));
}

// Only standard input is read: it is the one that ukrun has made raw. Output goes to the
// first stream that is a terminal, preferably not to the one for input.
int OutputStream(uint32_t streams) {
  for (int fd : {1, 2, 0}) {
    if ((streams & (1u << fd)) != 0) {
      return fd;
    }
  }
  return -1;
}

}  // namespace

Result<RefPtr<File>> OpenSandboxTerminal(Task& init, const SandboxSettings& settings) {
  RefPtr<Terminal> terminal = TRY(Terminal::Create(settings.uid));
  terminal->Unlock();
  ApplyModes(*terminal, settings);
  uint32_t streams = settings.terminal_streams;
  g_pump = new TerminalPump(terminal, (streams & 1) != 0 ? 0 : -1, OutputStream(streams));
  g_pump->SetReading(!settings.terminal_in_background);
  SetConsole(terminal);

  OpenOptions options;
  options.read = true;
  options.write = true;
  Path path = DevptsFileSystem::Instance().SlavePath(terminal->index(), nullptr);
  RefPtr<File> slave = TRY(OpenSlave(init, *terminal, path, options));
  TRY(g_pump->Start());
  return slave;
}

void SetSandboxWindow(const WindowSizeSetting& window) {
  if (g_pump != nullptr) {
    g_pump->terminal().SetWindow(ToWindow(window));
  }
}

bool SignalSandboxTerminal(int signal) {
  if (g_pump == nullptr || g_pump->terminal().foreground_group() == 0) {
    return false;
  }
  g_pump->terminal().SignalForeground(signal);
  return true;
}

void SetSandboxTerminalInput(TerminalInput input) {
  if (g_pump != nullptr) {
    g_pump->SetReading(input == TerminalInput::kRead);
  }
}

void FlushSandboxTerminal() {
  if (g_pump != nullptr) {
    g_pump->Flush(DeadlineAfter(kFlushTimeoutNs));
  }
}

}  // namespace ukrun
