// Signals' structures as text: what a handler is, and what is told about a signal.
#include "sentry/strace/names.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

// Codes that only the kernel gives, by signal; null for signals that have none.
const Names* CodesOf(int32_t signal) {
  switch (signal) {
    case abi::kSigChld:
      return &kChildCodes;
    case abi::kSigIll:
      return &kIllegalCodes;
    case abi::kSigFpe:
      return &kArithmeticCodes;
    case abi::kSigSegv:
      return &kSegmentCodes;
    case abi::kSigBus:
      return &kBusCodes;
    case abi::kSigTrap:
      return &kTrapCodes;
    case abi::kSigIo:
      return &kPollCodes;
    default:
      return nullptr;
  }
}

bool IsFault(int32_t signal) {
  return signal == abi::kSigSegv || signal == abi::kSigBus || signal == abi::kSigIll ||
         signal == abi::kSigFpe || signal == abi::kSigTrap;
}

void AppendChild(std::string& out, const abi::SigInfo& info) {
  AppendFormat(out, ", si_pid={}, si_uid={}, si_status=", info.child.pid, info.child.uid);
  if (info.code == abi::kCldExited) {
    AppendFormat(out, "{}", info.child.status);
  } else {
    AppendSignal(out, info.child.status);
  }
}

void AppendOrigin(std::string& out, const abi::SigInfo& info) {
  if (info.code == abi::kSiTimer) {
    AppendFormat(out, ", si_timerid={:#x}, si_overrun={}, si_value={:#x}", info.timer.id,
                 info.timer.overrun, info.timer.value);
  } else if (info.code == abi::kSiUser || info.code == abi::kSiTkill) {
    AppendFormat(out, ", si_pid={}, si_uid={}", info.queued.pid, info.queued.uid);
  } else if (info.code == abi::kSiQueue || info.code == abi::kSiMesgq) {
    AppendFormat(out, ", si_pid={}, si_uid={}, si_value={:#x}", info.queued.pid, info.queued.uid,
                 info.queued.value);
  } else if (info.signal == abi::kSigChld && info.code > 0) {
    AppendChild(out, info);
  } else if (IsFault(info.signal) && info.code > 0) {
    out += ", si_addr=";
    AppendAddress(out, info.code == abi::kSiKernel ? 0 : info.fault.address);
  } else if (info.signal == abi::kSigIo) {
    AppendFormat(out, ", si_fd={}, si_band={}", info.io.fd, info.io.band);
  }
}

}  // namespace

void AppendStructure(std::string& out, const abi::SigInfo& info) {
  out += "{si_signo=";
  AppendSignal(out, info.signal);
  out += ", si_code=";
  auto code = static_cast<uint32_t>(info.code);
  const Names* own = CodesOf(info.signal);
  bool is_own = own != nullptr && FindName(own->choices, code) != nullptr;
  AppendNames(out, is_own ? *own : kSignalCodes, code);
  AppendOrigin(out, info);
  out.push_back('}');
}

void AppendStructure(std::string& out, const abi::SigAction& action) {
  out += "{sa_handler=";
  if (action.handler == abi::kSigDfl) {
    out += "SIG_DFL";
  } else if (action.handler == abi::kSigIgn) {
    out += "SIG_IGN";
  } else {
    AppendAddress(out, action.handler);
  }
  out += ", sa_mask=";
  AppendSignalSet(out, action.mask);
  out += ", sa_flags=";
  AppendNames(out, kSignalActionFlags, action.flags);
  if ((action.flags & abi::kSaRestorer) != 0) {
    out += ", sa_restorer=";
    AppendAddress(out, action.restorer);
  }
  out.push_back('}');
}

void AppendStructure(std::string& out, const abi::SigAltStack& stack) {
  out += "{ss_sp=";
  AppendAddress(out, stack.pointer);
  out += ", ss_flags=";
  AppendNames(out, kAlternateStackFlags, static_cast<uint32_t>(stack.flags));
  AppendFormat(out, ", ss_size={}}}", stack.size);
}

}  // namespace ukrun::strace
