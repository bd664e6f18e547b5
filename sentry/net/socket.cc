#include "sentry/net/socket.h"

#include "sentry/syscalls/blocking.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

constexpr char kSocketKind = 0;

}  // namespace

const void* Socket::Kind() { return &kSocketKind; }

Socket* AsSocket(File& file) {
  return file.kind() == Socket::Kind() ? static_cast<Socket*>(&file) : nullptr;
}

int64_t SocketDeadline(File& file, Ready interest) {
  Socket* socket = AsSocket(file);
  if (socket == nullptr) {
    return kNoDeadline;
  }
  SocketOptions& options = socket->options();
  int64_t timeout_ns = interest == Ready::kReadable ? options.receive_timeout_ns.load()
                                                    : options.send_timeout_ns.load();
  return timeout_ns == 0 ? kNoDeadline : DeadlineAfter(timeout_ns);
}

}  // namespace ukrun
