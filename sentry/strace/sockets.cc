#include "sentry/strace/sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "abi/socket.h"
#include "base/format.h"
#include "sentry/strace/formats.h"
#include "sentry/strace/names.h"
#include "sentry/strace/vectors.h"

namespace ukrun::strace {
namespace {

constexpr size_t kLargestAddress = 128;  // struct sockaddr_storage
constexpr size_t kMostControl = 512;

template <typename T>
T At(std::string_view bytes, size_t offset) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) {
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
  }
  return value;
}

// In the network's order of bytes.
uint16_t PortAt(std::string_view bytes, size_t offset) {
  return static_cast<uint16_t>(At<uint8_t>(bytes, offset) << 8 | At<uint8_t>(bytes, offset + 1));
}

void AppendUnix(std::string_view bytes, std::string& out) {
  std::string_view path = bytes.substr(std::min<size_t>(bytes.size(), 2));
  if (path.empty()) {
    return;
  }
  out += ", sun_path=";
  if (path.front() == '\0') {
    // An abstract name: as long as the address, whatever bytes it has.
    out.push_back('@');
    AppendQuoted(out, path.substr(1));
  } else {
    AppendQuoted(out, path.substr(0, path.find('\0')));
  }
}

void AppendInet6(std::string_view bytes, std::string& out) {
  AppendFormat(out, ", sin6_port=htons({}), sin6_addr=\"", PortAt(bytes, 2));
  for (size_t group = 0; group < 8; ++group) {
    AppendFormat(out, group == 0 ? "{:x}" : ":{:x}", PortAt(bytes, 8 + group * 2));
  }
  AppendFormat(out, "\", sin6_scope_id={}", At<uint32_t>(bytes, 24));
}

void AppendRights(std::string_view data, std::string& out) {
  out.push_back('[');
  for (size_t at = 0; at + sizeof(int32_t) <= data.size(); at += sizeof(int32_t)) {
    AppendFormat(out, at == 0 ? "{}" : ", {}", At<int32_t>(data, at));
  }
  out.push_back(']');
}

// The ancillary data: struct cmsghdr after struct cmsghdr.
void AppendControl(const Call& call, uint64_t address, uint64_t size, std::string& out) {
  std::string bytes(std::min<uint64_t>(size, kMostControl), '\0');
  if (!call.task.memory().Read(bytes.data(), GuestAddr(address), bytes.size()).ok()) {
    AppendAddress(out, address);
    return;
  }
  constexpr size_t kHeader = 16;
  std::string_view rest = bytes;
  out.push_back('[');
  const char* separator = "";
  while (rest.size() >= kHeader) {
    size_t length = At<uint64_t>(rest, 0);
    if (length < kHeader || length > rest.size()) {
      break;
    }
    auto level = At<uint32_t>(rest, 8);
    auto type = At<uint32_t>(rest, 12);
    std::string_view data = rest.substr(kHeader, length - kHeader);
    AppendFormat(out, "{}{{cmsg_len={}, cmsg_level=", separator, length);
    AppendNames(out, kOptionLevels, level);
    out += ", cmsg_type=";
    AppendNames(out, kControlTypes, type);
    out += ", cmsg_data=";
    if (level == SOL_SOCKET && type == SCM_RIGHTS) {
      AppendRights(data, out);
    } else if (level == SOL_SOCKET && type == SCM_CREDENTIALS) {
      AppendFormat(out, "{{pid={}, uid={}, gid={}}}", At<int32_t>(data, 0), At<uint32_t>(data, 4),
                   At<uint32_t>(data, 8));
    } else {
      AppendBeginning(out, data);
    }
    out.push_back('}');
    separator = ", ";
    rest.remove_prefix(std::min(rest.size(), (length + 7) / 8 * 8));
  }
  out += bytes.size() < size ? ", ...]" : "]";
}

void AppendHeader(const Call& call, const abi::MessageHeader& message, uint64_t filled,
                  std::string& out) {
  auto name_length = static_cast<uint32_t>(message.name_length);
  out += "{msg_name=";
  if (message.name == 0) {
    out += "NULL";
  } else {
    AppendSocketAddress(call, message.name, name_length, out);
  }
  AppendFormat(out, ", msg_namelen={}, msg_iov=", name_length);
  AppendVector(call, message.vector, message.vector_length, filled, out);
  AppendFormat(out, ", msg_iovlen={}", message.vector_length);
  if (message.control != 0 && message.control_length != 0) {
    out += ", msg_control=";
    AppendControl(call, message.control, message.control_length, out);
  }
  AppendFormat(out, ", msg_controllen={}, msg_flags=", message.control_length);
  AppendNames(out, kMessageFlags, message.flags);
  out.push_back('}');
}

}  // namespace

void AppendSocketAddress(const Call& call, uint64_t address, uint64_t size, std::string& out) {
  std::string bytes(std::min<uint64_t>(size, kLargestAddress), '\0');
  if (address == 0 || bytes.size() < sizeof(uint16_t) ||
      !call.task.memory().Read(bytes.data(), GuestAddr(address), bytes.size()).ok()) {
    AppendAddress(out, address);
    return;
  }
  auto family = At<uint16_t>(bytes, 0);
  out += "{sa_family=";
  AppendNames(out, kAddressFamilies, family);
  if (family == AF_UNIX) {
    AppendUnix(bytes, out);
  } else if (family == AF_INET) {
    AppendFormat(out, ", sin_port=htons({}), sin_addr=\"{}.{}.{}.{}\"", PortAt(bytes, 2),
                 At<uint8_t>(bytes, 4), At<uint8_t>(bytes, 5), At<uint8_t>(bytes, 6),
                 At<uint8_t>(bytes, 7));
  } else if (family == AF_INET6) {
    AppendInet6(bytes, out);
  } else if (family == AF_NETLINK) {
    AppendFormat(out, ", nl_pid={}, nl_groups={:#x}", At<uint32_t>(bytes, 4),
                 At<uint32_t>(bytes, 8));
  } else if (bytes.size() > 2) {
    out += ", sa_data=";
    AppendQuoted(out, std::string_view(bytes).substr(2));
  }
  out.push_back('}');
}

void AppendMessage(const Call& call, uint64_t address, uint64_t filled, std::string& out) {
  auto message = Fetch<abi::MessageHeader>(call, address);
  if (message) {
    AppendHeader(call, *message, filled, out);
  } else {
    AppendAddress(out, address);
  }
}

void AppendMessages(const Call& call, uint64_t address, uint64_t count, Received received,
                    std::string& out) {
  AppendArray<abi::CountedMessageHeader>(
      call, address, count, out, [&](const abi::CountedMessageHeader& message) {
        bool filled = received == Received::kYes;
        out += "{msg_hdr=";
        AppendHeader(call, message.header, filled ? message.count : UINT64_MAX, out);
        if (filled) {
          AppendFormat(out, ", msg_len={}", message.count);
        }
        out.push_back('}');
      });
}

}  // namespace ukrun::strace
