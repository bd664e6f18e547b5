// Signal frames on the guest's stack, in the layout that x86-64 programs and unwinders
// know (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h).
#pragma once

#include "abi/signal.h"
#include "base/result.h"

namespace ukrun {

class Task;

// Saves the task's state in a frame and points its registers at the handler.
// `return_mask` is what sigreturn goes back to.
// Errors: EFAULT when the stack cannot be written.
Result<void> PushSignalFrame(Task& task, const abi::SigInfo& info, const abi::SigAction& action,
                             abi::SignalSet return_mask);

// rt_sigreturn(2): the other way. Errors: EFAULT, EINVAL for a frame that makes no sense.
Result<void> PopSignalFrame(Task& task);

// Is the stack pointer on the alternate stack?
bool OnAlternateStack(const abi::SigAltStack& stack, uint64_t stack_pointer);

}  // namespace ukrun
