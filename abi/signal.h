// Signals as x86-64 user space sees them: rt_sigaction, siginfo_t, stack_t
// (include/uapi/asm-generic/siginfo.h, arch/x86/include/uapi/asm/signal.h).
#pragma once

#include <cstdint>

namespace ukrun::abi {

inline constexpr int kSignalCount = 64;  // signals are 1..64
using SignalSet = uint64_t;              // bit N-1 for signal N
constexpr SignalSet SignalBit(int signal) { return uint64_t{1} << (signal - 1); }

inline constexpr int kSigHup = 1, kSigInt = 2, kSigQuit = 3, kSigIll = 4, kSigTrap = 5,
                     kSigAbrt = 6, kSigBus = 7, kSigFpe = 8, kSigKill = 9, kSigUsr1 = 10,
                     kSigSegv = 11, kSigUsr2 = 12, kSigPipe = 13, kSigAlrm = 14, kSigTerm = 15,
                     kSigStkflt = 16, kSigChld = 17, kSigCont = 18, kSigStop = 19, kSigTstp = 20,
                     kSigTtin = 21, kSigTtou = 22, kSigUrg = 23, kSigXcpu = 24, kSigXfsz = 25,
                     kSigVtalrm = 26, kSigProf = 27, kSigWinch = 28, kSigIo = 29, kSigPwr = 30,
                     kSigSys = 31, kSigRtMin = 32;

inline constexpr uint64_t kSigDfl = 0, kSigIgn = 1;
inline constexpr uint64_t kSaNocldstop = 1, kSaNocldwait = 2, kSaSiginfo = 4,
                          kSaOnstack = 0x08000000, kSaRestart = 0x10000000, kSaNodefer = 0x40000000,
                          kSaResethand = 0x80000000, kSaRestorer = 0x04000000;

// What can be neither blocked, nor handled, nor ignored.
inline constexpr SignalSet kUnblockableSignals = SignalBit(kSigKill) | SignalBit(kSigStop);

// struct sigaction as rt_sigaction(2) takes it.
struct SigAction {
  uint64_t handler = kSigDfl;
  uint64_t flags = 0;
  uint64_t restorer = 0;
  SignalSet mask = 0;
};
static_assert(sizeof(SigAction) == 32);

inline constexpr int kSiUser = 0, kSiKernel = 0x80, kSiQueue = -1, kSiTimer = -2, kSiMesgq = -3,
                     kSiAsyncio = -4, kSiSigio = -5, kSiTkill = -6;
inline constexpr int kCldExited = 1, kCldKilled = 2, kCldDumped = 3, kCldTrapped = 4,
                     kCldStopped = 5, kCldContinued = 6;

// siginfo_t: 128 bytes. Which fields mean something depends on signal and code.
struct SigInfo {
  int32_t signal = 0;
  int32_t error = 0;
  int32_t code = 0;
  int32_t padding = 0;
  union {
    uint64_t words[14] = {};
    struct {
      int32_t pid;
      uint32_t uid;
      uint64_t value;
    } queued;  // kill, sigqueue, message queues
    struct {
      int32_t id;
      int32_t overrun;
      uint64_t value;
    } timer;
    struct {
      int32_t pid;
      uint32_t uid;
      int32_t status;
      int32_t padding;
      int64_t user_ticks;
      int64_t system_ticks;
    } child;
    struct {
      uint64_t address;
    } fault;
    struct {
      int64_t band;
      int32_t fd;
    } io;
  };
};
static_assert(sizeof(SigInfo) == 128);

// stack_t
inline constexpr int32_t kSsOnstack = 1, kSsDisable = 2;
inline constexpr uint32_t kSsAutodisarm = 1u << 31;
struct SigAltStack {
  uint64_t pointer = 0;
  int32_t flags = kSsDisable;
  int32_t padding = 0;
  uint64_t size = 0;
};
static_assert(sizeof(SigAltStack) == 24);

}  // namespace ukrun::abi
