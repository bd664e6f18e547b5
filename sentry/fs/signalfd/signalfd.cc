#include "sentry/fs/signalfd/signalfd.h"

#include <algorithm>
#include <iterator>

#include "abi/signalfd.h"
#include "base/format.h"
#include "base/thread.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/kernel.h"
#include "sentry/signal/signals.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// Which fields of a siginfo mean something (siginfo_layout in Linux's kernel/signal.c).
enum class Layout : uint8_t { kKill, kQueued, kTimer, kPoll, kFault, kChild };

Layout LayoutOf(const abi::SigInfo& info) {
  if (info.code > abi::kSiUser && info.code < abi::kSiKernel) {
    switch (info.signal) {
      case abi::kSigIll:
      case abi::kSigFpe:
      case abi::kSigSegv:
      case abi::kSigBus:
      case abi::kSigTrap:
      case abi::kSigSys:
        return Layout::kFault;
      case abi::kSigChld:
        return Layout::kChild;
      case abi::kSigIo:
        return Layout::kPoll;
      default:
        return Layout::kKill;
    }
  }
  switch (info.code) {
    case abi::kSiTimer:
      return Layout::kTimer;
    case abi::kSiSigio:
      return Layout::kPoll;
    default:
      return info.code < 0 ? Layout::kQueued : Layout::kKill;
  }
}

abi::SignalFdInfo Translate(const abi::SigInfo& info) {
  abi::SignalFdInfo out;
  out.signal = static_cast<uint32_t>(info.signal);
  out.error = info.error;
  out.code = info.code;
  switch (LayoutOf(info)) {
    case Layout::kQueued:
      out.value = info.queued.value;
      out.value_int = static_cast<int32_t>(info.queued.value);
      [[fallthrough]];
    case Layout::kKill:
      out.pid = static_cast<uint32_t>(info.queued.pid);
      out.uid = info.queued.uid;
      break;
    case Layout::kTimer:
      out.timer_id = static_cast<uint32_t>(info.timer.id);
      out.overrun = static_cast<uint32_t>(info.timer.overrun);
      out.value = info.timer.value;
      out.value_int = static_cast<int32_t>(info.timer.value);
      break;
    case Layout::kPoll:
      out.band = static_cast<uint32_t>(info.io.band);
      out.fd = info.io.fd;
      break;
    case Layout::kFault:
      out.address = info.fault.address;
      break;
    case Layout::kChild:
      out.pid = static_cast<uint32_t>(info.child.pid);
      out.uid = info.child.uid;
      out.status = info.child.status;
      out.user_ticks = static_cast<uint64_t>(info.child.user_ticks);
      out.system_ticks = static_cast<uint64_t>(info.child.system_ticks);
      break;
  }
  return out;
}

}  // namespace

// Hears a group's signals and tells the file's listeners. The group's queue and theirs have
// the same rank, and signals are sent under the task tree's lock: hence deferred, and hence
// no reference to the group, whose end must not happen there.
class SignalFd::Relay final : public RefCounted<Relay>, public Waiter, public DeferredNotification {
 public:
  explicit Relay(RefPtr<Listeners> listeners) : listeners_(std::move(listeners)) {}
  ~Relay() override = default;

  void OnReady(Ready) override {
    if (Defer()) {
      Ref();
    }
  }

 protected:
  void Deliver() override {
    listeners_->queue.Notify(Ready::kReadable);
    Unref();
  }

 private:
  const RefPtr<Listeners> listeners_;
};

RefPtr<File> SignalFd::Create(abi::SignalSet mask, uint32_t status_flags) {
  OpenOptions options{.read = true, .write = true, .status_flags = status_flags};
  return MakeRef<SignalFd>(AnonymousPath("anon_inode:[signalfd]", NewAnonymousInode()), options,
                           mask);
}

SignalFd::SignalFd(Path path, const OpenOptions& options, abi::SignalSet mask)
    : File(std::move(path), options), mask_(mask) {}

SignalFd::~SignalFd() {
  std::vector<Source> sources;
  std::swap(sources, *sources_.Lock());
  for (Source& source : sources) {
    Disconnect(source);
  }
}

void SignalFd::Disconnect(Source& source) { source.group->signal_waiters.Remove(*source.relay); }

void SignalFd::DropEndedGroups() {
  std::vector<Source> ended;
  {
    MutexGuard guard(kernel().tasks().lock());
    auto sources = sources_.Lock();
    auto first_ended = std::partition(sources->begin(), sources->end(),
                                      [](const Source& source) { return !source.group->zombie; });
    std::move(first_ended, sources->end(), std::back_inserter(ended));
    sources->erase(first_ended, sources->end());
  }
  for (Source& source : ended) {
    Disconnect(source);
  }
}

WaitQueue* SignalFd::waiters() {
  auto* task = static_cast<Task*>(CurrentThread().task);
  if (task == nullptr) {
    return &listeners_->queue;
  }
  ThreadGroup& group = task->thread_group();
  if (sources_.Lock()->size() >= kManySources) {
    DropEndedGroups();
  }
  auto sources = sources_.Lock();
  for (const Source& source : *sources) {
    if (source.group == &group) {
      return &listeners_->queue;
    }
  }
  sources->push_back({RefPtr<ThreadGroup>::Share(&group), MakeRef<Relay>(listeners_)});
  group.signal_waiters.Add(*sources->back().relay, Ready::kReadable);
  return &listeners_->queue;
}

void SignalFd::SetMask(abi::SignalSet mask) {
  mask_.store(mask);
  listeners_->queue.Notify(Ready::kReadable);
}

Result<size_t> SignalFd::Read(GuestIo& io) {
  if (io.size() < sizeof(abi::SignalFdInfo)) {
    return Fail(EINVAL);
  }
  Task& task = CurrentTask();
  size_t done = 0;
  while (io.size() >= sizeof(abi::SignalFdInfo)) {
    abi::SigInfo info;
    {
      MutexGuard guard(kernel().tasks().lock());
      if (!TakeSignalLocked(task, mask_.load(), &info)) {
        break;
      }
    }
    abi::SignalFdInfo out = Translate(info);
    // As on Linux, a signal that cannot be stored is lost.
    Result<size_t> stored = io.Store(&out, sizeof(out));
    if (stored.value_or(0) != sizeof(out)) {
      return done > 0 ? Result<size_t>(done) : Fail(EFAULT);
    }
    done += sizeof(out);
  }
  return done > 0 ? Result<size_t>(done) : Fail(EAGAIN);
}

Ready SignalFd::Readiness() {
  auto* task = static_cast<Task*>(CurrentThread().task);
  bool pending = task != nullptr && (PendingSet(*task) & mask_.load()) != 0;
  return pending ? Ready::kReadable : Ready::kNone;
}

std::string SignalFd::FdInfo() { return Format("sigmask:\t{:016x}\n", mask_.load()); }

}  // namespace ukrun
