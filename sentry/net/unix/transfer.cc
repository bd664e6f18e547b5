// Unix-domain endpoints: messages and streams.

#include <sys/socket.h>

#include <algorithm>

#include "sentry/net/unix/endpoint.h"

namespace ukrun {

UnixMessage::~UnixMessage() {
  if (sender) {
    sender->Uncharge(charge);
  }
  ReleaseFiles(std::move(files));
}

void UnixEndpoint::Uncharge(size_t charge) {
  size_t before = charged_.fetch_sub(charge);
  size_t buffer = send_buffer.load(std::memory_order_relaxed);
  // A stream's writer goes on when much has been read, not at every piece; a datagram that
  // fits may go.
  bool fits_now = type == SOCK_DGRAM && before >= buffer && before - charge < buffer;
  if (fits_now || Writable()) {
    waiters_.Notify(Ready::kWritable);
  }
}

std::unique_ptr<UnixMessage> UnixEndpoint::NewMessage(size_t size, OutgoingMessage& out,
                                                      const SocketCredentials& sender) {
  auto message = std::make_unique<UnixMessage>();
  message->data.reset(new char[size]);
  message->size = size;
  message->charge = size + kMessageOverhead;
  message->sender = RefPtr<UnixEndpoint>::Share(this);
  message->credentials = out.credentials.value_or(sender);
  message->files_user = sender.uid;
  message->files = std::move(out.files);
  out.files.clear();
  charged_.fetch_add(message->charge);
  return message;
}

Result<void> UnixEndpoint::CheckEnqueueLocked(State& state, UnixEndpoint& from) {
  bool closed = state.phase == Phase::kClosed;
  if (connection_based()) {
    return closed || (state.shutdown & kShutReceive) != 0 ? Fail(EPIPE) : Result<void>();
  }
  if (closed) {
    return Fail(ECONNREFUSED);
  }
  if (state.peer && !(state.peer == &from)) {
    return Fail(EPERM);
  }
  if ((state.shutdown & kShutReceive) != 0) {
    return Fail(EPIPE);
  }
  // As on Linux, a socket may always answer the one it is connected to.
  if (!state.peer && this != &from && state.Full()) {
    state.blocked.emplace(&from, RefPtr<UnixEndpoint>::Share(&from));
    return Fail(EAGAIN);
  }
  return Ok();
}

Result<void> UnixEndpoint::Enqueue(std::unique_ptr<UnixMessage>& message, UnixEndpoint& from) {
  std::optional<LockedUnixTable::Guard> table;
  if (!message->files.empty()) {
    table.emplace(TheUnixTable().Lock());
  }
  {
    auto state = state_.Lock();
    TRY(CheckEnqueueLocked(*state, from));
    if (table) {
      AddInFlight(**table, message->files, message->files_user);
    }
    state->queued_bytes += message->size;
    state->messages.push_back(std::move(message));
  }
  table.reset();
  waiters_.Notify(Ready::kReadable);
  return Ok();
}

Result<size_t> UnixEndpoint::SendStream(GuestIo& io, OutgoingMessage& out,
                                        const SocketCredentials& sender) {
  RefPtr<UnixEndpoint> peer;
  {
    auto state = state_.Lock();
    if (state->phase != Phase::kConnected) {
      return Fail(ENOTCONN);
    }
    if ((state->shutdown & kShutSend) != 0) {
      return Fail(EPIPE);
    }
    peer = state->peer;
  }
  size_t sent = 0;
  while (io.size() > 0) {
    // So that a full buffer holds at least two pieces, and the reader can go on with one.
    size_t half = send_buffer.load(std::memory_order_relaxed) / 2 - 64;
    size_t size = std::min({io.size(), kLargestPiece, half});
    Result<size_t> result = Fail(EAGAIN);
    if (HasRoom()) {
      std::unique_ptr<UnixMessage> message = NewMessage(size, out, sender);
      result = io.Load(message->data.get(), size);
      if (result.ok()) {
        message->size = *result;
        Result<void> queued = peer->Enqueue(message, *this);
        if (!queued.ok()) {
          result = queued.failure();
        }
      }
    }
    if (!result.ok()) {
      return sent > 0 ? Result<size_t>(sent) : result;
    }
    sent += *result;
  }
  return sent;
}

Result<size_t> UnixEndpoint::SendPacket(GuestIo& io, OutgoingMessage& out,
                                        const SocketCredentials& sender,
                                        RefPtr<UnixEndpoint> target) {
  std::string name;
  {
    auto state = state_.Lock();
    if (!target) {
      if (state->phase != Phase::kConnected) {
        return Fail(ENOTCONN);
      }
      target = state->peer;
    }
    if (io.size() > send_buffer.load(std::memory_order_relaxed) - 32) {
      return Fail(EMSGSIZE);
    }
    if ((state->shutdown & kShutSend) != 0) {
      return Fail(EPIPE);
    }
    name = state->name;
  }
  if (int32_t pending = error.exchange(0); pending != 0) {
    return Fail(pending);
  }
  if (!HasRoom()) {
    return Fail(EAGAIN);
  }
  // Asked before the copy too: a full queue is no reason to copy again and again.
  Result<void> result = target->CheckEnqueueLocked(*target->state_.Lock(), *this);
  size_t size = io.size();
  if (result.ok()) {
    std::unique_ptr<UnixMessage> message = NewMessage(size, out, sender);
    message->sender_name = std::move(name);
    if (size > 0 && TRY(io.Load(message->data.get(), size)) != size) {
      return Fail(EFAULT);
    }
    result = target->Enqueue(message, *this);
    if (!result.ok()) {
      out.files = std::move(message->files);
      message->files.clear();
      io.Rewind();
    }
  }
  if (result.Is(ECONNREFUSED)) {
    // A peer that is gone is forgotten.
    RefPtr<UnixEndpoint> old;
    auto state = state_.Lock();
    if (state->peer == target) {
      std::swap(state->peer, old);
      state->phase = Phase::kUnconnected;
    }
    state.Unlock();
  }
  return result.ok() ? Result<size_t>(size) : result.failure();
}

Result<UnixMessage*> UnixEndpoint::Next(size_t index, bool first) {
  auto state = state_.Lock();
  if (index < state->messages.size()) {
    return state->messages[index].get();
  }
  if (!first) {
    return nullptr;
  }
  if (int32_t pending = error.exchange(0); pending != 0) {
    return Fail(pending);
  }
  return (state->shutdown & kShutReceive) != 0 ? Result<UnixMessage*>(nullptr) : Fail(EAGAIN);
}

void UnixEndpoint::GetFiles(UnixMessage& message, Files how, IncomingMessage& in) {
  if (message.files.empty()) {
    return;
  }
  auto table = TheUnixTable().Lock();
  if (how == Files::kCopy) {
    in.files = message.files;
    return;
  }
  RemoveInFlight(*table, message.files, message.files_user);
  in.files = std::move(message.files);
  message.files.clear();
}

void UnixEndpoint::Consume(size_t bytes) {
  std::unique_ptr<UnixMessage> done;
  std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked;
  {
    auto state = state_.Lock();
    UnixMessage& message = *state->messages.front();
    state->queued_bytes -= bytes;
    message.begin += bytes;
    if (message.left() > 0) {
      return;
    }
    done = std::move(state->messages.front());
    state->messages.pop_front();
    if (type == SOCK_DGRAM && !state->Full()) {
      std::swap(blocked, state->blocked);
    }
  }
  NotifyBlocked(std::move(blocked));
}

Result<size_t> UnixEndpoint::ReceiveStream(GuestIo& io, uint32_t flags, bool with_credentials,
                                           IncomingMessage& in) {
  bool peek = (flags & MSG_PEEK) != 0;
  MutexGuard receiving(receive_lock_);
  if (state_.Lock()->phase != Phase::kConnected) {
    return Fail(EINVAL);
  }
  size_t received = 0;
  size_t index = 0;
  // As on Linux, a receive of no bytes waits for some all the same, and takes descriptors.
  do {
    UnixMessage* message = TRY(Next(index, received == 0));
    in.ended = message == nullptr && received == 0;
    if (message == nullptr) {
      break;
    }
    if (with_credentials && in.credentials && !(*in.credentials == message->credentials)) {
      in.ended = true;
      break;
    }
    if (in.wants_address && in.address.empty()) {
      in.address = message->sender->state_.Lock()->name;
    }
    size_t size = std::min(io.size(), message->left());
    Result<size_t> stored = io.Store(message->data.get() + message->begin, size);
    if (!stored.ok()) {
      return received > 0 ? Result<size_t>(received) : stored;
    }
    received += *stored;
    if (with_credentials) {
      in.credentials = message->credentials;
    }
    // A receive ends behind descriptors, so that nobody takes them for those of later bytes.
    in.ended = !message->files.empty();
    GetFiles(*message, peek ? Files::kCopy : Files::kTake, in);
    if (peek) {
      ++index;
    } else {
      Consume(*stored);
    }
    if (in.ended || *stored < size) {
      break;
    }
  } while (io.size() > 0);
  return received;
}

Result<size_t> UnixEndpoint::ReceivePacket(GuestIo& io, uint32_t flags, bool with_credentials,
                                           IncomingMessage& in) {
  bool peek = (flags & MSG_PEEK) != 0;
  MutexGuard receiving(receive_lock_);
  if (connection_based() && state_.Lock()->phase != Phase::kConnected) {
    return Fail(ENOTCONN);
  }
  UnixMessage* message = TRY(Next(0, true));
  in.ended = true;
  if (message == nullptr) {
    return size_t{0};
  }
  size_t whole = message->left();
  size_t size = std::min(io.size(), whole);
  Result<size_t> stored = size_t{0};
  if (size > 0) {
    stored = io.Store(message->data.get() + message->begin, size);
  }
  in.address = message->sender_name;
  if (with_credentials) {
    in.credentials = message->credentials;
  }
  GetFiles(*message, peek ? Files::kCopy : Files::kTake, in);
  if (!peek) {
    Consume(whole);
  }
  // As on Linux, a message whose copy faults is lost.
  if (TRY(std::move(stored)) < size) {
    return Fail(EFAULT);
  }
  if (size < whole) {
    in.flags |= MSG_TRUNC;
  }
  return (flags & MSG_TRUNC) != 0 ? whole : size;
}

Ready UnixEndpoint::Readiness() {
  Ready ready = error.load() != 0 ? Ready::kError : Ready::kNone;
  RefPtr<UnixEndpoint> peer;
  bool writable = Writable();
  {
    auto state = state_.Lock();
    if (state->shutdown == kShutBoth ||
        (connection_based() && state->phase == Phase::kUnconnected)) {
      ready |= Ready::kHangUp;
    }
    if ((state->shutdown & kShutReceive) != 0) {
      ready |= Ready::kReadHangUp | Ready::kReadable;
    }
    if (!state->messages.empty() || !state->connections.empty()) {
      ready |= Ready::kReadable;
    }
    writable = writable && state->phase != Phase::kListening;
    if (!connection_based()) {
      peer = state->peer;
    }
  }
  if (writable && peer && !(peer == this)) {
    writable = !peer->CheckEnqueueLocked(*peer->state_.Lock(), *this).Is(EAGAIN);
  }
  return writable ? ready | Ready::kWritable : ready;
}

Result<size_t> UnixEndpoint::ReadableBytes() {
  auto state = state_.Lock();
  if (state->phase == Phase::kListening) {
    return Fail(EINVAL);
  }
  if (connection_based()) {
    return state->queued_bytes;
  }
  return state->messages.empty() ? 0 : state->messages.front()->left();
}

}  // namespace ukrun
