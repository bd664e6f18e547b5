#include "ukrun/control.h"

#include <sys/socket.h>

#include <array>
#include <string>

namespace ukrun {
namespace {

// Events hold two sentences of at most 256 bytes and a few numbers.
constexpr size_t kMaxEventBytes = 4096;

}  // namespace

void ControlSocket::Send(const proto::ControlRequest& request) const {
  std::string bytes = request.SerializeAsString();
  [[maybe_unused]] ssize_t sent =
      send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::optional<proto::ControlEvent> ControlSocket::Receive() const {
  std::array<char, kMaxEventBytes> bytes;
  ssize_t got = recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  proto::ControlEvent event;
  if (got <= 0 || !event.ParseFromArray(bytes.data(), static_cast<int>(got))) {
    return std::nullopt;
  }
  return event;
}

}  // namespace ukrun
