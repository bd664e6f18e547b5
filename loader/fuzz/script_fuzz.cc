// Any file's head must lead to an errno or to a line whose parts are short C strings.
#include <cstdint>
#include <cstdlib>

#include "loader/script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ukrun::Result<ukrun::ScriptLine> line = ukrun::ParseScript(std::as_bytes(std::span(data, size)));
  if (!line.ok()) {
    return 0;
  }
  std::string all = line->interpreter + line->argument.value_or("");
  bool blank = line->interpreter.find_first_of(" \t") != std::string::npos;
  if (all.size() > ukrun::kExecHeadBytes || blank || all.find('\0') != std::string::npos) {
    std::abort();
  }
  return 0;
}
