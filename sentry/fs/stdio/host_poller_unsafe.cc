#include "sentry/fs/stdio/host_poller.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <vector>

#include "base/check.h"
#include "base/host_call.h"
#include "base/locked.h"
#include "base/thread.h"

namespace ukrun {
namespace {

struct Watch {
  int fd;
  Ready events;
  WaitQueue* queue;
};

class HostPoller {
 public:
  HostPoller() {
    wake_fd_ = static_cast<int>(RawHostCall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    UKRUN_CHECK(wake_fd_ >= 0);
    UKRUN_CHECK(StartKernelThread(&ThreadMain, this).ok());
  }

  void Add(const Watch& watch) {
    {
      auto watches = watches_.Lock();
      for (Watch& existing : *watches) {
        if (existing.fd == watch.fd && existing.queue == watch.queue) {
          existing.events |= watch.events;
          Wake();
          return;
        }
      }
      watches->push_back(watch);
    }
    Wake();
  }

 private:
  void Wake() {
    uint64_t one = 1;
    RawHostCall(SYS_write, wake_fd_, &one, sizeof(one));
  }

  static void ThreadMain(void* self) { static_cast<HostPoller*>(self)->Run(); }

  void Run() {
    for (;;) {
      std::vector<Watch> watches = *watches_.Lock();
      std::vector<pollfd> polls = {pollfd{wake_fd_, POLLIN, 0}};
      for (const Watch& watch : watches) {
        polls.push_back(
            pollfd{watch.fd, static_cast<short>(static_cast<uint32_t>(watch.events)), 0});
      }
      RawHostCall(SYS_poll, polls.data(), polls.size(), -1);
      if (polls[0].revents != 0) {
        uint64_t count = 0;
        RawHostCall(SYS_read, wake_fd_, &count, sizeof(count));
      }
      for (size_t i = 0; i < watches.size(); ++i) {
        if (polls[i + 1].revents != 0) {
          Remove(watches[i]);
          watches[i].queue->Notify(Ready::kAll);
        }
      }
    }
  }

  void Remove(const Watch& watch) {
    auto watches = watches_.Lock();
    std::erase_if(*watches, [&](const Watch& other) {
      return other.fd == watch.fd && other.queue == watch.queue;
    });
  }

  int wake_fd_ = -1;
  Locked<std::vector<Watch>, LockRank::kHostPoller> watches_;
};

constinit HostPoller* g_poller = nullptr;

}  // namespace

void StartHostPoller() { g_poller = new HostPoller; }

void WatchHostFd(int fd, Ready events, WaitQueue& queue) {
  g_poller->Add(Watch{fd, events, &queue});
}

}  // namespace ukrun
