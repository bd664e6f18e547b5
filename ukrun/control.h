// ukrun's end of the control socket to the Sentry: one protobuf message a packet.
#pragma once

#include <optional>

#include "base/host_fd.h"
#include "ukrun/sandbox.pb.h"

namespace ukrun {

class ControlSocket {
 public:
  explicit ControlSocket(HostFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  // Never waits: a Sentry that does not read its requests loses them.
  void Send(const proto::ControlRequest& request) const;
  // The next event, or nothing when there is none now or it makes no sense.
  std::optional<proto::ControlEvent> Receive() const;

 private:
  HostFd fd_;
};

}  // namespace ukrun
