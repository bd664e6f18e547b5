#include "sentry/start/control.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/check.h"
#include "base/host_call.h"
#include "base/log.h"
#include "base/thread.h"
#include "sentry/fs/stdio/sandbox_terminal.h"
#include "sentry/kernel.h"
#include "sentry/signal/signals.h"
#include "sentry/start/host_death.h"
#include "sentry/task/exit.h"
#include "ukrun/sandbox.nanopb.h"
#include "ukrun/startup.h"

namespace ukrun {
namespace {

constexpr size_t kMessageBytes = 1024;

void Send(const ukrun_proto_ControlEvent& event) {
  uint8_t buffer[kMessageBytes];
  pb_ostream_t stream = pb_ostream_from_buffer(buffer, sizeof(buffer));
  UKRUN_CHECK(pb_encode(&stream, ukrun_proto_ControlEvent_fields, &event));
  HostWriteAll(startup::kSentryControlFd, buffer, stream.bytes_written);
}

void CopyText(char* to, size_t size, const std::string& from) {
  size_t count = std::min(size - 1, from.size());
  std::copy_n(from.data(), count, to);
  to[count] = '\0';
}

void Handle(const ukrun_proto_ControlRequest& request) {
  ThreadGroup* init = kernel().tasks().init();
  if (request.signal >= 1 && request.signal <= abi::kSignalCount) {
    int signal = static_cast<int>(request.signal);
    // What continues ukrun continues the command, whoever has the terminal inside.
    if (!SignalSandboxTerminal(signal) || signal == abi::kSigCont) {
      static_cast<void>(SendSignal(*init, KernelSignal(signal)));
    }
  }
  if (request.has_window) {
    SetSandboxWindow(WindowSizeSetting{static_cast<uint16_t>(request.window.rows),
                                       static_cast<uint16_t>(request.window.columns),
                                       static_cast<uint16_t>(request.window.x_pixels),
                                       static_cast<uint16_t>(request.window.y_pixels)});
  }
  if (request.terminal_input != ukrun_proto_ControlRequest_TerminalInput_UNCHANGED) {
    bool read = request.terminal_input == ukrun_proto_ControlRequest_TerminalInput_READ;
    SetSandboxTerminalInput(read ? TerminalInput::kRead : TerminalInput::kLeave);
  }
  if (request.end != ukrun_proto_ControlRequest_Reason_REASON_UNSPECIFIED) {
    BeginGroupExit(*init, abi::kSigKill);
  }
  if (request.out_of_memory_host_pid != 0) {
    EndGuestIn(static_cast<int>(request.out_of_memory_host_pid));
  }
}

void ControlMain(void*) {
  uint8_t buffer[kMessageBytes];
  for (;;) {
    Result<long> got = HostCall(SYS_recvfrom, startup::kSentryControlFd, buffer, sizeof(buffer), 0,
                                nullptr, nullptr);
    if (!got.ok() || *got == 0) {
      // The supervisor is gone: so is the user.
      RawHostCall(SYS_exit_group, 1);
    }
    pb_istream_t stream = pb_istream_from_buffer(buffer, static_cast<size_t>(*got));
    ukrun_proto_ControlRequest request = ukrun_proto_ControlRequest_init_zero;
    if (pb_decode(&stream, ukrun_proto_ControlRequest_fields, &request)) {
      Handle(request);
    } else {
      LogWarning("a control message did not parse");
    }
  }
}

}  // namespace

void StartControl() { UKRUN_CHECK(StartKernelThread(&ControlMain, nullptr).ok()); }

void SendStarted() {
  ukrun_proto_ControlEvent event = ukrun_proto_ControlEvent_init_zero;
  event.started = true;
  Send(event);
}

void SendStartError(const std::string& message, int status) {
  ukrun_proto_ControlEvent event = ukrun_proto_ControlEvent_init_zero;
  CopyText(event.start_error, sizeof(event.start_error), message);
  event.start_status = static_cast<uint32_t>(status);
  Send(event);
}

void SendStopped(int signal) {
  // From here on the terminal is the caller's shell's. ukrun is about to stop the Sentry, and
  // with it what carries output there.
  SetSandboxTerminalInput(TerminalInput::kLeave);
  FlushSandboxTerminal();
  ukrun_proto_ControlEvent event = ukrun_proto_ControlEvent_init_zero;
  event.stopped_signal = static_cast<uint32_t>(signal);
  Send(event);
}

void SendExited(const SandboxEndReport& report) {
  ukrun_proto_ControlEvent event = ukrun_proto_ControlEvent_init_zero;
  event.exited = true;
  event.wait_status = static_cast<uint32_t>(report.wait_status);
  event.discarded_files = report.discarded_files;
  event.kept_files = report.kept_files;
  event.unkept_files = report.unkept_files;
  CopyText(event.keep_error, sizeof(event.keep_error), report.keep_error);
  Send(event);
}

}  // namespace ukrun
