#include "sentry/signal/frame.h"

#include <cstring>
#include <vector>

#include "abi/sigframe.h"
#include "sentry/kernel.h"
#include "sentry/signal/signals.h"

namespace ukrun {
namespace {

constexpr uint64_t kRedZone = 128;
constexpr size_t kLargestExtendedState = 16 * 1024;

uint64_t ChooseStack(const abi::SigAltStack& alternate, const abi::SigAction& action,
                     uint64_t stack_pointer) {
  bool usable = (alternate.flags & abi::kSsDisable) == 0 && alternate.size != 0;
  if ((action.flags & abi::kSaOnstack) != 0 && usable &&
      !OnAlternateStack(alternate, stack_pointer)) {
    return alternate.pointer + alternate.size;
  }
  return stack_pointer - kRedZone;
}

// The registers that a frame keeps as they are, and where.
struct SavedRegister {
  uint64_t abi::Registers::*live;
  uint64_t abi::SigContext::*saved;
};
constexpr SavedRegister kSavedRegisters[] = {
    {&abi::Registers::r8, &abi::SigContext::r8},   {&abi::Registers::r9, &abi::SigContext::r9},
    {&abi::Registers::r10, &abi::SigContext::r10}, {&abi::Registers::r11, &abi::SigContext::r11},
    {&abi::Registers::r12, &abi::SigContext::r12}, {&abi::Registers::r13, &abi::SigContext::r13},
    {&abi::Registers::r14, &abi::SigContext::r14}, {&abi::Registers::r15, &abi::SigContext::r15},
    {&abi::Registers::rdi, &abi::SigContext::rdi}, {&abi::Registers::rsi, &abi::SigContext::rsi},
    {&abi::Registers::rbp, &abi::SigContext::rbp}, {&abi::Registers::rbx, &abi::SigContext::rbx},
    {&abi::Registers::rdx, &abi::SigContext::rdx}, {&abi::Registers::rax, &abi::SigContext::rax},
    {&abi::Registers::rcx, &abi::SigContext::rcx}, {&abi::Registers::rsp, &abi::SigContext::rsp},
    {&abi::Registers::rip, &abi::SigContext::rip},
};

void SaveRegisters(const abi::Registers& from, abi::SigContext* to) {
  for (const SavedRegister& each : kSavedRegisters) {
    to->*each.saved = from.*each.live;
  }
  to->eflags = from.eflags;
  to->cs = static_cast<uint16_t>(from.cs);
  to->ss = static_cast<uint16_t>(from.ss);
}

void RestoreRegisters(const abi::SigContext& from, abi::Registers* to) {
  for (const SavedRegister& each : kSavedRegisters) {
    to->*each.live = from.*each.saved;
  }
  // Only 64-bit user segments exist for guests.
  to->cs = abi::kUserCs;
  to->ss = abi::kUserSs;
  to->eflags = (from.eflags & abi::kUserFlags) | 0x202;
}

// Of the XSAVE area: everything initial, but x87 and SSE with their control words spelt out.
void InitialExtendedState(std::span<std::byte> state) {
  constexpr size_t kMxcsrOffset = 24;
  std::memset(state.data(), 0, state.size());
  uint16_t control_word = 0x37f;
  uint32_t mxcsr = 0x1f80;
  uint64_t x87_and_sse = 3;
  std::memcpy(state.data(), &control_word, sizeof(control_word));
  std::memcpy(state.data() + kMxcsrOffset, &mxcsr, sizeof(mxcsr));
  std::memcpy(state.data() + abi::kFpLegacyBytes, &x87_and_sse, sizeof(x87_and_sse));
}

// Writes the extended state below `top`; returns its address.
Result<uint64_t> PushExtendedState(Task& task, uint64_t top) {
  std::vector<std::byte> state(kLargestExtendedState);
  size_t size = TRY(task.context().GetExtendedState(state));
  uint64_t address = (top - size - sizeof(abi::kFpMagic2)) & ~uint64_t{63};
  uint64_t features = 0;
  std::memcpy(&features, state.data() + abi::kFpSoftwareOffset, sizeof(features));
  abi::FpSoftwareBytes software{};
  software.magic1 = abi::kFpMagic1;
  software.extended_size = static_cast<uint32_t>(size + sizeof(abi::kFpMagic2));
  software.xfeatures = features;
  software.xstate_size = static_cast<uint32_t>(size);
  std::memcpy(state.data() + abi::kFpSoftwareOffset, &software, sizeof(software));
  std::memcpy(state.data() + size, &abi::kFpMagic2, sizeof(abi::kFpMagic2));
  TRY(task.memory().Write(GuestAddr(address), state.data(), size + sizeof(abi::kFpMagic2)));
  // A handler starts with the initial state, as after execve.
  InitialExtendedState(std::span(state).first(size));
  TRY(task.context().SetExtendedState(std::span(state).first(size)));
  return address;
}

Result<void> PopExtendedState(Task& task, uint64_t address) {
  // What the thread has now tells the size that its state must have.
  std::vector<std::byte> current(kLargestExtendedState);
  size_t size = TRY(task.context().GetExtendedState(current));
  if (address == 0) {
    // No state in the frame: the initial one.
    InitialExtendedState(std::span(current).first(size));
    return task.context().SetExtendedState(std::span(current).first(size));
  }
  std::vector<std::byte> state(size);
  TRY(task.memory().Read(state.data(), GuestAddr(address), abi::kFpLegacyBytes));
  abi::FpSoftwareBytes software;
  std::memcpy(&software, state.data() + abi::kFpSoftwareOffset, sizeof(software));
  bool extended = software.magic1 == abi::kFpMagic1 && software.xstate_size <= size &&
                  software.xstate_size > abi::kFpLegacyBytes + 64;
  if (extended) {
    TRY(task.memory().Read(state.data(), GuestAddr(address), software.xstate_size));
  } else {
    // Legacy state only: x87 and SSE, the rest initial.
    uint64_t x87_and_sse = 3;
    std::memcpy(state.data() + abi::kFpLegacyBytes, &x87_and_sse, sizeof(x87_and_sse));
  }
  std::memset(state.data() + abi::kFpSoftwareOffset, 0, sizeof(software));
  return task.context().SetExtendedState(state);
}

}  // namespace

bool OnAlternateStack(const abi::SigAltStack& stack, uint64_t stack_pointer) {
  if ((static_cast<uint32_t>(stack.flags) & abi::kSsAutodisarm) != 0) {
    return false;  // it is disarmed while a handler runs on it
  }
  return stack_pointer > stack.pointer && stack_pointer - stack.pointer <= stack.size;
}

Result<void> PushSignalFrame(Task& task, const abi::SigInfo& info, const abi::SigAction& action,
                             abi::SignalSet return_mask) {
  if ((action.flags & abi::kSaRestorer) == 0) {
    return Fail(EFAULT);
  }
  abi::Registers& registers = task.registers();
  abi::SigAltStack& alternate = task.signals.alternate_stack;
  uint64_t top = ChooseStack(alternate, action, registers.rsp);
  uint64_t fp_state = TRY(PushExtendedState(task, top));
  uint64_t frame_address = ((fp_state - sizeof(abi::RtSigFrame)) & ~uint64_t{15}) - 8;
  // A handler on the alternate stack must not run out of it.
  bool was_on = OnAlternateStack(alternate, registers.rsp);
  if (was_on && !OnAlternateStack(alternate, frame_address)) {
    return Fail(EFAULT);
  }
  abi::RtSigFrame frame{};
  frame.return_address = action.restorer;
  frame.ucontext.flags = abi::kUcFpXstate | abi::kUcSigcontextSs | abi::kUcStrictRestoreSs;
  frame.ucontext.stack = alternate;
  frame.ucontext.mask = return_mask;
  frame.info = info;
  abi::SigContext& context = frame.ucontext.context;
  SaveRegisters(registers, &context);
  context.fp_state = fp_state;
  context.old_mask = return_mask;
  context.error_code = task.last_fault.error_code;
  context.trap_number = task.last_fault.trap_number;
  context.fault_address = task.last_fault.address.value();
  TRY(task.memory().Write(GuestAddr(frame_address), &frame, sizeof(frame)));
  if ((static_cast<uint32_t>(alternate.flags) & abi::kSsAutodisarm) != 0) {
    alternate = abi::SigAltStack{};
  }
  registers.rdi = static_cast<uint64_t>(info.signal);
  registers.rsi = frame_address + offsetof(abi::RtSigFrame, info);
  registers.rdx = frame_address + offsetof(abi::RtSigFrame, ucontext);
  registers.rax = 0;
  registers.rsp = frame_address;
  registers.rip = action.handler;
  registers.cs = abi::kUserCs;
  registers.ss = abi::kUserSs;
  registers.eflags &= ~(abi::kDirectionFlag | abi::kTrapFlag | uint64_t{0x10000});
  return Ok();
}

Result<void> PopSignalFrame(Task& task) {
  abi::Registers& registers = task.registers();
  uint64_t frame_address = registers.rsp - sizeof(uint64_t);
  abi::UContext saved;
  TRY(task.memory().Read(&saved, GuestAddr(frame_address + offsetof(abi::RtSigFrame, ucontext)),
                         sizeof(saved)));
  TRY(PopExtendedState(task, saved.context.fp_state));
  RestoreRegisters(saved.context, &registers);
  SetBlockedMask(task, saved.mask);
  // As on Linux, a stack that sigaltstack(2) would refuse is left out silently.
  if ((saved.stack.flags & abi::kSsDisable) != 0 || saved.stack.size >= 2048) {
    saved.stack.flags &= ~abi::kSsOnstack;
    task.signals.alternate_stack = saved.stack;
  }
  return Ok();
}

}  // namespace ukrun
