#include "sentry/fs/proc/program_text.h"

#include <algorithm>

#include "sentry/fs/proc/memory_file.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

// The guest says how long its strings are; this is how long the kernel makes them.
constexpr uint64_t kMostBytes = 8 << 20;

std::string ReadRange(const TargetView& view, uint64_t begin, uint64_t end) {
  if (begin >= end) {
    return {};
  }
  Result<std::string> bytes =
      ReadProcessMemory(view.reader, view.resources, begin, std::min(end - begin, kMostBytes));
  return bytes.ok() ? *std::move(bytes) : std::string();
}

}  // namespace

// As on Linux, a process that has overwritten the zero behind its arguments (setproctitle)
// shows one string, which may go on into what was its environment.
Result<std::string> CommandLineText(const TargetView& view) {
  if (!view.resources.mm) {
    return std::string();
  }
  ProgramInfo program = view.resources.mm->program();
  std::string text = ReadRange(view, program.arguments_begin, program.arguments_end);
  if (text.empty() || text.back() == '\0') {
    return text;
  }
  if (program.environment_begin == program.arguments_end) {
    text += ReadRange(view, program.environment_begin, program.environment_end);
  }
  size_t zero = text.find('\0');
  if (zero != std::string::npos) {
    text.resize(zero + 1);
  }
  return text;
}

Result<std::string> EnvironmentText(const TargetView& view) {
  if (!view.resources.mm) {
    return std::string();
  }
  ProgramInfo program = view.resources.mm->program();
  return ReadRange(view, program.environment_begin, program.environment_end);
}

Result<std::string> AuxiliaryVectorText(const TargetView& view) {
  if (!view.resources.mm) {
    return std::string();
  }
  std::vector<uint64_t> words = view.resources.mm->program().auxiliary_vector;
  std::string text(words.size() * sizeof(uint64_t), '\0');
  std::memcpy(text.data(), words.data(), text.size());
  return text;
}

Result<Path> FollowCwd(const TargetView& view) {
  return view.resources.fs ? Result<Path>(view.resources.fs->cwd()) : Fail(ENOENT);
}

Result<Path> FollowRoot(const TargetView& view) {
  return view.resources.fs ? Result<Path>(view.resources.fs->root()) : Fail(ENOENT);
}

Result<Path> FollowExecutable(const TargetView& view) {
  if (!view.resources.mm) {
    return Fail(ENOENT);
  }
  RefPtr<File> executable = view.resources.mm->program().executable;
  return executable ? Result<Path>(executable->path()) : Fail(ENOENT);
}

}  // namespace ukrun
