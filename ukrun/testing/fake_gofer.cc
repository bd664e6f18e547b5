// Stands in for the gofer in tests of the supervisor: waits until the Sentry is gone.
#include <sys/socket.h>

#include "ukrun/startup.h"

int main() {
  char byte;
  while (recv(ukrun::startup::kGoferSentryFd, &byte, 1, 0) > 0) {
  }
  return 0;
}
