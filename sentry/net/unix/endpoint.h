// One end of Unix-domain communication (unix(7)): what the kernel keeps of a socket besides
// the open file. Connections waiting to be accepted are endpoints without a file.
//
// The file (unix_socket.h) owns its endpoint and closes it when it goes; peers refer to each
// other's endpoints, so that a peer that is gone still has a name.
//
// Locks: each endpoint's state has its own; two are taken with LockInOrder only. Guest memory
// is copied, and messages that carry files end, with none of them held. Receivers of one
// endpoint take turns (receive_lock_), as Linux's iolock: messages are removed by the holder
// only, who may therefore look at the oldest one without the state's lock.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/locked.h"
#include "base/wait_queue.h"
#include "sentry/net/socket.h"
#include "sentry/net/unix/in_flight.h"
#include "sentry/vfs/attachments.h"

namespace ukrun {

class UnixEndpoint;

// A message, or a piece of a stream. Gives its room back to the sender at its end.
struct UnixMessage {
  UnixMessage() = default;
  ~UnixMessage();
  UnixMessage(const UnixMessage&) = delete;
  UnixMessage& operator=(const UnixMessage&) = delete;

  size_t left() const { return size - begin; }

  std::unique_ptr<char[]> data;
  size_t begin = 0;  // what a stream's reader has had
  size_t size = 0;
  size_t charge = 0;
  RefPtr<UnixEndpoint> sender;
  std::string sender_name;
  SocketCredentials credentials;
  std::vector<RefPtr<File>> files;  // guarded by the table's lock while in a queue
  uint32_t files_user = 0;
};

class UnixEndpoint : public RefCounted<UnixEndpoint> {
 public:
  enum class Phase : uint8_t { kUnconnected, kListening, kConnected, kClosed };
  static constexpr uint32_t kShutReceive = 1, kShutSend = 2, kShutBoth = 3;
  static constexpr size_t kDefaultBuffer = 212992;
  // Messages that a datagram socket holds (max_dgram_qlen), and the largest piece of a stream.
  static constexpr uint32_t kDatagramBacklog = 512;
  static constexpr size_t kLargestPiece = size_t{32} * 1024;
  // What a message costs its sender besides its bytes, about as Linux's sk_buff.
  static constexpr size_t kMessageOverhead = 576;

  explicit UnixEndpoint(int32_t socket_type) : type(socket_type) {}
  ~UnixEndpoint() = default;

  struct State {
    Phase phase = Phase::kUnconnected;
    uint32_t shutdown = 0;
    // sun_path: a path with its zero, or an abstract name with its leading zero. Set once.
    std::string name;
    Path bound_path;
    RefPtr<InodeAttachment> node;  // on the inode of bound_path
    RefPtr<UnixEndpoint> peer;
    SocketCredentials own_credentials;
    SocketCredentials peer_credentials;
    std::deque<std::unique_ptr<UnixMessage>> messages;
    size_t queued_bytes = 0;
    uint32_t backlog = kDatagramBacklog;
    std::deque<RefPtr<UnixEndpoint>> connections;  // of a listener
    // Those who found the queue full; notified when it no longer is.
    std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked;

    bool Full() const { return messages.size() > backlog; }
    bool ConnectionsFull() const { return connections.size() > backlog; }
  };
  using LockedState = Locked<State, LockRank::kSocket>;

  // --- Connections (connection.cc).
  // Errors: EINVAL, EOPNOTSUPP.
  Result<void> Listen(const SocketCredentials& credentials, uint32_t backlog);
  // A new endpoint for the listener. Errors: EAGAIN when its queue is full; ECONNREFUSED,
  // EPROTOTYPE, EISCONN, EINVAL.
  Result<void> ConnectTo(UnixEndpoint& listener, const SocketCredentials& credentials);
  // Datagrams: null disconnects. Errors: ECONNREFUSED, EPROTOTYPE, EPERM.
  Result<void> SetTarget(RefPtr<UnixEndpoint> target);
  // Errors: EAGAIN, EINVAL.
  Result<RefPtr<UnixEndpoint>> Accept();
  static void Pair(UnixEndpoint& a, UnixEndpoint& b, const SocketCredentials& credentials);
  void Shutdown(uint32_t directions);
  // The file is gone, or the listener that would have accepted this.
  void Close(bool never_accepted = false);

  // --- Data (transfer.cc).
  Result<size_t> SendStream(GuestIo& io, OutgoingMessage& out, const SocketCredentials& sender);
  // `target` null: the peer.
  Result<size_t> SendPacket(GuestIo& io, OutgoingMessage& out, const SocketCredentials& sender,
                            RefPtr<UnixEndpoint> target);
  Result<size_t> ReceiveStream(GuestIo& io, uint32_t flags, bool with_credentials,
                               IncomingMessage& in);
  Result<size_t> ReceivePacket(GuestIo& io, uint32_t flags, bool with_credentials,
                               IncomingMessage& in);
  Ready Readiness();
  // SIOCINQ. Errors: EINVAL for listeners.
  Result<size_t> ReadableBytes();
  size_t charged() const { return charged_.load(std::memory_order_relaxed); }
  void Uncharge(size_t charge);

  // --- For the collector; require the table's lock.
  template <typename Visit>
  void ForEachQueuedSocket(Visit visit);
  void TakeQueuedFiles(UnixTable& table, std::vector<RefPtr<File>>& files);

  const int32_t type;
  LockedState& state() { return state_; }
  WaitQueue& waiters() { return waiters_; }
  std::atomic<int32_t> error{0};
  std::atomic<uint32_t> send_buffer{kDefaultBuffer};
  // Guarded by the table's lock; null for endpoints without one.
  File* file = nullptr;

 private:
  bool connection_based() const;
  bool HasRoom() const { return charged() < send_buffer.load(std::memory_order_relaxed); }
  bool Writable() const { return charged() * 4 <= send_buffer.load(std::memory_order_relaxed); }
  std::unique_ptr<UnixMessage> NewMessage(size_t size, OutgoingMessage& out,
                                          const SocketCredentials& sender);
  // Puts a message, which stays with the caller on failure, into this endpoint's queue.
  // Errors: EAGAIN (blocked), EPIPE, ECONNREFUSED, EPERM.
  Result<void> Enqueue(std::unique_ptr<UnixMessage>& message, UnixEndpoint& from);
  Result<void> CheckEnqueueLocked(State& state, UnixEndpoint& from);
  // The message at `index`; null at the end of the stream, or, when it is not the call's
  // first, when there is none yet. Errors: EAGAIN, the socket's error. Requires receive_lock_.
  Result<UnixMessage*> Next(size_t index, bool first);
  enum class Files : uint8_t { kTake, kCopy };
  void GetFiles(UnixMessage& message, Files how, IncomingMessage& in);
  // Takes bytes of the oldest message away, and it too when it is empty or a packet.
  // Requires receive_lock_.
  void Consume(size_t bytes);
  static void NotifyBlocked(std::map<UnixEndpoint*, RefPtr<UnixEndpoint>> blocked);
  static void LeaveQueues(UnixTable& table, std::deque<std::unique_ptr<UnixMessage>>& messages,
                          std::vector<RefPtr<File>>& files);

  Mutex receive_lock_{LockRank::kFileContents};
  LockedState state_;
  std::atomic<size_t> charged_{0};
  WaitQueue waiters_;
};

// What a bound path's inode holds.
class UnixSocketNode final : public InodeAttachment {
 public:
  explicit UnixSocketNode(RefPtr<UnixEndpoint> bound) : endpoint(std::move(bound)) {}
  const RefPtr<UnixEndpoint> endpoint;
};

template <typename Visit>
void UnixEndpoint::ForEachQueuedSocket(Visit visit) {
  std::vector<RefPtr<UnixEndpoint>> connections;
  {
    auto state = state_.Lock();
    connections.assign(state->connections.begin(), state->connections.end());
    for (const std::unique_ptr<UnixMessage>& message : state->messages) {
      for (const RefPtr<File>& queued : message->files) {
        if (UnixEndpoint* endpoint = EndpointOf(*queued)) {
          visit(*endpoint);
        }
      }
    }
  }
  // Not recursive in depth: connections have no connections of their own.
  for (const RefPtr<UnixEndpoint>& connection : connections) {
    connection->ForEachQueuedSocket(visit);
  }
}

}  // namespace ukrun
