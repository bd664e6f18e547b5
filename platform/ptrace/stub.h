// The stub: the one page of code of ours in a guest's host process, at kWindowStub.
// Kernel threads make a guest thread run it to carry out host calls (mmap and friends),
// to clone, and to touch memory atomically. It holds no data and keeps no secrets; the
// guest may jump into it and gets nothing that its own code could not do: a SYSCALL here
// under PTRACE_SYSEMU is an ordinary guest call.
#pragma once

#include <cstdint>

#include "base/window.h"

namespace ukrun::ptrace {

// Offsets of the routines, fixed in stub_amd64_stub.S.
inline constexpr uint64_t kStubCall = kWindowStub + 0x00;      // syscall; int3
inline constexpr uint64_t kStubClone = kWindowStub + 0x10;     // clone; the child parks
inline constexpr uint64_t kStubPark = kWindowStub + 0x20;      // waits for its tracer
inline constexpr uint64_t kStubExchange = kWindowStub + 0x80;  // lock cmpxchg; int3
inline constexpr uint64_t kStubClear = kWindowStub + 0x90;     // confines and empties a new process
inline constexpr uint64_t kStubFault = kWindowStub + 0xe0;     // handler of faults; int3
inline constexpr uint64_t kStubBytes = 4096;

// Memory of a guest's host process for one signal frame (fault_unsafe.cc). The guest can
// write to it, and is believed nothing that it finds there.
inline constexpr uint64_t kFrameBegin = kWindowStub + 0x10000;
inline constexpr uint64_t kFrameEnd = kFrameBegin + 0x10000;

extern "C" const char UkrunPtraceStubBegin[];
extern "C" const char UkrunPtraceStubEnd[];

}  // namespace ukrun::ptrace
