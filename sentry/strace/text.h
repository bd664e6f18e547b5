// The pieces of --strace's text: names of values, addresses, bytes of the guest.
//
// Nothing here looks at guest memory. Bytes of the guest come into a line through
// AppendQuoted alone, which leaves no control character in them: a line cannot be forged,
// nor a terminal told anything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ukrun::strace {

struct NamedValue {
  uint64_t value;
  const char* name;
};

// What an argument's values are called: of the bits in `choice_mask` together there is one
// name, of the others each is a flag. A flag of several bits stands before its parts.
struct Names {
  const char* zero = "0";  // when no bit is set, and no choice is called 0
  uint64_t choice_mask = 0;
  std::span<const NamedValue> choices = {};
  std::span<const NamedValue> flags = {};
};
constexpr Names OneOf(std::span<const NamedValue> choices) {
  return Names{.choice_mask = UINT64_MAX, .choices = choices};
}
constexpr Names FlagsOf(std::span<const NamedValue> flags, const char* zero = "0") {
  return Names{.zero = zero, .flags = flags};
}

// "O_RDWR|O_CREAT"; what has no name follows in hexadecimal.
void AppendNames(std::string& out, const Names& names, uint64_t value);
// Null when the value has no name.
const char* FindName(std::span<const NamedValue> values, uint64_t value);

// How much is shown of data: of text more than of what is none, since that is escaped.
inline constexpr size_t kMostText = 128;
inline constexpr size_t kMostBytes = 32;

enum class Rest : uint8_t { kNone, kCut };
// "text\n", as a C string literal; with "..." behind it when it was cut.
void AppendQuoted(std::string& out, std::string_view bytes, Rest rest = Rest::kNone);

// The same with the beginning alone, when there is more than fits a line well.
void AppendBeginning(std::string& out, std::string_view bytes, Rest rest = Rest::kNone);

void AppendAddress(std::string& out, uint64_t address);   // NULL, 0x7f...
void AppendMode(std::string& out, uint32_t permissions);  // 0644
void AppendSignal(std::string& out, int64_t signal);      // SIGINT, SIGRT_2
void AppendSignalSet(std::string& out, uint64_t set);     // [INT TERM], ~[]
// Members of a set of numbers, lowest first: [0 1 5]
void AppendBits(std::string& out, std::span<const uint64_t> words);

}  // namespace ukrun::strace
