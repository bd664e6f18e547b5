#include "loader/script.h"

#include <algorithm>
#include <string_view>

namespace ukrun {
namespace {

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }
constexpr bool EndsWord(char c) { return IsBlank(c) || c == '\0'; }

// Position of the first character from `from` on, `last` included, that `matches`; npos
// without one.
template <typename Matches>
size_t FindUpTo(std::string_view text, size_t from, size_t last, Matches matches) {
  for (size_t i = from; i <= last; ++i) {
    if (matches(text[i])) {
      return i;
    }
  }
  return std::string_view::npos;
}

size_t FindNonBlank(std::string_view text, size_t from, size_t last) {
  return FindUpTo(text, from, last, [](char c) { return !IsBlank(c); });
}

// What C makes of the bytes [from, end).
std::string CString(std::string_view text, size_t from, size_t end) {
  std::string_view word = text.substr(from, end - from);
  return std::string(word.substr(0, word.find('\0')));
}

// Where the line ends, by the rules that keep a path from being cut off: at a newline
// (unless a NUL comes first), or else, if a blank or NUL shows that the path is complete,
// at the buffer's last character.
Result<size_t> FindLineEnd(std::string_view text) {
  size_t newline = text.find('\n');
  if (newline != std::string_view::npos && newline < text.find('\0')) {
    return newline;
  }
  size_t last = text.size() - 1;
  size_t name = FindNonBlank(text, 2, last);
  if (name == std::string_view::npos ||
      FindUpTo(text, name, last, EndsWord) == std::string_view::npos) {
    return Fail(ENOEXEC);
  }
  return last;
}

}  // namespace

Result<ScriptLine> ParseScript(std::span<const std::byte> head) {
  std::array<char, kExecHeadBytes> buffer{};
  size_t size = std::min(head.size(), buffer.size());
  std::transform(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size), buffer.begin(),
                 [](std::byte b) { return static_cast<char>(b); });
  std::string_view text(buffer.data(), buffer.size());
  if (!text.starts_with("#!")) {
    return Fail(ENOEXEC);
  }
  size_t end = TRY(FindLineEnd(text));
  while (IsBlank(text[end - 1])) {
    --end;
  }
  size_t name = FindNonBlank(text, 2, end);
  if (name == std::string_view::npos || name == end) {
    return Fail(ENOEXEC);
  }
  ScriptLine line;
  size_t separator = FindUpTo(text, name, end, EndsWord);
  if (separator == std::string_view::npos || text[separator] == '\0' || separator == end) {
    line.interpreter = CString(text, name, end);
    return line;
  }
  line.interpreter = CString(text, name, separator);
  line.argument = CString(text, FindNonBlank(text, separator, end), end);
  return line;
}

}  // namespace ukrun
