#include "sentry/fs/pipe/pipe.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "sentry/task/credentials.h"

namespace ukrun {
namespace {

// Linux's pipe-user-pages-soft: a user who has this many slots gets small pipes only, unless
// privileged. There is one user as far as memory is concerned: the sandbox.
constexpr uint64_t kSoftSlotLimit = 16'384;
constexpr uint32_t kSmallSlots = 2;
// With CAP_SYS_RESOURCE; Linux would go to 2 GiB.
constexpr uint64_t kPrivilegedMaxSize = uint64_t{64} << 20;

constinit std::atomic<uint64_t> all_slots{0};

constexpr uint64_t SlotFloor(uint64_t position) { return position & ~(Pipe::kSlotBytes - 1); }
constexpr uint64_t SlotCeil(uint64_t position) {
  return SlotFloor(position + Pipe::kSlotBytes - 1);
}

bool MayExceed(const Credentials& credentials) {
  return credentials.Has(Capability::kSysResource) || credentials.Has(Capability::kSysAdmin);
}

// Room for `size` bytes now, and for some more of the same kind up to `limit`.
size_t ChunkCapacity(size_t size, size_t limit) {
  constexpr size_t kSmallest = 128;
  return std::max(size, std::min(std::bit_ceil(std::max(size, kSmallest)), limit));
}

}  // namespace

Pipe::Pipe(const Credentials& creator) {
  bool small = all_slots.load() + kDefaultSlots > kSoftSlotLimit && !MayExceed(creator);
  auto state = state_.Lock();
  state->slots = small ? kSmallSlots : kDefaultSlots;
  all_slots.fetch_add(state->slots);
}

Pipe::~Pipe() { all_slots.fetch_sub(state_.Lock()->slots); }

uint32_t Pipe::State::UsedSlots() const {
  if (chunks.empty()) {
    return 0;
  }
  uint64_t oldest = chunks.front().position + chunks.front().begin;
  return static_cast<uint32_t>((SlotCeil(end_position) - SlotFloor(oldest)) / kSlotBytes);
}

Pipe::Front Pipe::FrontChunk() const {
  auto state = state_.Lock();
  if (state->chunks.empty()) {
    return Front{.at_end = state->opens.writers == 0};
  }
  const Chunk& chunk = state->chunks.front();
  return Front{.data = chunk.data.get() + chunk.begin,
               .size = chunk.end - chunk.begin,
               .packet = chunk.packet};
}

bool Pipe::Consume(size_t size) {
  std::unique_ptr<char[]> freed;  // after the lock
  auto state = state_.Lock();
  bool was_full = state->Full();
  Chunk& chunk = state->chunks.front();
  chunk.begin += size;
  state->bytes -= size;
  if (chunk.begin == chunk.end) {
    std::swap(freed, chunk.data);
    state->chunks.pop_front();
  }
  if (state->chunks.empty()) {
    // As on Linux: nothing is ever added to a slot that has been read to its end.
    state->end_position = SlotCeil(state->end_position);
  }
  bool made_room = was_full && !state->Full();
  state.Unlock();
  return made_room;
}

Result<size_t> Pipe::Read(GuestIo& io) {
  if (io.size() == 0) {
    return size_t{0};
  }
  MutexGuard reader(read_lock_);
  size_t done = 0;
  bool made_room = false;
  while (io.size() > 0) {
    Front front = FrontChunk();
    if (front.size == 0) {
      if (done == 0 && !front.at_end) {
        return Fail(EAGAIN);
      }
      break;
    }
    size_t wanted = std::min(front.size, io.size());
    Result<size_t> stored = io.Store(front.data, wanted);
    if (!stored.ok()) {
      if (done == 0) {
        return stored;
      }
      break;
    }
    done += *stored;
    // What does not fit of a packet is lost.
    made_room |= Consume(front.packet && *stored == wanted ? front.size : *stored);
    if (front.packet || *stored < wanted) {
      break;
    }
  }
  if (made_room) {
    waiters_.Notify(Ready::kWritable);
  }
  return done;
}

Result<size_t> Pipe::Peek(GuestIo& io) {
  MutexGuard reader(read_lock_);
  size_t done = 0;
  for (size_t index = 0; io.size() > 0; ++index) {
    const char* data = nullptr;
    size_t size = 0;
    {
      auto state = state_.Lock();
      if (index >= state->chunks.size()) {
        if (done == 0 && state->opens.writers != 0) {
          return Fail(EAGAIN);
        }
        break;
      }
      const Chunk& chunk = state->chunks[index];
      data = chunk.data.get() + chunk.begin;
      size = std::min(chunk.end - chunk.begin, io.size());
    }
    Result<size_t> stored = io.Store(data, size);
    if (!stored.ok()) {
      return done > 0 ? Result<size_t>(done) : stored;
    }
    done += *stored;
    if (*stored < size) {
      break;
    }
  }
  return done;
}

Result<size_t> Pipe::MergeSize(size_t size) const {
  auto state = state_.Lock();
  if (state->opens.readers == 0) {
    return Fail(EPIPE);
  }
  size_t odd = size % kSlotBytes;
  uint64_t room = SlotCeil(state->end_position) - state->end_position;
  bool fits = odd <= room && !state->chunks.empty() && !state->chunks.back().packet;
  return fits ? odd : 0;
}

Result<size_t> Pipe::WriteMerged(GuestIo& io, size_t size) {
  char buffer[kSlotBytes];
  size_t loaded = TRY(io.Load(buffer, size));
  AppendMerged(buffer, loaded);
  return loaded;
}

// Requires: write_lock_ held, so the room that MergeSize saw is still there; but everything
// before may have been read.
void Pipe::AppendMerged(const char* data, size_t size) {
  auto state = state_.Lock();
  state->bytes += size;
  size_t last_capacity = 0;
  if (!state->chunks.empty()) {
    Chunk& last = state->chunks.back();
    size_t piece = std::min(size, last.capacity - last.end);
    std::memcpy(last.data.get() + last.end, data, piece);
    last.end += piece;
    last_capacity = last.capacity;
    state->end_position += piece;
    data += piece;
    size -= piece;
  }
  if (size == 0) {
    return;
  }
  // Chunks grow, so a slot full of single bytes has few of them.
  size_t room = static_cast<size_t>(kSlotBytes - state->end_position % kSlotBytes);
  size_t capacity = ChunkCapacity(std::max(size, std::min(2 * last_capacity, room)), room);
  Chunk chunk{.data = std::unique_ptr<char[]>(new char[capacity]),
              .capacity = capacity,
              .end = size,
              .position = state->end_position};
  std::memcpy(chunk.data.get(), data, size);
  state->end_position += size;
  state->chunks.push_back(std::move(chunk));
}

Result<size_t> Pipe::WriteSlots(GuestIo& io, Packets packets) {
  size_t size = std::min<uint64_t>(io.size(), FreeBytes());
  size = std::min(size, packets == Packets::kYes ? size_t{kSlotBytes} : kLargestChunk);
  if (size == 0) {
    return Fail(EAGAIN);
  }
  // The rest of the last slot is for writes to come.
  size_t capacity = ChunkCapacity(size, SlotCeil(size));
  Chunk chunk{.data = std::unique_ptr<char[]>(new char[capacity]),
              .capacity = capacity,
              .packet = packets == Packets::kYes};
  chunk.end = TRY(io.Load(chunk.data.get(), size));
  size_t loaded = chunk.end;
  auto state = state_.Lock();
  chunk.position = SlotCeil(state->end_position);
  state->end_position = chunk.position + chunk.end;
  state->bytes += chunk.end;
  state->chunks.push_back(std::move(chunk));
  return loaded;
}

Result<size_t> Pipe::Write(GuestIo& io, Packets packets) {
  if (io.size() == 0) {
    return size_t{0};
  }
  MutexGuard writer(write_lock_);
  size_t done = 0;
  size_t merge = TRY(MergeSize(io.size()));
  if (merge > 0) {
    done = TRY(WriteMerged(io, merge));
  }
  if (done == merge) {
    while (io.size() > 0) {
      Result<size_t> written = WriteSlots(io, packets);
      if (!written.ok()) {
        if (done == 0) {
          return written;
        }
        break;
      }
      done += *written;
    }
  }
  waiters_.Notify(Ready::kReadable);
  return done;
}

uint64_t Pipe::FreeBytes() const {
  auto state = state_.Lock();
  uint32_t used = state->UsedSlots();
  return used >= state->slots ? 0 : uint64_t{state->slots - used} * kSlotBytes;
}

Result<uint64_t> Pipe::Resize(const Credentials& credentials, uint64_t bytes) {
  constexpr uint64_t kLargestSize = uint64_t{1} << 31;
  if (bytes > kLargestSize) {
    return Fail(EINVAL);
  }
  uint64_t size = std::bit_ceil(std::max(bytes, kSlotBytes));
  auto slots = static_cast<uint32_t>(size / kSlotBytes);
  // A writer may be about to fill slots that it found free.
  MutexGuard writer(write_lock_);
  {
    auto state = state_.Lock();
    if (slots > state->slots) {
      uint64_t most = credentials.Has(Capability::kSysResource) ? kPrivilegedMaxSize : kMaxSize;
      bool too_many = all_slots.load() + slots - state->slots > kSoftSlotLimit;
      if (size > most || (too_many && !MayExceed(credentials))) {
        return Fail(EPERM);
      }
    }
    if (state->UsedSlots() > slots) {
      return Fail(EBUSY);
    }
    all_slots.fetch_add(slots);
    all_slots.fetch_sub(state->slots);
    state->slots = slots;
  }
  waiters_.Notify(Ready::kWritable);
  return size;
}

Ready Pipe::ReaderReadiness(uint64_t quiet_until) const {
  auto state = state_.Lock();
  Ready ready = state->chunks.empty() ? Ready::kNone : Ready::kReadable;
  bool quiet = quiet_until != 0 && state->opens.writer_opens < quiet_until;
  return state->opens.writers == 0 && !quiet ? ready | Ready::kHangUp : ready;
}

Ready Pipe::WriterReadiness() const {
  auto state = state_.Lock();
  Ready ready = state->Full() ? Ready::kNone : Ready::kWritable;
  return state->opens.readers == 0 ? ready | Ready::kError : ready;
}

void Pipe::AddEnds(bool reads, bool writes) {
  {
    auto state = state_.Lock();
    Opens& opens = state->opens;
    opens.readers += reads ? 1 : 0;
    opens.writers += writes ? 1 : 0;
    opens.reader_opens += reads ? 1 : 0;
    opens.writer_opens += writes ? 1 : 0;
  }
  // Whoever waits in open(2) for a partner looks again.
  waiters_.Notify(Ready::kReadable | Ready::kWritable);
}

void Pipe::RemoveEnds(bool reads, bool writes) {
  std::deque<Chunk> unread;  // freed after the lock
  Ready ready = Ready::kNone;
  {
    auto state = state_.Lock();
    Opens& opens = state->opens;
    opens.readers -= reads ? 1 : 0;
    opens.writers -= writes ? 1 : 0;
    if (opens.readers == 0 && opens.writers == 0) {
      // What nobody read is gone; a fifo begins anew with its next open.
      std::swap(unread, state->chunks);
      state->bytes = 0;
      state->end_position = 0;
      all_slots.fetch_sub(state->slots);
      state->slots = std::min(state->slots, kDefaultSlots);
      all_slots.fetch_add(state->slots);
    } else if (opens.readers == 0 || opens.writers == 0) {
      ready = Ready::kReadable | Ready::kWritable | Ready::kError | Ready::kHangUp;
    }
  }
  if (Any(ready)) {
    waiters_.Notify(ready);
  }
}

PipeEnds::PipeEnds(RefPtr<Pipe> pipe, bool reads, bool writes)
    : pipe_(std::move(pipe)), reads_(reads), writes_(writes) {
  pipe_->AddEnds(reads_, writes_);
}

PipeEnds::~PipeEnds() {
  if (pipe_) {
    pipe_->RemoveEnds(reads_, writes_);
  }
}

}  // namespace ukrun
