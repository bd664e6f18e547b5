#include "sentry/vfs/fd_table.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "sentry/vfs/attachments.h"

namespace ukrun {
namespace {

constexpr size_t kWordBits = 64;
// As Linux's fs.nr_open: no limit lets descriptors go beyond, so tables stay bounded.
constexpr uint64_t kMostDescriptors = 1 << 20;

// Locks that the process holds on the file; closing any descriptor of it ends them.
void ReleaseProcessLocks(const FdTable& table, const File& file) {
  Inode* inode = file.inode();
  Inode::Attachments* attachments = inode == nullptr ? nullptr : inode->attachments_if_any();
  if (attachments != nullptr && !file.path_only()) {
    attachments->locks().ReleaseProcess(table);
  }
}

// The first index >= `from` whose bit in `words` is clear; the size in bits when all are set.
size_t FirstClear(const std::vector<uint64_t>& words, size_t from) {
  size_t word = from / kWordBits;
  if (word >= words.size()) {
    return std::max(from, words.size() * kWordBits);
  }
  uint64_t clear = ~words[word] & (~uint64_t{0} << (from % kWordBits));
  while (clear == 0) {
    if (++word == words.size()) {
      return words.size() * kWordBits;
    }
    clear = ~words[word];
  }
  return word * kWordBits + static_cast<size_t>(std::countr_zero(clear));
}

}  // namespace

FdTable::~FdTable() {
  for (const Entry& entry : state_.ValueLocked().entries) {
    if (entry.file) {
      ReleaseProcessLocks(*this, *entry.file);
    }
  }
}

// Looks within the first word, then for the first word that is not full.
size_t FdTable::FindFree(const State& state, size_t lowest) {
  size_t word = lowest / kWordBits;
  if (word < state.used.size()) {
    uint64_t clear = ~state.used[word] & (~uint64_t{0} << (lowest % kWordBits));
    if (clear != 0) {
      return word * kWordBits + static_cast<size_t>(std::countr_zero(clear));
    }
    word = FirstClear(state.full, word + 1);
  }
  if (word >= state.used.size()) {
    return std::max(lowest, state.used.size() * kWordBits);
  }
  return word * kWordBits + static_cast<size_t>(std::countr_one(state.used[word]));
}

void FdTable::Put(State& state, size_t number, RefPtr<File> file, CloseOnExec cloexec) {
  size_t word = number / kWordBits;
  if (word >= state.used.size()) {
    // Doubling keeps the cost of growing constant per descriptor.
    size_t words = std::max(word + 1, state.used.size() * 2);
    state.used.resize(words);
    state.full.resize((words + kWordBits - 1) / kWordBits);
    state.entries.resize(words * kWordBits);
  }
  Entry& entry = state.entries[number];
  entry.file = std::move(file);
  entry.close_on_exec = cloexec == CloseOnExec::kYes;
  state.used[word] |= uint64_t{1} << (number % kWordBits);
  if (state.used[word] == ~uint64_t{0}) {
    state.full[word / kWordBits] |= uint64_t{1} << (word % kWordBits);
  }
}

RefPtr<File> FdTable::Take(State& state, size_t number) {
  size_t word = number / kWordBits;
  state.used[word] &= ~(uint64_t{1} << (number % kWordBits));
  state.full[word / kWordBits] &= ~(uint64_t{1} << (word % kWordBits));
  state.entries[number].close_on_exec = false;
  return std::move(state.entries[number].file);
}

void FdTable::Closed(Task& task, File& file) const {
  ReleaseProcessLocks(*this, file);
  if (!file.path_only()) {
    file.DescriptorClosed(task);
  }
}

Result<RefPtr<File>> FdTable::Get(Fd fd) const {
  auto state = state_.Lock();
  auto number = static_cast<uint32_t>(fd.value);
  if (number >= state->entries.size() || !state->entries[number].file) {
    return Fail(EBADF);
  }
  return state->entries[number].file;
}

Result<Fd> FdTable::Install(RefPtr<File> file, CloseOnExec cloexec, int32_t lowest,
                            uint64_t limit) {
  UKRUN_CHECK(file);
  limit = std::min(limit, kMostDescriptors);
  if (lowest < 0 || (lowest > 0 && static_cast<uint64_t>(lowest) >= limit)) {
    return Fail(EINVAL);
  }
  auto state = state_.Lock();
  size_t number = FindFree(*state, static_cast<size_t>(lowest));
  if (number >= limit) {
    state.Unlock();
    return Fail(EMFILE);
  }
  Put(*state, number, std::move(file), cloexec);
  return Fd{static_cast<int32_t>(number)};
}

Result<void> FdTable::CheckRoom(uint64_t limit) const {
  auto state = state_.Lock();
  return FindFree(*state, 0) < std::min(limit, kMostDescriptors) ? Result<void>() : Fail(EMFILE);
}

Result<void> FdTable::InstallAt(Task& task, Fd fd, RefPtr<File> file, CloseOnExec cloexec,
                                uint64_t limit) {
  auto number = static_cast<uint32_t>(fd.value);
  if (fd.value < 0 || number >= std::min(limit, kMostDescriptors)) {
    return Fail(EBADF);
  }
  RefPtr<File> old;
  {
    auto state = state_.Lock();
    if (number < state->entries.size()) {
      old = Take(*state, number);
    }
    Put(*state, number, std::move(file), cloexec);
  }
  if (old) {
    Closed(task, *old);
  }
  return Ok();
}

Result<void> FdTable::Close(Task& task, Fd fd) {
  RefPtr<File> file;
  {
    auto state = state_.Lock();
    auto number = static_cast<uint32_t>(fd.value);
    if (number >= state->entries.size() || !state->entries[number].file) {
      return Fail(EBADF);
    }
    file = Take(*state, number);
  }
  Closed(task, *file);
  return Ok();
}

void FdTable::CloseRange(Task& task, uint32_t first, uint32_t last) {
  std::vector<RefPtr<File>> files;
  {
    auto state = state_.Lock();
    size_t end = std::min<size_t>(state->entries.size(), size_t{last} + 1);
    for (size_t number = first; number < end; ++number) {
      if (state->entries[number].file) {
        files.push_back(Take(*state, number));
      }
    }
  }
  for (const RefPtr<File>& file : files) {
    Closed(task, *file);
  }
}

void FdTable::SetCloseOnExecRange(uint32_t first, uint32_t last) {
  auto state = state_.Lock();
  size_t end = std::min<size_t>(state->entries.size(), size_t{last} + 1);
  for (size_t number = first; number < end; ++number) {
    Entry& entry = state->entries[number];
    entry.close_on_exec = static_cast<bool>(entry.file);
  }
}

Result<CloseOnExec> FdTable::GetCloseOnExec(Fd fd) const {
  auto state = state_.Lock();
  auto number = static_cast<uint32_t>(fd.value);
  if (number >= state->entries.size() || !state->entries[number].file) {
    return Fail(EBADF);
  }
  return state->entries[number].close_on_exec ? CloseOnExec::kYes : CloseOnExec::kNo;
}

Result<void> FdTable::SetCloseOnExec(Fd fd, CloseOnExec cloexec) {
  auto state = state_.Lock();
  auto number = static_cast<uint32_t>(fd.value);
  if (number >= state->entries.size() || !state->entries[number].file) {
    return Fail(EBADF);
  }
  state->entries[number].close_on_exec = cloexec == CloseOnExec::kYes;
  return Ok();
}

void FdTable::CloseAllOnExec(Task& task) {
  std::vector<RefPtr<File>> files;
  {
    auto state = state_.Lock();
    for (size_t number = 0; number < state->entries.size(); ++number) {
      if (state->entries[number].close_on_exec) {
        files.push_back(Take(*state, number));
      }
    }
  }
  for (const RefPtr<File>& file : files) {
    Closed(task, *file);
  }
}

void FdTable::CloseAll(Task& task) { CloseRange(task, 0, UINT32_MAX); }

RefPtr<FdTable> FdTable::Clone() const {
  auto copy = MakeRef<FdTable>();
  // Nobody else knows the copy yet, so its lock need not be taken (of the same rank).
  State& into = copy->state_.ValueLocked();
  auto state = state_.Lock();
  into = *state;
  return copy;
}

std::vector<int32_t> FdTable::Numbers() const {
  std::vector<int32_t> numbers;
  auto state = state_.Lock();
  for (size_t number = 0; number < state->entries.size(); ++number) {
    if (state->entries[number].file) {
      numbers.push_back(static_cast<int32_t>(number));
    }
  }
  return numbers;
}

}  // namespace ukrun
