// How the processes of a sandbox start each other: descriptor numbers and the block that
// the first stage hands to the Sentry. Shared by ukrun/, the first stage, the Sentry and
// the gofer; plain data only.
//
//   ukrun ── fork, exec ── ukrun-gofer
//     └───── fork, exec ── ukrun-boot ── maps ukrun-sentry into the kernel window, jumps
//
// Both children inherit exactly the descriptors below (and stdio); everything else is
// closed before exec.
#pragma once

#include <cstdint>

namespace ukrun::startup {

// In the Sentry (and the first stage).
inline constexpr int kSentryConfigFd = 3;     // memfd: ConfigHeader and what follows it
inline constexpr int kSentryControlFd = 4;    // SEQPACKET to ukrun: ControlRequest/ControlEvent
inline constexpr int kSentryGoferFd = 5;      // SEQPACKET to the gofer: passes descriptors
inline constexpr int kSentryChannelFd = 6;    // memfd: the gofer channel's shared memory
inline constexpr int kSentryImageFd = 7;      // the ukrun-sentry file, open for reading
inline constexpr int kSentryFirstFreeFd = 8;  // strace, debug, memory events, if any

// In the first stage only, which closes it: the folder /proc/self. It may have no other way
// to its memory map, since its root folder is empty where the host allows that.
inline constexpr int kBootProcFd = 11;

// In the gofer.
inline constexpr int kGoferConfigFd = 3;   // memfd: GoferConfig
inline constexpr int kGoferSentryFd = 4;   // SEQPACKET to the Sentry
inline constexpr int kGoferChannelFd = 5;  // memfd: the channel's shared memory

// At the beginning of the Sentry's configuration; its three parts follow in this order. The
// command's strings are not in the message because they may be as long and as many as
// execve(2) takes, and the Sentry's decoder counts in 16 bits.
struct ConfigHeader {
  uint64_t message_bytes;      // a SandboxConfig
  uint64_t argument_bytes;     // of the command; each ends with a zero byte
  uint64_t environment_bytes;  // NAME=VALUE, each ends with a zero byte
};

// What the first stage found out and placed, copied by the Sentry before it unmaps the
// first stage.
struct BootInfo {
  uint64_t vdso_base;   // the vDSO's ELF header inside the window; 0 if there is none
  uint64_t vdso_begin;  // first byte of its data pages
  uint64_t vdso_end;
  uint64_t hwcap;
  uint64_t hwcap2;
  uint64_t minimum_signal_stack;
  uint64_t clock_ticks;
};

using SentryEntry = void (*)(const BootInfo*);

}  // namespace ukrun::startup
