// ukrun's entry: reads the command line and does what it says.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "ukrun/doctor.h"
#include "ukrun/flags.h"
#include "ukrun/messages.h"
#include "ukrun/outcome.h"
#include "ukrun/run.h"

namespace ukrun {
namespace {

// Descriptors 0 to 2 must be something, or the first files opened would be taken for the
// standard streams by everybody.
void OpenMissingStandardStreams() {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) {
    close(fd);
  }
}

int Main(const std::vector<std::string>& args) {
  OpenMissingStandardStreams();
  absl::StatusOr<Options> options = ParseFlags(args);
  if (!options.ok()) {
    Say(options.status().message());
    return kOwnFailureStatus;
  }
  switch (options->action) {
    case Options::Action::kHelp:
    case Options::Action::kVersion:
      return std::fputs(options->text_to_print.c_str(), stdout) < 0 || std::fflush(stdout) != 0
                 ? kOwnFailureStatus
                 : 0;
    case Options::Action::kDoctor:
      return RunDoctor();
    case Options::Action::kRun:
      break;
  }
  absl::StatusOr<int> status = RunCommand(*options);
  if (!status.ok()) {
    Say(status.status().message());
    return kOwnFailureStatus;
  }
  return *status;
}

}  // namespace
}  // namespace ukrun

int main(int argc, char** argv) {
  // A caller may leave out even the name of the program.
  return ukrun::Main({argv + (argc > 0 ? 1 : 0), argv + argc});
}
