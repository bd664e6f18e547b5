// Result<T>: a value or a Linux errno. The only way kernel code reports failure.
//
// Nothing converts from int: failures are written `return Fail(EINVAL);`, and TRY
// hands a callee's failure on. Restart codes (ERESTARTSYS and friends) live in the
// same type; only the system call dispatcher turns them into what a guest sees.
#pragma once

#include <errno.h>

#include <optional>
#include <type_traits>
#include <utility>

namespace ukrun {

// Codes above the guest-visible range, with Linux's numbers (include/linux/errno.h).
inline constexpr int kErestartsys = 512;
inline constexpr int kErestartnointr = 513;
inline constexpr int kErestartnohand = 514;
inline constexpr int kErestartRestartblock = 516;

// Where a failure was made; kept for --strace.
struct FailureSite {
  const char* file = "";
  int line = 0;
};

// An errno on its way up the stack.
class [[nodiscard]] Failure {
 public:
  constexpr Failure(int code, FailureSite site) : code_(code), site_(site) {}
  constexpr int code() const { return code_; }
  constexpr FailureSite site() const { return site_; }

 private:
  int code_;
  FailureSite site_;
};

// `code` is a positive errno.
constexpr Failure Fail(int code, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return Failure(code, FailureSite{file, line});
}

template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  constexpr Result(T value) : value_(std::move(value)) {}   // NOLINT: a value is a result
  constexpr Result(Failure failure) : failure_(failure) {}  // NOLINT
  template <typename U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, Failure>) constexpr Result(U&& value)
      : value_(T(std::forward<U>(value))) {}  // NOLINT

  constexpr bool ok() const { return value_.has_value(); }
  constexpr int error() const { return ok() ? 0 : failure_.code(); }
  constexpr bool Is(int code) const { return !ok() && failure_.code() == code; }
  constexpr Failure failure() const { return failure_; }

  constexpr T& operator*() & { return *value_; }
  constexpr const T& operator*() const& { return *value_; }
  constexpr T&& operator*() && { return *std::move(value_); }
  constexpr T* operator->() { return &*value_; }
  constexpr const T* operator->() const { return &*value_; }
  constexpr T value_or(T fallback) const { return ok() ? *value_ : fallback; }

 private:
  std::optional<T> value_;
  Failure failure_ = Failure(0, {});
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;

  constexpr Result() = default;
  constexpr Result(Failure failure) : failure_(failure) {}  // NOLINT

  constexpr bool ok() const { return failure_.code() == 0; }
  constexpr int error() const { return failure_.code(); }
  constexpr bool Is(int code) const { return failure_.code() == code; }
  constexpr Failure failure() const { return failure_; }
  constexpr void operator*() const {}

 private:
  Failure failure_ = Failure(0, {});
};

inline constexpr Result<void> Ok() { return {}; }

}  // namespace ukrun

// Yields the value, or returns the failure from the enclosing function. May be nested.
#define TRY(expression) UKRUN_TRY_AS(expression, __COUNTER__)
#define UKRUN_TRY_AS(expression, unique) UKRUN_TRY_PASTE(expression, unique)
#define UKRUN_TRY_PASTE(expression, unique) UKRUN_TRY_NAMED(expression, try_result_##unique)
#define UKRUN_TRY_NAMED(expression, name) \
  __extension__({                         \
    auto name = (expression);             \
    if (!name.ok()) [[unlikely]] {        \
      return name.failure();              \
    }                                     \
    *std::move(name);                     \
  })
