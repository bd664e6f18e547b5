// send(2), recv(2) and their relatives.

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#include "abi/socket.h"
#include "sentry/net/unix/in_flight.h"
#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/syscalls/file_io.h"
#include "sentry/syscalls/socket.h"
#include "sentry/syscalls/socket_ancillary.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

constexpr uint64_t kMostSegments = 1024;  // UIO_MAXIOV
constexpr uint32_t kMostMessages = 1024;  // of sendmmsg and recvmmsg

using abi::CountedMessageHeader;
using abi::MessageHeader;

constexpr size_t kNameLengthOffset = offsetof(MessageHeader, name_length);
constexpr size_t kControlLengthOffset = offsetof(MessageHeader, control_length);
constexpr size_t kFlagsOffset = offsetof(MessageHeader, flags);
constexpr size_t kCountOffset = offsetof(CountedMessageHeader, count);
constexpr size_t kVectorStride = sizeof(CountedMessageHeader);

Result<MessageHeader> LoadHeader(Task& task, GuestAddr address) {
  auto header = TRY(UserIn<MessageHeader>{address}.Load(task.memory()));
  if (header.name_length < 0) {
    return Fail(EINVAL);
  }
  if (header.vector_length > kMostSegments) {
    return Fail(EMSGSIZE);
  }
  header.name_length = header.name == 0 ? 0 : std::min(header.name_length, kLargestSocketAddress);
  return header;
}

size_t Capped(uint64_t size) { return std::min<uint64_t>(size, kMostTransferred); }

// Waits until `attempt` can go on, as the socket and the call's flags say.
template <typename Attempt>
Result<size_t> Wait(Task& task, Socket& socket, Ready interest, uint32_t flags, int64_t deadline_ns,
                    Attempt attempt) {
  if ((flags & MSG_DONTWAIT) != 0) {
    return attempt();
  }
  return AfterSocketWait(BlockOnFile(task, socket, interest, attempt, deadline_ns), deadline_ns);
}

Result<size_t> SendMessage(Task& task, Socket& socket, GuestIo& io, OutgoingMessage& message) {
  int64_t deadline_ns = SocketDeadline(socket, Ready::kWritable);
  size_t sent = 0;
  Result<size_t> result = size_t{0};
  do {
    result = Wait(task, socket, Ready::kWritable, message.flags, deadline_ns,
                  [&] { return socket.Send(task, io, message); });
    sent += result.value_or(0);
    // A stream takes what fits, and the rest later.
  } while (result.ok() && *result > 0 && io.size() > 0);
  // Files of a message that did not go.
  ReleaseFiles(std::move(message.files));
  message.files.clear();
  if (!result.ok() && sent > 0) {
    return sent;
  }
  if (result.Is(EPIPE) && socket.type() == SOCK_STREAM && (message.flags & MSG_NOSIGNAL) == 0) {
    static_cast<void>(SendSignal(task, UserSignal(task, abi::kSigPipe)));
  }
  return result.ok() ? Result<size_t>(sent) : result;
}

Result<size_t> ReceiveMessage(Task& task, Socket& socket, GuestIo& io, uint32_t flags,
                              IncomingMessage& message) {
  int64_t deadline_ns = SocketDeadline(socket, Ready::kReadable);
  bool wait_all = (flags & MSG_WAITALL) != 0 && (flags & MSG_PEEK) == 0;
  size_t received = 0;
  Result<size_t> result = size_t{0};
  do {
    result = Wait(task, socket, Ready::kReadable, flags, deadline_ns,
                  [&] { return socket.Receive(io, flags, message); });
    received += result.value_or(0);
  } while (wait_all && result.ok() && !message.ended && io.size() > 0);
  return result.ok() || received > 0 ? Result<size_t>(received) : result;
}

Result<size_t> SendOne(Task& task, Socket& socket, GuestAddr address, uint32_t flags) {
  MessageHeader header = TRY(LoadHeader(task, address));
  OutgoingMessage message;
  message.flags = flags;
  if (header.name_length > 0) {
    message.address = TRY(LoadAddress(task, GuestAddr(header.name), header.name_length));
  }
  GuestIo io(task.memory(), TRY(LoadIovec(task, GuestAddr(header.vector), header.vector_length)));
  Result<void> ancillary =
      LoadAncillary(task, GuestAddr(header.control), header.control_length, message);
  if (!ancillary.ok()) {
    ReleaseFiles(std::move(message.files));
    return ancillary.failure();
  }
  return SendMessage(task, socket, io, message);
}

// What recvmsg tells besides the data.
Result<void> StoreReceived(Task& task, GuestAddr address, const MessageHeader& header,
                           uint32_t flags, IncomingMessage& message) {
  auto cloexec = (flags & MSG_CMSG_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo;
  uint64_t used =
      StoreAncillary(task, GuestAddr(header.control), header.control_length, cloexec, message);
  if (header.name != 0) {
    TRY(StoreAddress(task, message.address, GuestAddr(header.name),
                     UserInOut<int32_t>{address + kNameLengthOffset}));
  }
  uint32_t shown = message.flags | (flags & MSG_CMSG_CLOEXEC);
  TRY(UserOut<uint32_t>{address + kFlagsOffset}.Store(task.memory(), shown));
  return UserOut<uint64_t>{address + kControlLengthOffset}.Store(task.memory(), used);
}

Result<size_t> ReceiveOne(Task& task, Socket& socket, GuestAddr address, uint32_t flags) {
  MessageHeader header = TRY(LoadHeader(task, address));
  GuestIo io(task.memory(), TRY(LoadIovec(task, GuestAddr(header.vector), header.vector_length)));
  IncomingMessage message;
  message.wants_address = header.name != 0;
  Result<size_t> received = ReceiveMessage(task, socket, io, flags, message);
  if (received.ok()) {
    Result<void> stored = StoreReceived(task, address, header, flags, message);
    if (!stored.ok()) {
      return stored.failure();
    }
  }
  ReleaseFiles(std::move(message.files));
  return received;
}

}  // namespace

Result<size_t> Sendto(Task& task, Fd fd, GuestAddr buffer, uint64_t size, uint32_t flags,
                      GuestAddr address, int32_t length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  OutgoingMessage message;
  message.flags = flags;
  if (!address.is_null()) {
    message.address = TRY(LoadAddress(task, address, length));
  }
  GuestIo io(task.memory(), buffer, Capped(size));
  return SendMessage(task, *socket.socket, io, message);
}

Result<size_t> Recvfrom(Task& task, Fd fd, GuestAddr buffer, uint64_t size, uint32_t flags,
                        GuestAddr address, UserInOut<int32_t> length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  GuestIo io(task.memory(), buffer, Capped(size));
  IncomingMessage message;
  message.wants_address = !address.is_null();
  Result<size_t> received = ReceiveMessage(task, *socket.socket, io, flags, message);
  ReleaseFiles(std::move(message.files));
  if (received.ok() && !address.is_null()) {
    TRY(StoreAddress(task, message.address, address, length));
  }
  return received;
}

Result<size_t> Sendmsg(Task& task, Fd fd, GuestAddr message, uint32_t flags) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return SendOne(task, *socket.socket, message, flags);
}

Result<size_t> Recvmsg(Task& task, Fd fd, GuestAddr message, uint32_t flags) {
  SocketReference socket = TRY(GetSocket(task, fd));
  return ReceiveOne(task, *socket.socket, message, flags);
}

Result<int32_t> Sendmmsg(Task& task, Fd fd, GuestAddr messages, uint32_t count, uint32_t flags) {
  SocketReference socket = TRY(GetSocket(task, fd));
  count = std::min(count, kMostMessages);
  for (uint32_t i = 0; i < count; ++i) {
    GuestAddr message = messages + i * kVectorStride;
    Result<size_t> sent = SendOne(task, *socket.socket, message, flags);
    if (sent.ok()) {
      Result<void> stored = UserOut<uint32_t>{message + kCountOffset}.Store(
          task.memory(), static_cast<uint32_t>(*sent));
      if (!stored.ok()) {
        sent = stored.failure();
      }
    }
    if (!sent.ok()) {
      return i > 0 ? Result<int32_t>(static_cast<int32_t>(i)) : sent.failure();
    }
  }
  return static_cast<int32_t>(count);
}

Result<int32_t> Recvmmsg(Task& task, Fd fd, GuestAddr messages, uint32_t count, uint32_t flags,
                         UserInOut<abi::Timespec> timeout) {
  int64_t deadline_ns = kNoDeadline;
  if (!timeout.is_null()) {
    abi::Timespec limit = TRY(timeout.Load(task.memory()));
    if (!limit.valid()) {
      return Fail(EINVAL);
    }
    deadline_ns = DeadlineAfter(limit.ToNs());
  }
  SocketReference socket = TRY(GetSocket(task, fd));
  count = std::min(count, kMostMessages);
  uint32_t done = 0;
  Result<size_t> received = size_t{0};
  while (done < count) {
    GuestAddr message = messages + done * kVectorStride;
    received = ReceiveOne(task, *socket.socket, message, flags & ~uint32_t{MSG_WAITFORONE});
    if (received.ok()) {
      Result<void> stored = UserOut<uint32_t>{message + kCountOffset}.Store(
          task.memory(), static_cast<uint32_t>(*received));
      received = stored.ok() ? received : stored.failure();
    }
    if (!received.ok()) {
      break;
    }
    ++done;
    if ((flags & MSG_WAITFORONE) != 0) {
      flags |= MSG_DONTWAIT;
    }
    // As on Linux, the limit is looked at between messages only.
    if (deadline_ns != kNoDeadline && MonotonicNow() >= deadline_ns) {
      break;
    }
  }
  if (done == 0 && !received.ok()) {
    return received.failure();
  }
  if (deadline_ns != kNoDeadline) {
    int64_t left = std::max<int64_t>(deadline_ns - MonotonicNow(), 0);
    TRY(timeout.Store(task.memory(), abi::Timespec::FromNs(left)));
  }
  return static_cast<int32_t>(done);
}

}  // namespace ukrun
