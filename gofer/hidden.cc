#include "gofer/hidden.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>
#include <utility>

namespace ukrun::gofer {
namespace {

// Lets a map of strings be searched by string_view without making a string.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct Rule {
  uint32_t order;
  bool exception;
  HiddenTypes types;
};

}  // namespace

struct HiddenTrieNode {
  std::unordered_map<std::string, std::unique_ptr<HiddenTrieNode>, TextHash, std::equal_to<>>
      literals;
  std::vector<std::pair<std::string, std::unique_ptr<HiddenTrieNode>>> globs;
  // What follows a `**` that stands here: also entered without consuming a name.
  std::unique_ptr<HiddenTrieNode> any_depth;
  // Of a home: what follows `~`, which all homes share. Entered together with this node.
  const HiddenTrieNode* home = nullptr;
  bool loops = false;            // this node follows a `**`: every name leads back to it
  bool below_root_loop = false;  // this node is the `**` at the beginning of a pattern
  std::vector<Rule> rules;       // of patterns that end here

  bool GoesOn() const { return loops || !literals.empty() || !globs.empty() || any_depth; }
};

namespace {

constexpr size_t kLongestPattern = 4096;

bool IsGlob(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

std::vector<std::string_view> Components(std::string_view path) {
  std::vector<std::string_view> out;
  size_t begin = 0;
  while (begin < path.size()) {
    size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin && path.substr(begin, end - begin) != ".") {
      out.push_back(path.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return out;
}

HiddenTrieNode* GlobChild(HiddenTrieNode* node, std::string_view glob) {
  for (auto& [text, child] : node->globs) {
    if (text == glob) {
      return child.get();
    }
  }
  node->globs.emplace_back(glob, std::make_unique<HiddenTrieNode>());
  return node->globs.back().second.get();
}

HiddenTrieNode* LiteralChild(HiddenTrieNode* node, std::string_view name) {
  auto& child = node->literals[std::string(name)];
  if (child == nullptr) {
    child = std::make_unique<HiddenTrieNode>();
  }
  return child.get();
}

HiddenTrieNode* AnyDepthChild(HiddenTrieNode* node) {
  if (node->any_depth == nullptr) {
    node->any_depth = std::make_unique<HiddenTrieNode>();
    node->any_depth->loops = true;
  }
  return node->any_depth.get();
}

// Calls `visit` for each trie node that `name` leads to from `node`.
template <typename Visitor>
void ForEachChild(const HiddenTrieNode* node, std::string_view name, Visitor visit) {
  if (auto it = node->literals.find(name); it != node->literals.end()) {
    visit(it->second.get());
  }
  for (const auto& [glob, child] : node->globs) {
    if (MatchesGlob(glob, name)) {
      visit(child.get());
    }
  }
}

// Enters `node`, and with it what is entered without consuming a name.
void Enter(std::vector<const HiddenTrieNode*>& nodes, const HiddenTrieNode* node) {
  if (node->GoesOn()) {
    nodes.push_back(node);
  }
  // Both go one level deep: a `**` after a `**` is the same one, and homes have no homes.
  for (const HiddenTrieNode* also :
       {static_cast<const HiddenTrieNode*>(node->any_depth.get()), node->home}) {
    if (also != nullptr) {
      Enter(nodes, also);
    }
  }
}

}  // namespace

bool MatchesGlob(std::string_view glob, std::string_view name) {
  size_t g = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;  // the last `*` seen, and where its match ends
  size_t star_end = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_end = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

std::vector<std::string> ParseHiddenList(std::string_view text) {
  std::vector<std::string> out;
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') {
      continue;
    }
    size_t last = line.find_last_not_of(" \t\r");
    out.emplace_back(line.substr(first, last - first + 1));
  }
  return out;
}

HiddenPaths::HiddenPaths()
    : root_(std::make_unique<HiddenTrieNode>()), home_(std::make_unique<HiddenTrieNode>()) {
  AnyDepthChild(root_.get())->below_root_loop = true;
}

HiddenPaths::~HiddenPaths() = default;

std::unique_ptr<HiddenPaths> HiddenPaths::Parse(std::span<const std::string> patterns,
                                                std::span<const std::string> homes,
                                                std::string& error) {
  std::unique_ptr<HiddenPaths> paths(new HiddenPaths);
  for (const std::string& home : homes) {
    paths->NodeAt(paths->root_.get(), Components(home))->home = paths->home_.get();
  }
  uint32_t order = 0;
  for (const std::string& pattern : patterns) {
    if (!paths->AddPattern(pattern, homes, order++, error)) {
      return nullptr;
    }
  }
  std::vector<const HiddenTrieNode*> start;
  Enter(start, paths->root_.get());
  paths->root_state_ = paths->Intern(std::move(start));
  start.clear();
  Enter(start, paths->root_->any_depth.get());
  paths->floating_state_ = paths->Intern(std::move(start));
  return paths;
}

bool HiddenPaths::AddPattern(std::string_view pattern, std::span<const std::string> homes,
                             uint32_t order, std::string& error) {
  std::string_view rest = pattern;
  auto take = [&rest](std::string_view prefix) {
    bool there = rest.starts_with(prefix);
    rest.remove_prefix(there ? prefix.size() : 0);
    return there;
  };
  bool exception = take("!");
  HiddenTypes types = HiddenTypes::Everything();
  if (take("file:")) {
    types = HiddenTypes::OnlyFiles();
  } else if (take("dir:")) {
    types = HiddenTypes::OnlyDirectories();
  } else if (take("socket:")) {
    types = HiddenTypes::OnlySockets();
  }
  bool ok =
      !rest.empty() && rest.size() <= kLongestPattern && rest.find('\0') == std::string_view::npos;
  if (ok && rest == "~") {
    for (const std::string& home : homes) {
      ok = ok && AddPath(root_.get(), home, types, exception, order);
    }
  } else if (ok && take("~/")) {
    ok = AddPath(home_.get(), rest, types, exception, order);
  } else if (ok && (rest.starts_with("/") || rest == "**" || rest.starts_with("**/"))) {
    ok = AddPath(root_.get(), rest, types, exception, order);
  } else if (ok && rest.find('/') == std::string_view::npos) {
    // A bare name means that name anywhere.
    ok = AddPath(root_.get(), "**/" + std::string(rest), types, exception, order);
  } else {
    ok = false;
  }
  if (!ok) {
    error = "hidden path '" + std::string(pattern) +
            "' must start with '/', '~/' or '**/', or be a single name";
  }
  return ok;
}

bool HiddenPaths::AddPath(HiddenTrieNode* from, std::string_view path, HiddenTypes types,
                          bool exception, uint32_t order) {
  std::vector<std::string_view> components = Components(path);
  if (components.empty() ||
      std::find(components.begin(), components.end(), "..") != components.end()) {
    return false;
  }
  if (components.back() == "**") {
    components.push_back("*");
  }
  NodeAt(from, components)->rules.push_back(Rule{order, exception, types});
  return true;
}

// The node for a path of patterns, made if need be.
HiddenTrieNode* HiddenPaths::NodeAt(HiddenTrieNode* from,
                                    std::span<const std::string_view> components) {
  HiddenTrieNode* node = from;
  for (std::string_view component : components) {
    if (component == "**") {
      // `**/**` says no more than `**`.
      node = node->loops ? node : AnyDepthChild(node);
    } else if (IsGlob(component)) {
      node = GlobChild(node, component);
    } else {
      node = LiteralChild(node, component);
    }
  }
  return node;
}

const HiddenState* HiddenPaths::Intern(std::vector<const HiddenTrieNode*> nodes) {
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  if (floating_state_ != nullptr && nodes == floating_state_->nodes) {
    return floating_state_;
  }
  std::lock_guard guard(states_lock_);
  std::unique_ptr<HiddenState>& state = states_[nodes];
  if (state == nullptr) {
    state = std::make_unique<HiddenState>();
    for (const HiddenTrieNode* node : nodes) {
      state->guards_names_below |= node != root_.get() && !node->below_root_loop;
    }
    state->nodes = std::move(nodes);
  }
  return state.get();
}

const HiddenState* HiddenPaths::Step(const HiddenState* state, std::string_view name) {
  std::vector<const HiddenTrieNode*> next;
  for (const HiddenTrieNode* node : state->nodes) {
    if (node->loops) {
      Enter(next, node);
    }
    ForEachChild(node, name, [&next](const HiddenTrieNode* child) { Enter(next, child); });
  }
  return Intern(std::move(next));
}

HiddenTypes HiddenPaths::Match(const HiddenState* state, std::string_view name) const {
  // For each type the last rule that speaks of it decides. Orders are kept plus one.
  std::array<uint32_t, HiddenTypes::kCount> decided_by{};
  HiddenTypes types;
  for (const HiddenTrieNode* node : state->nodes) {
    ForEachChild(node, name, [&](const HiddenTrieNode* child) {
      for (const Rule& rule : child->rules) {
        for (size_t type = 0; type < HiddenTypes::kCount; ++type) {
          if (rule.types.Has(type) && decided_by[type] <= rule.order) {
            decided_by[type] = rule.order + 1;
            types.Set(type, !rule.exception);
          }
        }
      }
    });
  }
  return types;
}

bool HiddenPaths::Continues(const HiddenState* state, std::string_view name) const {
  bool continues = false;
  for (const HiddenTrieNode* node : state->nodes) {
    if (!node->loops) {
      ForEachChild(node, name, [&continues](const HiddenTrieNode*) { continues = true; });
    }
  }
  return continues;
}

std::vector<HiddenPaths::Continuation> HiddenPaths::ContinuationsOf(
    const HiddenState* state) const {
  std::vector<Continuation> out;
  for (const HiddenTrieNode* node : state->nodes) {
    if (node->loops) {
      continue;
    }
    for (const auto& [name, child] : node->literals) {
      out.push_back({name, false});
    }
    for (const auto& [glob, child] : node->globs) {
      out.push_back({glob, true});
    }
  }
  return out;
}

}  // namespace ukrun::gofer
