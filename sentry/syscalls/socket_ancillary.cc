#include "sentry/syscalls/socket_ancillary.h"

#include <sys/socket.h>

#include <algorithm>

#include "sentry/kernel.h"
#include "sentry/net/unix/in_flight.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

constexpr size_t kMostFiles = 253;                // SCM_MAX_FD
constexpr uint64_t kMostControl = 131072;         // net.core.optmem_max
constexpr int32_t kRights = 1, kCredentials = 2;  // SCM_RIGHTS, SCM_CREDENTIALS

struct Header {
  uint64_t length;  // with the header
  int32_t level;
  int32_t type;
};

constexpr uint64_t Aligned(uint64_t length) { return (length + 7) & ~uint64_t{7}; }

Result<void> CheckCredentials(Task& task, const SocketCredentials& claimed) {
  const Credentials& own = task.credentials();
  bool pid_ok = claimed.pid == task.thread_group().pid() || own.Has(Capability::kSysAdmin);
  bool uid_ok = claimed.uid == own.uid || claimed.uid == own.euid || claimed.uid == own.suid ||
                own.Has(Capability::kSetuid);
  bool gid_ok = claimed.gid == own.gid || claimed.gid == own.egid || claimed.gid == own.sgid ||
                own.Has(Capability::kSetgid);
  if (!pid_ok || !uid_ok || !gid_ok) {
    return Fail(EPERM);
  }
  if (claimed.pid != task.thread_group().pid() && !kernel().tasks().FindGroup(claimed.pid)) {
    return Fail(ESRCH);
  }
  return Ok();
}

Result<void> AddFiles(Task& task, GuestAddr from, size_t count, OutgoingMessage& message) {
  if (message.files.size() + count > kMostFiles) {
    return Fail(EINVAL);
  }
  for (int32_t number : TRY(UserArray<int32_t>{from}.Load(task.memory(), count))) {
    message.files.push_back(TRY(task.GetFileOrPath(Fd{number})));
  }
  return Ok();
}

// As on Linux, nobody has more descriptors in flight than they may have open.
Result<void> CheckInFlight(Task& task) {
  const Credentials& credentials = task.credentials();
  uint64_t limit = task.thread_group().GetLimit(kRlimitNofile).soft;
  auto table = TheUnixTable().Lock();
  auto sent = table->sent_by_user.find(credentials.uid);
  bool too_many = sent != table->sent_by_user.end() && sent->second > limit;
  return too_many && !credentials.Has(Capability::kSysResource) &&
                 !credentials.Has(Capability::kSysAdmin)
             ? Fail(ETOOMANYREFS)
             : Result<void>();
}

// The guest's buffer, as it fills.
struct ControlBuffer {
  GuestAddr address;
  uint64_t size;
  uint64_t used = 0;

  uint64_t room() const { return size - used; }
};

// As Linux's put_cmsg: what does not fit is cut.
void Put(Task& task, ControlBuffer& buffer, int32_t type, const void* data, size_t size,
         IncomingMessage& message) {
  if (buffer.room() < sizeof(Header)) {
    message.flags |= MSG_CTRUNC;
    return;
  }
  Header header{sizeof(Header) + size, SOL_SOCKET, type};
  if (header.length > buffer.room()) {
    message.flags |= MSG_CTRUNC;
    header.length = buffer.room();
  }
  GuestAddr to = buffer.address + buffer.used;
  if (!task.memory().Write(to, &header, sizeof(header)).ok() ||
      !task.memory().Write(to + sizeof(header), data, header.length - sizeof(header)).ok()) {
    return;
  }
  buffer.used += std::min(Aligned(header.length), buffer.room());
}

void PutFiles(Task& task, ControlBuffer& buffer, CloseOnExec cloexec, IncomingMessage& message) {
  size_t fit =
      buffer.room() < sizeof(Header) ? 0 : (buffer.room() - sizeof(Header)) / sizeof(int32_t);
  GuestAddr numbers = buffer.address + buffer.used + sizeof(Header);
  size_t installed = 0;
  while (installed < std::min(fit, message.files.size())) {
    Result<Fd> fd = task.InstallFile(message.files[installed], cloexec);
    if (!fd.ok()) {
      break;
    }
    GuestAddr to = numbers + installed * sizeof(int32_t);
    if (!task.memory().Write(to, &fd->value, sizeof(int32_t)).ok()) {
      static_cast<void>(task.fds().Close(task, *fd));
      break;
    }
    ++installed;
  }
  if (installed < message.files.size()) {
    message.flags |= MSG_CTRUNC;
  }
  if (installed > 0) {
    Header header{sizeof(Header) + installed * sizeof(int32_t), SOL_SOCKET, kRights};
    if (task.memory().Write(buffer.address + buffer.used, &header, sizeof(header)).ok()) {
      buffer.used += std::min(Aligned(header.length), buffer.room());
    }
  }
}

}  // namespace

Result<void> LoadAncillary(Task& task, GuestAddr control, uint64_t size, OutgoingMessage& message) {
  if (size > kMostControl) {
    return Fail(ENOBUFS);
  }
  uint64_t offset = 0;
  while (size - offset >= sizeof(Header)) {
    auto header = TRY(UserIn<Header>{control + offset}.Load(task.memory()));
    if (header.length < sizeof(Header) || header.length > size - offset) {
      return Fail(EINVAL);
    }
    GuestAddr payload = control + offset + sizeof(Header);
    uint64_t payload_size = header.length - sizeof(Header);
    offset += std::min(Aligned(header.length), size - offset);
    if (header.level != SOL_SOCKET) {
      continue;
    }
    if (header.type == kRights) {
      TRY(AddFiles(task, payload, payload_size / sizeof(int32_t), message));
    } else if (header.type == kCredentials && payload_size == sizeof(SocketCredentials)) {
      auto claimed = TRY(UserIn<SocketCredentials>{payload}.Load(task.memory()));
      TRY(CheckCredentials(task, claimed));
      message.credentials = claimed;
    } else {
      return Fail(EINVAL);
    }
  }
  return message.files.empty() ? Ok() : CheckInFlight(task);
}

uint64_t StoreAncillary(Task& task, GuestAddr control, uint64_t size, CloseOnExec cloexec,
                        IncomingMessage& message) {
  ControlBuffer buffer{control, control.is_null() ? 0 : size};
  if (message.credentials) {
    Put(task, buffer, kCredentials, &*message.credentials, sizeof(SocketCredentials), message);
  }
  if (!message.files.empty()) {
    PutFiles(task, buffer, cloexec, message);
    ReleaseFiles(std::move(message.files));
    message.files.clear();
  }
  return buffer.used;
}

}  // namespace ukrun
