#include "ukrun/sizes.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace ukrun {
namespace {

struct Number {
  double value = 0;
  absl::string_view rest;
};

// A decimal number with an optional fraction at the start of `text`: no sign, no
// exponent, nothing that only a programmer would expect.
absl::StatusOr<Number> TakeNumber(absl::string_view text) {
  size_t end = text.find_first_not_of("0123456789.");
  absl::string_view digits = text.substr(0, end);
  double value = 0;
  auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                       std::chars_format::fixed);
  if (digits.empty() || error != std::errc() || stop != digits.data() + digits.size()) {
    return absl::InvalidArgumentError("it does not start with a number");
  }
  return Number{value, text.substr(digits.size())};
}

// The largest number of which every value up to it fits `double` and both result types.
constexpr double kMaxExact = 9.0e18;

absl::StatusOr<double> SizeUnit(absl::string_view text) {
  std::string unit = absl::AsciiStrToUpper(text);
  if (unit.empty() || unit == "B") {
    return 1.0;
  }
  // "G", "GB" and "GiB" are the same.
  absl::string_view letter = unit;
  if (letter.size() == 3) {
    absl::ConsumeSuffix(&letter, "IB");
  } else if (letter.size() == 2) {
    absl::ConsumeSuffix(&letter, "B");
  }
  constexpr absl::string_view kLetters = "KMGT";
  size_t index = kLetters.find(letter);
  if (letter.size() != 1 || index == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a unit of size; use K, M, G or T"));
  }
  return std::pow(1024.0, static_cast<double>(index + 1));
}

struct TimeUnit {
  absl::string_view name;
  double ns;
};
constexpr auto kTimeUnits = std::to_array<TimeUnit>({
    {"ms", 1e6},
    {"s", 1e9},
    {"m", 60e9},
    {"min", 60e9},
    {"h", 3600e9},
    {"d", 86400e9},
});

absl::StatusOr<double> TimeUnitNs(absl::string_view text) {
  for (const TimeUnit& unit : kTimeUnits) {
    if (text == unit.name) {
      return unit.ns;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a unit of time; use ms, s, m, h or d"));
}

}  // namespace

absl::StatusOr<uint64_t> ParseSize(absl::string_view text) {
  absl::StatusOr<Number> number = TakeNumber(text);
  if (!number.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        number.status().message(), "; a size is a number with K, M, G or T, such as 512M"));
  }
  absl::StatusOr<double> unit = SizeUnit(number->rest);
  if (!unit.ok()) {
    return unit.status();
  }
  double bytes = number->value * *unit;
  if (bytes > kMaxExact) {
    return absl::InvalidArgumentError("it is too large");
  }
  return static_cast<uint64_t>(bytes);
}

absl::StatusOr<int64_t> ParseDuration(absl::string_view text) {
  double total_ns = 0;
  absl::string_view rest = text;
  do {
    absl::StatusOr<Number> number = TakeNumber(rest);
    if (!number.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          number.status().message(), "; a duration is a number with s, m or h, such as 90s"));
    }
    rest = number->rest;
    absl::string_view unit_text = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(unit_text.size());
    double unit_ns = 1e9;
    bool bare_seconds = unit_text.empty() && total_ns == 0;
    if (!bare_seconds) {
      absl::StatusOr<double> unit = TimeUnitNs(unit_text);
      if (!unit.ok()) {
        return unit.status();
      }
      unit_ns = *unit;
    }
    total_ns += number->value * unit_ns;
  } while (!rest.empty());
  if (total_ns > kMaxExact) {
    return absl::InvalidArgumentError("it is too long");
  }
  if (total_ns < 1) {
    return absl::InvalidArgumentError("it must be longer than nothing");
  }
  return static_cast<int64_t>(total_ns);
}

absl::StatusOr<uint32_t> ParseCount(absl::string_view text, uint32_t minimum, uint32_t maximum) {
  uint32_t value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && stop == text.data() + text.size();
  if (!whole && error != std::errc::result_out_of_range) {
    return absl::InvalidArgumentError("it is not a whole number");
  }
  if (!whole || value < minimum || value > maximum) {
    return absl::InvalidArgumentError(
        absl::StrFormat("it must be between %u and %u", minimum, maximum));
  }
  return value;
}

absl::StatusOr<uint32_t> ParseMode(absl::string_view text) {
  uint32_t mode = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || stop != text.data() + text.size() || mode > 07777) {
    return absl::InvalidArgumentError("a mode is an octal number such as 755 or 1777");
  }
  return mode;
}

std::string FormatSize(uint64_t bytes) {
  constexpr auto kUnits = std::to_array<absl::string_view>({"bytes", "KiB", "MiB", "GiB", "TiB"});
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  // One decimal, and none where it would be a zero.
  std::string number = absl::StrFormat("%.1f", value);
  return absl::StrCat(absl::StripSuffix(number, ".0"), " ", kUnits[unit]);
}

std::string FormatDuration(int64_t ns) {
  if (ns < 1'000'000'000) {
    return absl::StrFormat("%.6gms", static_cast<double>(ns) / 1e6);
  }
  int64_t seconds = ns / 1'000'000'000;
  if (seconds < 60) {
    return absl::StrFormat("%.6gs", static_cast<double>(ns) / 1e9);
  }
  std::string text;
  if (seconds >= 3600) {
    absl::StrAppend(&text, seconds / 3600, "h");
  }
  if (seconds / 60 % 60 != 0) {
    absl::StrAppend(&text, seconds / 60 % 60, "m");
  }
  if (seconds % 60 != 0) {
    absl::StrAppend(&text, seconds % 60, "s");
  }
  return text;
}

}  // namespace ukrun
