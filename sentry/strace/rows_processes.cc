// Calls about processes: clone(2), execve(2), wait4(2), prctl(2), setrlimit(2), …
#include <asm/prctl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

constexpr uint64_t kMostVariables = 4096;  // that are counted

// --- execve
void FormatArgv(const Call& call, uint64_t value, std::string& out) {
  if (value == 0) {
    out += "NULL";
    return;
  }
  out.push_back('[');
  const char* separator = "";
  for (size_t i = 0;; ++i) {
    auto element = Fetch<uint64_t>(call, value + i * sizeof(uint64_t));
    if (element && *element == 0) {
      break;
    }
    out += separator;
    separator = ", ";
    if (!element || i == kMostElements) {
      out += "...";
      break;
    }
    auto text = call.task.memory().ReadString(GuestAddr(*element), kMostText, E2BIG);
    if (text.ok()) {
      AppendBeginning(out, *text);
    } else {
      AppendData(call, *element, text.Is(E2BIG) ? UINT64_MAX : 0, out);
    }
  }
  out.push_back(']');
}
constexpr Argument kArgv{&FormatArgv};

// Values of the environment are long, and sometimes secret.
void FormatEnvironment(const Call& call, uint64_t value, std::string& out) {
  AppendAddress(out, value);
  uint64_t count = 0;
  for (; count < kMostVariables; ++count) {
    auto element = Fetch<uint64_t>(call, value + count * sizeof(uint64_t));
    if (!element) {
      return;
    }
    if (*element == 0) {
      break;
    }
  }
  AppendFormat(out, count == 1 ? " /* {} var */" : " /* {} vars */", count);
}
constexpr Argument kEnvironment{&FormatEnvironment};

// --- clone. Which of the last arguments count, the flags tell.
template <uint64_t kNeeded>
void FormatCloneAddress(const Call& call, uint64_t value, std::string& out) {
  if ((call.arguments[0] & kNeeded) != 0) {
    AppendAddress(out, value);
  } else {
    out += "NULL";
  }
}
constexpr Argument kParentTid{&FormatCloneAddress<CLONE_PARENT_SETTID | CLONE_PIDFD>};
constexpr Argument kChildTid{&FormatCloneAddress<CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID>};
void FormatCloneTls(const Call& call, uint64_t value, std::string& out) {
  if ((call.arguments[0] & CLONE_SETTLS) != 0) {
    AppendAddress(out, value);
  }
}
constexpr Argument kTls{&FormatCloneTls};

void FormatCloneArguments(const Call& call, uint64_t value, std::string& out) {
  // Of struct clone_args, what its first version has.
  struct Arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  };
  auto arguments = Fetch<Arguments>(call, value);
  if (!arguments) {
    AppendAddress(out, value);
    return;
  }
  out += "{flags=";
  AppendNames(out, kCloneFlags, arguments->flags);
  out += ", exit_signal=";
  AppendSignal(out, static_cast<int64_t>(arguments->exit_signal));
  out += ", stack=";
  AppendAddress(out, arguments->stack);
  AppendFormat(out, ", stack_size={:#x}", arguments->stack_size);
  struct Field {
    const char* name;
    uint64_t needed;
    uint64_t address;
  };
  for (const Field& field :
       {Field{"pidfd", CLONE_PIDFD, arguments->pidfd},
        Field{"child_tid", CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, arguments->child_tid},
        Field{"parent_tid", CLONE_PARENT_SETTID, arguments->parent_tid},
        Field{"tls", CLONE_SETTLS, arguments->tls}}) {
    if ((arguments->flags & field.needed) != 0) {
      AppendFormat(out, ", {}={:#x}", field.name, field.address);
    }
  }
  out.push_back('}');
}
constexpr Argument kCloneArguments{&FormatCloneArguments};

// --- wait
void FormatWaitStatus(const Call& call, uint64_t value, std::string& out) {
  auto fetched = call.result == 0 ? std::nullopt : Fetch<int32_t>(call, value);
  if (!fetched) {
    AppendAddress(out, value);  // nobody has been waited for: nothing was stored
    return;
  }
  int32_t status = *fetched;
  if (WIFEXITED(status)) {
    AppendFormat(out, "[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", WEXITSTATUS(status));
  } else if (WIFSTOPPED(status)) {
    out += "[{WIFSTOPPED(s) && WSTOPSIG(s) == ";
    AppendSignal(out, WSTOPSIG(status));
    out += "}]";
  } else if (WIFCONTINUED(status)) {
    out += "[{WIFCONTINUED(s)}]";
  } else {
    out += "[{WIFSIGNALED(s) && WTERMSIG(s) == ";
    AppendSignal(out, WTERMSIG(status));
    out += WCOREDUMP(status) ? " && WCOREDUMP(s)}]" : "}]";
  }
}
constexpr Argument kWaitStatus{&FormatAddress, &FormatWaitStatus};

// --- prctl
void FormatProcessOption(const Call& call, uint64_t value, std::string& out) {
  switch (call.arguments[0]) {
    case PR_SET_NAME:
      return AppendPath(call, value, out);
    case PR_SET_PDEATHSIG:
      return AppendSignal(out, static_cast<int32_t>(value));
    case PR_GET_NAME:
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
      return AppendAddress(out, value);
    case PR_GET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_GET_SECUREBITS:
    case PR_GET_TIMERSLACK:
    case PR_GET_TIMING:
      return;
    default:
      FormatHex(call, value, out);
  }
}
void FormatProcessOptionFilled(const Call& call, uint64_t value, std::string& out) {
  switch (call.arguments[0]) {
    case PR_GET_NAME:
      return AppendPath(call, value, out);
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
      return FormatStructure<int32_t>(call, value, out);
    default:
      return;
  }
}
constexpr Argument kProcessOption{&FormatProcessOption, &FormatProcessOptionFilled};

// What is behind the first argument means something to few options only.
void FormatMoreOptions(const Call& call, uint64_t value, std::string& out) {
  switch (call.arguments[0]) {
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_CAP_AMBIENT:
    case PR_SET_SECCOMP:
    case PR_SET_MM:
    case PR_SET_VMA:
    case PR_MCE_KILL:
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
      return FormatHex(call, value, out);
    default:
      return;
  }
}
constexpr Argument kMoreOptions{&FormatMoreOptions};

void FormatArchAddressFilled(const Call& call, uint64_t value, std::string& out) {
  bool gets = call.arguments[0] == ARCH_GET_FS || call.arguments[0] == ARCH_GET_GS;
  auto base = gets ? Fetch<uint64_t>(call, value) : std::nullopt;
  if (base) {
    AppendFormat(out, "[{:#x}]", *base);
  }
}
constexpr Argument kArchAddress{&FormatAddress, &FormatArchAddressFilled};

// --- Sets of processors, and groups.
void AppendProcessors(const Call& call, uint64_t address, uint64_t bytes, std::string& out) {
  std::vector<uint64_t> words(std::min<uint64_t>(bytes, 128) / sizeof(uint64_t));
  size_t size = words.size() * sizeof(uint64_t);
  if (call.task.memory().Read(words.data(), GuestAddr(address), size).ok()) {
    AppendBits(out, words);
  } else {
    AppendAddress(out, address);
  }
}
void FormatProcessors(const Call& call, uint64_t value, std::string& out) {
  AppendProcessors(call, value, call.arguments[1], out);
}
void FormatProcessorsReturned(const Call& call, uint64_t value, std::string& out) {
  AppendProcessors(call, value, static_cast<uint64_t>(call.result), out);
}
constexpr Argument kProcessors{&FormatProcessors};
constexpr Argument kProcessorsReturned{&FormatAddress, &FormatProcessorsReturned};

void AppendGroups(const Call& call, uint64_t address, uint64_t count, std::string& out) {
  AppendArray<uint32_t>(call, address, count, out,
                        [&](uint32_t group) { AppendFormat(out, "{}", group); });
}
void FormatGroups(const Call& call, uint64_t value, std::string& out) {
  AppendGroups(call, value, call.arguments[0], out);
}
void FormatGroupsReturned(const Call& call, uint64_t value, std::string& out) {
  // A size of 0 asks for their number only.
  AppendGroups(call, value, call.arguments[0] == 0 ? 0 : static_cast<uint64_t>(call.result), out);
}
constexpr Argument kGroups{&FormatGroups};
constexpr Argument kGroupsReturned{&FormatAddress, &FormatGroupsReturned};

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_execve, {kType, kArgv, kEnvironment}},
    {SYS_execveat, {kType, kType, kArgv, kEnvironment, kNamed<kAtFlags>}},
    {SYS_clone, {kNamed<kCloneFlags>, kType, kParentTid, kChildTid, kTls}},
    {SYS_clone3, {kCloneArguments}},
    {SYS_unshare, {kNamed<kNamespaceFlags>}},
    {SYS_setns, {kFd, kNamed<kNamespaceFlags>}},
    {SYS_wait4, {kType, kWaitStatus, kNamed<kWaitOptions>}},
    {SYS_waitid,
     {kNamed<kWaitIdTypes>, kType, kStructureReturned<abi::SigInfo>, kNamed<kWaitOptions>}},
    {SYS_prctl,
     {kNamed<kProcessOptions>, kProcessOption, kMoreOptions, kMoreOptions, kMoreOptions}},
    {SYS_arch_prctl, {kNamed<kArchOptions>, kArchAddress}},
    {SYS_personality, {kHex}, &AppendResultHex},
    {SYS_getrlimit, {kNamed<kResources>}},
    {SYS_setrlimit, {kNamed<kResources>}},
    {SYS_prlimit64, {kType, kNamed<kResources>}},
    {SYS_getrusage, {kNamed<kUsageTargets>}},
    {SYS_getpriority, {kNamed<kPriorityTargets>}},
    {SYS_setpriority, {kNamed<kPriorityTargets>}},
    {SYS_sched_setscheduler, {kType, kNamed<kSchedulers>}},
    {SYS_sched_get_priority_max, {kNamed<kSchedulers>}},
    {SYS_sched_get_priority_min, {kNamed<kSchedulers>}},
    {SYS_sched_setaffinity, {kType, kType, kProcessors}},
    {SYS_sched_getaffinity, {kType, kType, kProcessorsReturned}},
    {SYS_sched_rr_get_interval, {kType, kStructureReturned<abi::Timespec>}},
    {SYS_getgroups, {kType, kGroupsReturned}},
    {SYS_setgroups, {kType, kGroups}},
    {SYS_ptrace, {kHex, kSigned, kAddress, kAddress}},
    {SYS_kcmp, {kSigned, kSigned, kSigned, kUnsigned, kUnsigned}},
    {SYS_seccomp, {kUnsigned, kHex, kAddress}},
    {SYS_rseq, {kAddress, kHex, kHex, kHex}},
});

}  // namespace

std::span<const CallFormat> ProcessRows() { return kRows; }

}  // namespace ukrun::strace
