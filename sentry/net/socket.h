// A socket as the system calls see it (sentry/syscalls/socket.h), whatever its family.
//
// Like all files, sockets never block: EAGAIN says that a call cannot go on, and waiters()
// is notified when it might. Addresses are raw sockaddr bytes, family included, as the guest
// passes and receives them.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sentry/mm/guest_io.h"
#include "sentry/vfs/file.h"

namespace ukrun {

// struct ucred.
struct SocketCredentials {
  int32_t pid = 0;
  uint32_t uid = UINT32_MAX;
  uint32_t gid = UINT32_MAX;
  friend bool operator==(const SocketCredentials&, const SocketCredentials&) = default;
};

// What goes with the data of sendmsg(2).
struct OutgoingMessage {
  std::string address;  // empty: the peer
  std::vector<RefPtr<File>> files;
  std::optional<SocketCredentials> credentials;  // of SCM_CREDENTIALS, checked
  uint32_t flags = 0;                            // MSG_*
};

// What comes with the data of recvmsg(2).
struct IncomingMessage {
  bool wants_address = false;
  std::string address;  // empty: the sender has none
  std::vector<RefPtr<File>> files;
  std::optional<SocketCredentials> credentials;
  uint32_t flags = 0;  // MSG_TRUNC, MSG_EOR
  bool ended = false;  // the end of the stream, or a boundary that MSG_WAITALL stops at
};

// The options of SOL_SOCKET that only are kept, and the limits that every family has.
struct SocketOptions {
  std::atomic<bool> pass_credentials{false};
  std::atomic<bool> keep_alive{false};
  std::atomic<bool> reuse_address{false};
  std::atomic<bool> broadcast{false};
  std::atomic<bool> timestamp{false};
  std::atomic<bool> linger{false};
  std::atomic<int32_t> linger_seconds{0};
  std::atomic<int32_t> priority{0};
  std::atomic<int32_t> receive_low_water{1};
  std::atomic<uint32_t> receive_buffer{212992};
  // Nanoseconds; 0 waits for ever.
  std::atomic<int64_t> receive_timeout_ns{0};
  std::atomic<int64_t> send_timeout_ns{0};
};

class Socket : public File {
 public:
  using File::File;

  virtual int32_t family() const = 0;
  virtual int32_t type() const = 0;  // SOCK_*
  virtual bool listening() = 0;

  virtual Result<void> Bind(Task& task, std::string_view address) = 0;
  virtual Result<void> Listen(Task& task, uint32_t backlog) = 0;
  // Errors: EAGAIN when no connection waits. `address`: the peer's; may be null.
  virtual Result<RefPtr<Socket>> Accept(Task& task, uint32_t status_flags,
                                        std::string* address) = 0;
  // Errors: EAGAIN while the listener's queue is full.
  virtual Result<void> Connect(Task& task, std::string_view address) = 0;
  virtual Result<std::string> LocalAddress() = 0;
  virtual Result<std::string> PeerAddress() = 0;
  // Takes `message.files` if it sends anything. Errors: EAGAIN when there is no room.
  virtual Result<size_t> Send(Task& task, GuestIo& io, OutgoingMessage& message) = 0;
  // `flags`: MSG_PEEK, MSG_TRUNC, MSG_OOB. Errors: EAGAIN when there is nothing.
  virtual Result<size_t> Receive(GuestIo& io, uint32_t flags, IncomingMessage& message) = 0;
  virtual Result<void> Shutdown(int how) = 0;

  // --- What getsockopt and setsockopt ask of the family.
  virtual int32_t TakeError() = 0;
  virtual SocketCredentials PeerCredentials() = 0;
  virtual uint32_t send_buffer() = 0;
  virtual void set_send_buffer(uint32_t bytes) = 0;

  SocketOptions& options() { return options_; }

  static const void* Kind();
  const void* kind() const final { return Kind(); }

 private:
  SocketOptions options_;
};

// The socket behind a file; null when it is none.
Socket* AsSocket(File& file);

// SO_RCVTIMEO or SO_SNDTIMEO as a deadline from now on; kNoDeadline for files that have none.
int64_t SocketDeadline(File& file, Ready interest);

}  // namespace ukrun
