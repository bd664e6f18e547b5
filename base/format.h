// Text from values: Format("pid {} at {:#x}", pid, address).
//
// A small part of std::format, for code that has no C library. Specs: `x`, `#x`, `o`, a
// width with optional leading zero (`{:08x}`), `<` and `>` alignment (`{:<12}`).
// A placeholder without an argument prints `{?}`; arguments left over are not printed.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ukrun {

struct FormatArgument {
  enum class Kind : uint8_t { kSigned, kUnsigned, kText, kChar };
  template <typename T>
  requires(std::signed_integral<T> && !std::same_as<T, char>) FormatArgument(T value)
      : kind(Kind::kSigned), number(static_cast<uint64_t>(int64_t{value})) {}
  template <typename T>
  requires(std::unsigned_integral<T> && !std::same_as<T, bool>) FormatArgument(T value)
      : kind(Kind::kUnsigned), number(value) {}
  FormatArgument(bool value) : kind(Kind::kText), text(value ? "true" : "false") {}
  FormatArgument(char value)
      : kind(Kind::kChar), number(static_cast<uint64_t>(static_cast<unsigned char>(value))) {}
  FormatArgument(std::string_view value) : kind(Kind::kText), text(value) {}
  FormatArgument(const char* value) : kind(Kind::kText), text(value) {}
  FormatArgument(const std::string& value) : kind(Kind::kText), text(value) {}

  Kind kind;
  uint64_t number = 0;
  std::string_view text;
};

void AppendFormatted(std::string& out, std::string_view format,
                     std::initializer_list<FormatArgument> arguments);

template <typename... Args>
std::string Format(std::string_view format, const Args&... args) {
  std::string out;
  AppendFormatted(out, format, {FormatArgument(args)...});
  return out;
}

template <typename... Args>
void AppendFormat(std::string& out, std::string_view format, const Args&... args) {
  AppendFormatted(out, format, {FormatArgument(args)...});
}

}  // namespace ukrun
