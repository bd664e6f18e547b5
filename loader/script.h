// The `#!` line of scripts, as Linux's binfmt_script reads it.
//
// Used by execve, which then starts over with the interpreter: the new argv is the
// interpreter, the argument if there is one, the script's path, and the old argv[1...].
// AT_EXECFN remains the path that execve was given, however many interpreters follow.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace ukrun {

// Linux looks at this much of a file to decide what it is (BINPRM_BUF_SIZE); the rest of
// the buffer is zeros if the file is shorter.
inline constexpr size_t kExecHeadBytes = 256;

// How many interpreters may stand one behind the other; one more is ELOOP.
inline constexpr int kMaxInterpreterDepth = 5;

struct ScriptLine {
  // Never opened here. May be empty ("#!" and a NUL): Linux takes that for the working
  // directory, so that execve fails with EACCES.
  std::string interpreter;
  // At most one: everything behind the interpreter, inner blanks included.
  std::optional<std::string> argument;

  friend bool operator==(const ScriptLine&, const ScriptLine&) = default;
};

// `head` is the file's beginning, up to kExecHeadBytes of it.
// Errors: ENOEXEC if this is no script, names nothing, or its path may be cut off.
Result<ScriptLine> ParseScript(std::span<const std::byte> head);

}  // namespace ukrun
