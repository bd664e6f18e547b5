// Sockets: socket(2) and its family. Unix-domain only: the sandbox has no network.
#pragma once

#include "abi/timespec.h"
#include "sentry/net/socket.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

// --- For the files of this family.
inline constexpr int32_t kLargestSocketAddress = 128;  // sizeof(struct sockaddr_storage)
// Errors: EBADF, ENOTSOCK. The file owns the socket.
struct SocketReference {
  RefPtr<File> file;
  Socket* socket;
  Socket* operator->() const { return socket; }
};
Result<SocketReference> GetSocket(Task& task, Fd fd);
// An address from the guest. Errors: EINVAL, EFAULT.
Result<std::string> LoadAddress(Task& task, GuestAddr address, int32_t length);
// Stores what fits; `length` has the room, and gets the whole size. Errors: EINVAL, EFAULT.
Result<void> StoreAddress(Task& task, const std::string& address, GuestAddr to,
                          UserInOut<int32_t> length);
// A wait with a limit ended by a signal cannot be restarted.
template <typename T>
Result<T> AfterSocketWait(Result<T> result, int64_t deadline_ns) {
  return deadline_ns >= 0 && result.Is(kErestartsys) ? Result<T>(Fail(EINTR)) : result;
}

// --- Handlers (socket.cc).
Result<Fd> SocketCall(Task& task, int32_t family, uint32_t type, int32_t protocol);
Result<void> Socketpair(Task& task, int32_t family, uint32_t type, int32_t protocol,
                        UserOut<uint64_t> fds);
Result<void> Bind(Task& task, Fd fd, GuestAddr address, int32_t length);
Result<void> Listen(Task& task, Fd fd, uint32_t backlog);
Result<Fd> Accept(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length);
Result<Fd> Accept4(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length, uint32_t flags);
Result<void> Connect(Task& task, Fd fd, GuestAddr address, int32_t length);
Result<void> Getsockname(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length);
Result<void> Getpeername(Task& task, Fd fd, GuestAddr address, UserInOut<int32_t> length);
Result<void> Shutdown(Task& task, Fd fd, int32_t how);

// --- Messages (socket_message.cc).
Result<size_t> Sendto(Task& task, Fd fd, GuestAddr buffer, uint64_t size, uint32_t flags,
                      GuestAddr address, int32_t length);
Result<size_t> Recvfrom(Task& task, Fd fd, GuestAddr buffer, uint64_t size, uint32_t flags,
                        GuestAddr address, UserInOut<int32_t> length);
Result<size_t> Sendmsg(Task& task, Fd fd, GuestAddr message, uint32_t flags);
Result<size_t> Recvmsg(Task& task, Fd fd, GuestAddr message, uint32_t flags);
Result<int32_t> Sendmmsg(Task& task, Fd fd, GuestAddr messages, uint32_t count, uint32_t flags);
Result<int32_t> Recvmmsg(Task& task, Fd fd, GuestAddr messages, uint32_t count, uint32_t flags,
                         UserInOut<abi::Timespec> timeout);

// --- Options (socket_option.cc).
Result<void> Setsockopt(Task& task, Fd fd, int32_t level, int32_t name, GuestAddr value,
                        int32_t length);
Result<void> Getsockopt(Task& task, Fd fd, int32_t level, int32_t name, GuestAddr value,
                        UserInOut<int32_t> length);

}  // namespace ukrun
