#include "sentry/fs/tmpfs/xattr_store.h"

namespace ukrun {

bool IsStoredXattr(std::string_view name) {
  if (name == "security.selinux") {
    // Nothing labels files here, and tools that hear so stop asking for every file.
    return false;
  }
  for (std::string_view space : {"user.", "trusted.", "security."}) {
    if (name.starts_with(space)) {
      return name.size() > space.size();
    }
  }
  return false;
}

Result<std::string> XattrStore::Get(std::string_view name) const {
  if (!IsStoredXattr(name)) {
    return Fail(EOPNOTSUPP);
  }
  auto it = values_.find(name);
  if (it == values_.end()) {
    return Fail(ENODATA);
  }
  return it->second;
}

Result<void> XattrStore::Set(std::string_view name, std::string_view value, XattrMode mode,
                             MemoryBudget& budget) {
  if (!IsStoredXattr(name)) {
    return Fail(EOPNOTSUPP);
  }
  auto it = values_.find(name);
  if (it != values_.end() && mode == XattrMode::kCreate) {
    return Fail(EEXIST);
  }
  if (it == values_.end() && mode == XattrMode::kReplace) {
    return Fail(ENODATA);
  }
  size_t old_bytes = it == values_.end() ? 0 : name.size() + it->second.size();
  size_t new_bytes = name.size() + value.size();
  if (bytes_ - old_bytes + new_bytes > kMostBytes) {
    return Fail(ENOSPC);
  }
  TRY(budget.Charge(new_bytes));
  budget.Release(old_bytes);
  bytes_ += new_bytes - old_bytes;
  if (it != values_.end()) {
    it->second = value;
  } else {
    values_.emplace(name, value);
  }
  return Ok();
}

Result<void> XattrStore::Remove(std::string_view name, MemoryBudget& budget) {
  if (!IsStoredXattr(name)) {
    return Fail(EOPNOTSUPP);
  }
  auto it = values_.find(name);
  if (it == values_.end()) {
    return Fail(ENODATA);
  }
  size_t bytes = it->first.size() + it->second.size();
  bytes_ -= bytes;
  budget.Release(bytes);
  values_.erase(it);
  return Ok();
}

std::vector<std::string> XattrStore::List() const {
  std::vector<std::string> names;
  names.reserve(values_.size());
  for (const auto& [name, value] : values_) {
    names.push_back(name);
  }
  return names;
}

void XattrStore::Clear(MemoryBudget& budget) {
  budget.Release(bytes_);
  bytes_ = 0;
  values_.clear();
}

}  // namespace ukrun
