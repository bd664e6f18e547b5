// One row of the system call table, and how a handler's typed signature becomes one.
//
// A handler is a free function `Result<R> Name(Task&, A...)` whose parameters are Linux's
// prototype in types; Full<&Name>(...) derives decoding and --strace formatting from it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/format.h"
#include "base/result.h"
#include "sentry/mm/user_memory.h"
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
  int error;          // kRefused, kMissing
  const char* note;   // kPartial: what is missing; kRefused: why
  int argument_count;
  Result<int64_t> (*invoke)(Task& task, const SyscallArguments& arguments);
  // Appends the arguments as text, for --strace. Reads guest memory for names.
  void (*describe)(Task& task, const SyscallArguments& arguments, std::string& out);
};

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
  static void Describe(Task&, uint64_t value, std::string& out) {
    if constexpr (std::is_signed_v<T>) {
      AppendFormat(out, "{}", static_cast<int64_t>(static_cast<T>(value)));
    } else {
      AppendFormat(out, "{:#x}", static_cast<uint64_t>(static_cast<std::make_unsigned_t<T>>(value)));
    }
  }
};
template <>
struct Decode<GuestAddr> {
  static GuestAddr From(uint64_t value) { return GuestAddr(value); }
  static void Describe(Task&, uint64_t value, std::string& out) {
    out += value == 0 ? std::string("NULL") : Format("{:#x}", value);
  }
};
template <>
struct Decode<Fd> {
  static Fd From(uint64_t value) { return Fd{static_cast<int32_t>(value)}; }
  static void Describe(Task&, uint64_t value, std::string& out) {
    int32_t fd = static_cast<int32_t>(value);
    out += fd == -100 ? std::string("AT_FDCWD") : Format("{}", fd);
  }
};
template <typename T>
struct DecodePointer {
  static T From(uint64_t value) { return T{GuestAddr(value)}; }
  static void Describe(Task& task, uint64_t value, std::string& out) {
    Decode<GuestAddr>::Describe(task, value, out);
  }
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
  static void Describe(Task&, uint64_t value, std::string& out) {
    AppendFormat(out, "{:#x}", static_cast<uint64_t>(From(value).bits()));
  }
};
void DescribeString(Task& task, uint64_t address, std::string& out);
template <>
struct Decode<UserString> {
  static UserString From(uint64_t value) { return UserString{GuestAddr(value)}; }
  static void Describe(Task& task, uint64_t value, std::string& out) {
    DescribeString(task, value, out);
  }
};

inline int64_t ToRegister(Fd fd) { return fd.value; }
inline int64_t ToRegister(GuestAddr address) { return static_cast<int64_t>(address.value()); }
template <typename T>
  requires std::is_integral_v<T>
int64_t ToRegister(T value) {
  return static_cast<int64_t>(value);
}

template <typename Function>
struct Signature;
template <typename R, typename... A>
struct Signature<Result<R> (*)(Task&, A...)> {
  static constexpr int kCount = sizeof...(A);

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
  static void Describe(Task& task, const SyscallArguments& arguments, std::string& out) {
    DescribeWith(task, arguments, out, std::index_sequence_for<A...>());
  }
  template <size_t... I>
  static void DescribeWith([[maybe_unused]] Task& task,
                           [[maybe_unused]] const SyscallArguments& a, std::string& out,
                           std::index_sequence<I...>) {
    ((static_cast<void>(I == 0 ? out : out.append(", ")),
      Decode<A>::Describe(task, a.values[I], out)),
     ...);
  }
};

}  // namespace syscall_detail

template <auto kHandler>
constexpr Row Full(int number, const char* name) {
  using S = syscall_detail::Signature<decltype(kHandler)>;
  return Row{number, name, Support::kFull, 0, "", S::kCount, &S::template Invoke<kHandler>,
             &S::Describe};
}
template <auto kHandler>
constexpr Row Partial(int number, const char* name, const char* note) {
  Row row = Full<kHandler>(number, name);
  row.support = Support::kPartial;
  row.note = note;
  return row;
}
constexpr Row Refused(int number, const char* name, int error, const char* why) {
  return Row{number, name, Support::kRefused, error, why, 6, nullptr, nullptr};
}
constexpr Row Missing(int number, const char* name) {
  return Row{number, name, Support::kMissing, ENOSYS, "", 6, nullptr, nullptr};
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
