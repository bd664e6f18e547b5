// The host processes of one sandbox as ukrun holds them: starting both and ending both.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "ukrun/child.h"
#include "ukrun/config.h"
#include "ukrun/control.h"
#include "ukrun/control_groups.h"
#include "ukrun/installation.h"

namespace ukrun {

// Descriptors that the Sentry writes lines to; invalid when not asked for.
struct TraceFiles {
  HostFd strace;
  HostFd debug;
};

// A running sandbox. Destroying it kills what is left of it and waits for that.
class Sandbox {
 public:
  // Starts the gofer and the Sentry, in these groups.
  static absl::StatusOr<Sandbox> Start(SandboxPlan plan, const Installation& files,
                                       const TraceFiles& trace, const ControlGroups& groups);
  Sandbox(Sandbox&&) = default;
  Sandbox& operator=(Sandbox&&) = delete;
  ~Sandbox();

  const ControlSocket& control() const { return control_; }
  const Child& sentry() const { return sentry_; }
  const Child& gofer() const { return gofer_; }

  // Stops and continues the Sentry, and with it, at their next system call, its guests. After
  // Pause() no thread of the Sentry runs.
  void Pause() const;
  void Continue() const;

  // Which of the two has died, and how: "the Sentry was killed by signal 9 (Killed)". Empty
  // when that process has said so itself (its exit status tells). Requires: one has died.
  std::string DescribeDeath();

 private:
  Sandbox(Child gofer, Child sentry, ControlSocket control);

  Child gofer_;
  Child sentry_;
  ControlSocket control_;
};

}  // namespace ukrun
