#include "base/format.h"

#include <algorithm>
#include <charconv>

namespace ukrun {
namespace {

struct Spec {
  bool left = false;
  bool right = false;
  bool prefix = false;
  bool zero = false;
  size_t width = 0;
  char type = 0;
};

Spec ParseSpec(std::string_view text) {
  Spec spec;
  size_t i = 0;
  if (i < text.size() && (text[i] == '<' || text[i] == '>')) {
    spec.left = text[i] == '<';
    spec.right = !spec.left;
    ++i;
  }
  if (i < text.size() && text[i] == '#') {
    spec.prefix = true;
    ++i;
  }
  if (i < text.size() && text[i] == '0') {
    spec.zero = true;
    ++i;
  }
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    spec.width = spec.width * 10 + static_cast<size_t>(text[i] - '0');
  }
  if (i < text.size()) {
    spec.type = text[i];
  }
  return spec;
}

void AppendPadded(std::string& out, std::string_view text, const Spec& spec, bool number) {
  size_t padding = spec.width > text.size() ? spec.width - text.size() : 0;
  bool left = spec.left || (!number && !spec.right);
  if (!left) {
    out.append(padding, spec.zero && number ? '0' : ' ');
  }
  out.append(text);
  if (left) {
    out.append(padding, ' ');
  }
}

void AppendArgument(std::string& out, const FormatArgument& argument, const Spec& spec) {
  using Kind = FormatArgument::Kind;
  if (argument.kind == Kind::kText) {
    AppendPadded(out, argument.text, spec, false);
    return;
  }
  if (argument.kind == Kind::kChar && spec.type == 0) {
    char c = static_cast<char>(argument.number);
    AppendPadded(out, std::string_view(&c, 1), spec, false);
    return;
  }
  char digits[72];
  char* begin = digits;
  int base = spec.type == 'x' ? 16 : spec.type == 'o' ? 8 : 10;
  if (spec.prefix && base == 16) {
    *begin++ = '0';
    *begin++ = 'x';
  }
  std::to_chars_result end =
      argument.kind == Kind::kSigned
          ? std::to_chars(begin, digits + sizeof(digits), static_cast<int64_t>(argument.number),
                          base)
          : std::to_chars(begin, digits + sizeof(digits), argument.number, base);
  AppendPadded(out, std::string_view(digits, static_cast<size_t>(end.ptr - digits)), spec, true);
}

}  // namespace

void AppendFormatted(std::string& out, std::string_view format,
                     std::initializer_list<FormatArgument> arguments) {
  const FormatArgument* next = arguments.begin();
  size_t i = 0;
  while (i < format.size()) {
    char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      out.push_back(c);
      i += 2;
      continue;
    }
    size_t close = c == '{' ? format.find('}', i) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out.push_back(c);
      ++i;
      continue;
    }
    std::string_view inside = format.substr(i + 1, close - i - 1);
    i = close + 1;
    if (next == arguments.end()) {
      out.append("{?}");
      continue;
    }
    AppendArgument(out, *next++, inside.starts_with(':') ? ParseSpec(inside.substr(1)) : Spec{});
  }
}

}  // namespace ukrun
