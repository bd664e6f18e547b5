// Unix-domain sockets for the compat tests: addresses, pairs, short sends and receives.

#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>

#include "compat-tests/util/process_signal_util.h"

namespace compat {

// The address of a path, or of an abstract name when the name begins with '@'.
class UnixAddress {
 public:
  UnixAddress() { address_.sun_family = AF_UNIX; }
  explicit UnixAddress(const std::string& name) : UnixAddress() {
    const bool abstract = !name.empty() && name[0] == '@';
    const size_t size = name.size() < sizeof(address_.sun_path) ? name.size() : 107;
    memcpy(address_.sun_path, name.data(), size);
    if (abstract) {
      address_.sun_path[0] = '\0';
    }
    length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (abstract ? 0 : 1));
  }

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&address_); }
  socklen_t length() const { return length_; }
  // For calls that store an address.
  socklen_t* Room() {
    length_ = sizeof(address_);
    return &length_;
  }
  // As it was given: "@name" for an abstract one, "" for none.
  std::string name() const {
    if (length_ <= offsetof(sockaddr_un, sun_path)) {
      return "";
    }
    const size_t size = length_ - offsetof(sockaddr_un, sun_path);
    if (address_.sun_path[0] == '\0') {
      return "@" + std::string(address_.sun_path + 1, size - 1);
    }
    return std::string(address_.sun_path, strnlen(address_.sun_path, size));
  }

 private:
  sockaddr_un address_ = {};
  socklen_t length_ = sizeof(sa_family_t);
};

inline Fd Socket(int type, int flags = SOCK_CLOEXEC) {
  return Fd(socket(AF_UNIX, type | flags, 0));
}

struct SocketPair {
  explicit SocketPair(int type, int flags = SOCK_CLOEXEC) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, type | flags, 0, ends), 0);
    first.Reset(ends[0]);
    second.Reset(ends[1]);
  }
  Fd first;
  Fd second;
};

inline int Bind(const Fd& socket, const UnixAddress& address) {
  return bind(socket.get(), address.get(), address.length());
}
inline int Connect(const Fd& socket, const UnixAddress& address) {
  return connect(socket.get(), address.get(), address.length());
}
inline std::string SocketName(const Fd& socket) {
  UnixAddress address;
  EXPECT_EQ(getsockname(socket.get(), address.get(), address.Room()), 0);
  return address.name();
}
inline std::string PeerName(const Fd& socket) {
  UnixAddress address;
  EXPECT_EQ(getpeername(socket.get(), address.get(), address.Room()), 0);
  return address.name();
}

// An abstract name that no other process uses.
inline std::string UniqueName(const std::string& suffix = "") {
  return "@compat_" + std::to_string(getpid()) + "_" + std::to_string(NowNs()) + suffix;
}

// A listening socket with a name of its own.
struct Listener {
  explicit Listener(int type = SOCK_STREAM, int backlog = 5) : name(UniqueName()) {
    socket = Socket(type);
    EXPECT_EQ(Bind(socket, UnixAddress(name)), 0);
    EXPECT_EQ(listen(socket.get(), backlog), 0);
  }
  Fd Accept(int flags = SOCK_CLOEXEC) const {
    return Fd(accept4(socket.get(), nullptr, nullptr, flags));
  }
  std::string name;
  Fd socket;
};

inline ssize_t Send(const Fd& socket, const std::string& text, int flags = MSG_NOSIGNAL) {
  return send(socket.get(), text.data(), text.size(), flags);
}
inline std::string Receive(const Fd& socket, size_t size = 4096, int flags = 0) {
  std::string text(size, '\0');
  const ssize_t length = recv(socket.get(), text.data(), size, flags);
  if (length < 0) {
    return "error " + std::to_string(errno);
  }
  text.resize(static_cast<size_t>(length) < size ? static_cast<size_t>(length) : size);
  return text;
}

inline short PollSocket(const Fd& fd, short events, int timeout_ms = 0) {
  pollfd item = {fd.get(), events, 0};
  poll(&item, 1, timeout_ms);
  return item.revents;
}

template <typename T = int>
T GetOption(const Fd& socket, int name) {
  T value = {};
  socklen_t length = sizeof(value);
  EXPECT_EQ(getsockopt(socket.get(), SOL_SOCKET, name, &value, &length), 0);
  return value;
}
template <typename T>
int SetOption(const Fd& socket, int name, const T& value) {
  return setsockopt(socket.get(), SOL_SOCKET, name, &value, sizeof(value));
}

}  // namespace compat
