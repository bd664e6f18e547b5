// Patterns, and paths to look up among them: lines of patterns, an empty line, lines of paths.
#include <cstdlib>
#include <string>
#include <vector>

#include "gofer/hidden.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ukrun::gofer;
  std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  size_t split = std::min(text.find("\n\n"), text.size());
  std::vector<std::string> patterns = ParseHiddenList(text.substr(0, split));
  std::vector<std::string> homes{"/home/u", "/"};
  std::string error;
  std::unique_ptr<HiddenPaths> paths = HiddenPaths::Parse(patterns, homes, error);
  if (paths == nullptr) {
    if (error.empty()) {
      abort();
    }
    return 0;
  }
  for (const std::string& path : ParseHiddenList(text.substr(split))) {
    const HiddenState* state = paths->root();
    for (size_t begin = 0; begin < path.size();) {
      size_t end = std::min(path.find('/', begin), path.size());
      std::string_view name = std::string_view(path).substr(begin, end - begin);
      HiddenTypes types = paths->Match(state, name);
      if (types.HidesEverything() && !types.HidesSomething()) {
        abort();
      }
      state = paths->Step(state, name);
      paths->ContinuationsOf(state);
      begin = end + 1;
    }
  }
  return 0;
}
