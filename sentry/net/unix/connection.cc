// Unix-domain endpoints: connecting, accepting, shutting down, closing.

#include <sys/socket.h>

#include "sentry/net/unix/endpoint.h"
#include "sentry/net/unix/unix_socket.h"

namespace ukrun {
namespace {

constexpr Ready kStateChanged =
    Ready::kReadable | Ready::kWritable | Ready::kHangUp | Ready::kReadHangUp;

}  // namespace

bool UnixEndpoint::connection_based() const { return type != SOCK_DGRAM; }

void UnixEndpoint::NotifyBlocked(std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked) {
  for (auto& [key, endpoint] : blocked) {
    endpoint->waiters_.Notify(Ready::kWritable);
  }
}

Result<void> UnixEndpoint::Listen(const SocketCredentials& credentials, uint32_t backlog) {
  if (!connection_based()) {
    return Fail(EOPNOTSUPP);
  }
  std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked;
  {
    auto state = state_.Lock();
    if (state->name.empty() ||
        (state->phase != Phase::kUnconnected && state->phase != Phase::kListening)) {
      return Fail(EINVAL);
    }
    state->phase = Phase::kListening;
    state->backlog = backlog;
    state->own_credentials = credentials;
    if (!state->ConnectionsFull()) {
      std::swap(blocked, state->blocked);
    }
  }
  NotifyBlocked(std::move(blocked));
  return Ok();
}

Result<void> UnixEndpoint::ConnectTo(UnixEndpoint& listener, const SocketCredentials& credentials) {
  auto connection = MakeRef<UnixEndpoint>(type);
  {
    LockInOrder guard(state_.mutex(), listener.state_.mutex());
    State& own = state_.ValueLocked();
    State& other = listener.state_.ValueLocked();
    if (own.phase != Phase::kUnconnected) {
      return Fail(own.phase == Phase::kConnected ? EISCONN : EINVAL);
    }
    if (other.phase != Phase::kListening || (other.shutdown & kShutReceive) != 0) {
      return Fail(ECONNREFUSED);
    }
    if (other.ConnectionsFull()) {
      other.blocked.emplace(this, RefPtr<UnixEndpoint>::Share(this));
      return Fail(EAGAIN);
    }
    // Nobody else knows the new endpoint, so its lock is not needed.
    State& accepted = connection->state_.ValueLocked();
    accepted.phase = Phase::kConnected;
    accepted.name = other.name;
    accepted.peer = RefPtr<UnixEndpoint>::Share(this);
    accepted.own_credentials = other.own_credentials;
    accepted.peer_credentials = credentials;
    own.phase = Phase::kConnected;
    own.own_credentials = credentials;
    own.peer_credentials = other.own_credentials;
    own.peer = connection;
    other.connections.push_back(std::move(connection));
  }
  listener.waiters_.Notify(Ready::kReadable);
  waiters_.Notify(Ready::kWritable);
  return Ok();
}

Result<void> UnixEndpoint::SetTarget(RefPtr<UnixEndpoint> target) {
  UnixEndpoint& other = target ? *target : *this;
  RefPtr<UnixEndpoint> old;
  {
    LockInOrder guard(state_.mutex(), other.state_.mutex());
    State& own = state_.ValueLocked();
    if (target) {
      const State& others = other.state_.ValueLocked();
      if (others.phase == Phase::kClosed) {
        return Fail(ECONNREFUSED);
      }
      if (others.peer && !(others.peer == this)) {
        return Fail(EPERM);
      }
    }
    own.phase = target ? Phase::kConnected : Phase::kUnconnected;
    old = std::exchange(own.peer, target);
  }
  waiters_.Notify(Ready::kWritable);
  if (!old || old == target) {
    return Ok();
  }
  // What the old peer has sent is lost, and it is told.
  std::deque<std::unique_ptr<UnixMessage>> messages;
  std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked;
  std::vector<RefPtr<File>> files;
  {
    MutexGuard receiving(receive_lock_);
    auto table = TheUnixTable().Lock();
    {
      auto state = state_.Lock();
      std::swap(messages, state->messages);
      std::swap(blocked, state->blocked);
      state->queued_bytes = 0;
    }
    LeaveQueues(*table, messages, files);
  }
  if (!messages.empty()) {
    auto state = old->state_.Lock();
    if (state->phase != Phase::kClosed && state->peer == this) {
      old->error.store(ECONNRESET);
    }
  }
  NotifyBlocked(std::move(blocked));
  messages.clear();
  ReleaseFiles(std::move(files));
  old->waiters_.Notify(kStateChanged | Ready::kError);
  return Ok();
}

Result<RefPtr<UnixEndpoint>> UnixEndpoint::Accept() {
  std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked;
  RefPtr<UnixEndpoint> connection;
  {
    auto state = state_.Lock();
    if (state->phase != Phase::kListening) {
      return Fail(EINVAL);
    }
    if (state->connections.empty()) {
      return Fail((state->shutdown & kShutReceive) != 0 ? EINVAL : EAGAIN);
    }
    connection = std::move(state->connections.front());
    state->connections.pop_front();
    if (!state->ConnectionsFull()) {
      std::swap(blocked, state->blocked);
    }
  }
  NotifyBlocked(std::move(blocked));
  return connection;
}

void UnixEndpoint::Pair(UnixEndpoint& a, UnixEndpoint& b, const SocketCredentials& credentials) {
  LockInOrder guard(a.state_.mutex(), b.state_.mutex());
  for (UnixEndpoint* end : {&a, &b}) {
    State& state = end->state_.ValueLocked();
    state.phase = Phase::kConnected;
    state.own_credentials = credentials;
    state.peer_credentials = credentials;
    state.peer = RefPtr<UnixEndpoint>::Share(end == &a ? &b : &a);
  }
}

void UnixEndpoint::Shutdown(uint32_t directions) {
  RefPtr<UnixEndpoint> peer;
  {
    auto state = state_.Lock();
    state->shutdown |= directions;
    if (connection_based()) {
      peer = state->peer;
    }
  }
  waiters_.Notify(kStateChanged);
  if (peer) {
    uint32_t others = ((directions & kShutReceive) != 0 ? kShutSend : 0) |
                      ((directions & kShutSend) != 0 ? kShutReceive : 0);
    peer->state_.Lock()->shutdown |= others;
    peer->waiters_.Notify(kStateChanged);
  }
}

void UnixEndpoint::LeaveQueues(UnixTable& table, std::deque<std::unique_ptr<UnixMessage>>& messages,
                               std::vector<RefPtr<File>>& files) {
  for (const std::unique_ptr<UnixMessage>& message : messages) {
    RemoveInFlight(table, message->files, message->files_user);
    for (RefPtr<File>& file : message->files) {
      files.push_back(std::move(file));
    }
    message->files.clear();
  }
}

void UnixEndpoint::TakeQueuedFiles(UnixTable& table, std::vector<RefPtr<File>>& files) {
  std::vector<RefPtr<UnixEndpoint>> connections;
  {
    auto state = state_.Lock();
    LeaveQueues(table, state->messages, files);
    connections.assign(state->connections.begin(), state->connections.end());
  }
  for (const RefPtr<UnixEndpoint>& connection : connections) {
    connection->TakeQueuedFiles(table, files);
  }
}

void UnixEndpoint::Close(bool never_accepted) {
  State gone;  // what ends after the locks
  std::vector<RefPtr<File>> files;
  {
    auto table = TheUnixTable().Lock();
    file = nullptr;
    table->open.erase(this);
    {
      auto state = state_.Lock();
      state->phase = Phase::kClosed;
      if (!state->name.empty() && state->name[0] == '\0') {
        auto found = table->abstract_names.find(AbstractKey(type, state->name));
        if (found != table->abstract_names.end() && found->second == this) {
          table->abstract_names.erase(found);
        }
      }
      std::swap(gone.bound_path, state->bound_path);
      std::swap(gone.node, state->node);
      std::swap(gone.peer, state->peer);
      std::swap(gone.messages, state->messages);
      std::swap(gone.connections, state->connections);
      std::swap(gone.blocked, state->blocked);
    }
    LeaveQueues(*table, gone.messages, files);
  }
  if (gone.peer && connection_based()) {
    {
      auto state = gone.peer->state_.Lock();
      state->shutdown = kShutBoth;
      if (never_accepted || !gone.messages.empty()) {
        gone.peer->error.store(ECONNRESET);
      }
    }
    gone.peer->waiters_.Notify(kStateChanged | Ready::kError);
  }
  for (const RefPtr<UnixEndpoint>& connection : gone.connections) {
    connection->Close(true);
  }
  NotifyBlocked(std::move(gone.blocked));
  if (gone.node) {
    gone.bound_path.dentry->inode()->attachments().Clear(Inode::Attachments::Slot::kUnixSocket,
                                                         *gone.node);
  }
  ReleaseFiles(std::move(files));
}

}  // namespace ukrun
