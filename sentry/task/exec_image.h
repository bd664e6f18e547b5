// Building the address space of a new program from load plans. Used by execve only.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "loader/elf.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class Task;

struct ProgramImage {
  RefPtr<File> file;
  LoadPlan plan;
  RefPtr<File> interpreter_file;  // null: none
  LoadPlan interpreter_plan;
  std::string file_name;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

struct LoadedImage {
  RefPtr<MemoryManager> mm;
  std::unique_ptr<ExecutionContext> context;
  uint64_t entry = 0;
  uint64_t stack_pointer = 0;
};

// Makes an empty address space, on the calling task's kernel thread.
// Errors: ENOMEM, EAGAIN when the host has no room for it.
Result<LoadedImage> NewImage();
// Maps the program and its stack. A failure leaves what there was so far.
Result<void> LoadImage(Task& task, const ProgramImage& image, LoadedImage& loaded);

// Reads from a file for the loader. The plan's own reads are bounded.
Result<LoadPlan> PlanProgram(File& file);
Result<LoadPlan> PlanProgramInterpreter(File& file);

}  // namespace ukrun
