// Open Unix-domain sockets (unix(7)).
#pragma once

#include "sentry/net/socket.h"
#include "sentry/net/unix/endpoint.h"

namespace ukrun {

class UnixSocket final : public Socket {
 public:
  // `type`: SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM. `status_flags`: O_NONBLOCK or 0.
  static RefPtr<UnixSocket> Create(Task& task, int32_t type, uint32_t status_flags);
  static void Pair(Task& task, UnixSocket& a, UnixSocket& b);
  UnixSocket(Path path, const OpenOptions& options, RefPtr<UnixEndpoint> endpoint);
  ~UnixSocket() override;

  Result<size_t> Read(GuestIo& io) override;
  Result<size_t> Write(GuestIo& io) override;
  Ready Readiness() override { return endpoint_->Readiness(); }
  WaitQueue* waiters() override { return &endpoint_->waiters(); }
  Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument) override;

  int32_t family() const override;
  int32_t type() const override { return endpoint_->type; }
  bool listening() override;
  Result<void> Bind(Task& task, std::string_view address) override;
  Result<void> Listen(Task& task, uint32_t backlog) override;
  Result<RefPtr<Socket>> Accept(Task& task, uint32_t status_flags, std::string* address) override;
  Result<void> Connect(Task& task, std::string_view address) override;
  Result<std::string> LocalAddress() override;
  Result<std::string> PeerAddress() override;
  Result<size_t> Send(Task& task, GuestIo& io, OutgoingMessage& message) override;
  Result<size_t> Receive(GuestIo& io, uint32_t flags, IncomingMessage& message) override;
  Result<void> Shutdown(int how) override;
  int32_t TakeError() override { return endpoint_->error.exchange(0); }
  SocketCredentials PeerCredentials() override;
  uint32_t send_buffer() override { return endpoint_->send_buffer.load(); }
  void set_send_buffer(uint32_t bytes) override;

  UnixEndpoint& endpoint() const { return *endpoint_; }

 private:
  static RefPtr<UnixSocket> Wrap(Task& task, RefPtr<UnixEndpoint> endpoint, uint32_t status_flags);
  bool connection_based() const;
  Result<void> BindPath(Task& task, std::string_view path);
  Result<void> BindAbstract(const std::string& name);
  Result<void> BindAutomatically();
  // SO_PASSCRED: who asks for names of senders has one.
  Result<void> BindIfPassingCredentials();
  // Finds whom an address means. Errors: EINVAL, ECONNREFUSED, EACCES, EPROTOTYPE, those of
  // path resolution.
  Result<RefPtr<UnixEndpoint>> Resolve(Task& task, std::string_view address);

  const RefPtr<UnixEndpoint> endpoint_;
};

// The key of an abstract name in the table.
std::string AbstractKey(int32_t type, std::string_view name);

}  // namespace ukrun
