#include "sentry/syscalls/socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>

#include "sentry/net/unix/unix_socket.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

constexpr int32_t kFamilies = 46;  // NPROTO
constexpr uint32_t kTypeMask = 0xf;
constexpr uint32_t kSocketTypes = 11;    // SOCK_MAX
constexpr uint32_t kMostBacklog = 4096;  // net.core.somaxconn

CloseOnExec CloseOnExecOf(uint32_t flags) {
  return (flags & SOCK_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo;
}

// The type of a Unix-domain socket, once everything about the call has been checked.
Result<int32_t> CheckCreation(int32_t family, uint32_t type, int32_t protocol) {
  if ((type & ~(kTypeMask | SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) {
    return Fail(EINVAL);
  }
  if (family < 0 || family >= kFamilies) {
    return Fail(EAFNOSUPPORT);
  }
  uint32_t kind = type & kTypeMask;
  if (kind >= kSocketTypes) {
    return Fail(EINVAL);
  }
  if (family != AF_UNIX) {
    return Fail(EAFNOSUPPORT);
  }
  if (protocol != 0 && protocol != PF_UNIX) {
    return Fail(EPROTONOSUPPORT);
  }
  switch (kind) {
    case SOCK_STREAM:
    case SOCK_SEQPACKET:
    case SOCK_DGRAM:
      return static_cast<int32_t>(kind);
    case SOCK_RAW:
      return int32_t{SOCK_DGRAM};
    default:
      return Fail(ESOCKTNOSUPPORT);
  }
}

}  // namespace

Result<SocketReference> GetSocket(Task& task, Fd fd) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  Socket* socket = AsSocket(*file);
  if (socket == nullptr) {
    return Fail(ENOTSOCK);
  }
  return SocketReference{std::move(file), socket};
}

Result<std::string> LoadAddress(Task& task, GuestAddr address, int32_t length) {
  if (length < 0 || length > kLargestSocketAddress) {
    return Fail(EINVAL);
  }
  std::string bytes(static_cast<size_t>(length), '\0');
  TRY(task.memory().Read(bytes.data(), address, bytes.size()));
  return bytes;
}

Result<void> StoreAddress(Task& task, const std::string& address, GuestAddr to,
                          UserInOut<int32_t> length) {
  int32_t room = TRY(length.Load(task.memory()));
  if (room < 0) {
    return Fail(EINVAL);
  }
  TRY(task.memory().Write(to, address.data(), std::min(address.size(), static_cast<size_t>(room))));
  return length.Store(task.memory(), static_cast<int32_t>(address.size()));
}

Result<Fd> SocketCall(Task& task, int32_t family, uint32_t type, int32_t protocol) {
  int32_t kind = TRY(CheckCreation(family, type, protocol));
  return task.InstallFile(UnixSocket::Create(task, kind, type & SOCK_NONBLOCK),
                          CloseOnExecOf(type));
}

Result<void> Socketpair(Task& task, int32_t family, uint32_t type, int32_t protocol,
                        UserOut<uint64_t> fds) {
  int32_t kind = TRY(CheckCreation(family, type, protocol));
  RefPtr<UnixSocket> first = UnixSocket::Create(task, kind, type & SOCK_NONBLOCK);
  RefPtr<UnixSocket> second = UnixSocket::Create(task, kind, type & SOCK_NONBLOCK);
  UnixSocket::Pair(task, *first, *second);
  Fd first_fd = TRY(task.InstallFile(std::move(first), CloseOnExecOf(type)));
  Result<Fd> second_fd = task.InstallFile(std::move(second), CloseOnExecOf(type));
  Result<void> stored;
  if (second_fd.ok()) {
    // int fds[2], stored at once.
    stored = fds.Store(task.memory(), std::bit_cast<uint64_t>(std::array<int32_t, 2>{
                                          first_fd.value, second_fd->value}));
    if (!stored.ok()) {
      static_cast<void>(task.fds().Close(task, *second_fd));
    }
  } else {
    stored = second_fd.failure();
  }
  if (!stored.ok()) {
    static_cast<void>(task.fds().Close(task, first_fd));
  }
  return stored;
}

Result<void> Bind(Task& task, Fd fd, GuestAddr address, int32_t length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return socket->Bind(task, TRY(LoadAddress(task, address, length)));
}

Result<void> Listen(Task& task, Fd fd, uint32_t backlog) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return socket->Listen(task, std::min(backlog, kMostBacklog));
}

Result<Fd> Accept(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length) {
  return Accept4(task, fd, address, length, 0);
}

Result<Fd> Accept4(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length,
                   uint32_t flags) {
  if ((flags & ~uint32_t{SOCK_CLOEXEC | SOCK_NONBLOCK}) != 0) {
    return Fail(EINVAL);
  }
  SocketReference socket = TRY(GetSocket(task, fd));
  TRY(task.fds().CheckRoom(task.thread_group().GetLimit(kRlimitNofile).soft));
  std::string peer;
  int64_t deadline_ns = SocketDeadline(*socket.file, Ready::kReadable);
  auto attempt = [&] { return socket->Accept(task, flags & SOCK_NONBLOCK, &peer); };
  RefPtr<Socket> accepted = TRY(AfterSocketWait(
      BlockOnFile(task, *socket.file, Ready::kReadable, attempt, deadline_ns), deadline_ns));
  if (!address.is_null()) {
    TRY(StoreAddress(task, peer, address, length));
  }
  return task.InstallFile(std::move(accepted), CloseOnExecOf(flags));
}

Result<void> Connect(Task& task, Fd fd, GuestAddr address, int32_t length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  std::string target = TRY(LoadAddress(task, address, length));
  int64_t deadline_ns = SocketDeadline(*socket.file, Ready::kWritable);
  auto attempt = [&] { return socket->Connect(task, target); };
  return AfterSocketWait(BlockOnFile(task, *socket.file, Ready::kWritable, attempt, deadline_ns),
                         deadline_ns);
}

Result<void> Getsockname(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return StoreAddress(task, TRY(socket->LocalAddress()), address, length);
}

Result<void> Getpeername(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return StoreAddress(task, TRY(socket->PeerAddress()), address, length);
}

Result<void> Shutdown(Task& task, Fd fd, int32_t how) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return socket->Shutdown(how);
}

}  // namespace ukrun
