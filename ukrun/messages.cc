#include "ukrun/messages.h"

#include <termios.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace ukrun {
namespace {

// A raw terminal does not return to the left edge by itself.
bool NeedsCarriageReturn() {
  termios modes{};
  return tcgetattr(STDERR_FILENO, &modes) == 0 && (modes.c_oflag & OPOST) == 0;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string shown;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&shown, "\\x%02x", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

void Say(absl::string_view line) {
  std::string text =
      absl::StrCat("ukrun: ", Printable(line), NeedsCarriageReturn() ? "\r\n" : "\n");
  // Nobody is left to tell when this fails.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace ukrun
