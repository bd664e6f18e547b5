#include "sentry/vfs/path.h"

#include "base/check.h"
#include "sentry/vfs/dentry_cache.h"
#include "sentry/vfs/rename_sequence.h"

namespace ukrun {

Dentry::Dentry(std::string name, RefPtr<Dentry> parent, RefPtr<Inode> inode, Kind kind)
    : state_(State{std::move(name), std::move(parent), std::move(inode), {}}),
      unlinked_(kind == Kind::kUnnamed || kind == Kind::kLinkable),
      detached_(kind == Kind::kDetached),
      linkable_(kind == Kind::kLinkable) {}

RefPtr<Dentry> Dentry::CreateRoot(RefPtr<Inode> inode) {
  return RefPtr<Dentry>::Adopt(new Dentry({}, nullptr, std::move(inode), Kind::kOrdinary));
}

RefPtr<Dentry> Dentry::CreateDetached(std::string name, RefPtr<Inode> inode) {
  return RefPtr<Dentry>::Adopt(
      new Dentry(std::move(name), nullptr, std::move(inode), Kind::kDetached));
}

RefPtr<Dentry> Dentry::CreateUnnamed(Dentry& parent, std::string name, RefPtr<Inode> inode,
                                     bool linkable) {
  return RefPtr<Dentry>::Adopt(new Dentry(std::move(name), RefPtr<Dentry>::Share(&parent),
                                          std::move(inode),
                                          linkable ? Kind::kLinkable : Kind::kUnnamed));
}

// The parent's map still points here when the count reaches zero; Find() cannot revive this
// dentry (TryRef fails), but may replace it, so the entry goes only if it is still ours.
void Dentry::Unref() const {
  const Dentry* dying = this;
  while (dying != nullptr && dying->DropReference()) {
    RefPtr<Dentry> parent = const_cast<Dentry*>(dying)->LeaveParent();
    delete dying;
    dying = parent.Release();
  }
}

RefPtr<Dentry> Dentry::LeaveParent() {
  auto state = state_.Lock();
  RefPtr<Dentry> parent = std::move(state->parent);
  std::string name = std::move(state->name);
  state.Unlock();
  if (parent) {
    parent->Drop(name, *this);
  }
  return parent;
}

void Dentry::Drop(std::string_view name, const Dentry& child) {
  auto state = state_.Lock();
  auto found = state->children.find(name);
  if (found != state->children.end() && found->second == &child) {
    state->children.erase(found);
  }
}

RefPtr<Inode> Dentry::inode() const { return state_.Lock()->inode; }
RefPtr<Dentry> Dentry::parent() const { return state_.Lock()->parent; }
std::string Dentry::name() const { return state_.Lock()->name; }

std::pair<RefPtr<Dentry>, std::string> Dentry::ParentAndName() const {
  auto state = state_.Lock();
  return {state->parent, state->name};
}

RefPtr<Dentry> Dentry::Find(std::string_view name) const {
  auto state = state_.Lock();
  auto found = state->children.find(name);
  if (found == state->children.end() || !found->second->TryRef()) {
    return nullptr;
  }
  return RefPtr<Dentry>::Adopt(found->second);
}

RefPtr<Dentry> Dentry::Insert(std::string_view name, RefPtr<Inode> inode) {
  auto child = RefPtr<Dentry>::Adopt(new Dentry(std::string(name), RefPtr<Dentry>::Share(this),
                                                std::move(inode), Kind::kOrdinary));
  auto state = state_.Lock();
  auto [entry, inserted] = state->children.try_emplace(std::string(name), child.get());
  if (!inserted) {
    entry->second = child.get();
  }
  return child;
}

void Dentry::Instantiate(RefPtr<Inode> inode) {
  auto state = state_.Lock();
  UKRUN_CHECK(!state->inode);
  state->inode = std::move(inode);
}

void Dentry::Detach(Dentry& child) {
  Drop(child.name(), child);
  child.unlinked_.store(true, std::memory_order_release);
  DentryCache::Forget(child);
}

// One lock at a time: in between the child is in neither map, which makes a lookup wait for
// the directory lock that the caller holds.
void Dentry::Move(Dentry& child, Dentry& new_parent, std::string_view new_name) {
  RenameSequence::Change change;
  RefPtr<Dentry> parent = RefPtr<Dentry>::Share(&new_parent);
  std::string name(new_name);
  auto [old_parent, old_name] = child.ParentAndName();
  old_parent->Drop(old_name, child);
  {
    auto state = child.state_.Lock();
    std::swap(state->parent, parent);
    std::swap(state->name, name);
  }
  auto state = new_parent.state_.Lock();
  state->children.insert_or_assign(std::string(new_name), &child);
}

void Dentry::Exchange(Dentry& a, Dentry& b) {
  RenameSequence::Change change;
  auto [a_parent, a_name] = a.ParentAndName();
  auto [b_parent, b_name] = b.ParentAndName();
  auto place = [](Dentry& child, RefPtr<Dentry> parent, std::string name) {
    {
      auto state = child.state_.Lock();
      std::swap(state->parent, parent);
      state->name = name;
    }
    // `parent` is the old one now; it is released without the lock.
    return parent;
  };
  RefPtr<Dentry> a_old = place(a, b_parent, b_name);
  RefPtr<Dentry> b_old = place(b, a_parent, a_name);
  b_parent->state_.Lock()->children.insert_or_assign(b_name, &a);
  a_parent->state_.Lock()->children.insert_or_assign(a_name, &b);
}

}  // namespace ukrun
