// The terminal that the guest sees when the user's streams are one: a pseudo-terminal of
// the sandbox, so that job control works inside, whose master side is copied from and to
// the host's terminal by the Sentry.
#pragma once

#include "sentry/start/settings.h"
#include "sentry/vfs/file.h"

namespace ukrun {

// Makes it, starts the copying, and makes it the controlling terminal of PID 1's session.
Result<RefPtr<File>> OpenSandboxTerminal(Task& init, const SandboxSettings& settings);

// The host's window has changed.
void SetSandboxWindow(const WindowSizeSetting& window);

// A signal from outside: goes to the terminal's foreground group. False when there is no
// terminal (it is then for PID 1).
bool SignalSandboxTerminal(int signal);

// Whether the host's terminal may be read: not while the user's shell reads there.
enum class TerminalInput : uint8_t { kRead, kLeave };
void SetSandboxTerminalInput(TerminalInput input);

// Waits until what the guest has written has reached the host, or the host plainly does not
// take it. For the end of the sandbox.
void FlushSandboxTerminal();

}  // namespace ukrun
