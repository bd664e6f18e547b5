// Names of flags and values of calls about sockets.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>

#include "sentry/strace/names.h"

namespace ukrun::strace {
namespace {

constexpr auto kAddressFamiliesList = std::to_array<NamedValue>(
    {UKRUN_NAMED(AF_UNSPEC), UKRUN_NAMED(AF_UNIX), UKRUN_NAMED(AF_INET), UKRUN_NAMED(AF_INET6),
     UKRUN_NAMED(AF_NETLINK), UKRUN_NAMED(AF_PACKET), UKRUN_NAMED(AF_VSOCK), UKRUN_NAMED(AF_ALG),
     UKRUN_NAMED(AF_BLUETOOTH), UKRUN_NAMED(AF_KEY)});
constexpr auto kSocketTypesChoices = std::to_array<NamedValue>(
    {UKRUN_NAMED(SOCK_STREAM), UKRUN_NAMED(SOCK_DGRAM), UKRUN_NAMED(SOCK_RAW),
     UKRUN_NAMED(SOCK_RDM), UKRUN_NAMED(SOCK_SEQPACKET), UKRUN_NAMED(SOCK_DCCP),
     UKRUN_NAMED(SOCK_PACKET)});
constexpr auto kSocketTypesList =
    std::to_array<NamedValue>({UKRUN_NAMED(SOCK_CLOEXEC), UKRUN_NAMED(SOCK_NONBLOCK)});
constexpr auto kSocketFlagsList =
    std::to_array<NamedValue>({UKRUN_NAMED(SOCK_CLOEXEC), UKRUN_NAMED(SOCK_NONBLOCK)});
constexpr auto kProtocolsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(IPPROTO_IP), UKRUN_NAMED(IPPROTO_ICMP), UKRUN_NAMED(IPPROTO_TCP),
     UKRUN_NAMED(IPPROTO_UDP), UKRUN_NAMED(IPPROTO_ICMPV6), UKRUN_NAMED(IPPROTO_RAW)});
constexpr auto kMessageFlagsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(MSG_OOB), UKRUN_NAMED(MSG_PEEK), UKRUN_NAMED(MSG_DONTROUTE),
     UKRUN_NAMED(MSG_CTRUNC), UKRUN_NAMED(MSG_TRUNC), UKRUN_NAMED(MSG_DONTWAIT),
     UKRUN_NAMED(MSG_EOR), UKRUN_NAMED(MSG_WAITALL), UKRUN_NAMED(MSG_CONFIRM),
     UKRUN_NAMED(MSG_ERRQUEUE), UKRUN_NAMED(MSG_NOSIGNAL), UKRUN_NAMED(MSG_MORE),
     UKRUN_NAMED(MSG_WAITFORONE), UKRUN_NAMED(MSG_FASTOPEN), UKRUN_NAMED(MSG_CMSG_CLOEXEC)});
constexpr auto kShutdownDirectionsList =
    std::to_array<NamedValue>({UKRUN_NAMED(SHUT_RD), UKRUN_NAMED(SHUT_WR), UKRUN_NAMED(SHUT_RDWR)});
constexpr auto kOptionLevelsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(SOL_SOCKET), NamedValue{IPPROTO_IP, "SOL_IP"}, NamedValue{IPPROTO_TCP, "SOL_TCP"},
     NamedValue{IPPROTO_UDP, "SOL_UDP"}, NamedValue{IPPROTO_IPV6, "SOL_IPV6"}});
constexpr auto kSocketOptionsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(SO_DEBUG),         UKRUN_NAMED(SO_REUSEADDR),     UKRUN_NAMED(SO_TYPE),
     UKRUN_NAMED(SO_ERROR),         UKRUN_NAMED(SO_DONTROUTE),     UKRUN_NAMED(SO_BROADCAST),
     UKRUN_NAMED(SO_SNDBUF),        UKRUN_NAMED(SO_RCVBUF),        UKRUN_NAMED(SO_SNDBUFFORCE),
     UKRUN_NAMED(SO_RCVBUFFORCE),   UKRUN_NAMED(SO_KEEPALIVE),     UKRUN_NAMED(SO_OOBINLINE),
     UKRUN_NAMED(SO_PRIORITY),      UKRUN_NAMED(SO_LINGER),        UKRUN_NAMED(SO_REUSEPORT),
     UKRUN_NAMED(SO_PASSCRED),      UKRUN_NAMED(SO_PEERCRED),      UKRUN_NAMED(SO_RCVLOWAT),
     UKRUN_NAMED(SO_SNDLOWAT),      UKRUN_NAMED(SO_RCVTIMEO),      UKRUN_NAMED(SO_SNDTIMEO),
     UKRUN_NAMED(SO_ATTACH_FILTER), UKRUN_NAMED(SO_DETACH_FILTER), UKRUN_NAMED(SO_PEERNAME),
     UKRUN_NAMED(SO_TIMESTAMP),     UKRUN_NAMED(SO_ACCEPTCONN),    UKRUN_NAMED(SO_PEERSEC),
     UKRUN_NAMED(SO_PASSSEC),       UKRUN_NAMED(SO_MARK),          UKRUN_NAMED(SO_PROTOCOL),
     UKRUN_NAMED(SO_DOMAIN),        UKRUN_NAMED(SO_PEEK_OFF),      UKRUN_NAMED(SO_BUSY_POLL),
     UKRUN_NAMED(SO_PEERGROUPS),    NamedValue{77, "SO_PEERPIDFD"}});
constexpr auto kTcpOptionsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(TCP_NODELAY), UKRUN_NAMED(TCP_MAXSEG), UKRUN_NAMED(TCP_CORK),
     UKRUN_NAMED(TCP_KEEPIDLE), UKRUN_NAMED(TCP_KEEPINTVL), UKRUN_NAMED(TCP_KEEPCNT),
     UKRUN_NAMED(TCP_DEFER_ACCEPT), UKRUN_NAMED(TCP_INFO), UKRUN_NAMED(TCP_QUICKACK),
     UKRUN_NAMED(TCP_CONGESTION), UKRUN_NAMED(TCP_USER_TIMEOUT), UKRUN_NAMED(TCP_FASTOPEN)});
constexpr auto kIpOptionsList = std::to_array<NamedValue>(
    {UKRUN_NAMED(IP_TOS), UKRUN_NAMED(IP_TTL), UKRUN_NAMED(IP_HDRINCL), UKRUN_NAMED(IP_OPTIONS),
     UKRUN_NAMED(IP_RECVTOS), UKRUN_NAMED(IP_PKTINFO), UKRUN_NAMED(IP_MTU_DISCOVER),
     UKRUN_NAMED(IP_RECVERR), UKRUN_NAMED(IP_MULTICAST_IF), UKRUN_NAMED(IP_MULTICAST_TTL),
     UKRUN_NAMED(IP_MULTICAST_LOOP), UKRUN_NAMED(IP_BIND_ADDRESS_NO_PORT)});
constexpr auto kControlTypesList =
    std::to_array<NamedValue>({UKRUN_NAMED(SCM_RIGHTS), UKRUN_NAMED(SCM_CREDENTIALS)});

}  // namespace

constinit const Names kAddressFamilies = OneOf(kAddressFamiliesList);
constinit const Names kSocketTypes = {
    .choice_mask = 0xf, .choices = kSocketTypesChoices, .flags = kSocketTypesList};
constinit const Names kSocketFlags = FlagsOf(kSocketFlagsList);
constinit const Names kProtocols = OneOf(kProtocolsList);
constinit const Names kMessageFlags = FlagsOf(kMessageFlagsList);
constinit const Names kShutdownDirections = OneOf(kShutdownDirectionsList);
constinit const Names kOptionLevels = OneOf(kOptionLevelsList);
constinit const Names kSocketOptions = OneOf(kSocketOptionsList);
constinit const Names kTcpOptions = OneOf(kTcpOptionsList);
constinit const Names kIpOptions = OneOf(kIpOptionsList);
constinit const Names kControlTypes = OneOf(kControlTypesList);

}  // namespace ukrun::strace
