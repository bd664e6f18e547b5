// Which host paths do not exist for the sandbox, by name. Used by the gofer alone; see
// hidden_inodes.h for the other half (hard links to hidden files).
//
// Patterns are those of ukrun/hidden_paths.conf, which describes the language. They are
// compiled into a trie. A directory's position in it is a HiddenState: walking down is
// Step, and looking at an entry is Match, so a lookup costs a hash lookup or two, however
// many patterns there are.
//
// Constant after construction, except for the table of states, which synchronizes itself.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ukrun::gofer {

// For which types of file an entry is hidden.
class HiddenTypes {
 public:
  // Regular files, directories, sockets, everything else.
  static constexpr size_t kCount = 4;

  constexpr HiddenTypes() = default;
  static constexpr HiddenTypes Everything() { return HiddenTypes(0b1111); }
  static constexpr HiddenTypes OnlyFiles() { return HiddenTypes(0b0001); }
  static constexpr HiddenTypes OnlyDirectories() { return HiddenTypes(0b0010); }
  static constexpr HiddenTypes OnlySockets() { return HiddenTypes(0b0100); }

  // `mode` is an st_mode.
  constexpr bool Hides(uint32_t mode) const { return Has(IndexOf(mode)); }
  constexpr bool HidesEverything() const { return bits_ == 0b1111; }
  constexpr bool HidesSomething() const { return bits_ != 0; }

  constexpr bool Has(size_t index) const { return ((bits_ >> index) & 1) != 0; }
  constexpr void Set(size_t index, bool hidden) {
    uint32_t bit = uint32_t{1} << index;
    bits_ = hidden ? bits_ | bit : bits_ & ~bit;
  }

 private:
  constexpr explicit HiddenTypes(uint32_t bits) : bits_(bits) {}
  static constexpr size_t IndexOf(uint32_t mode) {
    switch (mode & S_IFMT) {
      case S_IFREG:
        return 0;
      case S_IFDIR:
        return 1;
      case S_IFSOCK:
        return 2;
      default:
        return 3;
    }
  }

  uint32_t bits_ = 0;
};

struct HiddenTrieNode;

// Where a directory stands among the patterns. Owned by HiddenPaths, compared by address.
struct HiddenState {
  std::vector<const HiddenTrieNode*> nodes;
  // A pattern is partly matched by this directory's path, so an entry somewhere below is
  // hidden because of how this directory is called. Such a directory must not be renamed.
  bool guards_names_below = false;
};

class HiddenPaths {
 public:
  // `homes` are absolute paths, the meaning of `~` (all of them). A pattern that can't be
  // understood gives null and a sentence in `error`.
  static std::unique_ptr<HiddenPaths> Parse(std::span<const std::string> patterns,
                                            std::span<const std::string> homes, std::string& error);
  ~HiddenPaths();
  HiddenPaths(const HiddenPaths&) = delete;
  HiddenPaths& operator=(const HiddenPaths&) = delete;

  // The state of "/".
  const HiddenState* root() const { return root_state_; }
  // The state of the directory `name` in a directory with `state`.
  const HiddenState* Step(const HiddenState* state, std::string_view name);
  // What of an entry's possible types is hidden.
  HiddenTypes Match(const HiddenState* state, std::string_view name) const;

  // Names by which patterns that are tied to a place go on from `state`: what has to be
  // looked at to find the hidden files that exist. Patterns that float (`**`) are left out.
  struct Continuation {
    std::string_view name;
    bool is_glob = false;
  };
  std::vector<Continuation> ContinuationsOf(const HiddenState* state) const;
  // Whether `name` is one of them, or matches one.
  bool Continues(const HiddenState* state, std::string_view name) const;

 private:
  HiddenPaths();
  bool AddPattern(std::string_view pattern, std::span<const std::string> homes, uint32_t order,
                  std::string& error);
  static bool AddPath(HiddenTrieNode* from, std::string_view path, HiddenTypes types,
                      bool exception, uint32_t order);
  static HiddenTrieNode* NodeAt(HiddenTrieNode* from, std::span<const std::string_view> components);
  const HiddenState* Intern(std::vector<const HiddenTrieNode*> nodes);

  // Constant after construction.
  std::unique_ptr<HiddenTrieNode> root_;
  std::unique_ptr<HiddenTrieNode> home_;  // what follows `~`
  const HiddenState* root_state_ = nullptr;
  const HiddenState* floating_state_ = nullptr;  // of most directories: only `**` goes on

  // Guarded by states_lock_.
  std::mutex states_lock_;
  std::map<std::vector<const HiddenTrieNode*>, std::unique_ptr<HiddenState>> states_;
};

// Lines of a file in the format of hidden_paths.conf, without comments and blanks.
std::vector<std::string> ParseHiddenList(std::string_view text);

// `*` and `?` within one component.
bool MatchesGlob(std::string_view glob, std::string_view name);

}  // namespace ukrun::gofer
