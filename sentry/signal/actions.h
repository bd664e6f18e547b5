// What a signal does by default (signal(7), "Standard signals").
#pragma once

#include "abi/signal.h"

namespace ukrun {

enum class DefaultAction : uint8_t { kTerminate, kCore, kIgnore, kStop };

constexpr DefaultAction DefaultActionOf(int signal) {
  switch (signal) {
    case abi::kSigChld:
    case abi::kSigCont:
    case abi::kSigUrg:
    case abi::kSigWinch:
      return DefaultAction::kIgnore;
    case abi::kSigStop:
    case abi::kSigTstp:
    case abi::kSigTtin:
    case abi::kSigTtou:
      return DefaultAction::kStop;
    case abi::kSigQuit:
    case abi::kSigIll:
    case abi::kSigTrap:
    case abi::kSigAbrt:
    case abi::kSigBus:
    case abi::kSigFpe:
    case abi::kSigSegv:
    case abi::kSigXcpu:
    case abi::kSigXfsz:
    case abi::kSigSys:
      return DefaultAction::kCore;
    default:
      return DefaultAction::kTerminate;
  }
}

constexpr bool ActionIgnores(const abi::SigAction& action, int signal) {
  return action.handler == abi::kSigIgn ||
         (action.handler == abi::kSigDfl && DefaultActionOf(signal) == DefaultAction::kIgnore);
}

}  // namespace ukrun
