#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "base/host_call.h"
#include "gofer/debug_log.h"

namespace ukrun::gofer {
namespace {

constexpr int kSealsNeeded = F_SEAL_SHRINK;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

bool SeveralCpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

}  // namespace

Result<HostFd> Server::CreateChannel() {
  HostFd fd(memfd_create("ukrun-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ftruncate(fd.get(), static_cast<off_t>(kChannelBytes)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return Fail(errno);
  }
  return fd;
}

Result<std::unique_ptr<Server>> Server::Create(HostFd channel, HostFd socket, Tree& tree) {
  struct stat status;
  int seals = fcntl(channel.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSealsNeeded) != kSealsNeeded || fstat(channel.get(), &status) != 0 ||
      status.st_size < static_cast<off_t>(kChannelBytes)) {
    return Fail(EINVAL);
  }
  void* memory = mmap(nullptr, kChannelBytes, PROT_READ | PROT_WRITE, MAP_SHARED, channel.get(), 0);
  if (memory == MAP_FAILED) {
    return Fail(errno);
  }
  return std::unique_ptr<Server>(
      new Server(static_cast<ChannelHeader*>(memory), std::move(socket), tree));
}

Server::Server(ChannelHeader* header, HostFd socket, Tree& tree)
    : header_(header), socket_(std::move(socket)), tree_(tree), may_spin_(SeveralCpus()) {}

Server::~Server() { munmap(header_, kChannelBytes); }

char* Server::Memory(size_t offset) const { return reinterpret_cast<char*>(header_) + offset; }

void Server::StartWorkers(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    std::thread(&Server::Work, this).detach();
  }
  for (uint32_t ready = 0; ready != count; ready = ready_workers_.load()) {
    HostFutexWait(ready_workers_, ready);
  }
}

void Server::Serve() {
  serving_.store(1);
  HostFutexWake(serving_, INT32_MAX);
  // Nothing is ever sent to this socket, so whatever comes is the end.
  pollfd poll_fd{socket_.get(), POLLIN, 0};
  while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR) {
  }
}

void Server::Work() {
  Service service(tree_);
  auto request = std::make_unique_for_overwrite<char[]>(kRequestBytes);
  ready_workers_.fetch_add(1);
  HostFutexWake(ready_workers_, 1);
  while (serving_.load() == 0) {
    HostFutexWait(serving_, 0);
  }
  while (true) {
    int slot = TakeRequest();
    if (slot < 0) {
      slot = SpinForRequest();
    }
    if (slot >= 0) {
      Answer(static_cast<uint32_t>(slot), service, request.get());
    } else {
      WaitForRequest();
    }
  }
}

int Server::TakeRequest() {
  uint32_t pending = header_->pending.load(std::memory_order_relaxed);
  while (pending != 0) {
    int slot = std::countr_zero(pending);
    uint32_t bit = uint32_t{1} << slot;
    if ((header_->pending.fetch_and(~bit, std::memory_order_acquire) & bit) != 0) {
      return slot;
    }
    pending = header_->pending.load(std::memory_order_relaxed);
  }
  return -1;
}

int Server::SpinForRequest() {
  if (!may_spin_ || spinner_.exchange(true, std::memory_order_relaxed)) {
    return -1;
  }
  header_->spinning.store(1);
  int slot = -1;
  int64_t start = NowNs();
  int64_t budget = spin_budget_.NextNs();
  int64_t spent = 0;
  do {
    for (int i = 0; i < 16 && slot < 0; ++i) {
      __builtin_ia32_pause();
      slot = TakeRequest();
    }
    spent = NowNs() - start;
  } while (slot < 0 && spent < budget);
  if (slot >= 0) {
    spin_budget_.Succeeded(spent);
  } else {
    spin_budget_.Failed();
  }
  spinner_.store(false, std::memory_order_relaxed);
  header_->spinning.store(0);
  if (slot < 0) {
    slot = TakeRequest();
  }
  // Callers that saw `spinning` woke nobody, and there may be more of them than of us.
  if (slot >= 0 && header_->pending.load() != 0 && header_->sleepers.load() != 0) {
    HostFutexWake(header_->pending, 1);
  }
  return slot;
}

void Server::WaitForRequest() {
  header_->sleepers.fetch_add(1);
  // The caller sets its bit first and looks at `sleepers` afterwards, so either it sees us or
  // the host sees its bit here and does not let us sleep.
  HostFutexWait(header_->pending, 0);
  header_->sleepers.fetch_sub(1);
}

void Server::Answer(uint32_t slot_index, Service& service, char* request) {
  Slot& slot = header_->slots[slot_index];
  uint32_t sequence = slot.sequence.load(std::memory_order_relaxed);
  uint32_t method = slot.method.load(std::memory_order_relaxed);
  size_t length = slot.request_length.load(std::memory_order_relaxed);
  Service::Answer answer;
  if (length > kRequestBytes) {
    answer.error = EINVAL;
  } else {
    std::memcpy(request, Memory(RequestOffset(slot_index)), length);
    answer = service.Handle(method, std::span<const char>(request, length),
                            std::span<char>(Memory(ReplyOffset(slot_index)), kReplyBytes));
  }
  if (!answer.descriptors.empty() && !SendDescriptors(slot_index, sequence, answer.descriptors)) {
    answer.error = EMFILE;
    answer.descriptors.clear();
  }
  slot.error.store(answer.error, std::memory_order_relaxed);
  slot.reply_length.store(static_cast<uint32_t>(answer.length), std::memory_order_relaxed);
  slot.descriptors.store(static_cast<uint32_t>(answer.descriptors.size()),
                         std::memory_order_relaxed);
  uint32_t before =
      slot.state.exchange(static_cast<uint32_t>(SlotState::kReplied), std::memory_order_acq_rel);
  if (before == static_cast<uint32_t>(SlotState::kAwaited)) {
    HostFutexWake(slot.state, 1);
  }
}

bool Server::SendDescriptors(uint32_t slot, uint32_t sequence,
                             const std::vector<HostFd>& descriptors) {
  DescriptorTag tag{slot, sequence};
  iovec part{&tag, sizeof(tag)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
  for (size_t i = 0; i < descriptors.size(); ++i) {
    int fd = descriptors[i].get();
    std::memcpy(CMSG_DATA(head) + i * sizeof(int), &fd, sizeof(fd));
  }
  // Not waiting: a Sentry that doesn't take its descriptors must not hold up a worker. The
  // socket has room for an answer of every slot.
  ssize_t sent;
  do {
    sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof(tag));
}

}  // namespace ukrun::gofer
