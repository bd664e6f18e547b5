#include "sentry/strace/formats.h"

#include <algorithm>

#include "base/format.h"
#include "sentry/vfs/vfs.h"

namespace ukrun::strace {

void FormatSigned32(const Call&, uint64_t value, std::string& out) {
  AppendFormat(out, "{}", static_cast<int32_t>(value));
}

void FormatSigned64(const Call&, uint64_t value, std::string& out) {
  AppendFormat(out, "{}", static_cast<int64_t>(value));
}

void FormatUnsigned32(const Call&, uint64_t value, std::string& out) {
  // Of a user id, "none" or "unchanged".
  if (value == UINT32_MAX) {
    out += "-1";
  } else {
    AppendFormat(out, "{}", value);
  }
}

void FormatUnsigned64(const Call&, uint64_t value, std::string& out) {
  AppendFormat(out, "{}", value);
}

void FormatHex(const Call&, uint64_t value, std::string& out) {
  AppendFormat(out, value == 0 ? "{}" : "{:#x}", value);
}

void FormatAddress(const Call&, uint64_t value, std::string& out) { AppendAddress(out, value); }

void FormatFd(const Call&, uint64_t value, std::string& out) {
  auto fd = static_cast<int32_t>(value);
  if (fd == kAtFdCwd) {
    out += "AT_FDCWD";
  } else {
    AppendFormat(out, "{}", fd);
  }
}

void FormatMode(const Call&, uint64_t value, std::string& out) {
  AppendMode(out, static_cast<uint32_t>(value));
}

void FormatDevice(const Call&, uint64_t value, std::string& out) {
  // The encoding of 32 bits (linux/kdev_t.h): minor numbers around the major's.
  uint64_t major = (value & 0xfff00) >> 8;
  uint64_t minor = (value & 0xff) | ((value >> 12) & 0xfff00);
  AppendFormat(out, "makedev({:#x}, {:#x})", major, minor);
}

void FormatSignal(const Call&, uint64_t value, std::string& out) {
  AppendSignal(out, static_cast<int32_t>(value));
}

void FormatPath(const Call& call, uint64_t value, std::string& out) {
  AppendPath(call, value, out);
}

void AppendPath(const Call& call, uint64_t address, std::string& out) {
  if (address == 0) {
    out += "NULL";
    return;
  }
  UserMemory& memory = call.task.memory();
  Result<std::string> text = memory.ReadString(GuestAddr(address), kMostPath, E2BIG);
  if (text.ok()) {
    AppendQuoted(out, *text);
  } else if (text.Is(E2BIG)) {
    std::string head(kMostPath, '\0');
    size_t got = memory.ReadSome(head.data(), GuestAddr(address), head.size()).value_or(0);
    AppendQuoted(out, std::string_view(head).substr(0, got), Rest::kCut);
  } else {
    AppendAddress(out, address);
  }
}

void AppendData(const Call& call, uint64_t address, uint64_t size, std::string& out) {
  if (address == 0) {
    out += "NULL";
    return;
  }
  std::string data(std::min<uint64_t>(size, kMostText), '\0');
  Result<size_t> got = call.task.memory().ReadSome(data.data(), GuestAddr(address), data.size());
  if (!got.ok()) {
    AppendAddress(out, address);
    return;
  }
  AppendBeginning(out, std::string_view(data).substr(0, *got),
                  *got < size ? Rest::kCut : Rest::kNone);
}

void FormatDataReturned(const Call& call, uint64_t value, std::string& out) {
  AppendData(call, value, static_cast<uint64_t>(call.result), out);
}

void FormatTextReturned(const Call& call, uint64_t value, std::string& out) {
  AppendPath(call, value, out);
}

void FormatFds(const Call& call, uint64_t value, std::string& out) {
  AppendArray<int32_t>(call, value, 2, out, [&](int32_t fd) { AppendFormat(out, "{}", fd); });
}

void FormatSignalSet(const Call& call, uint64_t value, std::string& out) {
  auto set = Fetch<uint64_t>(call, value);
  if (set) {
    AppendSignalSet(out, *set);
  } else {
    AppendAddress(out, value);
  }
}

}  // namespace ukrun::strace
