#include "sentry/fs/proc/net_text.h"

#include <atomic>

namespace ukrun {
namespace {

constinit std::atomic<SocketLister> listers[5] = {};

std::string Table(SocketTableKind kind, std::string_view header) {
  std::string text(header);
  SocketLister lister = listers[static_cast<size_t>(kind)].load(std::memory_order_acquire);
  if (lister != nullptr) {
    lister(text);
  }
  return text;
}

constexpr std::string_view kTcpHeader =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode                                                     \n";
constexpr std::string_view kTcp6Header =
    "  sl  local_address                         remote_address                        st "
    "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
constexpr std::string_view kUdpHeader =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode ref pointer drops            \n";
constexpr std::string_view kUdp6Header =
    "  sl  local_address                         remote_address                        st "
    "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

}  // namespace

void SetSocketLister(SocketTableKind kind, SocketLister lister) {
  listers[static_cast<size_t>(kind)].store(lister, std::memory_order_release);
}

// Loopback is the only device.
Result<std::string> NetDevicesText(Task&) {
  return std::string(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
      "drop fifo colls carrier compressed\n"
      "    lo:       0       0    0    0    0     0          0         0        0       0    0    "
      "0    0     0       0          0\n");
}

Result<std::string> UnixSocketsText(Task&) {
  return Table(SocketTableKind::kUnix, "Num       RefCount Protocol Flags    Type St Inode Path\n");
}
Result<std::string> TcpSocketsText(Task&) { return Table(SocketTableKind::kTcp, kTcpHeader); }
Result<std::string> Tcp6SocketsText(Task&) { return Table(SocketTableKind::kTcp6, kTcp6Header); }
Result<std::string> UdpSocketsText(Task&) { return Table(SocketTableKind::kUdp, kUdpHeader); }
Result<std::string> Udp6SocketsText(Task&) { return Table(SocketTableKind::kUdp6, kUdp6Header); }

}  // namespace ukrun
