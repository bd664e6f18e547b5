#include "gofer/host_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "gofer/host_files.h"
#include "gofer/host_statx.h"

namespace ukrun::gofer {
namespace {

constexpr unsigned kRingEntries = 128;
// Plain calls before the decision, and what one may cost on average. A call that finds
// everything in memory takes about a microsecond.
constexpr size_t kProbes = 8;
constexpr int64_t kSlowNs = 25'000;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

struct StatBackend {
  int directory;
  std::array<struct statx, kRingEntries> buffers;

  void Plain(StatJob& job) {
    Result<GoferAttributes> result = StatEntry(directory, job.name);
    job.error = result.error();
    if (result.ok()) {
      job.attributes = *result;
    }
  }
  void Prepare(io_uring_sqe* sqe, StatJob& job, size_t index) {
    io_uring_prep_statx(sqe, directory, job.name, kStatxFlags, kStatxMask, &buffers[index]);
  }
  void Finish(StatJob& job, size_t index, int result) {
    job.error = result < 0 ? -result : 0;
    if (result >= 0) {
      job.attributes = FromStatx(buffers[index]);
    }
  }
};

struct OpenBackend {
  int directory;
  std::array<open_how, kRingEntries> hows;

  void Plain(OpenJob& job) {
    int fd = openat(directory, job.name, job.flags);
    job.error = fd < 0 ? errno : 0;
    job.fd = HostFd(fd);
  }
  void Prepare(io_uring_sqe* sqe, OpenJob& job, size_t index) {
    hows[index] = {};
    hows[index].flags = static_cast<unsigned>(job.flags);
    io_uring_prep_openat2(sqe, directory, job.name, &hows[index]);
  }
  void Finish(OpenJob& job, size_t, int result) {
    job.error = result < 0 ? -result : 0;
    job.fd = HostFd(result < 0 ? -1 : result);
  }
};

io_uring_restriction AllowOperation(uint8_t operation) {
  io_uring_restriction restriction{};
  restriction.opcode = IORING_RESTRICTION_SQE_OP;
  restriction.sqe_op = operation;
  return restriction;
}

}  // namespace

HostBatch::HostBatch() = default;

HostBatch::~HostBatch() {
  if (ring_ != nullptr) {
    io_uring_queue_exit(ring_.get());
  }
}

bool HostBatch::Start() {
  auto ring = std::make_unique<io_uring>();
  io_uring_params params{};
  params.flags = IORING_SETUP_R_DISABLED;
  if (io_uring_queue_init_params(kRingEntries, ring.get(), &params) != 0) {
    return false;
  }
  io_uring_restriction restrictions[] = {AllowOperation(IORING_OP_STATX),
                                         AllowOperation(IORING_OP_OPENAT2)};
  if (io_uring_register_restrictions(ring.get(), restrictions, std::size(restrictions)) != 0 ||
      io_uring_enable_rings(ring.get()) != 0) {
    io_uring_queue_exit(ring.get());
    return false;
  }
  ring_ = std::move(ring);
  return true;
}

int HostBatch::ring_fd() const { return ring_ == nullptr ? -1 : ring_->ring_fd; }

int HostBatch::TryOperationForTest(uint8_t operation) {
  io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
  io_uring_prep_nop(sqe);
  sqe->opcode = operation;
  io_uring_submit(ring_.get());
  io_uring_cqe* cqe = nullptr;
  io_uring_wait_cqe(ring_.get(), &cqe);
  int result = cqe->res;
  io_uring_cqe_seen(ring_.get(), cqe);
  return result;
}

// Runs at most kRingEntries jobs and returns how many; what the ring could not take is done
// by plain calls.
template <typename Job, typename Backend>
size_t HostBatch::RunOnRing(std::span<Job> jobs, Backend& backend) {
  size_t count = std::min<size_t>(jobs.size(), kRingEntries);
  size_t submitted = 0;
  for (; submitted < count; ++submitted) {
    io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
    if (sqe == nullptr) {
      break;
    }
    backend.Prepare(sqe, jobs[submitted], submitted);
    io_uring_sqe_set_data64(sqe, submitted);
  }
  int entered = io_uring_submit(ring_.get());
  // A part that was not taken stays in the queue; it is submitted again with the waits.
  for (size_t done = 0; done < submitted;) {
    io_uring_cqe* cqe = nullptr;
    int error = io_uring_wait_cqe(ring_.get(), &cqe);
    if (error == 0) {
      size_t index = io_uring_cqe_get_data64(cqe);
      backend.Finish(jobs[index], index, cqe->res);
      io_uring_cqe_seen(ring_.get(), cqe);
      ++done;
    } else if (error != -EINTR && error != -EAGAIN) {
      abort();  // The host would go on writing into our buffers.
    }
    if (entered < static_cast<int>(submitted)) {
      entered = std::max(entered, 0) + std::max(io_uring_submit(ring_.get()), 0);
    }
  }
  return submitted;
}

template <typename Job, typename Backend>
void HostBatch::Run(std::span<Job> jobs, Backend& backend) {
  size_t probes = std::min(policy_ == Policy::kAlwaysRing ? 0 : kProbes, jobs.size());
  int64_t start = NowNs();
  for (Job& job : jobs.first(probes)) {
    backend.Plain(job);
  }
  std::span<Job> rest = jobs.subspan(probes);
  bool slow = NowNs() - start > static_cast<int64_t>(probes) * kSlowNs;
  bool wanted = policy_ == Policy::kAlwaysRing || (policy_ == Policy::kMeasured && slow);
  if (wanted && rest.size() > 1 && ring_ != nullptr && lock_.try_lock()) {
    std::lock_guard guard(lock_, std::adopt_lock);
    while (!rest.empty()) {
      size_t done = RunOnRing(rest, backend);
      if (done == 0) {
        break;
      }
      rest = rest.subspan(done);
    }
  }
  for (Job& job : rest) {
    backend.Plain(job);
  }
}

void HostBatch::Stat(int directory, std::span<StatJob> jobs) {
  StatBackend backend;
  backend.directory = directory;
  Run(jobs, backend);
}

void HostBatch::Open(int directory, std::span<OpenJob> jobs) {
  OpenBackend backend;
  backend.directory = directory;
  Run(jobs, backend);
}

}  // namespace ukrun::gofer
