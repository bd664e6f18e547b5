#include "gofer/hiding.h"

#include <stdlib.h>

#include <set>

namespace ukrun::gofer {

std::unique_ptr<Hiding> Hiding::Create(std::span<const std::string> patterns,
                                       std::span<const std::string> homes, std::string& error) {
  std::set<std::string> all_homes;
  for (const std::string& home : homes) {
    if (!home.starts_with("/")) {
      continue;
    }
    all_homes.insert(home);
    if (char* canonical = realpath(home.c_str(), nullptr); canonical != nullptr) {
      all_homes.insert(canonical);
      free(canonical);
    }
  }
  std::vector<std::string> home_list(all_homes.begin(), all_homes.end());
  std::unique_ptr<Hiding> hiding(new Hiding);
  hiding->paths_ = HiddenPaths::Parse(patterns, home_list, error);
  if (hiding->paths_ == nullptr) {
    return nullptr;
  }
  hiding->links_ = std::make_unique<LinkSearch>(*hiding->paths_, hiding->inodes_);
  hiding->inodes_.Collect(*hiding->paths_, hiding->filesystems_);
  return hiding;
}

const HiddenState* Hiding::StateOfPath(std::string_view path, uint32_t mode) {
  const HiddenState* state = paths_->root();
  size_t begin = 0;
  while (begin < path.size()) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) {
      continue;
    }
    bool last = path.find_first_not_of('/', end) == std::string_view::npos;
    if (paths_->Match(state, name).Hides(last ? mode : S_IFDIR)) {
      return nullptr;
    }
    state = paths_->Step(state, name);
  }
  return state;
}

bool Hiding::HidesEntry(HiddenTypes types, const GoferAttributes& attributes) {
  if (types.Hides(attributes.mode)) {
    bool can_have_another_name = (attributes.mode & S_IFMT) != S_IFREG || attributes.nlink > 1;
    if (can_have_another_name) {
      inodes_.Learn(attributes);
    }
    return true;
  }
  return inodes_.Contains(attributes);
}

}  // namespace ukrun::gofer
