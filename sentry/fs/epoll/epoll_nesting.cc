#include "sentry/fs/epoll/epoll_nesting.h"

#include <algorithm>
#include <vector>

#include "sentry/fs/epoll/epoll_set.h"

namespace ukrun {
namespace {

// Steps from the outermost set to the innermost one (Linux's EP_MAX_NESTS).
constexpr int kMostSteps = 4;

constinit Mutex nesting_lock(LockRank::kEpollNesting);

// The longest way from `start` along `next`, level by level; more than kMostSteps is just
// that. Sets `*meets` when `target` is on the way.
template <typename Next>
int LongestWay(EpollSet& start, const EpollSet& target, Next next, bool* meets) {
  std::vector<EpollSet*> level = {&start};
  for (int steps = 0; steps <= kMostSteps; ++steps) {
    std::vector<EpollSet*> below;
    for (EpollSet* set : level) {
      *meets |= set == &target;
      const std::vector<EpollSet*>& sets = next(*set);
      below.insert(below.end(), sets.begin(), sets.end());
    }
    if (below.empty()) {
      return steps;
    }
    std::sort(below.begin(), below.end());
    below.erase(std::unique(below.begin(), below.end()), below.end());
    level = std::move(below);
  }
  return kMostSteps + 1;
}

void EraseOne(std::vector<EpollSet*>& sets, EpollSet* set) {
  auto it = std::find(sets.begin(), sets.end(), set);
  if (it != sets.end()) {
    *it = sets.back();
    sets.pop_back();
  }
}

}  // namespace

Result<void> EpollNesting::Add(EpollSet& outer, EpollSet& inner) {
  MutexGuard guard(nesting_lock);
  bool cycle = false;
  int down = LongestWay(
      inner, outer, [](EpollSet & set) -> auto& { return set.inner_sets_; }, &cycle);
  int up = LongestWay(
      outer, inner, [](EpollSet & set) -> auto& { return set.outer_sets_; }, &cycle);
  if (cycle || down + 1 + up > kMostSteps) {
    return Fail(ELOOP);
  }
  outer.inner_sets_.push_back(&inner);
  inner.outer_sets_.push_back(&outer);
  return Ok();
}

void EpollNesting::Remove(EpollSet& outer, EpollSet& inner) {
  MutexGuard guard(nesting_lock);
  EraseOne(outer.inner_sets_, &inner);
  EraseOne(inner.outer_sets_, &outer);
}

}  // namespace ukrun
