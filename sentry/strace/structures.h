// Linux's structures as text, and the format of an argument that the type of a handler's
// parameter gives: UserOut<abi::Timespec> is a timespec that is there after the call.
#pragma once

#include <type_traits>

#include "abi/epoll.h"
#include "abi/file.h"
#include "abi/rusage.h"
#include "abi/signal.h"
#include "abi/timespec.h"
#include "abi/timex.h"
#include "base/format.h"
#include "sentry/mm/user_memory.h"
#include "sentry/strace/formats.h"

namespace ukrun {

// Of the system calls' headers.
struct Itimerval;
struct Rlimit64;
struct TimesLayout;
struct Utsname;

namespace strace {

void AppendStructure(std::string& out, const abi::EpollEvent& event);
void AppendStructure(std::string& out, const abi::Itimerspec& time);
void AppendStructure(std::string& out, const abi::Rusage& usage);
void AppendStructure(std::string& out, const abi::SigAction& action);
void AppendStructure(std::string& out, const abi::SigAltStack& stack);
void AppendStructure(std::string& out, const abi::SigInfo& info);
void AppendStructure(std::string& out, const abi::Stat& stat);
void AppendStructure(std::string& out, const abi::Statfs& statfs);
void AppendStructure(std::string& out, const abi::Statx& statx);
void AppendStructure(std::string& out, const abi::Timespec& time);
void AppendStructure(std::string& out, const abi::Timeval& time);
void AppendStructure(std::string& out, const abi::Timex& timex);
void AppendStructure(std::string& out, const abi::Utimbuf& times);
void AppendStructure(std::string& out, const Itimerval& time);
void AppendStructure(std::string& out, const Rlimit64& limit);
void AppendStructure(std::string& out, const TimesLayout& times);
void AppendStructure(std::string& out, const Utsname& names);
template <typename T>
requires std::is_integral_v<T>
void AppendStructure(std::string& out, T value) { AppendFormat(out, "[{}]", value); }

void AppendFileMode(std::string& out, uint32_t mode);  // S_IFREG|0644

template <typename T>
void FormatStructure(const Call& call, uint64_t value, std::string& out) {
  std::optional<T> fetched = Fetch<T>(call, value);
  if (fetched) {
    AppendStructure(out, *fetched);
  } else {
    AppendAddress(out, value);
  }
}
template <typename T>
inline constexpr Argument kStructure{&FormatStructure<T>};
template <typename T>
inline constexpr Argument kStructureReturned{&FormatAddress, &FormatStructure<T>};

// --- The formats of handlers' parameters.
template <typename T>
struct FormatOfType {
  static constexpr Formatter kNumber =
      std::is_signed_v<T> ? (sizeof(T) == 8 ? &FormatSigned64 : &FormatSigned32)
                          : (sizeof(T) == 8 ? &FormatUnsigned64 : &FormatUnsigned32);
  static constexpr Argument kArgument{kNumber};
};
template <>
struct FormatOfType<GuestAddr> {
  static constexpr Argument kArgument{&FormatAddress};
};
template <>
struct FormatOfType<Fd> {
  static constexpr Argument kArgument{&FormatFd};
};
template <>
struct FormatOfType<UserString> {
  static constexpr Argument kArgument{&FormatPath};
};
template <typename T>
struct FormatOfType<UserIn<T>> {
  static constexpr Argument kArgument{&FormatStructure<T>};
};
template <typename T>
struct FormatOfType<UserOut<T>> {
  static constexpr Argument kArgument{&FormatAddress, &FormatStructure<T>};
};
template <typename T>
struct FormatOfType<UserInOut<T>> {
  static constexpr Argument kArgument{&FormatStructure<T>, &FormatStructure<T>};
};
// How many there are, only a row can tell.
template <typename T>
struct FormatOfType<UserArray<T>> {
  static constexpr Argument kArgument{&FormatAddress};
};

// A parameter: its format, and how much of the register counts.
struct ParameterFormat {
  Argument argument;
  uint8_t bytes;
};

}  // namespace strace
}  // namespace ukrun
