#include "sentry/strace/text.h"

#include <algorithm>
#include <array>
#include <bit>

#include "abi/signal.h"
#include "base/format.h"

namespace ukrun::strace {
namespace {

constexpr size_t kMostMembers = 64;

// Signal N is entry N - 1.
constexpr std::array<const char*, 31> kSignalNames = {
    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
    "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};

// The letter of a C escape such as \n; 0 when the byte has none.
char EscapeLetter(char c) {
  switch (c) {
    case '\n':
      return 'n';
    case '\t':
      return 't';
    case '\r':
      return 'r';
    case '\v':
      return 'v';
    case '\f':
      return 'f';
    case '"':
    case '\\':
      return c;
    default:
      return 0;
  }
}

void AppendShortSignal(std::string& out, int64_t signal) {
  if (signal >= 1 && static_cast<size_t>(signal) <= kSignalNames.size()) {
    out += kSignalNames[static_cast<size_t>(signal) - 1];
  } else {
    AppendFormat(out, "RT_{}", signal - abi::kSigRtMin);
  }
}

void AppendNumber(std::string& out, uint64_t value) {
  AppendFormat(out, value > 9 ? "{:#x}" : "{}", value);
}

}  // namespace

const char* FindName(std::span<const NamedValue> values, uint64_t value) {
  auto found = std::find_if(values.begin(), values.end(),
                            [value](const NamedValue& named) { return named.value == value; });
  return found != values.end() ? found->name : nullptr;
}

void AppendNames(std::string& out, const Names& names, uint64_t value) {
  const char* separator = "";
  auto append = [&](const char* name) {
    out += separator;
    out += name;
    separator = "|";
  };
  uint64_t rest = value;
  if (names.choice_mask != 0) {
    uint64_t choice = value & names.choice_mask;
    if (const char* name = FindName(names.choices, choice)) {
      append(name);
      rest &= ~names.choice_mask;
    }
  }
  for (const NamedValue& flag : names.flags) {
    if (flag.value != 0 && (rest & flag.value) == flag.value) {
      append(flag.name);
      rest &= ~flag.value;
    }
  }
  if (rest != 0) {
    out += separator;
    AppendNumber(out, rest);
  } else if (*separator == '\0') {
    out += names.zero;
  }
}

void AppendQuoted(std::string& out, std::string_view bytes, Rest rest) {
  out.push_back('"');
  for (size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    if (char letter = EscapeLetter(c)) {
      out.push_back('\\');
      out.push_back(letter);
    } else if (c >= 0x20 && c < 0x7f) {
      out.push_back(c);
    } else {
      // A digit behind would belong to a shorter number.
      bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
      AppendFormat(out, digit_follows ? "\\{:03o}" : "\\{:o}",
                   static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  out += rest == Rest::kCut ? "\"..." : "\"";
}

void AppendBeginning(std::string& out, std::string_view bytes, Rest rest) {
  std::string_view beginning = bytes.substr(0, kMostText);
  bool text = std::all_of(beginning.begin(), beginning.end(),
                          [](char c) { return (c >= 0x20 && c < 0x7f) || EscapeLetter(c) != 0; });
  size_t most = text ? kMostText : kMostBytes;
  AppendQuoted(out, bytes.substr(0, most), bytes.size() > most ? Rest::kCut : rest);
}

void AppendAddress(std::string& out, uint64_t address) {
  if (address == 0) {
    out += "NULL";
  } else {
    AppendFormat(out, "{:#x}", address);
  }
}

void AppendMode(std::string& out, uint32_t permissions) {
  AppendFormat(out, permissions == 0 ? "000" : "0{:o}", permissions);
}

void AppendSignal(std::string& out, int64_t signal) {
  if (signal >= 1 && signal <= abi::kSignalCount) {
    out += "SIG";
    AppendShortSignal(out, signal);
  } else {
    AppendFormat(out, "{}", signal);
  }
}

void AppendSignalSet(std::string& out, uint64_t set) {
  // The shorter way to say it.
  bool inverted = std::popcount(set) > abi::kSignalCount / 2;
  uint64_t members = inverted ? ~set : set;
  out += inverted ? "~[" : "[";
  const char* separator = "";
  for (int signal = 1; signal <= abi::kSignalCount; ++signal) {
    if ((members & abi::SignalBit(signal)) != 0) {
      out += separator;
      AppendShortSignal(out, signal);
      separator = " ";
    }
  }
  out.push_back(']');
}

void AppendBits(std::string& out, std::span<const uint64_t> words) {
  out.push_back('[');
  size_t members = 0;
  for (size_t bit = 0; bit < words.size() * 64; ++bit) {
    if ((words[bit / 64] >> (bit % 64) & 1) == 0) {
      continue;
    }
    if (members == kMostMembers) {
      out += " ...";
      break;
    }
    AppendFormat(out, members == 0 ? "{}" : " {}", bit);
    ++members;
  }
  out.push_back(']');
}

}  // namespace ukrun::strace
