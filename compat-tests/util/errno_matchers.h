// Assertions about how a system call ended.
//
//   EXPECT_OK(mkdir(path, 0755));
//   EXPECT_ERRNO(EEXIST, mkdir(path, 0755));
//   EXPECT_ERRNO(OneOf(EINVAL, EOPNOTSUPP), fallocate(fd, mode, 0, 1));
//
// A call has failed when it returned -1, or, for a pointer, null or MAP_FAILED. A failed assertion
// names both errnos, so the log says what the kernel under test did instead.
#pragma once

#include <gtest/gtest.h>
#include <string.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <type_traits>

namespace ukrun::compat_tests {

inline std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : "errno " + std::to_string(error);
}

// The errnos that are right answers. Usually one; several where file systems legitimately differ.
class ErrnoSet {
 public:
  // Implicit, so that a plain EXPECT_ERRNO(EEXIST, ...) reads as what it says.
  ErrnoSet(int error) : errors_{error} {}  // NOLINT(google-explicit-constructor)
  ErrnoSet(int first, int second, int third = 0) : errors_{first, second, third} {}

  bool Contains(int error) const {
    for (int candidate : errors_) {
      if (candidate != 0 && candidate == error) {
        return true;
      }
    }
    return false;
  }

  std::string ToString() const {
    std::string text;
    for (int candidate : errors_) {
      if (candidate != 0) {
        text += (text.empty() ? "" : " or ") + ErrnoName(candidate);
      }
    }
    return text;
  }

 private:
  std::array<int, 3> errors_{};
};

template <typename... Errors>
ErrnoSet OneOf(Errors... errors) {
  return ErrnoSet(errors...);
}

template <typename T>
bool CallFailed(T result) {
  if constexpr (std::is_pointer_v<T>) {
    return result == nullptr || reinterpret_cast<intptr_t>(result) == -1;
  } else {
    return result == static_cast<T>(-1);
  }
}

template <typename T>
testing::AssertionResult FailsWithErrno(const char* /*expected_text*/, const char* call_text,
                                        const ErrnoSet& expected, T result) {
  const int actual = errno;
  if (!CallFailed(result)) {
    return testing::AssertionFailure() << call_text << " returned " << result
                                       << "; expected it to fail with " << expected.ToString();
  }
  if (!expected.Contains(actual)) {
    return testing::AssertionFailure() << call_text << " failed with " << ErrnoName(actual)
                                       << "; expected " << expected.ToString();
  }
  return testing::AssertionSuccess();
}

template <typename T>
testing::AssertionResult Succeeds(const char* call_text, T result) {
  const int actual = errno;
  if (CallFailed(result)) {
    return testing::AssertionFailure() << call_text << " failed with " << ErrnoName(actual);
  }
  return testing::AssertionSuccess();
}

// A pointer that no program has mapped, and about which the compiler can know nothing.
template <typename T>
T* BadPointer() {
  volatile uintptr_t address = 16;
  return reinterpret_cast<T*>(address);
}

}  // namespace ukrun::compat_tests

#define EXPECT_ERRNO(expected, call) \
  EXPECT_PRED_FORMAT2(::ukrun::compat_tests::FailsWithErrno, expected, call)
#define ASSERT_ERRNO(expected, call) \
  ASSERT_PRED_FORMAT2(::ukrun::compat_tests::FailsWithErrno, expected, call)
#define EXPECT_OK(call) EXPECT_PRED_FORMAT1(::ukrun::compat_tests::Succeeds, call)
#define ASSERT_OK(call) ASSERT_PRED_FORMAT1(::ukrun::compat_tests::Succeeds, call)
