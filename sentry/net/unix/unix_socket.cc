#include "sentry/net/unix/unix_socket.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/format.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// What SO_PEERCRED shows, and what a message carries (which are not the same ids).
SocketCredentials PeerCredentialsOf(const Task& task, const Credentials& credentials) {
  return {task.thread_group().pid(), credentials.euid, credentials.egid};
}
SocketCredentials SenderCredentialsOf(const Task& task, const Credentials& credentials) {
  return {task.thread_group().pid(), credentials.uid, credentials.gid};
}

std::string ToAddress(const std::string& name) {
  std::string address(sizeof(sa_family_t), '\0');
  address[0] = static_cast<char>(AF_UNIX);
  return address + name;
}

}  // namespace

UnixEndpoint* EndpointOf(File& file) {
  Socket* socket = AsSocket(file);
  return socket != nullptr && socket->family() == AF_UNIX
             ? &static_cast<UnixSocket*>(socket)->endpoint()
             : nullptr;
}

RefPtr<UnixSocket> UnixSocket::Create(Task& task, int32_t type, uint32_t status_flags) {
  return Wrap(task, MakeRef<UnixEndpoint>(type), status_flags);
}

RefPtr<UnixSocket> UnixSocket::Wrap(Task& task, RefPtr<UnixEndpoint> endpoint,
                                    uint32_t status_flags) {
  const Credentials& credentials = task.credentials();
  RefPtr<Inode> inode = NewAnonymousInode(S_IFSOCK | 0777, credentials.fsuid, credentials.fsgid);
  Result<Attributes> attributes = inode->GetAttributes();
  uint64_t number = attributes.ok() ? attributes->inode_number : 0;
  OpenOptions options{.read = true, .write = true, .status_flags = status_flags};
  return MakeRef<UnixSocket>(AnonymousPath(Format("socket:[{}]", number), std::move(inode)),
                             options, std::move(endpoint));
}

UnixSocket::UnixSocket(Path path, const OpenOptions& options, RefPtr<UnixEndpoint> endpoint)
    : Socket(std::move(path), options), endpoint_(std::move(endpoint)) {
  Result<Attributes> attributes = inode()->GetAttributes();
  uint64_t number = attributes.ok() ? attributes->inode_number : 0;
  auto table = TheUnixTable().Lock();
  endpoint_->file = this;
  table->open.emplace(endpoint_.get(), number);
}

UnixSocket::~UnixSocket() {
  endpoint_->Close();
  CollectUnreachable();
}

void UnixSocket::Pair(Task& task, UnixSocket& a, UnixSocket& b) {
  UnixEndpoint::Pair(*a.endpoint_, *b.endpoint_, PeerCredentialsOf(task, task.credentials()));
}

int32_t UnixSocket::family() const { return AF_UNIX; }
bool UnixSocket::connection_based() const { return type() != SOCK_DGRAM; }

bool UnixSocket::listening() {
  return endpoint_->state().Lock()->phase == UnixEndpoint::Phase::kListening;
}

Result<size_t> UnixSocket::Read(GuestIo& io) {
  IncomingMessage message;
  Result<size_t> result = Receive(io, 0, message);
  ReleaseFiles(std::move(message.files));
  return result;
}

Result<size_t> UnixSocket::Write(GuestIo& io) {
  OutgoingMessage message;
  return Send(CurrentTask(), io, message);
}

Result<int64_t> UnixSocket::Ioctl(Task& task, uint32_t request, GuestAddr argument) {
  size_t bytes = 0;
  switch (request) {
    case FIONREAD:
      bytes = TRY(endpoint_->ReadableBytes());
      break;
    case TIOCOUTQ:
      bytes = endpoint_->charged();
      break;
    default:
      return Fail(ENOTTY);
  }
  TRY(UserOut<int32_t>{argument}.Store(task.memory(), static_cast<int32_t>(bytes)));
  return int64_t{0};
}

Result<void> UnixSocket::Listen(Task& task, uint32_t backlog) {
  return endpoint_->Listen(PeerCredentialsOf(task, task.credentials()), backlog);
}

Result<RefPtr<Socket>> UnixSocket::Accept(Task& task, uint32_t status_flags, std::string* address) {
  if (!connection_based()) {
    return Fail(EOPNOTSUPP);
  }
  RefPtr<UnixSocket> socket = Wrap(task, TRY(endpoint_->Accept()), status_flags);
  socket->options().pass_credentials.store(options().pass_credentials.load());
  if (address != nullptr) {
    *address = TRY(socket->PeerAddress());
  }
  return RefPtr<Socket>(std::move(socket));
}

Result<void> UnixSocket::Connect(Task& task, std::string_view address) {
  if (address.size() < sizeof(sa_family_t)) {
    return Fail(EINVAL);
  }
  if (!connection_based() && address[0] == AF_UNSPEC && address[1] == 0) {
    return endpoint_->SetTarget(nullptr);
  }
  RefPtr<UnixEndpoint> other = TRY(Resolve(task, address));
  TRY(BindIfPassingCredentials());
  return connection_based()
             ? endpoint_->ConnectTo(*other, PeerCredentialsOf(task, task.credentials()))
             : endpoint_->SetTarget(std::move(other));
}

Result<std::string> UnixSocket::LocalAddress() {
  return ToAddress(endpoint_->state().Lock()->name);
}

Result<std::string> UnixSocket::PeerAddress() {
  RefPtr<UnixEndpoint> peer = endpoint_->state().Lock()->peer;
  if (!peer) {
    return Fail(ENOTCONN);
  }
  return ToAddress(peer->state().Lock()->name);
}

Result<size_t> UnixSocket::Send(Task& task, GuestIo& io, OutgoingMessage& message) {
  if ((message.flags & MSG_OOB) != 0) {
    return Fail(EOPNOTSUPP);
  }
  SocketCredentials sender = SenderCredentialsOf(task, task.credentials());
  if (type() == SOCK_STREAM) {
    if (!message.address.empty()) {
      bool connected = endpoint_->state().Lock()->phase == UnixEndpoint::Phase::kConnected;
      return Fail(connected ? EISCONN : EOPNOTSUPP);
    }
    return endpoint_->SendStream(io, message, sender);
  }
  RefPtr<UnixEndpoint> target;
  if (type() == SOCK_DGRAM) {
    TRY(BindIfPassingCredentials());
    if (!message.address.empty()) {
      target = TRY(Resolve(task, message.address));
    }
  }
  return endpoint_->SendPacket(io, message, sender, std::move(target));
}

Result<size_t> UnixSocket::Receive(GuestIo& io, uint32_t flags, IncomingMessage& message) {
  if ((flags & MSG_OOB) != 0) {
    return Fail(EOPNOTSUPP);
  }
  bool credentials = options().pass_credentials.load(std::memory_order_relaxed);
  size_t received =
      TRY(type() == SOCK_STREAM ? endpoint_->ReceiveStream(io, flags, credentials, message)
                                : endpoint_->ReceivePacket(io, flags, credentials, message));
  if (!message.address.empty() && message.wants_address) {
    message.address = ToAddress(message.address);
  }
  return received;
}

Result<void> UnixSocket::Shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) {
    return Fail(EINVAL);
  }
  endpoint_->Shutdown(static_cast<uint32_t>(how) + 1);
  return Ok();
}

SocketCredentials UnixSocket::PeerCredentials() {
  return endpoint_->state().Lock()->peer_credentials;
}

void UnixSocket::set_send_buffer(uint32_t bytes) {
  endpoint_->send_buffer.store(bytes);
  endpoint_->waiters().Notify(Ready::kWritable);
}

}  // namespace ukrun
