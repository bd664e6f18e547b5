// The pipe of pipe(2) and fifo(7): a bounded queue of bytes between readers and writers.
//
// It hangs on its inode (Inode::Attachments::Slot::kNamedPipe), whether that is a fifo in
// some file system or the unnamed inode of pipe2(2), so opening /proc/self/fd/N or a fifo
// leads to the same queue. PipeFile (pipe_file.h) is the open file.
//
// Nothing here blocks: EAGAIN says that there is nothing to read or no room.
//
// Memory: bytes lie in chunks that are allocated as they are written and freed as they are
// read, so an empty pipe costs nothing but this object. How much *fits* is another matter
// and follows Linux exactly: a pipe has slots of a page each, small writes share the last
// slot, and a slot is free again when its last byte has been read. Every byte has a
// position; the slots in use are the pages of positions between the oldest byte and the end.
#pragma once

#include <atomic>
#include <deque>
#include <memory>

#include "base/locked.h"
#include "base/wait_queue.h"
#include "sentry/mm/guest_io.h"
#include "sentry/vfs/attachments.h"

namespace ukrun {

class Credentials;

class Pipe final : public InodeAttachment {
 public:
  static constexpr uint64_t kSlotBytes = 4096;
  static constexpr uint32_t kDefaultSlots = 16;
  // /proc/sys/fs/pipe-max-size: how far F_SETPIPE_SZ goes without CAP_SYS_RESOURCE.
  static constexpr uint64_t kMaxSize = uint64_t{1} << 20;

  explicit Pipe(const Credentials& creator);
  ~Pipe() override;

  enum class Packets : uint8_t { kNo, kYes };
  // Errors: EAGAIN while there is a writer and no data; EFAULT. 0 is the end of the file.
  Result<size_t> Read(GuestIo& io);
  // Takes nothing away. Errors: as Read.
  Result<size_t> Peek(GuestIo& io);
  // Up to PIPE_BUF bytes are written whole or not at all (EAGAIN). Errors: EPIPE; EFAULT.
  Result<size_t> Write(GuestIo& io, Packets packets);

  // Bytes that could be read.
  uint64_t bytes() const { return state_.Lock()->bytes; }
  // Bytes that fit into the free slots.
  uint64_t FreeBytes() const;
  uint64_t capacity() const { return uint64_t{state_.Lock()->slots} * kSlotBytes; }
  // F_SETPIPE_SZ. Returns the new capacity. Errors: EINVAL, EPERM, EBUSY.
  Result<uint64_t> Resize(const Credentials& credentials, uint64_t bytes);

  // What poll(2) says to the two ends. A reader that opened a fifo before any writer came has
  // not been hung up on: it waits for the open number `quiet_until` of a writer; 0 for none.
  Ready ReaderReadiness(uint64_t quiet_until) const;
  Ready WriterReadiness() const;
  WaitQueue& waiters() { return waiters_; }

  // --- Ends. Counted by PipeEnds.
  struct Opens {
    uint32_t readers = 0;
    uint32_t writers = 0;
    // Opens ever made, so that one that has ended by now is seen too.
    uint64_t reader_opens = 0;
    uint64_t writer_opens = 0;
  };
  Opens opens() const { return state_.Lock()->opens; }

 private:
  friend class PipeEnds;
  // The largest piece of memory; larger ones would cost calls to the host.
  static constexpr size_t kLargestChunk = size_t{16} * 1024;

  struct Chunk {
    std::unique_ptr<char[]> data;
    size_t capacity = 0;
    size_t begin = 0;  // data[begin, end) is unread; never empty
    size_t end = 0;
    uint64_t position = 0;  // of data[0]
    bool packet = false;
  };
  struct State {
    std::deque<Chunk> chunks;
    uint64_t end_position = 0;
    uint64_t bytes = 0;
    uint32_t slots = kDefaultSlots;
    Opens opens;

    uint32_t UsedSlots() const;
    bool Full() const { return UsedSlots() >= slots; }
  };
  // A view of the oldest chunk; valid while the caller holds read_lock_.
  struct Front {
    const char* data = nullptr;
    size_t size = 0;
    bool packet = false;
    bool at_end = false;  // no data and no writer
  };

  void AddEnds(bool reads, bool writes);
  void RemoveEnds(bool reads, bool writes);
  Front FrontChunk() const;
  // Returns true when that freed a slot of a full pipe.
  bool Consume(size_t size);
  // How many bytes of a write of `size` go into the last slot. Errors: EPIPE.
  Result<size_t> MergeSize(size_t size) const;
  Result<size_t> WriteMerged(GuestIo& io, size_t size);
  void AppendMerged(const char* data, size_t size);
  // Fills free slots. Errors: EAGAIN when there is none; EFAULT.
  Result<size_t> WriteSlots(GuestIo& io, Packets packets);

  // Held over copies from and to guest memory, so that bytes keep their order. A reader
  // that holds read_lock_ may look at the oldest chunk without the state's lock: only
  // readers remove chunks, and writers append behind a chunk's `end`.
  Mutex read_lock_{LockRank::kFileContents};
  Mutex write_lock_{LockRank::kFileContents};
  mutable Locked<State, LockRank::kPipe> state_;
  WaitQueue waiters_;
};

// What an open file holds of a pipe: being its reader, its writer, or both.
class PipeEnds {
 public:
  PipeEnds(RefPtr<Pipe> pipe, bool reads, bool writes);
  ~PipeEnds();
  PipeEnds(PipeEnds&& other) noexcept = default;
  PipeEnds& operator=(PipeEnds&&) = delete;

  Pipe& pipe() const { return *pipe_; }

 private:
  RefPtr<Pipe> pipe_;
  bool reads_;
  bool writes_;
};

}  // namespace ukrun
