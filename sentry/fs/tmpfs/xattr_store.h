// The extended attributes of one inode that lives in memory (xattr(7)).
//
// Which namespaces there are: user, trusted and security, as on Linux's tmpfs. Who may use
// them is for the caller to check. Not synchronized: belongs to the state of an inode.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sentry/mm/memory_object.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class XattrStore {
 public:
  XattrStore() = default;
  XattrStore(const XattrStore&) = delete;
  XattrStore& operator=(const XattrStore&) = delete;

  // Errors: ENODATA; EOPNOTSUPP for other namespaces.
  Result<std::string> Get(std::string_view name) const;
  // Names and values count against `budget`. Errors: EEXIST, ENODATA (by mode), ENOSPC,
  // EOPNOTSUPP.
  Result<void> Set(std::string_view name, std::string_view value, XattrMode mode,
                   MemoryBudget& budget);
  Result<void> Remove(std::string_view name, MemoryBudget& budget);
  std::vector<std::string> List() const;
  // Gives back what is charged. Called before the store goes away.
  void Clear(MemoryBudget& budget);

 private:
  // Of one inode, names and values together.
  static constexpr size_t kMostBytes = size_t{1} << 20;

  size_t bytes_ = 0;
  std::map<std::string, std::string, std::less<>> values_;
};

// True for names in a namespace that files in memory have.
bool IsStoredXattr(std::string_view name);

}  // namespace ukrun
