#include "sentry/net/unix/listing.h"

#include <sys/socket.h>

#include <vector>

#include "base/format.h"
#include "sentry/net/unix/endpoint.h"

namespace ukrun {
namespace {

// What Linux calls socket_state and __SO_ACCEPTCON.
constexpr uint32_t kUnconnected = 1, kConnecting = 2, kConnected = 3, kDisconnecting = 4;
constexpr uint32_t kAcceptsConnections = 1u << 16;

// An abstract name has its zeros, the first included, shown as '@'; a path ends before its.
void AppendName(std::string& out, std::string_view name) {
  if (name.empty()) {
    return;
  }
  if (name[0] != '\0') {
    name.remove_suffix(1);
  }
  out += ' ';
  for (char c : name) {
    out += c == '\0' ? '@' : c;
  }
}

// One socket. `inode_number` is 0 while nobody has accepted it; `identity` tells it from
// others. Connections that wait to be accepted are added to `waiting`.
void AppendLine(std::string& out, const UnixTable& table, UnixEndpoint& endpoint,
                uint64_t inode_number, uint64_t identity,
                std::vector<RefPtr<UnixEndpoint>>& waiting) {
  auto state = endpoint.state().Lock();
  bool connected = state->phase == UnixEndpoint::Phase::kConnected;
  uint32_t shown = connected ? kConnected : kUnconnected;
  if (inode_number == 0) {
    shown = connected ? kConnecting : kDisconnecting;
  }
  // The other end of a connection holds a reference while it is there.
  bool has_peer =
      endpoint.type != SOCK_DGRAM && state->peer &&
      (table.open.contains(state->peer.get()) || state->shutdown != UnixEndpoint::kShutBoth);
  uint32_t flags = state->phase == UnixEndpoint::Phase::kListening ? kAcceptsConnections : 0;
  // Linux shows a hash of an address, from which one learns only that two sockets differ.
  uint64_t hash = (identity * 0x9e37'79b9'7f4a'7c15) >> 32;
  AppendFormat(out, "{:016x}: {:08x} 00000000 {:08x} {:04x} {:02x} {:>5}", hash, has_peer ? 3 : 2,
               flags, endpoint.type, shown, inode_number);
  AppendName(out, state->name);
  out += '\n';
  waiting.assign(state->connections.begin(), state->connections.end());
}

}  // namespace

void ListUnixSockets(std::string& out) {
  auto table = TheUnixTable().Lock();
  std::vector<RefPtr<UnixEndpoint>> waiting;
  std::vector<RefPtr<UnixEndpoint>> none;
  for (auto [endpoint, inode_number] : table->open) {
    AppendLine(out, *table, *endpoint, inode_number, inode_number, waiting);
    uint64_t identity = inode_number << 16;
    for (const RefPtr<UnixEndpoint>& connection : waiting) {
      AppendLine(out, *table, *connection, 0, ++identity, none);
    }
  }
}

}  // namespace ukrun
