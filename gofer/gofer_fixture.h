// Test fixture: a gofer in a process of its own, a client here, and a host tree in a
// temporary directory.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "gofer/client.h"

namespace ukrun::gofer {

// The program's filter does not allow what a sanitizer's runtime does.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kCanRunProgram = false;
#else
inline constexpr bool kCanRunProgram = true;
#endif

class GoferFixture : public ::testing::Test {
 protected:
  struct Options {
    std::vector<std::string> hide = {};
    std::vector<std::string> homes = {};
    size_t descriptors = 4096;
    // Run the ukrun-gofer program, with all that it gives up, instead of a forked child,
    // where that is possible.
    bool program = false;
    GoferClient::BrokenHandler on_broken = nullptr;
    std::string tree = {};  // instead of the temporary directory
  };
  // Attach points: 0 is the tree, writable; 1 the same tree, read-only.
  static constexpr uint32_t kWritable = 0;
  static constexpr uint32_t kReadOnly = 1;
  static constexpr uint32_t kTakesHiddenNames = 2;  // not in the gofer of StartProcess

  void SetUp() override;
  void TearDown() override;

  // Starts the gofer and attaches to the tree. What is in `options` may use path().
  void Start(const Options& options);
  void Start() { Start(Options{}); }
  void StartUnattached(const Options& options);
  void KillGofer();
  void DropClient() { client_ = nullptr; }

  // A host path in the tree.
  std::string path(const std::string& relative) const { return root_ + "/" + relative; }
  void WriteFile(const std::string& relative, const std::string& text) const;
  std::string ReadFile(const std::string& relative) const;
  void MakeDirectories(const std::string& relative) const;
  void MakeSymlink(const std::string& target, const std::string& relative) const;

  // Walks to "a/b/c" from a root; the last node, or the errno.
  Result<GoferNode> WalkTo(GoferHandle from, const std::string& relative);
  std::vector<std::string> List(GoferHandle directory);

  pid_t gofer_pid() const { return gofer_; }
  // The channel's memory, for tests that misbehave.
  int channel_fd() const { return channel_.get(); }
  GoferClient& client() { return *client_; }
  GoferHandle root() const { return writable_.handle; }
  GoferHandle read_only_root() const { return read_only_.handle; }

 private:
  std::string root_;
  pid_t gofer_ = -1;
  HostFd channel_;
  std::unique_ptr<GoferClient> client_;
  GoferNode writable_;
  GoferNode read_only_;
};

}  // namespace ukrun::gofer
