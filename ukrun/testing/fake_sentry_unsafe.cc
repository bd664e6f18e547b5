// Stands in for the Sentry in tests of the supervisor: a freestanding image that the first
// stage places like the real one, and that does what the first argument of its command says.
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/window.h"
#include "ukrun/startup.h"

namespace ukrun {
namespace {

long Call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

long Address(const void* p) { return reinterpret_cast<long>(p); }

void Say(std::string_view text) {
  Call(SYS_write, 1, Address(text.data()), static_cast<long>(text.size()));
}

void SayNumber(std::string_view what, long value) {
  char digits[24];
  size_t begin = sizeof(digits);
  digits[--begin] = '\n';
  bool negative = value < 0;
  for (unsigned long rest = static_cast<unsigned long>(negative ? -value : value);
       rest != 0 || begin == sizeof(digits) - 1; rest /= 10) {
    digits[--begin] = static_cast<char>('0' + rest % 10);
  }
  if (negative) {
    digits[--begin] = '-';
  }
  Say(what);
  Say(std::string_view(digits + begin, sizeof(digits) - begin));
}

// Fields of a ControlEvent in protobuf's encoding, all numbers below 128 but the status.
void SendExited(unsigned wait_status, unsigned char discarded) {
  const unsigned char event[] = {2 << 3,
                                 1,  // exited
                                 3 << 3,
                                 static_cast<unsigned char>(0x80 | (wait_status & 0x7f)),
                                 static_cast<unsigned char>(0x80 | (wait_status >> 7 & 0x7f)),
                                 static_cast<unsigned char>(wait_status >> 14 & 0x7f),
                                 4 << 3,
                                 discarded};
  Call(SYS_sendto, startup::kSentryControlFd, Address(event), sizeof(event));
}

// Globals that relocations and the shared data segment have to get right.
int g_counter = 41;
constinit std::string_view g_words[] = {"first", "second"};
char g_zeros[100'000];
alignas(startup::ConfigHeader) char g_config[1 << 16];

void Describe(const startup::BootInfo& boot) {
  g_counter++;
  SayNumber("counter ", g_counter);
  Say(g_words[static_cast<size_t>(g_counter - 41)]);
  SayNumber(" zero ", g_zeros[sizeof(g_zeros) - 1]);
  SayNumber("in window ", reinterpret_cast<uint64_t>(&g_counter) >= kWindowImage);
  bool vdso_in_place =
      boot.vdso_base == 0 || *reinterpret_cast<const uint32_t*>(boot.vdso_base) == 0x464c457f;
  SayNumber("vdso ", vdso_in_place);
  constexpr int kGetFlags = 1;
  for (int fd = 0; fd < 1000; ++fd) {
    if (Call(SYS_fcntl, fd, kGetFlags) >= 0) {
      SayNumber("fd ", fd);
    }
  }
  constexpr int kGetNoNewPrivs = 39;
  SayNumber("no new privileges ", Call(SYS_prctl, kGetNoNewPrivs));
  SayNumber("session is own ", Call(SYS_getsid) == Call(SYS_getpid));
  SayNumber("opens a file ", Call(SYS_open, Address("/proc/self/maps")) >= 0);
}

// There is no C library, and so no memcmp for ==.
bool Equal(std::string_view a, std::string_view b) {
  bool equal = a.size() == b.size();
  for (size_t i = 0; equal && i < a.size(); ++i) {
    equal = a[i] == b[i];
  }
  return equal;
}

// Prints each request as bytes until ukrun hangs up or asks for the end.
void EchoRequests() {
  unsigned char request[100];
  for (;;) {
    long size = Call(SYS_recvfrom, startup::kSentryControlFd, Address(request), sizeof(request));
    if (size <= 0) {
      return;
    }
    for (long i = 0; i < size; ++i) {
      SayNumber("request ", request[i]);
    }
    constexpr unsigned char kEndField = 3 << 3;
    if (request[0] == kEndField) {
      SendExited(9, 1);
    }
  }
}

void Act(std::string_view word, const startup::BootInfo& boot) {
  if (Equal(word, "describe")) {
    Describe(boot);
    SendExited(0, 0);
  } else if (Equal(word, "exit7")) {
    SendExited(7 << 8, 3);
  } else if (Equal(word, "signal15")) {
    SendExited(15, 0);
  } else if (Equal(word, "crash")) {
    *reinterpret_cast<volatile int*>(kWindowEnd) = 0;
  } else if (Equal(word, "die")) {
    Call(SYS_exit_group, 3);
  } else if (Equal(word, "fail")) {
    Call(SYS_exit_group, 125);
  } else if (Equal(word, "requests")) {
    EchoRequests();
  } else if (Equal(word, "not-found")) {
    const unsigned char event[] = {5 << 3 | 2, 4, 'n', 'o', 'p', 'e', 6 << 3, 127};
    Call(SYS_sendto, startup::kSentryControlFd, Address(event), sizeof(event));
  }
}

}  // namespace
}  // namespace ukrun

extern "C" [[gnu::used]] void _start(const ukrun::startup::BootInfo* boot) {
  using namespace ukrun;  // NOLINT: a test program's only function outside
  Call(SYS_read, startup::kSentryConfigFd, Address(g_config), sizeof(g_config));
  const auto& header = *reinterpret_cast<const startup::ConfigHeader*>(g_config);
  const char* arguments = g_config + sizeof(header) + header.message_bytes;
  size_t length = 0;
  while (arguments[length] != '\0') {
    ++length;
  }
  std::string_view word(arguments, length);
  Act(word, *boot);
  for (;;) {
    Call(SYS_pause);
  }
}
