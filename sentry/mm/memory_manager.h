// The address space of a process: the authoritative tree of its mappings, and the only
// user of the platform's AddressSpace. Linux's mm_struct.
//
// Shared by tasks under CLONE_VM. One lock (rank kMemoryManager) is held over each change,
// the host's part included. Changes are made by tasks of this address space only.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "platform/platform.h"
#include "sentry/mm/free_ranges.h"
#include "sentry/mm/page_pool.h"
#include "sentry/mm/vma.h"
#include "sentry/vfs/file.h"

namespace ukrun {

inline constexpr size_t kMaxMappings = 65530;          // vm.max_map_count
inline constexpr uint64_t kLowestAddress = 64 * 1024;  // vm.mmap_min_addr

struct MapOptions {
  uint64_t address = 0;  // hint, or the place when fixed
  uint64_t size = 0;
  int protection = 0;
  bool shared = false;
  bool fixed = false;
  bool no_replace = false;
  bool low_32_bits = false;
  bool locked = false;
  bool grows_down = false;  // private anonymous memory only
  RefPtr<Mappable> object;
  uint64_t offset = 0;
  int max_protection = PROT_READ | PROT_WRITE | PROT_EXEC;
  Path name;
  std::string label;
  uint64_t size_limit = UINT64_MAX;  // RLIMIT_AS
  uint64_t lock_limit = UINT64_MAX;  // RLIMIT_MEMLOCK, unless privileged
};

// What /proc shows of the program that was loaded.
struct ProgramInfo {
  uint64_t code_begin = 0, code_end = 0, data_begin = 0, data_end = 0;
  uint64_t stack_begin = 0;
  uint64_t arguments_begin = 0, arguments_end = 0;
  uint64_t environment_begin = 0, environment_end = 0;
  std::vector<uint64_t> auxiliary_vector;
  RefPtr<File> executable;
};

// How a fault ended.
enum class FaultOutcome : uint8_t { kResolved, kNotMapped, kNoPermission, kBusError };

class MemoryManager : public RefCounted<MemoryManager> {
 public:
  explicit MemoryManager(RefPtr<AddressSpace> space) : space_(std::move(space)) {}
  ~MemoryManager() = default;

  // --- mmap(2) and friends; addresses and sizes are checked here. See the man pages for
  // errors.
  Result<uint64_t> Map(MapOptions options);
  Result<void> Unmap(uint64_t address, uint64_t size);
  // `protection` may hold PROT_GROWSDOWN: then from the mapping's begin on.
  Result<void> Protect(uint64_t address, uint64_t size, int protection);
  struct RemapOptions {
    uint64_t old_address = 0, old_size = 0, new_size = 0;
    uint64_t flags = 0;  // MREMAP_*
    uint64_t new_address = 0;
    uint64_t size_limit = UINT64_MAX;  // RLIMIT_AS
    uint64_t lock_limit = UINT64_MAX;  // RLIMIT_MEMLOCK, unless privileged
  };
  Result<uint64_t> Remap(RemapOptions options);
  Result<void> Advise(uint64_t address, uint64_t size, int advice);
  // Returns the new break, or the old one when it could not be moved.
  uint64_t Break(uint64_t address, uint64_t data_limit, uint64_t size_limit);
  void InitializeBreak(uint64_t address);
  enum class Lock : uint8_t { kNo, kYes, kOnFault };
  Result<void> SetLocked(uint64_t address, uint64_t size, Lock lock, uint64_t limit_bytes);
  // mlockall(2): what is mapped, and what will be. Neither: munlockall(2).
  void SetAllLocked(bool current, bool future);
  // ENOMEM when a part of the range is not mapped.
  Result<void> CheckMapped(uint64_t address, uint64_t size) const;
  // msync(2): MAP_SHARED host files are coherent by themselves; checks the range.
  // With `invalidate` EBUSY for locked memory.
  Result<void> Synchronize(uint64_t address, uint64_t size, bool invalidate);

  // A fault at `address`: of the guest, or of a copy on its behalf.
  FaultOutcome HandleFault(uint64_t address, Access access);
  // The same for a fault of guest code, of which the host says only the address: maps pages
  // that are still missing. kNotMapped: nothing is missing, the fault is the guest's own.
  FaultOutcome ResolveMissing(uint64_t address);

  // A copy for fork, with the one host thread that runs in it.
  struct Forked {
    RefPtr<MemoryManager> mm;
    std::unique_ptr<ParkedThread> thread;
  };
  Result<Forked> Fork();

  // The object ends at `size` now: what is mapped behind is taken out of the tree. Any thread
  // may say so, but only tasks of this address space can change the host's mappings, so they
  // do the rest before they change anything else or run guest code. Returns whether there is
  // something to do. See ForgetMappedBeyond() in sentry/mm/shrink.h.
  bool ForgetBeyond(const Mappable& object, uint64_t size);
  bool has_stale() const { return has_stale_.load(std::memory_order_acquire); }
  // That rest. Costs next to nothing when there is none.
  // Requires: the current task lives here.
  void UnmapStale() {
    if (has_stale()) {
      static_cast<void>(LockForChange());
    }
  }

  // What a shared futex at `address` is keyed by; a null object means private memory.
  struct SharedKey {
    const void* object = nullptr;
    uint64_t offset = 0;
  };
  // Errors: EFAULT when nothing is mapped there.
  Result<SharedKey> FindSharedKey(uint64_t address) const;

  AddressSpace& space() { return *space_; }
  void set_mmap_base(uint64_t base) { state_.Lock()->mmap_base = base; }
  // A copy of the mappings, for /proc.
  std::vector<Vma> Mappings() const;
  struct Sizes {
    uint64_t total = 0, data = 0, stack = 0, text = 0, locked = 0, shared = 0, peak = 0;
  };
  Sizes GetSizes() const;
  ProgramInfo program() const { return *program_.Lock(); }
  void set_program(ProgramInfo program) { std::swap(*program_.Lock(), program); }
  // Tasks that live here (Linux's mm_users).
  void AddUser() { users_.fetch_add(1); }
  void RemoveUser() { users_.fetch_sub(1); }
  bool shared() const { return users_.load() > 1; }
  // membarrier, prctl(PR_SET_MM_*) and the like keep their flags here.
  std::atomic<uint32_t> membarrier_registered{0};
  // How large what grows may become: RLIMIT_STACK of the process, which tells us. (Under
  // CLONE_VM, of the one that set it last.)
  std::atomic<uint64_t> stack_limit{uint64_t{8} << 20};

 private:
  struct State {
    std::map<uint64_t, Vma> vmas;  // by begin
    FreeRanges free;
    uint64_t mmap_base = 0x7fff'f7ff'f000;
    uint64_t break_begin = 0;
    uint64_t break_end = 0;
    uint64_t total = 0;
    uint64_t peak = 0;
    uint64_t locked = 0;
    bool lock_future = false;  // mlockall(MCL_FUTURE)
    // Ranges that the host still maps, though the tree says that nothing is there.
    std::vector<std::pair<uint64_t, uint64_t>> stale;
  };
  using Vmas = std::map<uint64_t, Vma>;

  // The lock, with nothing stale: for whoever looks or changes on behalf of a task that
  // lives here.
  Locked<State, LockRank::kMemoryManager>::Guard LockForChange();
  Result<uint64_t> ChoosePlace(const State& state, const MapOptions& options) const;
  Result<uint64_t> MapLocked(State& state, MapOptions options);
  Result<void> UnmapLocked(State& state, uint64_t begin, uint64_t end);
  Result<void> ApplyToHost(Vma& vma);
  Result<void> ResolveOnHost(Vma& vma, uint64_t up_to);
  bool GrowDown(State& state, uint64_t address);
  Result<uint64_t> MoveLocked(State& state, uint64_t from, uint64_t old_size, uint64_t to,
                              uint64_t new_size);
  Result<uint64_t> GrowInPlace(State& state, uint64_t address, uint64_t old_size,
                               uint64_t new_size);
  // Splits so that a mapping begins at `address`, if one spans it.
  static void SplitAt(State& state, uint64_t address);
  static Vmas::iterator FindContaining(State& state, uint64_t address);
  static void Insert(State& state, Vma vma);
  static void MergeAround(State& state, uint64_t begin, uint64_t end);
  static bool FullyMapped(const State& state, uint64_t begin, uint64_t end);
  static void Remove(State& state, uint64_t begin, uint64_t end);

  // Constant after construction.
  const RefPtr<AddressSpace> space_;

  std::atomic<uint32_t> users_{1};
  std::atomic<bool> has_stale_{false};
  mutable Locked<State, LockRank::kMemoryManager> state_;
  mutable Locked<ProgramInfo, LockRank::kIds> program_;
};

}  // namespace ukrun
