// Changes of the host tree, and what replaced files do to handles.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include "gofer/gofer_fixture.h"

namespace ukrun::gofer {
namespace {

class GoferChangeTest : public GoferFixture {};

TEST_F(GoferChangeTest, CreateMakesAFileAndGivesItsDescriptor) {
  Start();
  auto created = client().Create(root(), "new", 0640, {.access = GoferAccess::kReadWrite});
  ASSERT_TRUE(created.ok()) << created.error();
  EXPECT_EQ(created->node.attributes.mode, uint32_t{S_IFREG | 0640});
  ASSERT_EQ(write(created->fd.get(), "hello", 5), 5);
  EXPECT_EQ(ReadFile("new"), "hello");
  EXPECT_EQ(client().Create(root(), "new", 0640, {}).error(), EEXIST);
}

TEST_F(GoferChangeTest, DirectoriesSymlinksFifosAndLinksAreMade) {
  WriteFile("file", "x");
  Start();
  auto directory = client().MakeDirectory(root(), "d", 01777);
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(directory->attributes.mode, uint32_t{S_IFDIR | 01777});
  auto symlink = client().MakeSymlink(directory->handle, "l", "../target");
  ASSERT_TRUE(symlink.ok());
  EXPECT_EQ(*client().ReadLink(symlink->handle), "../target");
  auto fifo = client().MakeFifo(directory->handle, "f", 0600);
  ASSERT_TRUE(fifo.ok());
  EXPECT_TRUE(S_ISFIFO(fifo->attributes.mode));
  auto link = client().MakeLink(WalkTo(root(), "file")->handle, directory->handle, "hard");
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->attributes.nlink, 2u);
  EXPECT_EQ(client().MakeLink(directory->handle, root(), "x").error(), EPERM);
}

TEST_F(GoferChangeTest, SetuidBitsDoNotReachTheHost) {
  Start();
  auto created = client().Create(root(), "program", 06755, {.access = GoferAccess::kWrite});
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(created->node.attributes.mode & 06000, 0u);
  GoferSetAttributes change;
  change.mode = 04755;
  EXPECT_EQ(client().SetAttributes(created->node.handle, change).error(), EPERM);
}

TEST_F(GoferChangeTest, AttributesAreSet) {
  WriteFile("file", "0123456789");
  Start();
  GoferHandle file = WalkTo(root(), "file")->handle;
  GoferSetAttributes change;
  change.size = 4;
  change.mode = 0600;
  change.atime = {GoferTimeChange::Kind::kSet, 1'500'000'000'123'456'789};
  change.mtime = {GoferTimeChange::Kind::kSet, -1};
  auto after = client().SetAttributes(file, change);
  ASSERT_TRUE(after.ok()) << after.error();
  EXPECT_EQ(after->size, 4u);
  EXPECT_EQ(after->mode & 07777, 0600u);
  EXPECT_EQ(after->atime_ns, 1'500'000'000'123'456'789);
  EXPECT_EQ(after->mtime_ns, -1);
  EXPECT_EQ(ReadFile("file"), "0123");
}

TEST_F(GoferChangeTest, ReadOnlyAttachPointRefusesEveryChange) {
  WriteFile("directory/file", "x");
  Start();
  GoferHandle top = read_only_root();
  GoferHandle file = WalkTo(top, "directory/file")->handle;
  GoferHandle directory = WalkTo(top, "directory")->handle;
  EXPECT_EQ(client().Create(top, "n", 0600, {.access = GoferAccess::kWrite}).error(), EROFS);
  EXPECT_EQ(client().MakeDirectory(top, "n", 0700).error(), EROFS);
  EXPECT_EQ(client().MakeFifo(top, "n", 0700).error(), EROFS);
  EXPECT_EQ(client().MakeSymlink(top, "n", "t").error(), EROFS);
  EXPECT_EQ(client().MakeLink(file, top, "n").error(), EROFS);
  EXPECT_EQ(client().Unlink(directory, "file").error(), EROFS);
  EXPECT_EQ(client().RemoveDirectory(top, "directory").error(), EROFS);
  EXPECT_EQ(client().Rename(top, "directory", top, "n", 0).error(), EROFS);
  GoferSetAttributes change;
  change.mode = 0600;
  EXPECT_EQ(client().SetAttributes(file, change).error(), EROFS);
  EXPECT_EQ(client().SetXattr(file, "user.x", "y", 0).error(), EROFS);
  EXPECT_EQ(client().RemoveXattr(file, "user.x").error(), EROFS);
  EXPECT_EQ(client().Open(file, {.access = GoferAccess::kWrite}).error(), EROFS);
  EXPECT_EQ(client().Open(file, {.access = GoferAccess::kReadWrite}).error(), EROFS);
  EXPECT_TRUE(client().Open(file, {}).ok());
  // Mixed: from a writable tree into a read-only one.
  EXPECT_EQ(client().Rename(root(), "directory", top, "n", 0).error(), EROFS);
  EXPECT_EQ(ReadFile("directory/file"), "x");
}

TEST_F(GoferChangeTest, HandlesFollowRenames) {
  WriteFile("a/b/file", "x");
  MakeDirectories("c");
  Start({.hide = {}, .homes = {}, .descriptors = 1});
  GoferHandle file = WalkTo(root(), "a/b/file")->handle;
  GoferHandle c = WalkTo(root(), "c")->handle;
  ASSERT_TRUE(client().Rename(root(), "a", c, "moved", 0).ok());
  EXPECT_TRUE(client().GetAttributes(file).ok());
  EXPECT_TRUE(WalkTo(root(), "c/moved/b/file").ok());
  EXPECT_EQ(WalkTo(root(), "c/moved/b/file")->handle, file);
  EXPECT_EQ(client().Rename(c, "moved", root(), "c", 0).error(), ENOTEMPTY);
}

TEST_F(GoferChangeTest, MovesOfTheHostMakeNoCircles) {
  MakeDirectories("a/b");
  Start();
  GoferHandle a = WalkTo(root(), "a")->handle;
  GoferHandle b = WalkTo(root(), "a/b")->handle;
  ASSERT_TRUE(client().ReadDirectory(b, 0).ok());  // b's descriptor is there from now on
  std::filesystem::rename(path("a/b"), path("b"));
  // The gofer still takes b for a child of a; on the host a goes below b.
  ASSERT_TRUE(client().Rename(root(), "a", b, "a", 0).ok());
  EXPECT_TRUE(std::filesystem::exists(path("b/a")));
  EXPECT_TRUE(client().GetAttributes(b).ok());
  EXPECT_EQ(List(b), std::vector<std::string>{"a"});
  EXPECT_TRUE(WalkTo(root(), "b/a").ok());
  EXPECT_TRUE(client().ReadDirectory(a, 0).ok());
}

TEST_F(GoferChangeTest, LinksToSymlinksAreLinksToThemselves) {
  WriteFile("target", "x");
  MakeSymlink("target", "symlink");
  Start();
  auto link = client().MakeLink(WalkTo(root(), "symlink")->handle, root(), "link");
  ASSERT_TRUE(link.ok()) << link.error();
  EXPECT_TRUE(S_ISLNK(link->attributes.mode));
}

TEST_F(GoferChangeTest, ExchangeSwapsNames) {
  WriteFile("one", "1");
  WriteFile("two", "2");
  Start({.hide = {}, .homes = {}, .descriptors = 1});
  GoferHandle one = WalkTo(root(), "one")->handle;
  GoferHandle two = WalkTo(root(), "two")->handle;
  ASSERT_TRUE(client().Rename(root(), "one", root(), "two", RENAME_EXCHANGE).ok());
  EXPECT_EQ(WalkTo(root(), "two")->handle, one);
  EXPECT_EQ(WalkTo(root(), "one")->handle, two);
  EXPECT_EQ(ReadFile("two"), "1");
  EXPECT_EQ(client().Rename(root(), "one", root(), "two", RENAME_NOREPLACE).error(), EEXIST);
}

TEST_F(GoferChangeTest, ReplacedFileMakesItsHandleStale) {
  WriteFile("file", "old");
  WriteFile("other", "other");
  Start({.hide = {}, .homes = {}, .descriptors = 1});
  GoferHandle file = WalkTo(root(), "file")->handle;
  GoferHandle other = WalkTo(root(), "other")->handle;
  ASSERT_TRUE(client().Open(other, {}).ok());  // throws out the descriptor of `file`
  WriteFile("replacement", "new");
  std::filesystem::rename(path("replacement"), path("file"));
  EXPECT_EQ(client().Open(file, {}).error(), ESTALE);
  EXPECT_NE(WalkTo(root(), "file")->handle, file);
}

TEST_F(GoferChangeTest, DirectoryReplacedByASymlinkIsNotFollowed) {
  WriteFile("a/secret", "inside");
  WriteFile("outside/secret", "outside");
  Start({.hide = {}, .homes = {}, .descriptors = 1});
  GoferHandle secret = WalkTo(root(), "a/secret")->handle;
  ASSERT_TRUE(client().Open(WalkTo(root(), "outside/secret")->handle, {}).ok());
  std::filesystem::rename(path("a"), path("b"));
  MakeSymlink("outside", "a");
  EXPECT_EQ(client().Open(secret, {}).error(), ESTALE);
}

TEST_F(GoferChangeTest, RacingReplacementNeverGivesAnotherFile) {
  WriteFile("x/file", "x");
  WriteFile("y/file", "y");
  MakeDirectories("current");
  WriteFile("current/file", "c");
  Start({.hide = {}, .homes = {}, .descriptors = 1});
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop) {
      renameat2(AT_FDCWD, path("x").c_str(), AT_FDCWD, path("current").c_str(), RENAME_EXCHANGE);
      renameat2(AT_FDCWD, path("y").c_str(), AT_FDCWD, path("current").c_str(), RENAME_EXCHANGE);
    }
  });
  int good = 0;
  for (int i = 0; i < 3000; ++i) {
    std::array<std::string_view, 2> names{"current", "file"};
    auto walk = client().Walk(root(), names);
    ASSERT_TRUE(walk.ok());
    if (walk->nodes.size() < 2) {
      continue;
    }
    auto opened = client().Open(walk->nodes[1].handle, {});
    if (!opened.ok()) {
      EXPECT_EQ(opened.error(), ESTALE);
      continue;
    }
    EXPECT_EQ(opened->attributes.ino, walk->nodes[1].attributes.ino);
    ++good;
  }
  stop = true;
  swapper.join();
  EXPECT_GT(good, 0);
}

TEST_F(GoferChangeTest, ManyNodesWithFewDescriptors) {
  constexpr int kFiles = 300;
  for (int i = 0; i < kFiles; ++i) {
    WriteFile("d" + std::to_string(i % 10) + "/f" + std::to_string(i), std::to_string(i));
  }
  Start({.hide = {}, .homes = {}, .descriptors = 5});
  std::vector<GoferHandle> handles;
  for (int i = 0; i < kFiles; ++i) {
    auto node = WalkTo(root(), "d" + std::to_string(i % 10) + "/f" + std::to_string(i));
    ASSERT_TRUE(node.ok());
    handles.push_back(node->handle);
  }
  size_t fds = 0;
  for ([[maybe_unused]] const auto& fd :
       std::filesystem::directory_iterator("/proc/" + std::to_string(gofer_pid()) + "/fd")) {
    ++fds;
  }
  EXPECT_LT(fds, 40u);
  for (int i = 0; i < kFiles; ++i) {
    auto opened = client().Open(handles[static_cast<size_t>(i)], {});
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->attributes.size, std::to_string(i).size());
  }
}

TEST_F(GoferChangeTest, ReleasedHandlesAreForgotten) {
  WriteFile("file", "x");
  Start();
  GoferHandle file = WalkTo(root(), "file")->handle;
  for (int i = 0; i < 256; ++i) {
    client().Release(i == 0 ? file : GoferHandle{uint64_t{999999}});
  }
  EXPECT_EQ(client().GetAttributes(file).error(), EBADF);
  // The root's own count is not the Sentry's to take.
  for (int i = 0; i < 512; ++i) {
    client().Release(root());
  }
  EXPECT_TRUE(client().GetAttributes(root()).ok());
}

TEST_F(GoferChangeTest, ExtendedAttributes) {
  WriteFile("file", "x");
  Start();
  GoferHandle file = WalkTo(root(), "file")->handle;
  auto set = client().SetXattr(file, "user.key", "value", 0);
  if (set.Is(EOPNOTSUPP)) {
    GTEST_SKIP() << "the file system of the temporary directory has no user attributes";
  }
  ASSERT_TRUE(set.ok()) << set.error();
  EXPECT_EQ(*client().GetXattr(file, "user.key"), "value");
  EXPECT_EQ(*client().ListXattr(file), std::string("user.key\0", 9));
  EXPECT_TRUE(client().RemoveXattr(file, "user.key").ok());
  EXPECT_EQ(client().GetXattr(file, "user.key").error(), ENODATA);
  EXPECT_EQ(client().SetXattr(file, "trusted.x", "y", 0).error(), EPERM);
  EXPECT_EQ(client().SetXattr(file, "security.capability", "y", 0).error(), EPERM);
}

}  // namespace
}  // namespace ukrun::gofer
