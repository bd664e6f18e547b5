// The wait that poll(2) and select(2) have in common: until one of many files is ready.
#pragma once

#include <cstdint>
#include <deque>

#include "sentry/syscalls/blocking.h"

namespace ukrun {

// A set of files and what is wanted of each.
//
// Owns references to the files: one that another thread closes meanwhile lives on until the
// wait ends, as on Linux. Task thread only.
class PollWait {
 public:
  explicit PollWait(Task& task) : task_(task) {}
  ~PollWait();
  PollWait(const PollWait&) = delete;
  PollWait& operator=(const PollWait&) = delete;

  // `file` null: nothing is ever reported but `always`.
  void Add(RefPtr<File> file, Ready wanted, Ready always = Ready::kNone);

  // Sleeps until something is ready or `deadline_ns` (0: just looks). Returns how many files
  // are. Errors: kErestartnohand.
  Result<size_t> Wait(int64_t deadline_ns);

  size_t size() const { return entries_.size(); }
  // What was found of the file that was added as number `index`.
  Ready found(size_t index) const { return entries_[index].found; }

 private:
  struct Entry {
    Entry(Sleeper& sleeper, RefPtr<File> the_file, Ready the_wanted, Ready the_always)
        : file(std::move(the_file)), wanted(the_wanted), always(the_always), waiter(sleeper) {}
    RefPtr<File> file;
    Ready wanted;
    Ready always;
    Ready found = Ready::kNone;
    SleeperWaiter waiter;
  };

  size_t Look();
  void LinkWaiters();

  Task& task_;
  std::deque<Entry> entries_;
};

}  // namespace ukrun
