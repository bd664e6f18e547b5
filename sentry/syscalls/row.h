// One row of the system call table, and how a handler's typed signature becomes one.
//
// A handler is a free function `Result<R> Name(Task&, A...)` whose parameters are Linux's
// prototype in types; Full<&Name>(...) derives from it how arguments are decoded, and how
// --strace shows them.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "sentry/mm/user_memory.h"
#include "sentry/strace/structures.h"
#include "sentry/task/task.h"

namespace ukrun {

// A set of named flags in an enum class; unknown bits stay visible.
template <typename Enum>
class Flags {
 public:
  using Bits = std::underlying_type_t<Enum>;
  constexpr Flags() = default;
  constexpr explicit Flags(Bits bits) : bits_(bits) {}
  constexpr bool Has(Enum flag) const { return (bits_ & static_cast<Bits>(flag)) != 0; }
  template <typename... E>
  constexpr bool OnlyContains(E... allowed) const {
    return (bits_ & ~(static_cast<Bits>(0) | ... | static_cast<Bits>(allowed))) == 0;
  }
  constexpr Bits bits() const { return bits_; }

 private:
  Bits bits_ = 0;
};

struct SyscallArguments {
  std::array<uint64_t, 6> values;
};

enum class Support : uint8_t { kFull, kPartial, kRefused, kMissing };

struct Row {
  int number;
  const char* name;
  Support support;
  int error;         // kRefused, kMissing
  const char* note;  // kPartial: what is missing; kRefused: why
  int argument_count;
  Result<int64_t> (*invoke)(Task& task, const SyscallArguments& arguments);
  // For --strace: how the types say that the arguments are shown; argument_count of them.
  const strace::ParameterFormat* parameters;
  bool returns_address;
};

namespace strace {

template <typename E>
struct FormatOfType<Flags<E>> : FormatOfType<typename Flags<E>::Bits> {};

}  // namespace strace

namespace syscall_detail {

template <typename T>
struct Decode {
  static T From(uint64_t value) {
    if constexpr (std::is_enum_v<T>) {
      return static_cast<T>(static_cast<std::underlying_type_t<T>>(value));
    } else {
      return static_cast<T>(value);
    }
  }
};
template <>
struct Decode<GuestAddr> {
  static GuestAddr From(uint64_t value) { return GuestAddr(value); }
};
template <>
struct Decode<Fd> {
  static Fd From(uint64_t value) { return Fd{static_cast<int32_t>(value)}; }
};
template <typename T>
struct DecodePointer {
  static T From(uint64_t value) { return T{GuestAddr(value)}; }
};
template <typename T>
struct Decode<UserIn<T>> : DecodePointer<UserIn<T>> {};
template <typename T>
struct Decode<UserOut<T>> : DecodePointer<UserOut<T>> {};
template <typename T>
struct Decode<UserInOut<T>> : DecodePointer<UserInOut<T>> {};
template <typename T>
struct Decode<UserArray<T>> : DecodePointer<UserArray<T>> {};
template <typename E>
struct Decode<Flags<E>> {
  static Flags<E> From(uint64_t value) {
    return Flags<E>(static_cast<typename Flags<E>::Bits>(value));
  }
};
template <>
struct Decode<UserString> : DecodePointer<UserString> {};

inline int64_t ToRegister(Fd fd) { return fd.value; }
inline int64_t ToRegister(GuestAddr address) { return static_cast<int64_t>(address.value()); }
template <typename T>
requires std::is_integral_v<T> int64_t ToRegister(T value) { return static_cast<int64_t>(value); }

template <typename Function>
struct Signature;
template <typename R, typename... A>
struct Signature<Result<R> (*)(Task&, A...)> {
  static constexpr int kCount = sizeof...(A);
  static constexpr std::array<strace::ParameterFormat, sizeof...(A)> kParameters = {
      strace::ParameterFormat{strace::FormatOfType<A>::kArgument, sizeof(A)}...};
  static constexpr bool kReturnsAddress = std::is_same_v<R, GuestAddr>;

  template <auto kHandler>
  static Result<int64_t> Invoke(Task& task, const SyscallArguments& arguments) {
    return InvokeWith<kHandler>(task, arguments, std::index_sequence_for<A...>());
  }
  template <auto kHandler, size_t... I>
  static Result<int64_t> InvokeWith(Task& task, [[maybe_unused]] const SyscallArguments& a,
                                    std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
      TRY(kHandler(task, Decode<A>::From(a.values[I])...));
      return int64_t{0};
    } else {
      return ToRegister(TRY(kHandler(task, Decode<A>::From(a.values[I])...)));
    }
  }
};

}  // namespace syscall_detail

template <auto kHandler>
constexpr Row Full(int number, const char* name) {
  using S = syscall_detail::Signature<decltype(kHandler)>;
  return Row{number,
             name,
             Support::kFull,
             0,
             "",
             S::kCount,
             &S::template Invoke<kHandler>,
             S::kParameters.data(),
             S::kReturnsAddress};
}
template <auto kHandler>
constexpr Row Partial(int number, const char* name, const char* note) {
  Row row = Full<kHandler>(number, name);
  row.support = Support::kPartial;
  row.note = note;
  return row;
}
constexpr Row Refused(int number, const char* name, int error, const char* why) {
  return Row{number, name, Support::kRefused, error, why, 6, nullptr, nullptr, false};
}
constexpr Row Missing(int number, const char* name) {
  return Row{number, name, Support::kMissing, ENOSYS, "", 6, nullptr, nullptr, false};
}

template <size_t kSize>
constexpr bool IsStrictlyAscending(const std::array<Row, kSize>& rows) {
  for (size_t i = 1; i < kSize; ++i) {
    if (rows[i - 1].number >= rows[i].number) {
      return false;
    }
  }
  return true;
}

// Null for numbers that Linux does not have.
const Row* FindRow(uint64_t number);

}  // namespace ukrun
