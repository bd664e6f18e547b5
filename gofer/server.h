// Server: the gofer's end of the channel (channel.h). Worker threads take requests from the
// shared memory and answer them; the main thread waits for the Sentry's end.
//
// A worker that has nothing to do looks a little longer before it sleeps, if there is more
// than one CPU: requests come in bursts, and waking a thread costs more than the answer.
// At most one looks at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/host_fd.h"
#include "base/result.h"
#include "gofer/channel.h"
#include "gofer/service.h"
#include "gofer/spin_budget.h"

namespace ukrun::gofer {

class Server {
 public:
  // Maps the channel. EINVAL when the memory is too small or may shrink.
  static Result<std::unique_ptr<Server>> Create(HostFd channel, HostFd socket, Tree& tree);
  ~Server();

  // Starts the workers and returns when all have got going. They answer nothing before Serve,
  // so that the process can give up its rights with all threads there.
  void StartWorkers(unsigned count);
  // Lets the workers begin; returns when the Sentry is gone. The workers go on running: the
  // process has to end.
  void Serve();

  // Memory for a channel, sealed against shrinking, as both sides want it.
  static Result<HostFd> CreateChannel();

 private:
  Server(ChannelHeader* header, HostFd socket, Tree& tree);
  void Work();
  // A slot with a request that is now the caller's to answer; -1 when there is none.
  int TakeRequest();
  int SpinForRequest();
  void WaitForRequest();
  void Answer(uint32_t slot, Service& service, char* request);
  bool SendDescriptors(uint32_t slot, uint32_t sequence, const std::vector<HostFd>& descriptors);
  char* Memory(size_t offset) const;

  // Constant after construction.
  ChannelHeader* header_;
  HostFd socket_;
  Tree& tree_;
  bool may_spin_ = false;
  SpinBudget spin_budget_;
  std::atomic<uint32_t> ready_workers_{0};
  std::atomic<uint32_t> serving_{0};
  std::atomic<bool> spinner_{false};
};

}  // namespace ukrun::gofer
