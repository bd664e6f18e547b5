// The names of a directory that lives in memory: found by name, listed in the order in
// which they were made, from any position.
//
// Every entry has a number that never changes and is never used again; it serves as d_off.
// So a listing that goes on while names come and go sees every name that stays exactly once,
// as on Linux. All operations cost O(log n).
//
// Not synchronized: belongs to the state of a directory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ukrun {

template <typename Value>
class DirectoryNames {
 public:
  struct Entry {
    std::string name;
    Value value;
  };
  using Order = std::map<uint64_t, Entry>;

  // Positions 0, 1 and 2 belong to the beginning, "." and "..".
  static constexpr uint64_t kFirstNumber = 3;

  size_t size() const { return by_name_.size(); }
  bool empty() const { return by_name_.empty(); }

  // Null when there is no such name. Valid until the entry is removed.
  Value* Find(std::string_view name) {
    auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : &it->second->second.value;
  }
  // Requires: the name is not there.
  Value& Add(std::string_view name, Value value) {
    auto it = order_.emplace_hint(order_.end(), next_number_++,
                                  Entry{std::string(name), std::move(value)});
    by_name_.emplace(it->second.name, it);
    return it->second.value;
  }
  // Requires: the name is there. Returns what it referred to.
  Value Remove(std::string_view name) {
    auto found = by_name_.find(name);
    auto it = found->second;
    by_name_.erase(found);
    Value value = std::move(it->second.value);
    order_.erase(it);
    return value;
  }
  // The entries behind `position`, in order; their numbers are the positions after them.
  typename Order::const_iterator After(uint64_t position) const {
    return order_.upper_bound(position);
  }
  typename Order::const_iterator begin() const { return order_.begin(); }
  typename Order::const_iterator end() const { return order_.end(); }

 private:
  Order order_;
  std::map<std::string_view, typename Order::iterator> by_name_;
  uint64_t next_number_ = kFirstNumber;
};

}  // namespace ukrun
