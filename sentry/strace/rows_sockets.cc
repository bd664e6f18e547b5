// Calls about sockets: socket(2), connect(2), sendmsg(2), getsockopt(2), …
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sentry/strace/names.h"
#include "sentry/strace/rows.h"
#include "sentry/strace/sockets.h"
#include "sentry/strace/structures.h"

namespace ukrun::strace {
namespace {

void FormatProtocol(const Call& call, uint64_t value, std::string& out) {
  bool internet = call.arguments[0] == AF_INET || call.arguments[0] == AF_INET6;
  if (internet) {
    AppendNames(out, kProtocols, value);
  } else {
    AppendFormat(out, "{}", static_cast<int32_t>(value));
  }
}
constexpr Argument kProtocol{&FormatProtocol};

template <size_t kSizeAt>
void FormatSocketAddress(const Call& call, uint64_t value, std::string& out) {
  AppendSocketAddress(call, value, call.arguments[kSizeAt], out);
}
template <size_t kSizeAt>
constexpr Argument kSocketAddress{&FormatSocketAddress<kSizeAt>};

// The kernel has stored the size too.
template <size_t kSizePointerAt>
void FormatSocketAddressReturned(const Call& call, uint64_t value, std::string& out) {
  auto size = Fetch<uint32_t>(call, call.arguments[kSizePointerAt]);
  AppendSocketAddress(call, value, size.value_or(0), out);
}
template <size_t kSizePointerAt>
constexpr Argument kSocketAddressReturned{&FormatAddress,
                                          &FormatSocketAddressReturned<kSizePointerAt>};

void FormatMessage(const Call& call, uint64_t value, std::string& out) {
  AppendMessage(call, value, UINT64_MAX, out);
}
void FormatMessageReturned(const Call& call, uint64_t value, std::string& out) {
  AppendMessage(call, value, static_cast<uint64_t>(call.result), out);
}
void FormatMessages(const Call& call, uint64_t value, std::string& out) {
  AppendMessages(call, value, call.arguments[2], Received::kNo, out);
}
void FormatMessagesReturned(const Call& call, uint64_t value, std::string& out) {
  AppendMessages(call, value, static_cast<uint64_t>(call.result), Received::kYes, out);
}
constexpr Argument kMessage{&FormatMessage};
constexpr Argument kMessageReturned{&FormatAddress, &FormatMessageReturned};
constexpr Argument kMessages{&FormatMessages};
constexpr Argument kMessagesReturned{&FormatAddress, &FormatMessagesReturned};

// --- Options.
void FormatOptionName(const Call& call, uint64_t value, std::string& out) {
  switch (call.arguments[1]) {
    case SOL_SOCKET:
      return AppendNames(out, kSocketOptions, value);
    case IPPROTO_TCP:
      return AppendNames(out, kTcpOptions, value);
    case IPPROTO_IP:
      return AppendNames(out, kIpOptions, value);
    default:
      AppendFormat(out, "{}", static_cast<int32_t>(value));
  }
}
constexpr Argument kOptionName{&FormatOptionName};

void AppendOption(const Call& call, uint64_t address, uint64_t size, std::string& out) {
  struct Credentials {
    int32_t pid;
    uint32_t uid, gid;
  };
  bool of_socket = call.arguments[1] == SOL_SOCKET;
  uint64_t name = call.arguments[2];
  if (of_socket && (name == SO_RCVTIMEO || name == SO_SNDTIMEO) && size >= sizeof(abi::Timeval)) {
    FormatStructure<abi::Timeval>(call, address, out);
  } else if (of_socket && name == SO_PEERCRED && size >= sizeof(Credentials)) {
    auto peer = Fetch<Credentials>(call, address);
    if (peer) {
      AppendFormat(out, "{{pid={}, uid={}, gid={}}}", peer->pid, peer->uid, peer->gid);
    } else {
      AppendAddress(out, address);
    }
  } else if (size == sizeof(int32_t)) {
    FormatStructure<int32_t>(call, address, out);
  } else {
    AppendData(call, address, size, out);
  }
}
void FormatOption(const Call& call, uint64_t value, std::string& out) {
  AppendOption(call, value, call.arguments[4], out);
}
void FormatOptionReturned(const Call& call, uint64_t value, std::string& out) {
  auto size = Fetch<uint32_t>(call, call.arguments[4]);
  AppendOption(call, value, size.value_or(0), out);
}
constexpr Argument kOption{&FormatOption};
constexpr Argument kOptionReturned{&FormatAddress, &FormatOptionReturned};

constexpr Argument kFlags = kNamed<kMessageFlags>;

constexpr auto kRows = std::to_array<CallFormat>({
    {SYS_socket, {kNamed<kAddressFamilies>, kNamed<kSocketTypes>, kProtocol}},
    {SYS_socketpair, {kNamed<kAddressFamilies>, kNamed<kSocketTypes>, kProtocol, kNewFds}},
    {SYS_bind, {kType, kSocketAddress<2>}},
    {SYS_connect, {kType, kSocketAddress<2>}},
    {SYS_accept, {kType, kSocketAddressReturned<2>}},
    {SYS_accept4, {kType, kSocketAddressReturned<2>, kType, kNamed<kSocketFlags>}},
    {SYS_getsockname, {kType, kSocketAddressReturned<2>}},
    {SYS_getpeername, {kType, kSocketAddressReturned<2>}},
    {SYS_shutdown, {kType, kNamed<kShutdownDirections>}},
    {SYS_sendto, {kType, kDataSized<2>, kType, kFlags, kSocketAddress<5>}},
    {SYS_recvfrom, {kType, kDataReturned, kType, kFlags, kSocketAddressReturned<5>}},
    {SYS_sendmsg, {kType, kMessage, kFlags}},
    {SYS_recvmsg, {kType, kMessageReturned, kFlags}},
    {SYS_sendmmsg, {kType, kMessages, kType, kFlags}},
    {SYS_recvmmsg, {kType, kMessagesReturned, kType, kFlags}},
    {SYS_setsockopt, {kType, kNamed<kOptionLevels>, kOptionName, kOption}},
    {SYS_getsockopt, {kType, kNamed<kOptionLevels>, kOptionName, kOptionReturned}},
});

}  // namespace

std::span<const CallFormat> SocketRows() { return kRows; }

}  // namespace ukrun::strace
