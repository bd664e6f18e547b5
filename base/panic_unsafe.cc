// Kernel panic: say what broke, end every process of the sandbox.
#include "base/panic.h"

#include <signal.h>
#include <sys/syscall.h>

#include <atomic>
#include <string>

#include "base/check.h"
#include "base/host_call.h"

namespace ukrun {
namespace {

constinit std::atomic<PanicDescriber> g_describer{nullptr};
constinit std::atomic<bool> g_panicking{false};

size_t Append(char* to, size_t at, size_t limit, std::string_view text) {
  for (char c : text) {
    if (at < limit) {
      to[at++] = c;
    }
  }
  return at;
}

}  // namespace

void SetPanicDescriber(PanicDescriber describer) { g_describer.store(describer); }

void Panic(std::string_view message, const char* file, int line) {
  // No allocation: the heap may be what broke.
  char text[512];
  size_t size = Append(text, 0, sizeof(text), "ukrun: kernel panic: ");
  size = Append(text, size, sizeof(text), message);
  size = Append(text, size, sizeof(text), " (");
  size = Append(text, size, sizeof(text), file);
  size = Append(text, size, sizeof(text), ":");
  char digits[12];
  size_t count = 0;
  for (int rest = line; rest > 0 && count < sizeof(digits); rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  while (count > 0) {
    size = Append(text, size, sizeof(text), std::string_view(&digits[--count], 1));
  }
  size = Append(text, size, sizeof(text), ")\n");
  HostWriteAll(2, text, size);
  if (!g_panicking.exchange(true)) {
    if (PanicDescriber describer = g_describer.load()) {
      size = describer(text, sizeof(text));
      HostWriteAll(2, text, size);
    }
  }
  RawHostCall(SYS_exit_group, kPanicStatus);
  __builtin_trap();
}

}  // namespace ukrun
