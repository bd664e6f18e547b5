// The tables of /proc/net. The sockets themselves belong to sentry/net, which lists them
// through the hooks below.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ukrun {

class Task;

Result<std::string> NetDevicesText(Task& reader);
Result<std::string> UnixSocketsText(Task& reader);
Result<std::string> TcpSocketsText(Task& reader);
Result<std::string> Tcp6SocketsText(Task& reader);
Result<std::string> UdpSocketsText(Task& reader);
Result<std::string> Udp6SocketsText(Task& reader);

// Appends lines in Linux's format, without the header.
using SocketLister = void (*)(std::string& out);
enum class SocketTableKind : uint8_t { kUnix, kTcp, kTcp6, kUdp, kUdp6 };
// Called once for a kind, at start; without one the table is empty.
void SetSocketLister(SocketTableKind kind, SocketLister lister);

// Counters that nobody counts.
inline constexpr std::string_view kSnmpText =
    "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos "
    "InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs "
    "ReasmFails FragOKs FragFails FragCreates\n"
    "Ip: 2 64 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets "
    "CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
    "Tcp: 1 200 120000 -1 0 0 0 0 0 0 0 0 0 0 0\n"
    "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors "
    "IgnoredMulti MemErrors\n"
    "Udp: 0 0 0 0 0 0 0 0 0\n";

}  // namespace ukrun
