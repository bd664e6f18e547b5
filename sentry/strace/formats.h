// Formats that calls of every subject use: numbers, names, paths, data.
//
// In rows (rows.h) they stand in the place of an argument: {SYS_creat, {kType, kMode}}.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "platform/guest_memory.h"
#include "sentry/strace/call.h"
#include "sentry/strace/text.h"
#include "sentry/task/task.h"

namespace ukrun::strace {

// How much is shown of what is long, besides data; "..." stands for the rest.
inline constexpr size_t kMostPath = 1024;
inline constexpr size_t kMostElements = 32;
// A line is written at once: pipes take no more in one piece.
inline constexpr size_t kMostLine = 4096;

void FormatSigned32(const Call& call, uint64_t value, std::string& out);
void FormatSigned64(const Call& call, uint64_t value, std::string& out);
void FormatUnsigned32(const Call& call, uint64_t value, std::string& out);  // -1 for all ones
void FormatUnsigned64(const Call& call, uint64_t value, std::string& out);
void FormatHex(const Call& call, uint64_t value, std::string& out);
void FormatAddress(const Call& call, uint64_t value, std::string& out);
void FormatFd(const Call& call, uint64_t value, std::string& out);
void FormatMode(const Call& call, uint64_t value, std::string& out);
void FormatDevice(const Call& call, uint64_t value, std::string& out);
void FormatSignal(const Call& call, uint64_t value, std::string& out);
void FormatPath(const Call& call, uint64_t value, std::string& out);
void FormatFds(const Call& call, uint64_t value, std::string& out);  // of pipe, socketpair
void FormatSignalSet(const Call& call, uint64_t value, std::string& out);

// `size` bytes of the guest, as text in quotes.
void AppendData(const Call& call, uint64_t address, uint64_t size, std::string& out);
void AppendPath(const Call& call, uint64_t address, std::string& out);
// The value at an address; nothing when it cannot be read.
template <typename T>
std::optional<T> Fetch(const Call& call, uint64_t address) {
  T value;
  bool ok = call.task.memory().Read(&value, GuestAddr(address), sizeof(T)).ok();
  return ok ? std::optional<T>(value) : std::nullopt;
}

template <const Names& kNames>
void FormatNames(const Call&, uint64_t value, std::string& out) {
  AppendNames(out, kNames, value);
}
// Data whose size another argument tells.
template <size_t kSizeAt>
void FormatDataSized(const Call& call, uint64_t value, std::string& out) {
  AppendData(call, value, call.arguments[kSizeAt], out);
}
// What the call has put there: as much as its result says.
void FormatDataReturned(const Call& call, uint64_t value, std::string& out);
void FormatTextReturned(const Call& call, uint64_t value, std::string& out);  // ends with zero

// An array of the guest's: [a, b, ...]. `append(element)` adds one.
template <typename T, typename Append>
void AppendArray(const Call& call, uint64_t address, uint64_t count, std::string& out,
                 Append append) {
  if (address == 0) {
    out += "NULL";
    return;
  }
  std::vector<T> values(std::min<uint64_t>(count, kMostElements));
  if (!call.task.memory().Read(values.data(), GuestAddr(address), values.size() * sizeof(T)).ok()) {
    AppendAddress(out, address);
    return;
  }
  out.push_back('[');
  size_t shown = 0;
  for (const T& value : values) {
    if (out.size() > kMostLine) {
      break;
    }
    out += shown == 0 ? "" : ", ";
    append(value);
    ++shown;
  }
  out += shown < count ? ", ...]" : "]";
}

// The rows' words.
inline constexpr Argument kType{};
inline constexpr Argument kSigned{&FormatSigned32};
inline constexpr Argument kSigned64{&FormatSigned64};
inline constexpr Argument kUnsigned{&FormatUnsigned64};
inline constexpr Argument kHex{&FormatHex};
inline constexpr Argument kAddress{&FormatAddress};
inline constexpr Argument kFd{&FormatFd};
inline constexpr Argument kMode{&FormatMode};
inline constexpr Argument kDevice{&FormatDevice};
inline constexpr Argument kSignal{&FormatSignal};
inline constexpr Argument kPath{&FormatPath};
inline constexpr Argument kNewFds{&FormatAddress, &FormatFds};
inline constexpr Argument kSignalSet{&FormatSignalSet};
inline constexpr Argument kSignalSetReturned{&FormatAddress, &FormatSignalSet};
inline constexpr Argument kDataReturned{&FormatAddress, &FormatDataReturned};
inline constexpr Argument kTextReturned{&FormatAddress, &FormatTextReturned};
template <const Names& kNames>
inline constexpr Argument kNamed{&FormatNames<kNames>};
template <size_t kSizeAt>
inline constexpr Argument kDataSized{&FormatDataSized<kSizeAt>};

}  // namespace ukrun::strace
