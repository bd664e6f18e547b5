#include "sentry/syscalls/thread_state.h"

#include <linux/capability.h>
#include <linux/prctl.h>

#include "base/window.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

constexpr int32_t kArchSetGs = 0x1001, kArchSetFs = 0x1002, kArchGetFs = 0x1003,
                  kArchGetGs = 0x1004, kArchCpuidStatus = 0x1011, kArchCpuidControl = 0x1012;

Result<int64_t> CapabilityIndex(uint64_t value) {
  if (value > CAP_LAST_CAP) {
    return Fail(EINVAL);
  }
  return static_cast<int64_t>(value);
}

Result<int64_t> AmbientControl(Task& task, uint64_t command, uint64_t capability, uint64_t c,
                               uint64_t d) {
  if (c != 0 || d != 0) {
    return Fail(EINVAL);
  }
  RefPtr<Credentials> fresh = task.credentials().Copy();
  if (command == PR_CAP_AMBIENT_CLEAR_ALL) {
    if (capability != 0) {
      return Fail(EINVAL);
    }
    fresh->ambient = 0;
    task.set_credentials(std::move(fresh));
    return int64_t{0};
  }
  CapabilitySet bit = uint64_t{1} << static_cast<unsigned>(TRY(CapabilityIndex(capability)));
  switch (command) {
    case PR_CAP_AMBIENT_IS_SET:
      return int64_t{(fresh->ambient & bit) != 0};
    case PR_CAP_AMBIENT_RAISE:
      if ((fresh->permitted & fresh->inheritable & bit) == 0 || (fresh->secure_bits & 64) != 0) {
        return Fail(EPERM);
      }
      fresh->ambient |= bit;
      break;
    case PR_CAP_AMBIENT_LOWER:
      fresh->ambient &= ~bit;
      break;
    default:
      return Fail(EINVAL);
  }
  task.set_credentials(std::move(fresh));
  return int64_t{0};
}

Result<int64_t> SetName(Task& task, uint64_t address) {
  char name[16] = {};
  for (size_t i = 0; i + 1 < sizeof(name); ++i) {
    TRY(task.memory().Read(&name[i], GuestAddr(address + i), 1));
    if (name[i] == '\0') {
      break;
    }
  }
  task.set_name(name);
  return int64_t{0};
}

Result<int64_t> SetSecureBits(Task& task, uint64_t bits) {
  if (!task.credentials().Has(Capability::kSetpcap)) {
    return Fail(EPERM);
  }
  constexpr uint64_t kKnown = 0xff;
  uint32_t old = task.credentials().secure_bits;
  // Bits with their lock bit set stay as they are (capabilities(7), "securebits").
  uint32_t locked = (old & 0xaa) >> 1;
  if ((bits & ~kKnown) != 0 || ((old ^ bits) & locked) != 0 || (old & 0xaa & ~bits) != 0) {
    return Fail(EPERM);
  }
  RefPtr<Credentials> fresh = task.credentials().Copy();
  fresh->secure_bits = static_cast<uint32_t>(bits);
  fresh->keep_capabilities = (bits & 16) != 0;
  task.set_credentials(std::move(fresh));
  return int64_t{0};
}

}  // namespace

Result<void> ArchPrctl(Task& task, int32_t code, GuestAddr address) {
  abi::Registers& registers = task.registers();
  switch (code) {
    case kArchSetFs:
    case kArchSetGs:
      if (address.value() >= kUserEnd) {
        return Fail(EPERM);
      }
      (code == kArchSetFs ? registers.fs_base : registers.gs_base) = address.value();
      return Ok();
    case kArchGetFs:
      return UserOut<uint64_t>{address}.Store(task.memory(), registers.fs_base);
    case kArchGetGs:
      return UserOut<uint64_t>{address}.Store(task.memory(), registers.gs_base);
    case kArchCpuidStatus:
    case kArchCpuidControl:
      return Fail(ENODEV);
    default:
      return Fail(EINVAL);  // shadow stacks, AMX permission, ...: as without the feature
  }
}

Result<int64_t> Prctl(Task& task, int32_t option, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  ThreadGroup& group = task.thread_group();
  switch (option) {
    case PR_SET_PDEATHSIG:
      if (a > abi::kSignalCount) {
        return Fail(EINVAL);
      }
      task.parent_death_signal = static_cast<int32_t>(a);
      return int64_t{0};
    case PR_GET_PDEATHSIG:
      TRY(UserOut<int32_t>{GuestAddr(a)}.Store(task.memory(), task.parent_death_signal));
      return int64_t{0};
    case PR_GET_DUMPABLE: {
      MutexGuard guard(kernel().tasks().lock());
      return int64_t{group.dumpable};
    }
    case PR_SET_DUMPABLE: {
      if (a > 1) {
        return Fail(EINVAL);
      }
      MutexGuard guard(kernel().tasks().lock());
      group.dumpable = a == 1;
      return int64_t{0};
    }
    case PR_SET_NAME:
      return SetName(task, a);
    case PR_GET_NAME: {
      char name[16] = {};
      task.name().copy(name, sizeof(name) - 1);
      TRY(task.memory().Write(GuestAddr(a), name, sizeof(name)));
      return int64_t{0};
    }
    case PR_GET_KEEPCAPS:
      return int64_t{task.credentials().keep_capabilities};
    case PR_SET_KEEPCAPS: {
      if (a > 1) {
        return Fail(EINVAL);
      }
      if ((task.credentials().secure_bits & 32) != 0) {
        return Fail(EPERM);
      }
      RefPtr<Credentials> fresh = task.credentials().Copy();
      fresh->keep_capabilities = a == 1;
      task.set_credentials(std::move(fresh));
      return int64_t{0};
    }
    case PR_SET_NO_NEW_PRIVS: {
      if (a != 1 || b != 0 || c != 0 || d != 0) {
        return Fail(EINVAL);
      }
      RefPtr<Credentials> fresh = task.credentials().Copy();
      fresh->no_new_privileges = true;
      task.set_credentials(std::move(fresh));
      return int64_t{0};
    }
    case PR_GET_NO_NEW_PRIVS:
      if (a != 0 || b != 0 || c != 0 || d != 0) {
        return Fail(EINVAL);
      }
      return int64_t{task.credentials().no_new_privileges};
    case PR_CAPBSET_READ: {
      int64_t index = TRY(CapabilityIndex(a));
      return static_cast<int64_t>(task.credentials().bounding >> index & 1);
    }
    case PR_CAPBSET_DROP: {
      int64_t index = TRY(CapabilityIndex(a));
      if (!task.credentials().Has(Capability::kSetpcap)) {
        return Fail(EPERM);
      }
      RefPtr<Credentials> fresh = task.credentials().Copy();
      fresh->bounding &= ~(uint64_t{1} << index);
      task.set_credentials(std::move(fresh));
      return int64_t{0};
    }
    case PR_CAP_AMBIENT:
      return AmbientControl(task, a, b, c, d);
    case PR_GET_SECUREBITS:
      return int64_t{task.credentials().secure_bits};
    case PR_SET_SECUREBITS:
      return SetSecureBits(task, a);
    case PR_SET_CHILD_SUBREAPER: {
      MutexGuard guard(kernel().tasks().lock());
      group.child_subreaper = a != 0;
      return int64_t{0};
    }
    case PR_GET_CHILD_SUBREAPER: {
      int32_t subreaper = 0;
      {
        MutexGuard guard(kernel().tasks().lock());
        subreaper = group.child_subreaper ? 1 : 0;
      }
      TRY(UserOut<int32_t>{GuestAddr(a)}.Store(task.memory(), subreaper));
      return int64_t{0};
    }
    case PR_GET_TIMERSLACK:
      return static_cast<int64_t>(task.timer_slack_ns.load());
    case PR_SET_TIMERSLACK: {
      constexpr uint64_t kDefault = 50'000;
      task.timer_slack_ns.store(static_cast<int64_t>(a) <= 0 ? kDefault : a);
      return int64_t{0};
    }
    case PR_GET_TIMING:
      return int64_t{PR_TIMING_STATISTICAL};
    case PR_SET_TIMING:
      return a == PR_TIMING_STATISTICAL ? Result<int64_t>(int64_t{0}) : Fail(EINVAL);
    case PR_GET_TID_ADDRESS:
      TRY(UserOut<uint64_t>{GuestAddr(a)}.Store(task.memory(), task.clear_child_tid.value()));
      return int64_t{0};
    case PR_GET_SECCOMP:
      return int64_t{0};
    case PR_GET_THP_DISABLE:
      return a == 0 && b == 0 && c == 0 && d == 0 ? Result<int64_t>(0) : Fail(EINVAL);
    case PR_SET_THP_DISABLE:
      return b == 0 && c == 0 && d == 0 ? Result<int64_t>(0) : Fail(EINVAL);
    case PR_SET_PTRACER:
      return int64_t{0};
    case PR_MCE_KILL:
      return a == PR_MCE_KILL_CLEAR || a == PR_MCE_KILL_SET ? Result<int64_t>(0) : Fail(EINVAL);
    case PR_SET_VMA:
      return int64_t{0};  // names of anonymous memory are not shown
    default:
      return Fail(EINVAL);
  }
}

Result<int64_t> Personality(Task& task, uint64_t persona) {
  constexpr uint64_t kQuery = 0xffff'ffff;
  std::atomic<uint64_t>& current = task.thread_group().personality;
  if (persona == kQuery) {
    return static_cast<int64_t>(current.load());
  }
  return static_cast<int64_t>(current.exchange(persona & 0xffff'ffff));
}

}  // namespace ukrun
