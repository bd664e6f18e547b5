#include "sentry/syscalls/credentials.h"

#include <algorithm>

#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

constexpr uint32_t kKeep = UINT32_MAX;  // -1: leave this id as it is
constexpr uint32_t kSecureNoFixup = 4;
constexpr size_t kMostGroups = 65'536;

// What a change of user ids does to capabilities (capabilities(7), "Effect of user ID
// changes on capabilities").
void FixCapabilities(const Credentials& old, Credentials& fresh) {
  if ((fresh.secure_bits & kSecureNoFixup) != 0) {
    return;
  }
  bool had_root = old.uid == 0 || old.euid == 0 || old.suid == 0;
  bool has_root = fresh.uid == 0 || fresh.euid == 0 || fresh.suid == 0;
  if (had_root && !has_root && !fresh.keep_capabilities) {
    fresh.permitted = 0;
    fresh.effective = 0;
    fresh.ambient = 0;
  }
  if (old.euid == 0 && fresh.euid != 0) {
    fresh.effective = 0;
  } else if (old.euid != 0 && fresh.euid == 0) {
    fresh.effective = fresh.permitted;
  }
}

void Publish(Task& task, RefPtr<Credentials> fresh) {
  const Credentials& old = task.credentials();
  if (old.euid != fresh->euid || old.egid != fresh->egid || old.fsuid != fresh->fsuid ||
      old.fsgid != fresh->fsgid) {
    MutexGuard guard(kernel().tasks().lock());
    task.thread_group().dumpable = false;
  }
  task.set_credentials(std::move(fresh));
}

bool IsOneOf(uint32_t id, uint32_t a, uint32_t b, uint32_t c) {
  return id == a || id == b || id == c;
}

// The capability sets of CAP_FS_MASK follow the file system user id.
constexpr CapabilitySet kFileCapabilities =
    CapabilityBit(Capability::kChown) | CapabilityBit(Capability::kMknod) |
    CapabilityBit(Capability::kDacOverride) | CapabilityBit(Capability::kDacReadSearch) |
    CapabilityBit(Capability::kFowner) | CapabilityBit(Capability::kFsetid) |
    CapabilityBit(Capability::kLinuxImmutable) | CapabilityBit(Capability::kMacOverride);

struct CapHeader {
  uint32_t version;
  int32_t pid;
};
struct CapData {
  uint32_t effective, permitted, inheritable;
};
constexpr uint32_t kCapVersion1 = 0x19980330, kCapVersion2 = 0x20071026, kCapVersion3 = 0x20080522;

// How many CapData the version has. An unknown version is answered with the newest one.
Result<size_t> CapWords(Task& task, GuestAddr address, CapHeader* header) {
  TRY(task.memory().Read(header, address, sizeof(*header)));
  switch (header->version) {
    case kCapVersion1:
      return size_t{1};
    case kCapVersion2:
    case kCapVersion3:
      return size_t{2};
    default: {
      uint32_t newest = kCapVersion3;
      TRY(task.memory().Write(address, &newest, sizeof(newest)));
      return Fail(EINVAL);
    }
  }
}

uint32_t Word(CapabilitySet set, size_t index) {
  return static_cast<uint32_t>(set >> (32 * index));
}

}  // namespace

Result<uint32_t> Getuid(Task& task) { return task.credentials().uid; }
Result<uint32_t> Geteuid(Task& task) { return task.credentials().euid; }
Result<uint32_t> Getgid(Task& task) { return task.credentials().gid; }
Result<uint32_t> Getegid(Task& task) { return task.credentials().egid; }

Result<void> Getresuid(Task& task, UserOut<uint32_t> real, UserOut<uint32_t> effective,
                       UserOut<uint32_t> saved) {
  const Credentials& own = task.credentials();
  TRY(real.Store(task.memory(), own.uid));
  TRY(effective.Store(task.memory(), own.euid));
  return saved.Store(task.memory(), own.suid);
}

Result<void> Getresgid(Task& task, UserOut<uint32_t> real, UserOut<uint32_t> effective,
                       UserOut<uint32_t> saved) {
  const Credentials& own = task.credentials();
  TRY(real.Store(task.memory(), own.gid));
  TRY(effective.Store(task.memory(), own.egid));
  return saved.Store(task.memory(), own.sgid);
}

Result<void> Setuid(Task& task, uint32_t uid) {
  const Credentials& own = task.credentials();
  if (uid == kKeep) {
    return Fail(EINVAL);
  }
  RefPtr<Credentials> fresh = own.Copy();
  if (own.Has(Capability::kSetuid)) {
    fresh->uid = fresh->suid = uid;
  } else if (uid != own.uid && uid != own.suid) {
    return Fail(EPERM);
  }
  fresh->euid = fresh->fsuid = uid;
  FixCapabilities(own, *fresh);
  Publish(task, std::move(fresh));
  return Ok();
}

Result<void> Setgid(Task& task, uint32_t gid) {
  const Credentials& own = task.credentials();
  if (gid == kKeep) {
    return Fail(EINVAL);
  }
  RefPtr<Credentials> fresh = own.Copy();
  if (own.Has(Capability::kSetgid)) {
    fresh->gid = fresh->sgid = gid;
  } else if (gid != own.gid && gid != own.sgid) {
    return Fail(EPERM);
  }
  fresh->egid = fresh->fsgid = gid;
  Publish(task, std::move(fresh));
  return Ok();
}

Result<void> Setreuid(Task& task, uint32_t real, uint32_t effective) {
  const Credentials& own = task.credentials();
  bool privileged = own.Has(Capability::kSetuid);
  if (!privileged && ((real != kKeep && real != own.uid && real != own.euid) ||
                      (effective != kKeep && !IsOneOf(effective, own.uid, own.euid, own.suid)))) {
    return Fail(EPERM);
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->uid = real == kKeep ? own.uid : real;
  fresh->euid = effective == kKeep ? own.euid : effective;
  if (real != kKeep || (effective != kKeep && effective != own.uid)) {
    fresh->suid = fresh->euid;
  }
  fresh->fsuid = fresh->euid;
  FixCapabilities(own, *fresh);
  Publish(task, std::move(fresh));
  return Ok();
}

Result<void> Setregid(Task& task, uint32_t real, uint32_t effective) {
  const Credentials& own = task.credentials();
  bool privileged = own.Has(Capability::kSetgid);
  if (!privileged && ((real != kKeep && real != own.gid && real != own.egid) ||
                      (effective != kKeep && !IsOneOf(effective, own.gid, own.egid, own.sgid)))) {
    return Fail(EPERM);
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->gid = real == kKeep ? own.gid : real;
  fresh->egid = effective == kKeep ? own.egid : effective;
  if (real != kKeep || (effective != kKeep && effective != own.gid)) {
    fresh->sgid = fresh->egid;
  }
  fresh->fsgid = fresh->egid;
  Publish(task, std::move(fresh));
  return Ok();
}

Result<void> Setresuid(Task& task, uint32_t real, uint32_t effective, uint32_t saved) {
  const Credentials& own = task.credentials();
  if (!own.Has(Capability::kSetuid)) {
    for (uint32_t id : {real, effective, saved}) {
      if (id != kKeep && !IsOneOf(id, own.uid, own.euid, own.suid)) {
        return Fail(EPERM);
      }
    }
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->uid = real == kKeep ? own.uid : real;
  fresh->euid = effective == kKeep ? own.euid : effective;
  fresh->suid = saved == kKeep ? own.suid : saved;
  fresh->fsuid = fresh->euid;
  FixCapabilities(own, *fresh);
  Publish(task, std::move(fresh));
  return Ok();
}

Result<void> Setresgid(Task& task, uint32_t real, uint32_t effective, uint32_t saved) {
  const Credentials& own = task.credentials();
  if (!own.Has(Capability::kSetgid)) {
    for (uint32_t id : {real, effective, saved}) {
      if (id != kKeep && !IsOneOf(id, own.gid, own.egid, own.sgid)) {
        return Fail(EPERM);
      }
    }
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->gid = real == kKeep ? own.gid : real;
  fresh->egid = effective == kKeep ? own.egid : effective;
  fresh->sgid = saved == kKeep ? own.sgid : saved;
  fresh->fsgid = fresh->egid;
  Publish(task, std::move(fresh));
  return Ok();
}

// setfsuid(2) has no errors: it answers the old id in any case.
Result<uint32_t> Setfsuid(Task& task, uint32_t uid) {
  const Credentials& own = task.credentials();
  uint32_t old = own.fsuid;
  bool allowed =
      IsOneOf(uid, own.uid, own.euid, own.suid) || uid == own.fsuid || own.Has(Capability::kSetuid);
  if (uid == kKeep || !allowed || uid == old) {
    return old;
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->fsuid = uid;
  if ((own.secure_bits & kSecureNoFixup) == 0) {
    if (old == 0) {
      fresh->effective &= ~kFileCapabilities;
    } else if (uid == 0) {
      fresh->effective |= fresh->permitted & kFileCapabilities;
    }
  }
  Publish(task, std::move(fresh));
  return old;
}

Result<uint32_t> Setfsgid(Task& task, uint32_t gid) {
  const Credentials& own = task.credentials();
  uint32_t old = own.fsgid;
  bool allowed =
      IsOneOf(gid, own.gid, own.egid, own.sgid) || gid == own.fsgid || own.Has(Capability::kSetgid);
  if (gid == kKeep || !allowed || gid == old) {
    return old;
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->fsgid = gid;
  Publish(task, std::move(fresh));
  return old;
}

Result<int32_t> Getgroups(Task& task, int32_t size, UserArray<uint32_t> out) {
  const std::vector<uint32_t>& groups = task.credentials().groups;
  int32_t count = static_cast<int32_t>(groups.size());
  if (size < 0 || (size != 0 && size < count)) {
    return Fail(EINVAL);
  }
  if (size != 0) {
    TRY(out.Store(task.memory(), groups.data(), groups.size()));
  }
  return count;
}

Result<void> Setgroups(Task& task, uint32_t size, UserArray<uint32_t> in) {
  if (!task.credentials().Has(Capability::kSetgid)) {
    return Fail(EPERM);
  }
  if (size > kMostGroups) {
    return Fail(EINVAL);
  }
  RefPtr<Credentials> fresh = task.credentials().Copy();
  fresh->groups = TRY(in.Load(task.memory(), size));
  std::sort(fresh->groups.begin(), fresh->groups.end());
  task.set_credentials(std::move(fresh));
  return Ok();
}

Result<void> Capget(Task& task, GuestAddr header_address, GuestAddr data) {
  CapHeader header{};
  Result<size_t> words = CapWords(task, header_address, &header);
  if (!words.ok()) {
    // Asking for the version only is no error.
    return words.Is(EINVAL) && data.is_null() ? Ok() : Result<void>(words.failure());
  }
  if (header.pid < 0) {
    return Fail(EINVAL);
  }
  RefPtr<const Credentials> credentials = task.SharedCredentials();
  if (header.pid != 0) {
    RefPtr<Task> target = kernel().tasks().FindTask(header.pid);
    if (!target) {
      return Fail(ESRCH);
    }
    credentials = target->SharedCredentials();
  }
  if (data.is_null()) {
    return Ok();
  }
  for (size_t i = 0; i < *words; ++i) {
    CapData part{Word(credentials->effective, i), Word(credentials->permitted, i),
                 Word(credentials->inheritable, i)};
    TRY(task.memory().Write(data + i * sizeof(part), &part, sizeof(part)));
  }
  return Ok();
}

Result<void> Capset(Task& task, GuestAddr header_address, GuestAddr data) {
  CapHeader header{};
  size_t words = TRY(CapWords(task, header_address, &header));
  if (header.pid != 0 && header.pid != task.tid()) {
    return Fail(EPERM);
  }
  CapabilitySet effective = 0;
  CapabilitySet permitted = 0;
  CapabilitySet inheritable = 0;
  for (size_t i = 0; i < words; ++i) {
    CapData part{};
    TRY(task.memory().Read(&part, data + i * sizeof(part), sizeof(part)));
    effective |= uint64_t{part.effective} << (32 * i);
    permitted |= uint64_t{part.permitted} << (32 * i);
    inheritable |= uint64_t{part.inheritable} << (32 * i);
  }
  effective &= kAllCapabilities;
  permitted &= kAllCapabilities;
  inheritable &= kAllCapabilities;
  const Credentials& own = task.credentials();
  bool grows = (permitted & ~own.permitted) != 0 || (effective & ~permitted) != 0;
  bool inherits_too_much =
      (inheritable & ~(own.inheritable | own.bounding)) != 0 ||
      (!own.Has(Capability::kSetpcap) && (inheritable & ~(own.inheritable | own.permitted)) != 0);
  if (grows || inherits_too_much) {
    return Fail(EPERM);
  }
  RefPtr<Credentials> fresh = own.Copy();
  fresh->effective = effective;
  fresh->permitted = permitted;
  fresh->inheritable = inheritable;
  fresh->ambient &= permitted & inheritable;
  task.set_credentials(std::move(fresh));
  return Ok();
}

}  // namespace ukrun
