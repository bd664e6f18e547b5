// getsockopt(2), setsockopt(2): SOL_SOCKET, as Unix-domain sockets have no level of their own.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sentry/syscalls/socket.h"

namespace ukrun {
namespace {

constexpr uint32_t kMostBuffer = 212992;  // net.core.wmem_max, rmem_max
constexpr uint32_t kLeastSendBuffer = 4608, kLeastReceiveBuffer = 2304;
// The time limits of 32-bit programs that know the year 2038; here the same as the old ones.
constexpr int32_t kReceiveTimeoutNew = 66, kSendTimeoutNew = 67;
constexpr int64_t kMicrosecondNs = 1000, kSecondNs = 1'000'000'000;

struct Timeval {
  int64_t seconds;
  int64_t microseconds;
};
struct Linger {
  int32_t on;
  int32_t seconds;
};

// An option's value on its way to the guest, which may take less of it.
struct OptionValue {
  std::array<char, 16> bytes;
  size_t size;
};

template <GuestValue T>
OptionValue ValueOf(const T& value) {
  static_assert(sizeof(T) <= 16);
  OptionValue result{{}, sizeof(T)};
  std::memcpy(result.bytes.data(), &value, sizeof(T));
  return result;
}
OptionValue IntValue(int64_t value) { return ValueOf(static_cast<int32_t>(value)); }
OptionValue TimeoutValue(int64_t ns) {
  return ValueOf(Timeval{ns / kSecondNs, ns % kSecondNs / kMicrosecondNs});
}

// The switches that are only kept; null for other options.
std::atomic<bool>* SwitchOf(SocketOptions& options, int32_t name) {
  switch (name) {
    case SO_PASSCRED:
      return &options.pass_credentials;
    case SO_KEEPALIVE:
      return &options.keep_alive;
    case SO_REUSEADDR:
      return &options.reuse_address;
    case SO_BROADCAST:
      return &options.broadcast;
    case SO_TIMESTAMP:
      return &options.timestamp;
    default:
      return nullptr;
  }
}

Result<OptionValue> GetOption(Socket& socket, int32_t name) {
  SocketOptions& options = socket.options();
  if (std::atomic<bool>* flag = SwitchOf(options, name)) {
    return IntValue(flag->load() ? 1 : 0);
  }
  switch (name) {
    case SO_TYPE:
      return IntValue(socket.type());
    case SO_DOMAIN:
      return IntValue(socket.family());
    case SO_PROTOCOL:
    case SO_DEBUG:
    case SO_DONTROUTE:
    case SO_OOBINLINE:
    case SO_REUSEPORT:
      return IntValue(0);
    case SO_ERROR:
      return IntValue(socket.TakeError());
    case SO_ACCEPTCONN:
      return IntValue(socket.listening() ? 1 : 0);
    case SO_SNDBUF:
      return IntValue(socket.send_buffer());
    case SO_RCVBUF:
      return IntValue(options.receive_buffer.load());
    case SO_PRIORITY:
      return IntValue(options.priority.load());
    case SO_RCVLOWAT:
      return IntValue(options.receive_low_water.load());
    case SO_SNDLOWAT:
      return IntValue(1);
    case SO_PEERCRED:
      return ValueOf(socket.PeerCredentials());
    case SO_LINGER:
      return ValueOf(Linger{options.linger.load() ? 1 : 0, options.linger_seconds.load()});
    case SO_RCVTIMEO:
    case kReceiveTimeoutNew:
      return TimeoutValue(options.receive_timeout_ns.load());
    case SO_SNDTIMEO:
    case kSendTimeoutNew:
      return TimeoutValue(options.send_timeout_ns.load());
    default:
      return Fail(ENOPROTOOPT);
  }
}

template <GuestValue T>
Result<T> LoadOption(Task& task, GuestAddr value, int32_t length) {
  if (length < static_cast<int32_t>(sizeof(T))) {
    return Fail(EINVAL);
  }
  return UserIn<T>{value}.Load(task.memory());
}

Result<void> SetTimeout(Task& task, std::atomic<int64_t>& timeout_ns, GuestAddr value,
                        int32_t length) {
  auto limit = TRY(LoadOption<Timeval>(task, value, length));
  if (limit.microseconds < 0 || limit.microseconds >= kSecondNs / kMicrosecondNs) {
    return Fail(EDOM);
  }
  // As on Linux, negative times do not wait: the least there is, as 0 means for ever.
  bool endless = limit.seconds >= INT64_MAX / kSecondNs - 1;
  timeout_ns.store(limit.seconds < 0 ? 1
                   : endless         ? 0
                             : limit.seconds * kSecondNs + limit.microseconds * kMicrosecondNs);
  return Ok();
}

Result<void> SetInteger(Task& task, Socket& socket, int32_t name, int32_t value) {
  SocketOptions& options = socket.options();
  bool forced = name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE;
  if (forced && !task.credentials().Has(Capability::kNetAdmin)) {
    return Fail(EPERM);
  }
  // As on Linux, negative sizes count as huge ones, and the kernel's own needs double them.
  uint32_t most = forced ? uint32_t{INT32_MAX} / 2 : kMostBuffer;
  uint32_t buffer = std::min(static_cast<uint32_t>(value), most) * 2;
  switch (name) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
      socket.set_send_buffer(std::max(buffer, kLeastSendBuffer));
      return Ok();
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
      options.receive_buffer.store(std::max(buffer, kLeastReceiveBuffer));
      return Ok();
    case SO_PRIORITY:
      if ((value < 0 || value > 6) && !task.credentials().Has(Capability::kNetAdmin)) {
        return Fail(EPERM);
      }
      options.priority.store(value);
      return Ok();
    case SO_RCVLOWAT:
      options.receive_low_water.store(value < 0 ? INT32_MAX : std::max(value, 1));
      return Ok();
    case SO_DONTROUTE:
    case SO_OOBINLINE:
      return Ok();
    default:
      return Fail(ENOPROTOOPT);
  }
}

}  // namespace

Result<void> Setsockopt(Task& task, Fd fd, int32_t level, int32_t name, GuestAddr value,
                        int32_t length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  if (length < 0) {
    return Fail(EINVAL);
  }
  if (level != SOL_SOCKET) {
    return Fail(EOPNOTSUPP);
  }
  auto integer = TRY(LoadOption<int32_t>(task, value, length));
  SocketOptions& options = socket->options();
  if (std::atomic<bool>* flag = SwitchOf(options, name)) {
    flag->store(integer != 0);
    return Ok();
  }
  switch (name) {
    case SO_RCVTIMEO:
    case kReceiveTimeoutNew:
      return SetTimeout(task, options.receive_timeout_ns, value, length);
    case SO_SNDTIMEO:
    case kSendTimeoutNew:
      return SetTimeout(task, options.send_timeout_ns, value, length);
    case SO_LINGER: {
      auto linger = TRY(LoadOption<Linger>(task, value, length));
      options.linger.store(linger.on != 0);
      options.linger_seconds.store(linger.seconds);
      return Ok();
    }
    default:
      return SetInteger(task, *socket.socket, name, integer);
  }
}

Result<void> Getsockopt(Task& task, Fd fd, int32_t level, int32_t name, GuestAddr value,
                        UserInOut<int32_t> length) {
  SocketReference socket = TRY(GetSocket(task, fd));
  if (level != SOL_SOCKET) {
    return Fail(EOPNOTSUPP);
  }
  int32_t room = TRY(length.Load(task.memory()));
  if (room < 0) {
    return Fail(EINVAL);
  }
  OptionValue option = TRY(GetOption(*socket.socket, name));
  size_t size = std::min(option.size, static_cast<size_t>(room));
  TRY(task.memory().Write(value, option.bytes.data(), size));
  return length.Store(task.memory(), static_cast<int32_t>(size));
}

}  // namespace ukrun
