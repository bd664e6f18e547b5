// Calls about descriptors: fcntl(2), ioctl(2), flock(2), pipe(2), …
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <algorithm>

#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

template <typename T, typename Append>
void AppendFetched(const Call& call, uint64_t address, std::string& out, Append append) {
  auto value = Fetch<T>(call, address);
  if (value) {
    append(*value);
  } else {
    AppendAddress(out, address);
  }
}

// --- fcntl: what the argument is, and what the result, depends on the command.
// Whose lock it is only the kernel says.
enum class Answer : uint8_t { kNo, kYes };
void AppendLock(const Call& call, uint64_t address, std::string& out, Answer answer = Answer::kNo) {
  AppendFetched<abi::Flock>(call, address, out, [&](const abi::Flock& lock) {
    out += "{l_type=";
    AppendNames(out, kLockTypes, static_cast<uint16_t>(lock.type));
    out += ", l_whence=";
    AppendNames(out, kWhence, static_cast<uint16_t>(lock.whence));
    AppendFormat(out, ", l_start={}, l_len={}", lock.start, lock.length);
    AppendFormat(out, answer == Answer::kYes ? ", l_pid={}}}" : "}}", lock.pid);
  });
}

void AppendOwner(const Call& call, uint64_t address, std::string& out) {
  AppendFetched<abi::FileOwner>(call, address, out, [&](const abi::FileOwner& owner) {
    out += "{type=";
    AppendNames(out, kOwnerTypes, static_cast<uint32_t>(owner.type));
    AppendFormat(out, ", pid={}}}", owner.pid);
  });
}

void FormatFcntlArgument(const Call& call, uint64_t value, std::string& out) {
  switch (call.arguments[1]) {
    case F_GETFD:
    case F_GETFL:
    case F_GETOWN:
    case F_GETSIG:
    case F_GETLEASE:
    case F_GETPIPE_SZ:
    case F_GET_SEALS:
      return;
    case F_SETFD:
      return AppendNames(out, kFdFlags, value);
    case F_SETFL:
      return AppendNames(out, kOpenFlags, value);
    case F_SETSIG:
      return AppendSignal(out, static_cast<int32_t>(value));
    case F_SETLEASE:
      return AppendNames(out, kLockTypes, value);
    case F_ADD_SEALS:
      return AppendNames(out, kSeals, value);
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return AppendLock(call, value, out);
    case F_SETOWN_EX:
      return AppendOwner(call, value, out);
    case F_GETLK:
    case F_OFD_GETLK:
      return AppendLock(call, value, out);
    case F_GETOWN_EX:
      return AppendAddress(out, value);
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETOWN:
    case F_SETPIPE_SZ:
      AppendFormat(out, "{}", static_cast<int32_t>(value));
      return;
    default:
      FormatHex(call, value, out);
  }
}
void FormatFcntlArgumentFilled(const Call& call, uint64_t value, std::string& out) {
  switch (call.arguments[1]) {
    case F_GETLK:
    case F_OFD_GETLK:
      return AppendLock(call, value, out, Answer::kYes);
    case F_GETOWN_EX:
      return AppendOwner(call, value, out);
    default:
      return;
  }
}
constexpr Argument kFcntlArgument{&FormatFcntlArgument, &FormatFcntlArgumentFilled};

void AppendFcntlResult(const Call& call, std::string& out) {
  const Names* names = nullptr;
  switch (call.arguments[1]) {
    case F_GETFD:
      names = &kFdFlags;
      break;
    case F_GETFL:
      names = &kOpenFlags;
      break;
    case F_GET_SEALS:
      names = &kSeals;
      break;
    default:
      AppendFormat(out, "{}", call.result);
      return;
  }
  auto flags = static_cast<uint64_t>(call.result);
  if (flags == 0 && names != &kOpenFlags) {
    out.push_back('0');
    return;
  }
  AppendFormat(out, flags == 0 ? "{} (flags " : "{:#x} (flags ", flags);
  AppendNames(out, *names, flags);
  out.push_back(')');
}

// --- ioctl: likewise, by request.
// The part of struct termios that all of its versions begin with.
struct TerminalModes {
  uint32_t input, output, control, local;
};

void AppendTerminalModes(const Call& call, uint64_t address, std::string& out) {
  AppendFetched<TerminalModes>(call, address, out, [&](const TerminalModes& modes) {
    out += "{c_iflag=";
    AppendNames(out, kInputModes, modes.input);
    out += ", c_oflag=";
    AppendNames(out, kOutputModes, modes.output);
    out += ", c_cflag=";
    AppendNames(out, kControlModes, modes.control);
    out += ", c_lflag=";
    AppendNames(out, kLocalModes, modes.local);
    out += ", ...}";
  });
}

void AppendWindowSize(const Call& call, uint64_t address, std::string& out) {
  AppendFetched<winsize>(call, address, out, [&](const winsize& size) {
    AppendFormat(out, "{{ws_row={}, ws_col={}, ws_xpixel={}, ws_ypixel={}}}", size.ws_row,
                 size.ws_col, size.ws_xpixel, size.ws_ypixel);
  });
}

void AppendPointedNumber(const Call& call, uint64_t address, std::string& out) {
  FormatStructure<int32_t>(call, address, out);
}

// Of the requests, what the argument points to, and who stores it there.
enum class Direction : uint8_t { kToKernel, kFromKernel };
struct RequestFormat {
  uint64_t request;
  Direction direction;
  void (*append)(const Call& call, uint64_t address, std::string& out);
};
constexpr auto kRequests = std::to_array<RequestFormat>({
    {TCGETS, Direction::kFromKernel, &AppendTerminalModes},
    {TCSETS, Direction::kToKernel, &AppendTerminalModes},
    {TCSETSW, Direction::kToKernel, &AppendTerminalModes},
    {TCSETSF, Direction::kToKernel, &AppendTerminalModes},
    {TCGETS2, Direction::kFromKernel, &AppendTerminalModes},
    {TCSETS2, Direction::kToKernel, &AppendTerminalModes},
    {TCSETSW2, Direction::kToKernel, &AppendTerminalModes},
    {TCSETSF2, Direction::kToKernel, &AppendTerminalModes},
    {TIOCGWINSZ, Direction::kFromKernel, &AppendWindowSize},
    {TIOCSWINSZ, Direction::kToKernel, &AppendWindowSize},
    {TIOCGPGRP, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCSPGRP, Direction::kToKernel, &AppendPointedNumber},
    {TIOCGSID, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCOUTQ, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCGETD, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCSETD, Direction::kToKernel, &AppendPointedNumber},
    {TIOCGPTN, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCGPTLCK, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCSPTLCK, Direction::kToKernel, &AppendPointedNumber},
    {TIOCGPKT, Direction::kFromKernel, &AppendPointedNumber},
    {TIOCPKT, Direction::kToKernel, &AppendPointedNumber},
    {TIOCGEXCL, Direction::kFromKernel, &AppendPointedNumber},
    {FIONREAD, Direction::kFromKernel, &AppendPointedNumber},
    {FIONBIO, Direction::kToKernel, &AppendPointedNumber},
    {FIOASYNC, Direction::kToKernel, &AppendPointedNumber},
    {FIGETBSZ, Direction::kFromKernel, &AppendPointedNumber},
});
// These have no argument, or a number.
constexpr auto kNumberRequests = std::to_array<uint64_t>(
    {TCSBRK, TCSBRKP, TCXONC, TCFLSH, TIOCSCTTY, TIOCGPTPEER, TIOCSIG, FICLONE});
constexpr auto kBareRequests =
    std::to_array<uint64_t>({TIOCEXCL, TIOCNXCL, TIOCNOTTY, TIOCSBRK, TIOCCBRK, FIOCLEX, FIONCLEX});

const RequestFormat* FindRequest(uint64_t request) {
  const auto* found =
      std::find_if(kRequests.begin(), kRequests.end(),
                   [request](const RequestFormat& format) { return format.request == request; });
  return found != kRequests.end() ? found : nullptr;
}

void FormatIoctlArgument(const Call& call, uint64_t value, std::string& out) {
  uint64_t request = call.arguments[1];
  if (std::find(kBareRequests.begin(), kBareRequests.end(), request) != kBareRequests.end()) {
    return;
  }
  if (std::find(kNumberRequests.begin(), kNumberRequests.end(), request) != kNumberRequests.end()) {
    AppendFormat(out, "{}", static_cast<int32_t>(value));
    return;
  }
  const RequestFormat* format = FindRequest(request);
  if (format != nullptr && format->direction == Direction::kToKernel) {
    format->append(call, value, out);
  } else {
    AppendAddress(out, value);
  }
}
void FormatIoctlArgumentFilled(const Call& call, uint64_t value, std::string& out) {
  const RequestFormat* format = FindRequest(call.arguments[1]);
  if (format != nullptr && format->direction == Direction::kFromKernel) {
    format->append(call, value, out);
  }
}
constexpr Argument kIoctlArgument{&FormatIoctlArgument, &FormatIoctlArgumentFilled};

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_fcntl, {kType, kNamed<kFcntlCommands>, kFcntlArgument}, &AppendFcntlResult},
    {SYS_ioctl, {kType, kNamed<kIoctlRequests>, kIoctlArgument}},
    {SYS_flock, {kType, kNamed<kFlockOperations>}},
    {SYS_dup3, {kType, kType, kNamed<kNewFdFlags>}},
    {SYS_pipe, {kNewFds}},
    {SYS_pipe2, {kNewFds, kNamed<kNewFdFlags>}},
    {SYS_pidfd_open, {kType, kNamed<kNewFdFlags>}},
});

}  // namespace

std::span<const CallFormat> DescriptorRows() { return kRows; }

}  // namespace ukrun::strace
